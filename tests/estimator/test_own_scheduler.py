"""A Scheduler of the user's own works in every slot, and nothing that the user gave is changed."""

import copy

import numpy as np
import pytest

import fastestimator_lite as fe
from fastestimator_lite.dataset import NumpyDataset
from fastestimator_lite.op.numpyop import LambdaOp
from fastestimator_lite.op.tensorop.loss import MeanSquaredError
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp
from fastestimator_lite.schedule import Scheduler
from fastestimator_lite.slicer import MeanUnslicer, SlidingSlicer
from fastestimator_lite.trace import Trace


class After(Scheduler):
    """One value before an epoch, another from it on; it knows the two methods of 1.x and no more."""

    def __init__(self, epoch, before, after):
        self.epoch, self.before, self.after = epoch, before, after

    def get_current_value(self, epoch):
        return self.before if epoch < self.epoch else self.after

    def get_all_values(self):
        return [self.before, self.after]


class Turns(Scheduler):
    """Values that take turns from epoch to epoch."""

    def __init__(self, *values):
        self.values = values

    def get_current_value(self, epoch):
        return self.values[(epoch - 1) % len(self.values)]

    def get_all_values(self):
        return list(self.values)


class Note(Trace):
    def __init__(self, name, rows, model):
        super().__init__(inputs="x", mode="train")
        self.name, self.rows, self.model = name, rows, model

    def on_batch_end(self, data):
        x = fe.backend.to_number(data["x"])
        optimizer = type(self.model.fe.current_optimizer).__name__
        self.rows.append((self.system.epoch_idx, self.name, len(x), float(x.max()), optimizer))


def data(value):
    return NumpyDataset({"x": np.full((8, 1), value, np.float32), "y": np.ones((8, 1), np.float32)})


def test_it_works_in_every_slot(tensor_framework):
    if tensor_framework == "torch":
        import torch

        make = lambda: torch.nn.Linear(1, 1)
    else:
        import keras

        make = lambda: keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1)])
    rows = []
    optimizers = After(3, "adam", "sgd")
    model = fe.build(make, optimizers, model_name="m")
    other = fe.build(make, "adam", model_name="other")
    schedules = {
        "data": After(2, data(1), data(2)),
        "size": After(3, 4, 8),
        "op": After(4, None, LambdaOp(lambda x: x * 10, "x", "x")),
        "tensor op": After(9, ModelOp(model, "x", "pred"), ModelOp(other, "x", "pred")),
        "trace": After(4, Note("first", rows, model), Note("second", rows, model)),
    }
    kept = {name: copy.copy(vars(schedule)) for name, schedule in schedules.items()}
    pipeline = fe.Pipeline(
        train_data=schedules["data"], batch_size=schedules["size"], ops=schedules["op"], num_process=0
    )
    network = fe.Network([schedules["tensor op"], MeanSquaredError(("pred", "y"), "mse"), UpdateOp(model, "mse")])
    run = fe.Estimator(pipeline, network, epochs=4, traces=schedules["trace"], log_steps=None)
    timeline = run.timeline()
    run.fit()
    assert list(dict.fromkeys(rows)) == [
        (1, "first", 4, 1.0, "Adam"),
        (2, "first", 4, 2.0, "Adam"),
        (3, "first", 8, 2.0, "SGD"),
        (4, "second", 8, 20.0, "SGD"),
    ]
    assert [stretch.first for stretch in timeline.stretches] == [1, 2, 3, 4]
    for name, schedule in schedules.items():
        assert all(vars(schedule)[key] is value for key, value in kept[name].items())
    assert (optimizers.before, optimizers.after) == ("adam", "sgd")


def test_slicers_take_turns(tensor_framework):
    if tensor_framework == "torch":
        import torch

        make = lambda: torch.nn.Linear(1, 1)
    else:
        import keras

        make = lambda: keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1)])

    class Count(Trace):
        def on_epoch_end(self, data):
            counts.append(model.fe.updates.count)

    counts = []
    model = fe.build(make, "sgd", model_name="m")
    slicers = Turns(*(SlidingSlicer([size, -1], slice=["x", "y"], unslice=None) for size in (4, 2)), None)
    pipeline = fe.Pipeline(train_data=data(1), batch_size=8, num_process=0)
    network = fe.Network(
        [ModelOp(model, "x", "pred"), MeanSquaredError(("pred", "y"), "mse"), UpdateOp(model, "mse")],
        slicers=[slicers, MeanUnslicer("mse")],
    )
    run = fe.Estimator(pipeline, network, epochs=6, traces=Count(mode="train"), log_steps=None)
    timeline = run.timeline()
    run.fit()
    assert np.diff([0, *counts]).tolist() == [2, 4, 1, 2, 4, 1]
    cells = [value for _, _, value in timeline.segments("train slicers")]
    assert cells[:3] == cells[3:]
    assert len(set(cells)) == 3
    assert "[4, -1]" in cells[0] and "[2, -1]" in cells[1] and cells[2] == "none"


def test_a_value_that_was_not_announced_is_an_error():
    class Sly(After):
        def get_all_values(self):
            return [self.before]

    import torch

    model = fe.build(lambda: torch.nn.Linear(1, 1), Sly(2, "adam", "sgd"))
    with pytest.raises(fe.util.errors.ConfigError, match=r"gave 'sgd', which is not among its get_all_values"):
        model.fe.optimizer.get_current_value(2)
