"""The tiny jobs that are run in processes of their own: as one script each, with only the imports that it needs.

A job trains Linear(4, 1) by Adam on the mean squared error, on batches of 32 cut out of arrays, and calls `first` at
the end of its first step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from _common import REPORT, Child, run_child

BATCH = 32


def run(job: str, steps: int) -> Child:
    """Run a job in a fresh process; the result is the processor time in seconds at the end of its first step."""
    code = (
        f"{REPORT}\nimport sys, time\nsys.path.insert(0, {str(Path(__file__).parent)!r})\nimport _jobs\n"
        f"_jobs.{job}({steps}, lambda: report(time.process_time()))"
    )
    return run_child(code)


def _arrays(steps: int) -> dict[str, Any]:
    import numpy as np

    generator = np.random.default_rng(0)
    count = steps * BATCH
    return {"x": generator.random((count, 4), np.float32), "y": generator.random((count, 1), np.float32)}


def _rows(steps: int) -> Iterator[Any]:
    import numpy as np

    order = np.random.default_rng(0).permutation(steps * BATCH)
    return (order[start : start + BATCH] for start in range(0, len(order), BATCH))


def torch_by_hand(steps: int, first: Callable[[], None]) -> None:
    import torch

    data = _arrays(steps)
    net = torch.nn.Linear(4, 1)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    for step, rows in enumerate(_rows(steps), start=1):
        x, y = torch.from_numpy(data["x"][rows]), torch.from_numpy(data["y"][rows])
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(net(x), y)
        loss.backward()
        optimizer.step()
        if step == 1:
            first()
        if step % 100 in (0, 1):
            print(f"step {step}: loss {loss.item()}", flush=True)


def tensorflow_by_hand(steps: int, first: Callable[[], None]) -> None:
    import keras
    import tensorflow as tf

    data = _arrays(steps)
    net = _dense(keras)
    optimizer = keras.optimizers.Adam(learning_rate=1e-3)
    weights = net.trainable_variables
    optimizer.build(weights)

    @tf.function
    def train(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(net(x, training=True) - y))
        optimizer.apply(tape.gradient(loss, weights), weights)
        return loss

    for step, rows in enumerate(_rows(steps), start=1):
        loss = train(tf.convert_to_tensor(data["x"][rows]), tf.convert_to_tensor(data["y"][rows]))
        if step == 1:
            first()
        if step % 100 in (0, 1):
            print(f"step {step}: loss {loss.numpy()}", flush=True)


def torch_ours(steps: int, first: Callable[[], None]) -> None:
    import torch

    import fastestimator_lite as fe

    _train(fe, "fastestimator_lite", lambda: torch.nn.Linear(4, 1), steps, first)


def tensorflow_ours(steps: int, first: Callable[[], None]) -> None:
    import keras

    import fastestimator_lite as fe

    _train(fe, "fastestimator_lite", lambda: _dense(keras), steps, first)


def torch_fastestimator(steps: int, first: Callable[[], None]) -> None:
    import fastestimator as fe
    import torch

    _train(fe, "fastestimator", lambda: torch.nn.Linear(4, 1), steps, first)


def tensorflow_fastestimator(steps: int, first: Callable[[], None]) -> None:
    import fastestimator as fe
    import tensorflow as tf

    _train(fe, "fastestimator", lambda: _dense(tf.keras), steps, first)


def _dense(keras: Any) -> Any:
    return keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(1)])


def _train(fe: Any, package: str, model: Callable[[], Any], steps: int, first: Callable[[], None]) -> None:
    from importlib import import_module

    ops, losses = import_module(f"{package}.op.tensorop.model"), import_module(f"{package}.op.tensorop.loss")
    dataset = import_module(f"{package}.dataset").NumpyDataset(_arrays(steps))

    class Watch(import_module(f"{package}.trace").Trace):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(mode="train")
            self.seen = False

        def on_batch_end(self, data: Any) -> None:
            if not self.seen:
                self.seen = True
                first()

    net = fe.build(model, "adam")
    network = fe.Network(
        [ops.ModelOp(net, "x", "y_pred"), losses.MeanSquaredError(("y_pred", "y"), "mse"), ops.UpdateOp(net, "mse")]
    )
    pipeline = fe.Pipeline(train_data=dataset, batch_size=BATCH, num_process=0)
    fe.Estimator(pipeline, network, epochs=1, traces=[Watch()]).fit()


def tensorflow_keras_fit(steps: int, first: Callable[[], None]) -> None:
    import keras

    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch == 0:
                first()

    data = _arrays(steps)
    net = _dense(keras)
    net.compile(keras.optimizers.Adam(learning_rate=1e-3), loss="mse")
    net.fit(data["x"], data["y"], batch_size=BATCH, epochs=1, verbose=0, callbacks=[Watch()])


def torch_lightning(steps: int, first: Callable[[], None]) -> None:
    import lightning.pytorch as pl
    import torch

    class Module(pl.LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.net = torch.nn.Linear(4, 1)

        def training_step(self, batch: Any, index: int) -> Any:
            x, y = batch
            return torch.nn.functional.mse_loss(self.net(x), y)

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.parameters(), lr=1e-3)

        def on_train_batch_end(self, outputs: Any, batch: Any, index: int) -> None:
            if index == 0:
                first()

    data = _arrays(steps)
    tensors = torch.utils.data.TensorDataset(torch.from_numpy(data["x"]), torch.from_numpy(data["y"]))
    loader = torch.utils.data.DataLoader(tensors, BATCH, shuffle=True)
    pl.Trainer(max_epochs=1, accelerator="cpu", devices=1, barebones=True).fit(Module(), loader)


# what is measured beside ours: framework -> name of the peer -> (module to look for, job)
PEERS = {
    "torch": {
        "Lightning, bare": ("lightning", "torch_lightning"),
        "FastEstimator 1.x": ("fastestimator", "torch_fastestimator"),
    },
    "tensorflow": {
        "Keras fit": ("keras", "tensorflow_keras_fit"),
        "FastEstimator 1.x": ("fastestimator", "tensorflow_fastestimator"),
    },
}
