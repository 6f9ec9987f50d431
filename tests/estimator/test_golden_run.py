"""Whole runs, held against what FastEstimator 1.7 did in them."""

import csv
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

import fastestimator_lite as fe
from fastestimator_lite.backend import get_lr
from fastestimator_lite.dataset import NumpyDataset
from fastestimator_lite.op.numpyop import LambdaOp
from fastestimator_lite.op.tensorop.loss import MeanSquaredError
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp
from fastestimator_lite.schedule import EpochScheduler, RepeatScheduler, cosine_decay
from fastestimator_lite.trace import Trace
from fastestimator_lite.trace.adapt import LRScheduler

GOLDEN = Path(__file__).parent.parent / "golden" / "fe_e2e_schedule.csv"


def table():
    found = defaultdict(list)
    with GOLDEN.open(newline="") as file:
        for row in csv.DictReader(file):
            found[row["setting_id"]].append(row)
    return found


def constant(value, count=12):
    return NumpyDataset({"x": np.full((count, 1), value, np.float32), "y": np.full((count, 1), 50.0, np.float32)})


def scheduled(spec, make):
    if not isinstance(spec, dict):
        return make(spec)
    ((kind, values),) = spec.items()
    if kind == "EpochScheduler":
        return EpochScheduler({int(epoch): None if value is None else make(value) for epoch, value in values.items()})
    return RepeatScheduler([None if value is None else make(value) for value in values])


def optimizer(framework, text):
    name, _, rate = text.split()
    if framework == "torch":
        import torch

        return lambda parameters: getattr(torch.optim, name)(parameters, lr=float(rate))
    import keras

    return lambda: getattr(keras.optimizers, name)(float(rate))


def linear(framework):
    if framework == "torch":
        import torch

        return lambda: torch.nn.Linear(1, 1)
    import keras

    return lambda: keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1)])


class Named(Trace):
    def __init__(self, name, events):
        super().__init__(mode="train")
        self.name, self.events = name, events

    def on_epoch_begin(self, data):
        self.events.append(f"{self.name}.epoch_begin")


class Rows(Trace):
    """A row for each batch, in the columns of the table."""

    def __init__(self, models, events):
        super().__init__(inputs="x")
        self.models, self.events, self.rows = models, events, []

    def on_batch_begin(self, data):
        self.before = {name: weights(model) for name, model in self.models.items()}

    def on_batch_end(self, data):
        system = self.system
        moved = [
            name
            for name, model in self.models.items()
            if any(np.any(a != b) for a, b in zip(self.before[name], weights(model), strict=True))
        ]
        self.rows.append(
            {
                "mode": system.mode,
                "epoch": str(system.epoch_idx),
                "batch_size": str(len(data["x"])),
                "global_step": str(system.global_step) if system.mode == "train" else "",
                "x_mean": float(np.mean(np.asarray(data["x"]))),
                "models_updated": " ".join(moved),
                "optimizer": {name: type(model.fe.current_optimizer).__name__ for name, model in self.models.items()},
                "lr": {name: get_lr(model) for name, model in self.models.items()},
                "events": " ".join(self.events),
            }
        )
        self.events.clear()


def weights(model):
    if hasattr(model, "state_dict"):
        return [value.clone().numpy() for value in model.state_dict().values()]
    return [value.numpy() for value in model.trainable_variables]


def run(framework, spec):
    events = []
    default = "Adam lr 0.01" if "model_op" in spec else "SGD lr 0.1"
    chosen = scheduled(spec.get("optimizer", default), lambda text: optimizer(framework, text))
    one = fe.build(linear(framework), chosen, model_name="m1")
    models = {"m1": one}
    if "model_op" in spec:
        models["m2"] = fe.build(linear(framework), optimizer(framework, "Adam lr 0.02"), model_name="m2")
    model_op = scheduled(spec.get("model_op", "m1"), lambda name: ModelOp(models[name], "x", "pred"))
    update_op = scheduled(spec.get("model_op", "m1"), lambda name: UpdateOp(models[name], "mse"))
    network = fe.Network([model_op, MeanSquaredError(("pred", "y"), "mse"), update_op])
    train = scheduled(spec.get("train_data", "x=1"), lambda text: constant(float(text[2:])))
    evaluation = "x=2" if spec.get("eval") is True else spec.get("eval_data")
    ops = [
        scheduled(op, lambda text: LambdaOp(lambda x: x * np.float32(text[2:]), "x", "x"))
        for op in spec.get("pipeline_ops", [])
    ]
    sizes = {"F05": 6}
    pipeline = fe.Pipeline(
        train_data=train,
        eval_data=None if evaluation is None else scheduled(evaluation, lambda text: constant(float(text[2:]))),
        batch_size=scheduled(spec.get("batch_size", sizes.get(spec["id"], 12)), int),
        ops=ops,
        num_process=0,
    )
    rows = Rows(models, events)
    traces = [scheduled(trace, lambda name: Named(name, events)) for trace in spec.get("traces", [])]
    if spec["id"] == "F03":
        traces.append(Named("M", events))
    if "lr_fn" in spec:
        step_clock = spec["lr_fn"].startswith("step")
        traces.append(
            LRScheduler(
                one,
                (lambda step: cosine_decay(step, cycle_length=6, init_lr=0.1))
                if step_clock
                else (lambda epoch: 0.1 * epoch),
            )
        )
    fe.Estimator(pipeline, network, epochs=spec["epochs"], traces=[*traces, rows], log_steps=None).fit(warmup=False)
    return rows.rows


@pytest.mark.parametrize("setting", sorted(table()))
def test_a_run_equals_the_golden_table(tensor_framework, setting):
    expected = table()[setting]
    found = run(tensor_framework, {**json.loads(expected[0]["params_json"]), "id": setting})
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        for column in ("mode", "epoch", "global_step", "batch_size", "models_updated"):
            assert ours[column] == theirs[column], (column, ours, theirs)
        assert ours["x_mean"] == pytest.approx(float(theirs["x_mean"]))
        assert ours["optimizer"] == json.loads(theirs["optimizer_json"])
        for name, rate in json.loads(theirs["lr_used_json"]).items():
            assert np.float32(ours["lr"][name]) == np.float32(rate), (ours, theirs)
        assert ours["events"] == theirs["trace_events_since_last_batch"]
