"""What planning costs before the first step (row V of docs/performance.md).

Planning finds the epochs at which something changes and how many steps the run will have; no batch is made. With no
schedule it must not grow with the number of epochs.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

# before the frameworks: it sets the number of their threads
from _common import MILLISECOND, Clock, Goal, Table, arguments, installed, interleaved

# isort: split
import numpy as np
import torch


def estimator(epochs: int, ops: Sequence[Any] = (), batch_size: Any = 32, optimizer: Any = "adam") -> Any:
    """A run with train and eval data that nobody starts."""
    import fastestimator_lite as fe
    from fastestimator_lite.dataset import NumpyDataset
    from fastestimator_lite.op.tensorop.loss import MeanSquaredError
    from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp

    data = NumpyDataset({"x": np.zeros((640, 4), np.float32), "y": np.zeros((640, 1), np.float32)})
    net = fe.build(lambda: torch.nn.Linear(4, 1), optimizer)
    network = fe.Network([ModelOp(net, "x", "y_pred"), MeanSquaredError(("y_pred", "y"), "mse"), UpdateOp(net, "mse")])
    pipeline = fe.Pipeline(train_data=data, eval_data=data, batch_size=batch_size, ops=list(ops), num_process=0)
    return fe.Estimator(pipeline, network, epochs=epochs, log_steps=None)


def planning(run: Any) -> Callable[[], float]:
    """Everything that `fit` finds out before it touches data; seconds."""

    def once() -> float:
        clock = Clock()
        clock.start()
        moments = list(run._moments.distinct(("train", "eval")))
        steps = run._moments.expected_steps()
        clock.stop()
        if not moments or not steps:
            raise RuntimeError(f"nothing was planned: {moments}, {steps} steps")
        return clock.seconds

    return once


def signature_epochs(package: str, items: Sequence[Any], epochs: int) -> Callable[[], float]:
    """The one part of it that FastEstimator offers by itself."""
    find = importlib.import_module(f"{package}.schedule").get_signature_epochs

    def once() -> float:
        clock = Clock()
        clock.start()
        for mode in ("train", "eval"):
            find(items, epochs, mode)
        clock.stop()
        return clock.seconds

    return once


def timeline(run: Any) -> Callable[[], float]:
    def once() -> float:
        clock = Clock()
        clock.start()
        run.timeline()
        clock.stop()
        return clock.seconds

    return once


def main() -> None:
    from fastestimator_lite.op.numpyop import LambdaOp
    from fastestimator_lite.schedule import EpochScheduler, RepeatScheduler

    options = arguments(__doc__)
    epochs, repetitions = (2_000, 3) if options.quick else (100_000, 21)
    table = Table(f"planning {epochs} epochs", options)
    op = LambdaOp(lambda x: x, "x", "x")
    scheduled: Mapping[str, Any] = dict(
        ops=[EpochScheduler({1: op, 3: None})],
        batch_size=RepeatScheduler([32, 64]),
        optimizer=EpochScheduler({1: "adam", epochs // 2: "sgd"}),
    )
    plain = estimator(epochs)
    switched = EpochScheduler({part * epochs // 10 + 1: op if part % 2 else None for part in range(10)})
    contestants = {
        "one epoch": planning(estimator(1)),
        "plain": planning(plain),
        "scheduled": planning(estimator(epochs, **scheduled)),
        "switched": planning(estimator(epochs, [switched])),
        "signature": signature_epochs("fastestimator_lite", plain.get_scheduled_items("train"), epochs),
    }
    if installed("fastestimator"):
        contestants["FastEstimator 1.x"] = signature_epochs("fastestimator", [None], epochs)
    else:
        table.skip("FastEstimator 1.x")
    figures = interleaved(contestants, repetitions)
    figures |= interleaved({"timeline": timeline(plain)}, 1, warm_ups=0)
    goal = Goal("value", "<=", 1 * MILLISECOND)
    table.add("V", "no schedule (raw: the same for 1 epoch)", "ms", figures["plain"], figures["one epoch"], goal)
    table.add("V", "three schedules, one repeating", "ms", figures["scheduled"], figures["one epoch"], kind="value")
    table.add("V", "an op switched at ten epochs", "ms", figures["switched"], figures["one epoch"], kind="value")
    table.add("V", "get_signature_epochs alone, no schedule", "ms", figures["signature"])
    if "FastEstimator 1.x" in figures:
        table.add_peer("FastEstimator 1.x", figures["FastEstimator 1.x"])
    table.add("V", "estimator.timeline(), no schedule", "ms", figures["timeline"])
    table.finish()


if __name__ == "__main__":
    main()
