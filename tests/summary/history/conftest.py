"""A history of its own for each test, and tiny runs to fill it."""

import contextlib
import sqlite3

import numpy as np
import pytest

import fastestimator_lite as fe
from fastestimator_lite.dataset.numpy_dataset import NumpyDataset
from fastestimator_lite.op.tensorop.loss.mean_squared_error import MeanSquaredError
from fastestimator_lite.op.tensorop.model.model import ModelOp
from fastestimator_lite.op.tensorop.model.update import UpdateOp


@pytest.fixture
def history(tmp_path, monkeypatch):
    """The file in which this test's runs are recorded."""
    path = tmp_path / "data" / "history.db"
    monkeypatch.setenv("FASTESTIMATOR_LITE_HISTORY", str(path))
    return path


@pytest.fixture
def estimator():
    """Make an Estimator that trains a tiny torch model, the same one every time: estimator(traces, epochs, ...)."""
    torch = pytest.importorskip("torch")

    def make(traces=None, epochs=2, slicers=None, **kwargs):
        fe.enable_deterministic(1)
        x = np.random.default_rng(0).standard_normal((12, 2)).astype(np.float32)
        data = NumpyDataset({"x": x, "y": x.sum(1, keepdims=True)})
        model = fe.build(lambda: torch.nn.Linear(2, 1), "sgd")
        loss = MeanSquaredError(("pred", "y"), "mse")
        network = fe.Network([ModelOp(model, "x", "pred"), loss, UpdateOp(model, "mse")], slicers=slicers)
        pipeline = fe.Pipeline(train_data=data, eval_data=data, test_data={"a": data}, batch_size=4, num_process=0)
        return fe.Estimator(pipeline, network, epochs=epochs, traces=traces, **kwargs)

    return make


@pytest.fixture
def rows():
    """The rows of a table as dictionaries, read without our code: rows(path, table)."""

    def read(path, table="history"):
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY 1")]

    return read
