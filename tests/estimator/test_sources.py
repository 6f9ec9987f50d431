"""Data of every make trains, evaluates and tests networks of both frameworks, with and without steps per epoch."""

import numpy as np
import pytest

import fastestimator_lite as fe
from fastestimator_lite.dataset import NumpyDataset
from fastestimator_lite.op.tensorop.loss import MeanSquaredError
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp

COUNT, BATCH = 10, 4
X = np.random.default_rng(0).standard_normal((COUNT, 2)).astype(np.float32)
Y = X.sum(1, keepdims=True)


def rows():
    return [{"x": x, "y": y} for x, y in zip(X, Y, strict=True)]


def generator():
    yield from rows()


class LikeHuggingFace:
    def __len__(self):
        return COUNT

    def __getitem__(self, index):
        return {"x": X[index], "y": Y[index]}

    def __getitems__(self, indices):
        return [self[index] for index in indices]


def torch_dataset():
    torch = pytest.importorskip("torch")
    return torch.utils.data.Subset(rows(), range(COUNT))


def torch_iterable():
    torch = pytest.importorskip("torch")

    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self):
            return iter(rows())

    return Stream()


def torch_loader():
    torch = pytest.importorskip("torch")
    return torch.utils.data.DataLoader(rows(), BATCH)


def tf_data():
    tf = pytest.importorskip("tensorflow")
    return tf.data.Dataset.from_tensor_slices({"x": X, "y": Y}).batch(BATCH)


SOURCES = {
    "arrays": lambda: NumpyDataset({"x": X, "y": Y}),
    "list": rows,
    "generator": lambda: generator,
    "hugging face": LikeHuggingFace,
    "torch data set": torch_dataset,
    "torch iterable": torch_iterable,
    "torch loader": torch_loader,
    "tf.data": tf_data,
}


def build(framework):
    def torch_model():
        import torch

        return torch.nn.Linear(2, 1)

    def keras_model():
        import keras

        return keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])

    return fe.build(torch_model if framework == "torch" else keras_model, "sgd")


@pytest.mark.parametrize("steps", [None, 2, 5])
@pytest.mark.parametrize("name", SOURCES)
def test_any_data_in_every_mode(tensor_framework, name, steps):
    data = {mode: SOURCES[name]() for mode in ("train", "eval", "test")}
    ready = name in ("torch loader", "tf.data")
    size = {} if ready else {"batch_size": BATCH}
    pipeline = fe.Pipeline(train_data=data["train"], eval_data=data["eval"], test_data=data["test"], **size)
    model = build(tensor_framework)
    network = fe.Network([ModelOp(model, "x", "p"), MeanSquaredError(("p", "y"), "mse"), UpdateOp(model, "mse")])
    run = fe.Estimator(
        pipeline, network, epochs=2, train_steps_per_epoch=steps, eval_steps_per_epoch=steps, log_steps=None
    )
    summary = run.fit()
    run.test()
    assert run.system.global_step == 2 * (steps or 3)
    assert [len(summary.history[mode]["mse"]) for mode in ("eval", "test")] == [2, 1]
    last = network.transform({"x": X, "y": Y}, mode="test")
    tested = float(next(iter(summary.history["test"]["mse"].values())))
    assert tested == pytest.approx(float(np.mean((fe.backend.to_number(last["p"]) - Y) ** 2)), rel=1e-4)
