"""How many pictures a second a Pipeline makes from JPEG files (rows H and I of docs/performance.md).

Files of 256 x 256 are read, cropped at random to 224, flipped, shifted and scaled and rotated, and normalised, in batches
of 32: in the main process and with 1, 2 and 4 worker processes. torch's DataLoader does the same with the same
albumentations transforms; by hand the same is done in OpenCV, with crop, flip and rotation in one warp.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

# before the frameworks: it sets the number of their threads
from _common import Clock, Goal, Table, arguments, installed, interleaved

# isort: split
import cv2
import numpy as np

SIDE, CROP, BATCH = 256, 224, 32
MEAN, STD = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])


def write_files(folder: Path, count: int) -> list[str]:
    """Pictures with something in them: large blobs and a little noise."""
    generator = np.random.default_rng(0)
    files = []
    for index in range(count):
        blobs = cv2.resize(
            generator.integers(0, 256, (16, 16, 3), np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC
        )
        noisy = np.clip(blobs.astype(int) + generator.integers(-10, 10, blobs.shape), 0, 255).astype(np.uint8)
        files.append(str(folder / f"{index}.jpg"))
        cv2.imwrite(files[-1], noisy)
    return files


def speed(make: Callable[[], Iterable[Any]], count: int) -> Callable[[], float]:
    """Pictures per second of one pass; the second of two, so that worker processes are there."""

    def run() -> float:
        clock = Clock()
        for _ in range(2):
            seen = 0
            clock.start()
            for batch in make():
                seen += len(batch["x"])
            clock.stop()
        if seen != count:
            raise RuntimeError(f"a pass gave {seen} pictures in place of {count}")
        return count / clock.seconds

    return run


def ours(files: list[str], number: int) -> Callable[[], Iterable[Any]]:
    """Batches as the Estimator takes them."""
    import fastestimator_lite as fe
    from fastestimator_lite.component import When
    from fastestimator_lite.op.numpyop.meta import Sometimes
    from fastestimator_lite.op.numpyop.multivariate import HorizontalFlip, RandomCrop, ShiftScaleRotate
    from fastestimator_lite.op.numpyop.univariate import Normalize, ReadImage

    pipeline = fe.Pipeline(
        train_data=fe.dataset.NumpyDataset({"x": files, "y": np.arange(len(files))}),
        batch_size=BATCH,
        ops=[
            ReadImage("x", "x"),
            RandomCrop(CROP, CROP, image_in="x"),
            Sometimes(HorizontalFlip(image_in="x")),
            ShiftScaleRotate(image_in="x"),
            Normalize("x", "x"),
        ],
        num_process=number,
    )
    return lambda: pipeline.load(When("train", 1, ""))


def torch_loader(files: list[str], number: int) -> Callable[[], Iterable[Any]]:
    """torch's DataLoader over a data set with the same transforms."""
    import albumentations
    import torch

    class Pictures(torch.utils.data.Dataset[dict[str, Any]]):
        def __init__(self) -> None:
            self.transform = albumentations.Compose(
                [
                    albumentations.RandomCrop(CROP, CROP),
                    albumentations.HorizontalFlip(p=0.5),
                    albumentations.ShiftScaleRotate(border_mode=cv2.BORDER_REFLECT_101, p=1.0),
                    albumentations.Normalize(),
                ]
            )

        def __len__(self) -> int:
            return len(files)

        def __getitem__(self, index: int) -> dict[str, Any]:
            image = cv2.cvtColor(cv2.imread(files[index]), cv2.COLOR_BGR2RGB)
            return {"x": self.transform(image=image)["image"], "y": index}

    torch.set_num_threads(1)
    loader = torch.utils.data.DataLoader(
        Pictures(), BATCH, shuffle=True, num_workers=number, persistent_workers=bool(number)
    )
    return lambda: loader


def by_hand(files: list[str]) -> Iterator[dict[str, Any]]:
    """One warp for crop, flip, shift, scale and rotation, and a table for the normalisation."""
    generator = np.random.default_rng(0)
    table = ((np.arange(256, dtype=np.float32)[:, None] / 255 - MEAN) / STD)[:, None]
    order = generator.permutation(len(files))
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        batch = np.empty((len(rows), CROP, CROP, 3), np.float32)
        for picture, row in zip(batch, rows, strict=True):
            image = cv2.imread(files[row], cv2.IMREAD_COLOR_RGB)
            left, top = generator.integers(0, SIDE - CROP + 1, 2)
            center = (CROP - 1) / 2
            matrix = cv2.getRotationMatrix2D((center, center), generator.uniform(-45, 45), generator.uniform(0.9, 1.1))
            shift = np.float64([[1, 0, -left], [0, 1, -top], [0, 0, 1]])
            mirror = np.float64([[-1, 0, CROP - 1], [0, 1, 0], [0, 0, 1]]) if generator.random() < 0.5 else np.eye(3)
            moved = matrix @ mirror @ shift
            moved[:, 2] += generator.uniform(-0.0625, 0.0625, 2) * CROP
            warped = cv2.warpAffine(image, moved, (CROP, CROP), borderMode=cv2.BORDER_REFLECT_101)
            cv2.LUT(warped, table, picture)
        yield {"x": batch, "y": rows}


def main() -> None:
    options = arguments(__doc__)
    count, repetitions = (64, 1) if options.quick else (512, 5)
    cv2.setNumThreads(1)
    table = Table("pictures from JPEG files", options)
    with tempfile.TemporaryDirectory() as folder:
        files = write_files(Path(folder), count)
        contestants = {"floor": speed(lambda: by_hand(files), count)}
        numbers = (0, 1, 2, 4)
        for number in numbers:
            contestants[f"ours {number}"] = speed(ours(files, number), count)
            if installed("torch"):
                contestants[f"torch {number}"] = speed(torch_loader(files, number), count)
        figures = interleaved(contestants, repetitions)
    table.add(
        "H",
        "no workers, against OpenCV by hand",
        "k samples/s",
        figures["ours 0"],
        figures["floor"],
        Goal("ratio", ">=", 0.88),
    )
    goals = {0: Goal("ratio", ">=", 1.17), 1: None, 2: Goal("ratio", ">=", 1.45), 4: None}
    for number in numbers:
        if f"torch {number}" in figures:
            name = f"{number or 'no'} worker{'s' * (number != 1)}, against torch's DataLoader"
            row = "I" if number else "H"
            raw = figures[f"torch {number}"]
            table.add(row, name, "k samples/s", figures[f"ours {number}"], raw, goals[number], kind="ratio")
        else:
            table.skip("torch DataLoader")
    table.add(
        "I", "1 worker, against none", "k samples/s", figures["ours 1"], figures["ours 0"], Goal("ratio", ">=", 0.9)
    )
    table.finish()


if __name__ == "__main__":
    main()
