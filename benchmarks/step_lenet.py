"""What a step of a convolutional model costs in torch, against a hand-written loop (row D of docs/performance.md).

LeNet on batches of 32 images of 28 x 28 x 1, and ResNet9 on batches of 32 of 32 x 32 x 3; cross entropy and Adam. All go
over the same batches, which lie ready in memory. The plain loop is what one writes first; the loop by hand has all that
is known to help on a CPU: torch's fused Adam, and model and images channels-last. Ours is `fe.build` as it comes, which
takes to both by itself. In TensorFlow the same LeNet is held against a `tf.function`, where it is installed.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

# before the frameworks: it sets the number of their threads
from _common import Clock, Goal, Table, arguments, epoch_watch, installed, interleaved, output_to_null

# isort: split
import numpy as np
import torch

BATCH = 32
CLASSES = 10
EPSILON = 1e-7  # as fe.backend keeps probabilities from 0 and 1


class ReadyBatches(torch.utils.data.DataLoader[Any]):
    """A loader that costs nothing: the same few batches of images and labels, again and again.

    Args:
        steps: How many batches it gives.
        shape: Channels, height and width of an image.
    """

    def __init__(self, steps: int, shape: tuple[int, int, int] = (1, 28, 28)) -> None:
        super().__init__([0], batch_size=1)
        generator = torch.Generator().manual_seed(0)
        self.steps = steps
        self.batches = [
            {
                "x": torch.rand(BATCH, *shape, generator=generator),
                "y": torch.randint(CLASSES, (BATCH,), generator=generator),
            }
            for _ in range(10)
        ]

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        batches, count = self.batches, len(self.batches)
        return (batches[step % count] for step in range(self.steps))


class Case(NamedTuple):
    """A model and its images.

    Attributes:
        name: Its name among fe.architecture.pytorch.
        shape: Channels, height and width of an image.
        steps: Steps of a turn.
    """

    name: str
    shape: tuple[int, int, int]
    steps: int


def model(name: str = "LeNet") -> torch.nn.Module:
    torch.manual_seed(0)
    return getattr(importlib.import_module("fastestimator_lite.architecture.pytorch"), name)()


# ---- torch


def raw_loop(
    batches: Any, steps: int, make_model: Callable[[], torch.nn.Module] | None = None, by_hand: bool = False
) -> Callable[[], float]:
    """A training loop as one writes it; seconds per step.

    Args:
        batches: Anything to iterate over.
        steps: How many batches it gives.
        make_model: Makes the model; None for LeNet.
        by_hand: Whether to add what helps on a CPU.
    """
    net = (make_model or model)()
    if by_hand:
        net = net.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True if by_hand else None)

    def run() -> float:
        clock = Clock()
        clock.start()
        for batch in batches:
            x = batch["x"].to(memory_format=torch.channels_last) if by_hand else batch["x"]
            optimizer.zero_grad()
            probabilities = net(x).clamp(EPSILON, 1 - EPSILON)
            loss = torch.nn.functional.nll_loss(probabilities.log(), batch["y"])
            loss.backward()
            optimizer.step()
        clock.stop()
        return clock.seconds / steps

    return run


def framework_loop(
    package: str, data: Any, steps: int, make_model: Callable[[], Any] | None = None, **options: Any
) -> Callable[[], float]:
    """One epoch of an Estimator without log; seconds per step, between the begin and the end of the epoch.

    Args:
        package: "fastestimator_lite" or "fastestimator".
        data: The train_data.
        steps: How many batches it gives.
        make_model: The model_fn; None for LeNet.
        options: Further arguments of fe.build.
    """
    fe = importlib.import_module(package)
    ops = importlib.import_module(f"{package}.op.tensorop.model")
    losses = importlib.import_module(f"{package}.op.tensorop.loss")

    watch = epoch_watch(package)
    net = fe.build(make_model or model, "adam", **options)
    network = fe.Network(
        [ops.ModelOp(net, "x", "y_pred"), losses.CrossEntropy(("y_pred", "y"), "ce"), ops.UpdateOp(net, "ce")]
    )
    estimator = fe.Estimator(fe.Pipeline(train_data=data), network, epochs=1, log_steps=None, traces=[watch])

    def run() -> float:
        with output_to_null():
            estimator.fit(warmup=False)
        return watch.clock.seconds / steps

    return run


def row_d(table: Table, case: Case, repetitions: int, goal: Goal | None) -> None:
    data, make = ReadyBatches(case.steps, case.shape), functools.partial(model, case.name)
    contestants = {
        "raw": raw_loop(data, case.steps, make),
        "ours": framework_loop("fastestimator_lite", data, case.steps, make),
        "ours, channels_last=False": framework_loop("fastestimator_lite", data, case.steps, make, channels_last=False),
        "by hand, channels-last and fused Adam": raw_loop(data, case.steps, make, by_hand=True),
    }
    if installed("fastestimator"):
        contestants["FastEstimator 1.x"] = framework_loop("fastestimator", data, case.steps, make)
    else:
        table.skip("FastEstimator 1.x")
    figures = interleaved(contestants, repetitions)
    table.add("D", f"a step of {case.name}, torch", "ms", figures["ours"], figures["raw"], goal, "ratio")
    for name in list(contestants)[2:]:
        table.add_peer(name, figures[name], figures["raw"])


# ---- TensorFlow


def row_d_in_tensorflow(table: Table, steps: int, repetitions: int) -> None:
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    generator = np.random.default_rng(0)
    x = generator.random((steps * BATCH, 28, 28, 1), np.float32)
    y = generator.integers(CLASSES, size=steps * BATCH).astype(np.int32)
    options = tf.data.Options()
    options.threading.private_threadpool_size = 1
    data = tf.data.Dataset.from_tensor_slices({"x": x, "y": y}).batch(BATCH).with_options(options)

    def net() -> Any:
        keras.utils.set_random_seed(0)
        return importlib.import_module("fastestimator_lite.architecture.tensorflow").LeNet()

    def raw() -> Callable[[], float]:
        net_, optimizer = net(), keras.optimizers.Adam(1e-3)
        weights = net_.trainable_variables
        optimizer.build(weights)

        @tf.function
        def step(x: Any, y: Any) -> Any:
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(y, net_(x, training=True)))
            optimizer.apply(tape.gradient(loss, weights), weights)
            return loss

        def run() -> float:
            clock = Clock()
            clock.start()
            for batch in data:
                step(batch["x"], batch["y"])
            clock.stop()
            return clock.seconds / steps

        return run

    figures = interleaved({"raw": raw(), "ours": framework_loop("fastestimator_lite", data, steps, net)}, repetitions)
    table.add("D", "a step of LeNet, TensorFlow", "ms", figures["ours"], figures["raw"], kind="ratio")


def main() -> None:
    options = arguments(__doc__)
    torch.set_num_threads(1)
    table = Table("a step of a convolutional model", options)
    quick = options.quick
    row_d(table, Case("LeNet", (1, 28, 28), 3 if quick else 60), 1 if quick else 9, Goal("ratio", "<=", 0.85))
    row_d(table, Case("ResNet9", (3, 32, 32), 1 if quick else 3), 1 if quick else 5, None)
    if installed("tensorflow"):
        row_d_in_tensorflow(table, 3 if quick else 60, 1 if quick else 5)
    else:
        table.skip("TensorFlow")
    table.finish()


if __name__ == "__main__":
    main()
