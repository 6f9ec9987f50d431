"""How many samples a second a Pipeline makes from data in memory (row F of docs/performance.md).

Gray images of 28 x 28 bytes and their labels, shuffled, through ExpandDims and Minmax into batches of 32 and of 256, in
the main process. The floor does the same work in numpy on whole batches. Ours is measured as the Estimator takes
batches, which are arrays, and as a user does, by `with pipeline(...)`, which makes them tensors of the framework that
is loaded.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

# before the frameworks: it sets the number of their threads
from _common import Clock, Goal, Table, arguments, installed, interleaved

# isort: split
import numpy as np

SIDE = 28


def images(count: int) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    return {"x": generator.integers(0, 256, (count, SIDE, SIDE), np.uint8), "y": generator.integers(0, 10, count)}


def speed(batches: Callable[[], Iterable[Any]], count: int) -> Callable[[], float]:
    """Samples per second of one pass, making the loader included."""

    def run() -> float:
        clock, seen = Clock(), 0
        clock.start()
        for batch in batches():
            seen += len(batch["y"])
        clock.stop()
        if seen != count:
            raise RuntimeError(f"a pass gave {seen} samples in place of {count}")
        return count / clock.seconds

    return run


def minmax(x: np.ndarray) -> np.ndarray:
    """Each sample to [0, 1], channel axis added; x of shape (B, 28, 28), bytes."""
    low = x.min(axis=(1, 2), keepdims=True).astype(np.float32)
    spread = np.maximum(x.max(axis=(1, 2), keepdims=True) - low, np.float32(1e-7))
    return ((x - low) / spread)[..., np.newaxis]


def whole_batches(data: dict[str, np.ndarray], size: int) -> Iterator[dict[str, np.ndarray]]:
    """The floor: whole batches by numpy."""
    order = np.random.default_rng(0).permutation(len(data["y"]))
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        yield {"x": minmax(data["x"][rows]), "y": data["y"][rows]}


def pipeline(package: str, data: dict[str, np.ndarray], size: int, arrays: bool = False) -> Callable[[], Iterable[Any]]:
    """An epoch of our Pipeline, or of FastEstimator's.

    Args:
        package: "fastestimator_lite" or "fastestimator".
        data: The samples.
        size: Batch size.
        arrays: Whether to take batches as the Estimator does.
    """
    fe = importlib.import_module(package)
    ops = importlib.import_module(f"{package}.op.numpyop.univariate")
    dataset = importlib.import_module(f"{package}.dataset").NumpyDataset(data)
    work = [ops.ExpandDims("x", "x"), ops.Minmax("x", "x")]
    made = fe.Pipeline(train_data=dataset, batch_size=size, ops=work, num_process=0)

    if arrays:
        when = importlib.import_module(f"{package}.component").When("train", 1, "")
        return lambda: made.load(when)

    def batches() -> Iterator[Any]:
        with made(mode="train", shuffle=True) as loader:
            yield from loader

    return batches


def torch_loader(data: dict[str, np.ndarray], size: int) -> Callable[[], Iterable[Any]]:
    """torch's DataLoader over a data set that works on one sample, as they all do."""
    import torch

    class Images(torch.utils.data.Dataset[dict[str, np.ndarray]]):
        def __len__(self) -> int:
            return len(data["y"])

        def __getitem__(self, index: int) -> dict[str, np.ndarray]:
            x = data["x"][index]
            low = np.float32(x.min())
            spread = max(np.float32(x.max()) - low, np.float32(1e-7))
            return {"x": (x[np.newaxis] - low) / spread, "y": data["y"][index]}

    torch.set_num_threads(1)
    loader = torch.utils.data.DataLoader(Images(), size, shuffle=True)
    return lambda: loader


def tf_data(data: dict[str, np.ndarray], size: int) -> Callable[[], Iterable[Any]]:
    """tf.data, batching first and working on batches."""
    import tensorflow as tf

    def work(batch: dict[str, Any]) -> dict[str, Any]:
        x = tf.cast(batch["x"], tf.float32)
        low = tf.reduce_min(x, (1, 2), keepdims=True)
        spread = tf.maximum(tf.reduce_max(x, (1, 2), keepdims=True) - low, 1e-7)
        return {"x": ((x - low) / spread)[..., tf.newaxis], "y": batch["y"]}

    options = tf.data.Options()
    options.threading.private_threadpool_size = 1
    count = len(data["y"])
    made = tf.data.Dataset.from_tensor_slices(data).shuffle(count).batch(size).map(work).with_options(options)
    return lambda: made


def main() -> None:
    options = arguments(__doc__)
    count, repetitions = (1_000, 1) if options.quick else (30_000, 7)
    data = images(count)
    table = Table("samples from memory, no workers", options)
    makers = {
        "tf.data, batch then map": ("tensorflow", tf_data),
        "torch DataLoader": ("torch", torch_loader),
        "FastEstimator 1.x": ("fastestimator", lambda data, size: pipeline("fastestimator", data, size)),
    }
    for size in (32, 256):
        contestants = {
            "floor": speed(lambda size=size: whole_batches(data, size), count),  # type: ignore[misc]
            "ours": speed(pipeline("fastestimator_lite", data, size, arrays=True), count),
            "ours, tensors": speed(pipeline("fastestimator_lite", data, size), count),
        }
        for name, (module, make) in makers.items():
            if not installed(module):
                table.skip(name)
                continue
            contestants[name] = speed(make(data, size), count)
        figures = interleaved(contestants, repetitions)
        goal = Goal("ratio", ">=", 0.7)
        table.add("F", f"batches of {size}, for the Estimator", "k samples/s", figures["ours"], figures["floor"], goal)
        table.add(
            "F",
            f"batches of {size}, with pipeline(...)",
            "k samples/s",
            figures["ours, tensors"],
            figures["floor"],
            goal,
        )
        for name in makers:
            if name in figures:
                table.add_peer(name, figures[name], figures["floor"])
    table.finish()


if __name__ == "__main__":
    main()
