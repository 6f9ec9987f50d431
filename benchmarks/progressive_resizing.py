"""What a resolution schedule saves (row X of docs/performance.md).

One run in torch trains a small network on images of 32 pixels in two epochs, then on images of 64 pixels in two more;
the second epoch of each size is timed. The Pipeline resizes from 96 pixels. Beside it stands what a framework does that
cannot change its loader: images of 64 pixels are made throughout, and made smaller after loading.

Here the device is the processor, so most of the time goes into the network, whoever resizes. On a fast device it is
loading that limits the speed, so loading is measured alone as well. All is measured in the main process, then with two
workers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# before the frameworks: it sets the number of their threads
from _common import Clock, Goal, Table, arguments, interleaved, output_to_null

# isort: split
import numpy as np
import torch

import fastestimator_lite as fe
from fastestimator_lite.dataset import NumpyDataset
from fastestimator_lite.op.numpyop.multivariate import Resize
from fastestimator_lite.op.numpyop.univariate import ChannelTranspose, Normalize
from fastestimator_lite.op.tensorop import TensorOp
from fastestimator_lite.op.tensorop.loss import CrossEntropy
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp
from fastestimator_lite.schedule import EpochScheduler
from fastestimator_lite.trace import Trace

SOURCE, LARGE, SMALL = 96, 64, 32  # pixels
BATCH, CLASSES = 64, 12
AREA = 3  # cv2.INTER_AREA
UNIT = "k samples/s"
GOAL = Goal("ratio", ">=", 1.5)


def shrunk(images: torch.Tensor, size: int) -> torch.Tensor:
    """Images (B, C, H, W), made `size` high and wide by averaging."""
    return torch.nn.functional.interpolate(images, size=(size, size), mode="area")


class Shrink(TensorOp):
    """Make a batch of images smaller after loading."""

    def __init__(self, size: int) -> None:
        super().__init__(inputs="x", outputs="x", mode="train")
        self.size = size

    def forward(self, data: Any, state: dict[str, Any]) -> Any:
        return shrunk(data, self.size)


class Watch(Trace):
    """Times each epoch."""

    def __init__(self) -> None:
        super().__init__(mode="train")
        self.clock, self.seconds = Clock(), dict[int, float]()

    def on_epoch_begin(self, data: Any) -> None:
        self.clock.start()

    def on_epoch_end(self, data: Any) -> None:
        self.clock.stop()
        self.seconds[self.system.epoch_idx] = self.clock.seconds


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    layers: list[torch.nn.Module] = []
    for before, after in ((3, 16), (16, 32), (32, 64)):
        layers += [torch.nn.Conv2d(before, after, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2)]
    return torch.nn.Sequential(*layers, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(64, CLASSES))


def resize(size: int) -> Resize:
    return Resize(size, size, AREA, image_in="x", image_out="x")


def pipeline(data: NumpyDataset, scheduled: bool, num_process: int) -> fe.Pipeline:
    """Make the Pipeline.

    Args:
        data: The images.
        scheduled: Whether it resizes by the schedule; else always to the large size.
        num_process: As in Pipeline.
    """
    resizing = EpochScheduler({1: resize(SMALL), 3: resize(LARGE)}) if scheduled else resize(LARGE)
    return fe.Pipeline(
        train_data=data,
        batch_size=BATCH,
        num_process=num_process,
        ops=[resizing, Normalize(inputs="x", outputs="x"), ChannelTranspose(inputs="x", outputs="x")],
    )


def training(data: NumpyDataset, scheduled: bool, num_process: int, large: list[float]) -> Callable[[], float]:
    """A run; samples per second of the small phase, and into `large` those of the large one."""
    net = fe.build(network, "adam")
    shrink = None if scheduled else EpochScheduler({1: Shrink(SMALL), 3: None})
    chain = [
        shrink,
        ModelOp(net, "x", "y_pred"),
        CrossEntropy(("y_pred", "y"), "ce", from_logits=True),
        UpdateOp(net, "ce"),
    ]
    watch = Watch()
    estimator = fe.Estimator(
        pipeline(data, scheduled, num_process), fe.Network(chain), epochs=4, traces=watch, log_steps=None
    )

    def run() -> float:
        with output_to_null():
            estimator.fit(warmup=False)
        large.append(len(data) / watch.seconds[4])
        return len(data) / watch.seconds[2]

    return run


def loading(data: NumpyDataset, epoch: int, num_process: int, size: int | None = None) -> Callable[[], float]:
    """The Pipeline alone; samples per second of an epoch.

    Args:
        data: The images.
        epoch: 1 for the small size, 3 for the large one.
        num_process: As in Pipeline.
        size: Pixels that images are made smaller to after loading; None leaves them as they are.
    """
    source = pipeline(data, True, num_process)

    def run() -> float:
        clock, seen = Clock(), 0
        with source("train", epoch) as batches:
            if num_process:
                sum(1 for _ in batches)  # the workers start, and import what they need
            clock.start()
            for batch in batches:
                x = batch["x"] if size is None else shrunk(batch["x"], size)
                seen += len(x)
            clock.stop()
        return seen / clock.seconds

    return run


def row_x(table: Table, data: NumpyDataset, repetitions: int, num_process: int) -> None:
    ours, after = list[float](), list[float]()
    figures = interleaved(
        {
            "ours": training(data, True, num_process, ours),
            "after": training(data, False, num_process, after),
            "load small": loading(data, 1, num_process),
            "load large": loading(data, 3, num_process),
            "load after": loading(data, 3, num_process, SMALL),
        },
        repetitions,
    )
    ours, after = ours[-repetitions:], after[-repetitions:]  # the warm-up turns came first
    workers = f", {num_process} workers" if num_process else ""
    table.add("X", f"training: {SMALL} px against {LARGE} px{workers}", UNIT, figures["ours"], ours, GOAL)
    table.add_peer("resized after loading", figures["after"], after)
    table.add(
        "X",
        f"training: {SMALL} px by the Pipeline against after loading{workers}",
        UNIT,
        figures["ours"],
        figures["after"],
        kind="ratio",
    )
    table.add(
        "X",
        f"loading: {SMALL} px against {LARGE} px{workers}",
        UNIT,
        figures["load small"],
        figures["load large"],
        GOAL,
    )
    table.add(
        "X",
        f"loading: {SMALL} px by the Pipeline against after loading{workers}",
        UNIT,
        figures["load small"],
        figures["load after"],
        GOAL,
    )


def main() -> None:
    options = arguments(__doc__)
    torch.set_num_threads(1)
    fe.record_history(False)
    count, repetitions = (2 * BATCH, 2) if options.quick else (15 * BATCH, 5)
    generator = np.random.default_rng(0)
    data = NumpyDataset(
        {
            "x": generator.integers(0, 256, (count, SOURCE, SOURCE, 3), np.uint8),
            "y": generator.integers(0, CLASSES, count),
        }
    )
    table = Table("a resolution schedule in torch", options)
    row_x(table, data, repetitions, 0)
    if options.cpu:
        table.skip("two workers", "their processor time is not this process's")
    else:
        row_x(table, data, repetitions, 2)
    table.finish()


if __name__ == "__main__":
    main()
