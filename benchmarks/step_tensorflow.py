"""What a step costs in TensorFlow, over a hand-written `tf.function`, and one more op (rows B and P of docs/performance.md).

The model is one dense unit on four numbers, the batch 32 samples, the loss the mean squared error, the optimizer Adam.
Both loops go over the same `tf.data.Dataset`; then each over the same arrays in memory, ours through its own Pipeline.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any

# before the frameworks: it sets the number of their threads
from _common import (
    MICROSECOND,
    Added,
    Clock,
    Goal,
    Table,
    arguments,
    epoch_watch,
    installed,
    interleaved,
    output_to_null,
)

# isort: split
import keras
import numpy as np
import tensorflow as tf

BATCH = 32


def model() -> keras.Model:
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(1)])


def adam() -> keras.optimizers.Optimizer:
    return keras.optimizers.Adam(learning_rate=1e-3)


def arrays(steps: int) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    count = steps * BATCH
    return {"x": generator.random((count, 4), np.float32), "y": generator.random((count, 1), np.float32)}


def dataset(data: Any) -> tf.data.Dataset:
    """Batches of arrays by tf.data, in one thread."""
    options = tf.data.Options()
    options.threading.private_threadpool_size = 1
    return tf.data.Dataset.from_tensor_slices(data).batch(BATCH).with_options(options)


class Slices:
    """Shuffled batches cut out of arrays: the least that a loader with the data in memory can do."""

    def __init__(self, data: dict[str, np.ndarray]) -> None:
        self.x, self.y = data["x"], data["y"]

    def __iter__(self) -> Iterator[dict[str, tf.Tensor]]:
        order = np.random.default_rng(0).permutation(len(self.x))
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            yield {"x": tf.convert_to_tensor(self.x[rows]), "y": tf.convert_to_tensor(self.y[rows])}


def raw_loop(batches: Any, steps: int, concrete: bool = False) -> Callable[[], float]:
    """A training loop as one writes it; seconds per step.

    Args:
        batches: Anything to iterate over.
        steps: How many batches it gives.
        concrete: Whether to call the traced graph itself, so that TensorFlow does not look for it in every step.
    """
    net, optimizer = model(), adam()
    weights = net.trainable_variables
    optimizer.build(weights)

    @tf.function
    def step(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(net(x, training=True) - y))
        optimizer.apply(tape.gradient(loss, weights), weights)
        return loss

    call: Any = step
    if concrete:
        call = step.get_concrete_function(tf.TensorSpec((BATCH, 4), tf.float32), tf.TensorSpec((BATCH, 1), tf.float32))

    def run() -> float:
        clock = Clock()
        clock.start()
        for batch in batches:
            call(batch["x"], batch["y"])
        clock.stop()
        return clock.seconds / steps

    return run


def framework_loop(
    package: str, data: Any, steps: int, idle: int = 0, several: bool = True, **options: Any
) -> Callable[[], float]:
    """One epoch of an Estimator without log or traces; seconds per step, between the begin and the end of the epoch.

    Args:
        package: "fastestimator_lite" or "fastestimator".
        data: Training data of a Pipeline.
        steps: How many batches it gives.
        idle: Number of TensorOps that do nothing, between model and loss.
        several: Whether several steps may be one call.
        options: Further arguments of the Pipeline.
    """
    fe = importlib.import_module(package)
    tensorop = importlib.import_module(f"{package}.op.tensorop")
    ops = importlib.import_module(f"{package}.op.tensorop.model")
    losses = importlib.import_module(f"{package}.op.tensorop.loss")

    class Idle(tensorop.TensorOp):  # type: ignore[misc]
        """An op that hands its input on."""

        def forward(self, data: Any, state: dict[str, Any]) -> Any:
            return data

    watch = epoch_watch(package)
    net = fe.build(model, adam)
    network = fe.Network(
        [
            ops.ModelOp(net, "x", "y_pred"),
            *(Idle("y_pred", "y_pred") for _ in range(idle)),
            losses.MeanSquaredError(("y_pred", "y"), "mse"),
            ops.UpdateOp(net, "mse"),
        ]
    )
    calls = {} if several or package == "fastestimator" else {"steps_per_call": 1}
    estimator = fe.Estimator(
        fe.Pipeline(train_data=data, **options), network, epochs=1, log_steps=None, traces=[watch], **calls
    )

    def run() -> float:
        with output_to_null():
            estimator.fit(warmup=False)
        return watch.clock.seconds / steps

    return run


def keras_fit(data: tf.data.Dataset, steps: int, steps_per_execution: int = 1) -> Callable[[], float]:
    """One epoch of Keras' own loop; seconds per step."""
    net = model()
    net.compile(adam(), loss="mse", steps_per_execution=steps_per_execution)
    clock = Clock()

    class Watch(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            clock.start()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            clock.stop()

    pairs = data.map(lambda batch: (batch["x"], batch["y"]))

    def run() -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that tf.data is not shuffled, which is meant
            net.fit(pairs, epochs=1, verbose=0, callbacks=[Watch()])
        return clock.seconds / steps

    return run


def row_b(table: Table, steps: int, repetitions: int) -> None:
    data = arrays(steps)
    batches = dataset(data)
    in_memory = importlib.import_module("fastestimator_lite.dataset").NumpyDataset(data)

    def from_memory(several: bool) -> Callable[[], float]:
        return framework_loop("fastestimator_lite", in_memory, steps, several=several, batch_size=BATCH, num_process=0)

    contestants = {
        "raw": raw_loop(batches, steps),
        "ours": framework_loop("fastestimator_lite", batches, steps, several=False),
        "ours, several": framework_loop("fastestimator_lite", batches, steps),
        "by hand, calling the traced graph itself": raw_loop(batches, steps, concrete=True),
        "Keras fit": keras_fit(batches, steps),
        "Keras fit, steps_per_execution=20": keras_fit(batches, steps, 20),
        "raw in memory": raw_loop(Slices(data), steps),
        "ours in memory": from_memory(False),
        "ours in memory, several": from_memory(True),
    }
    if installed("fastestimator"):
        contestants["FastEstimator 1.x"] = framework_loop("fastestimator", batches, steps)
    else:
        table.skip("FastEstimator 1.x")
    figures = interleaved(contestants, repetitions)
    raw, raw_in_memory = figures["raw"], figures["raw in memory"]
    each, fast = Goal("difference", "<=", 30 * MICROSECOND), Goal("ratio", "<=", 0.4)
    table.add("B", "a step, tf.data, one in a call", "us", figures["ours"], raw, each)
    for name in ("by hand, calling the traced graph itself", "Keras fit", "FastEstimator 1.x"):
        if name in figures:
            table.add_peer(name, figures[name], raw)
    table.add("B", "the same where no trace needs each step", "us", figures["ours, several"], raw, fast)
    table.add_peer("Keras fit, steps_per_execution=20", figures["Keras fit, steps_per_execution=20"], raw)
    table.add("B", "a step, arrays in memory, one in a call", "us", figures["ours in memory"], raw_in_memory, each)
    several = figures["ours in memory, several"]
    table.add("B", "the same where no trace needs each step", "us", several, raw_in_memory, fast)


def row_p(table: Table, steps: int, repetitions: int) -> None:
    data = importlib.import_module("fastestimator_lite.dataset").NumpyDataset(arrays(steps))
    count = 100
    figures = interleaved(
        {
            name: framework_loop(
                "fastestimator_lite", data, steps, idle=idle, several=False, batch_size=BATCH, num_process=0
            )
            for name, idle in (("more", count), ("less", 0))
        },
        repetitions,
    )
    added = Added(figures["more"], figures["less"], count)
    # the goal is 0; a twentieth of a microsecond is below what can be told from 0 here
    table.add("P", "one more TensorOp that does nothing", "us", added, None, Goal("value", "<=", 0.05 * MICROSECOND))


def main() -> None:
    options = arguments(__doc__)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    steps, repetitions = (20, 1) if options.quick else (1000, 9)
    table = Table("a step in TensorFlow", options)
    row_b(table, steps, repetitions)
    row_p(table, steps, repetitions)
    table.finish()


if __name__ == "__main__":
    main()
