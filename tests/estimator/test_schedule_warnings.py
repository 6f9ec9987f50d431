"""What is told before training about schedules that cannot mean what they say."""

import logging

import numpy as np
import pytest

import fastestimator_lite as fe
from fastestimator_lite.dataset.numpy_dataset import NumpyDataset
from fastestimator_lite.op.numpyop.univariate import Minmax
from fastestimator_lite.op.tensorop.loss.mean_squared_error import MeanSquaredError
from fastestimator_lite.op.tensorop.model.model import ModelOp
from fastestimator_lite.op.tensorop.model.update import UpdateOp
from fastestimator_lite.op.tensorop.tensorop import LambdaOp
from fastestimator_lite.schedule import EpochScheduler, RepeatScheduler

torch = pytest.importorskip("torch")


@pytest.fixture
def told(caplog):
    def fit(ops, epochs=4, batch_size=2, pipeline_ops=None, optimizer_fn="sgd"):
        model = fe.build(lambda: torch.nn.Linear(2, 1), optimizer_fn, model_name="m")
        data = NumpyDataset({"x": np.ones((2, 2), "float32"), "y": np.zeros((2, 1), "float32")})
        estimator = fe.Estimator(
            fe.Pipeline(train_data=data, batch_size=batch_size, ops=pipeline_ops, num_process=0),
            fe.Network(ops(model)),
            epochs=epochs,
            log_steps=None,
        )
        with caplog.at_level(logging.WARNING, "fastestimator_lite"):
            estimator.fit()
        return [record.message.removeprefix("FastEstimator-Warn: ") for record in caplog.records]

    return fit


def plain(model):
    return [ModelOp(model, "x", "p"), MeanSquaredError(("p", "y"), "l"), UpdateOp(model, "l")]


def test_nothing_to_tell(told):
    assert (
        told(plain, batch_size=EpochScheduler({1: 1, 4: 2}), optimizer_fn=EpochScheduler({1: "sgd", 4: "adam"})) == []
    )


def test_entries_that_never_come(told):
    found = told(
        plain,
        batch_size=EpochScheduler({1: 1, 5: 2, 9: 4}),
        pipeline_ops=EpochScheduler({1: None, 7: Minmax("x", "x")}),
    )
    assert [line.split(": ")[0] for line in found] == [
        "the run has 4 epochs, so what a schedule has for epoch 7 never comes",
        "the run has 4 epochs, so what a schedule has for epoch 5 never comes",
        "the run has 4 epochs, so what a schedule has for epoch 9 never comes",
    ]
    assert [line.split(": ")[1][:3] for line in found[1:]] == ["2", "4"]


def test_a_model_that_is_updated_where_nothing_runs_it(told):
    def ops(model):
        return [
            EpochScheduler({1: ModelOp(model, "x", "p"), 3: LambdaOp(model, "x", "p")}),
            MeanSquaredError(("p", "y"), "l"),
            UpdateOp(model, "l"),
        ]

    assert told(ops) == [
        "at epoch 3 the model 'm' is updated, but no ModelOp runs it in training; schedule the UpdateOp like the "
        "ModelOp"
    ]


def test_a_model_that_is_run_and_not_updated(told):
    def ops(model):
        return [*plain(model)[:2], RepeatScheduler([UpdateOp(model, "l"), None])]

    assert told(ops) == [
        "at epoch 2 the model 'm' is run in training, but not updated; schedule the ModelOp like the UpdateOp, "
        "unless that is meant"
    ]


def test_a_model_that_nothing_ever_updates_is_fine(told):
    assert told(lambda model: plain(model)[:2]) == []
