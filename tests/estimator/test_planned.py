"""Planned equals applied: the timeline says what a run then really does, in both frameworks."""

import numpy as np
import pytest

import fastestimator_lite as fe
from fastestimator_lite.backend.optimizer import param_groups
from fastestimator_lite.dataset import NumpyDataset
from fastestimator_lite.op.numpyop import LambdaOp, NumpyOp
from fastestimator_lite.op.tensorop.loss import MeanSquaredError
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp
from fastestimator_lite.schedule import Epochs, EpochScheduler, Fraction, RepeatScheduler, Steps, cosine, linear
from fastestimator_lite.schedule.schedule import Calendar
from fastestimator_lite.trace import Trace
from fastestimator_lite.trace.adapt import LRScheduler, OptimizerSchedule, ReduceLROnPlateau, TrainableSchedule

EPOCHS = 6


def data(count):
    x = np.random.default_rng(0).standard_normal((count, 2)).astype(np.float32)
    return NumpyDataset({"x": x, "y": x.sum(1, keepdims=True) + 1})


def linear_model(framework):
    if framework == "torch":
        import torch

        return lambda: torch.nn.Linear(2, 1)
    import keras

    return lambda: keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1, name="head")])


def adamw(framework, rate):
    if framework == "torch":
        import torch

        return lambda parameters: torch.optim.AdamW(parameters, lr=rate, weight_decay=0.01)
    import keras

    return lambda: keras.optimizers.AdamW(rate, weight_decay=0.01)


def weights(model):
    if hasattr(model, "state_dict"):
        return [value.clone().numpy() for value in model.state_dict().values()]
    return [value.numpy() for value in model.variables]


class Shift(NumpyOp):
    """Writes down that it ran, and with which amount."""

    def __init__(self, amount, log, mode=None):
        super().__init__("x", "x", mode=mode)
        self.amount, self.log = amount, log

    def forward(self, data, state):
        self.log.setdefault((state["mode"], state["epoch"]), set()).add(self.amount)
        return data + np.float32(self.amount)


class Marker(Trace):
    def __init__(self, name, log):
        super().__init__(mode="train")
        self.name, self.log = name, log

    def on_epoch_begin(self, data):
        self.log.setdefault(self.system.epoch_idx, []).append(self.name)


class Watch(Trace):
    """Writes down, epoch by epoch, what was in force."""

    def __init__(self, models):
        super().__init__(inputs="x")
        self.models, self.seen, self.evaluated = models, {}, {}

    def on_epoch_begin(self, data):
        if self.system.mode == "train":
            self.before = {model.fe.name: weights(model) for model in self.models}

    def on_batch_end(self, data):
        epoch = self.system.epoch_idx
        if self.system.mode == "eval":
            self.evaluated[epoch] = self.evaluated.get(epoch, 0) + 1
            return
        row = self.seen.setdefault(epoch, {"steps": 0, "size": len(data["x"]), "fields": []})
        row["steps"] += 1
        fields = {}
        for model in self.models:
            optimizer = model.fe.current_optimizer
            for field in ("lr", "weight_decay"):
                if optimizer is not None and field in param_groups(optimizer)[0]:
                    fields[f"{model.fe.name}_{field}"] = float(param_groups(optimizer)[0][field])
        row["fields"].append(fields)

    def on_epoch_end(self, data):
        if self.system.mode == "train":
            moved = [
                model
                for model in self.models
                if any(
                    not np.array_equal(a, b) for a, b in zip(self.before[model.fe.name], weights(model), strict=True)
                )
            ]
            self.seen[self.system.epoch_idx]["trains"] = {
                model.fe.name: type(model.fe.current_optimizer).__name__ for model in moved
            }


@pytest.fixture
def job(tensor_framework):
    """A run in which everything changes, its timeline made before, and what was seen in it."""
    ops, traces = {}, {}
    one = fe.build(linear_model(tensor_framework), EpochScheduler({1: "adam", 2: "sgd", 4: "adam"}), model_name="one")
    two = fe.build(linear_model(tensor_framework), adamw(tensor_framework, 0.05), model_name="two")
    small, large = data(8), data(12)
    pipeline = fe.Pipeline(
        train_data=EpochScheduler({1: small, 3: large, 5: None, 6: small}),
        eval_data=RepeatScheduler([small, None]),
        batch_size=RepeatScheduler([4, 2]),
        num_process=0,
        ops=[EpochScheduler({1: Shift(0.0, ops), 2: Shift(0.5, ops), 4: None}), Shift(0.25, ops, mode="eval")],
    )
    network = fe.Network(
        [
            EpochScheduler({1: ModelOp(one, "x", "pred"), 3: ModelOp(two, "x", "pred"), 6: ModelOp(one, "x", "pred")}),
            MeanSquaredError(("pred", "y"), "mse"),
            EpochScheduler({1: UpdateOp(one, "mse"), 3: UpdateOp(two, "mse"), 6: UpdateOp(one, "mse")}),
        ]
    )
    watch = Watch([one, two])
    estimator = fe.Estimator(
        pipeline,
        network,
        epochs=EPOCHS,
        log_steps=None,
        traces=[
            EpochScheduler(
                {1: LRScheduler(one, lambda step: 0.1 / step), 2: LRScheduler(one, lambda epoch: 0.01 * epoch)}
            ),
            OptimizerSchedule(two, "lr", cosine(0.05, 0.001, Steps(6)).warmup(Steps(2))),
            OptimizerSchedule(two, "weight_decay", linear(0.1, 0.0, Fraction(0.75))),
            EpochScheduler({2: Marker("a", traces), 3: Marker("b", traces), 4: None}),
            watch,
        ],
    )
    timeline = estimator.timeline()
    estimator.fit()
    return timeline, watch, ops, traces


def test_the_plan_is_what_the_run_did(job):
    timeline, watch, ops, traces = job
    sizes = {1: 8, 2: 8, 3: 12, 4: 12, 6: 8}
    assert set(watch.seen) == {1, 2, 3, 4, 6}
    for epoch in range(1, EPOCHS + 1):
        planned, seen = timeline.at(epoch), watch.seen.get(epoch)
        if seen is None:
            for part in ("train data", "steps", "train ops", "train network", "trains"):
                assert planned[part] == "-"
            continue
        assert f"({sizes[epoch]} samples)" in planned["train data"]
        assert planned["batch size"].split(" ")[0] == str(seen["size"])
        assert planned["steps"] == str(seen["steps"])
        assert planned["eval steps"] == str(watch.evaluated.get(epoch, "-"))
        for mode in ("train", "eval"):
            told = {amount for amount in (0.0, 0.25, 0.5) if f"Shift({amount}" in planned[f"{mode} ops"]}
            assert told == ops.get((mode, epoch), set()), (epoch, mode)
        assert planned["trains"] == ", ".join(f"{name} ({kind})" for name, kind in _numbered(epoch, seen["trains"]))
        assert [name for name in "ab" if f"Marker('{name}'" in planned["traces"]] == traces.get(epoch, [])


def _numbered(epoch, trains):
    """Model "one" has two Adams in its schedule, which the timeline tells apart."""
    second = {"Adam": "Adam #2" if epoch >= 4 else "Adam #1"}
    return [(name, second.get(kind, kind) if name == "one" else kind) for name, kind in trains.items()]


def test_planned_numbers_are_those_of_the_first_and_last_step(job):
    timeline, watch, _, _ = job
    compared = []
    for course in timeline.courses:
        for epoch, pair in enumerate(course.pairs, 1):
            if pair is None:
                continue
            fields = watch.seen[epoch]["fields"]
            assert pair[0] == pytest.approx(fields[0][course.name], rel=1e-6), (course.name, epoch)
            assert pair[1] == pytest.approx(fields[-1][course.name], rel=1e-6), (course.name, epoch)
            compared.append((course.name, epoch))
    assert [course.name for course in timeline.courses] == ["one_lr", "two_lr", "two_weight_decay"]
    assert compared == [
        *(("one_lr", epoch) for epoch in (1, 2, 3, 4, 6)),
        ("two_lr", 3),
        ("two_lr", 4),
        ("two_weight_decay", 3),
        ("two_weight_decay", 4),
    ]


def test_courses_in_words(job):
    timeline = job[0]
    assert timeline.course("one_lr").words(1, 1) == "0.1 -> 0.05"
    assert timeline.course("one_lr").words(2, 2) == "0.02"
    assert timeline.at(5)["one_lr"] == timeline.at(5)["two_lr"] == "-"
    assert timeline.at(3)["two_lr"].startswith("0 -> ")


def simple(framework, traces=None, epochs=4, optimizer="sgd", **pipeline):
    model = fe.build(linear_model(framework), optimizer, model_name="m")
    network = fe.Network([ModelOp(model, "x", "pred"), MeanSquaredError(("pred", "y"), "mse"), UpdateOp(model, "mse")])
    pipeline = fe.Pipeline(**{"train_data": data(8), "batch_size": 4, "num_process": 0, **pipeline})
    made = [trace(model) for trace in traces or ()]
    return fe.Estimator(pipeline, network, epochs=epochs, traces=made, log_steps=None)


def test_an_unscheduled_rate_is_that_of_the_optimizer():
    timeline = simple("torch").timeline()
    assert timeline.course("m_lr").pairs == ((0.01, 0.01),) * 4
    assert "  m_lr: 0.01" in str(timeline).splitlines()


def test_a_schedule_that_ends_leaves_its_last_rate_in_force():
    run = simple(
        "torch",
        [
            lambda model: EpochScheduler({1: LRScheduler(model, lambda epoch: epoch / 8), 3: None}),
            lambda model: Watch([model]),
        ],
    )
    timeline = run.timeline()
    assert timeline.course("m_lr").pairs == ((0.125, 0.125), (0.25, 0.25), (0.25, 0.25), (0.25, 0.25))
    run.fit()
    (watch,) = [trace for trace in run.traces if isinstance(trace, Watch)]
    assert [watch.seen[epoch]["fields"][-1]["m_lr"] for epoch in range(1, 5)] == [0.125, 0.25, 0.25, 0.25]


def test_only_epochs_that_a_trace_speaks_of_are_asked_for(monkeypatch):
    looked = []
    twin = Calendar.twin
    monkeypatch.setattr(Calendar, "twin", lambda self, epoch: looked.append(epoch) or twin(self, epoch))

    def planner(model):
        return EpochScheduler({5_000: LRScheduler(model, lambda epoch: epoch / 8), 5_003: None})

    run = simple("torch", [planner], epochs=10_000)
    timeline = run.timeline()
    assert timeline.segments("m_lr") == [(1, 4_999, "0.01"), (5_000, 5_002, "625 -> 625.2"), (5_003, 10_000, "625.2")]
    assert timeline.course("m_lr").pairs[5_002:5_005] == ((625.25, 625.25),) * 3
    assert len(looked) < 100


def test_what_only_the_run_can_tell_is_named():
    run = simple("torch", [lambda model: ReduceLROnPlateau(model, "mse")], eval_data=data(4))
    assert run.timeline().at(1)["trains"] == "m (SGD, its rate also by ReduceLROnPlateau(m))"


def test_frozen_parameters_are_shown():
    run = simple("torch", [lambda model: TrainableSchedule(model, {1: "bias", 3: "*"})])
    assert run.timeline().segments("m trains") == [(1, 2, "bias"), (3, 4, "*")]


def test_asking_changes_nothing():
    run = simple(
        "torch",
        [
            lambda model: OptimizerSchedule(model, "momentum", linear(0.9, 0.1, Epochs(4))),
            lambda model: LRScheduler(model, lambda step: 0.3 / step),
        ],
    )
    model = run.network.models[0]
    before, groups = weights(model), [dict(group, params=None) for group in param_groups(model.fe.current_optimizer)]
    assert str(run.timeline()) == str(run.timeline())
    assert [dict(group, params=None) for group in param_groups(model.fe.current_optimizer)] == groups
    assert all(np.array_equal(one, other) for one, other in zip(before, weights(model), strict=True))


def test_ops_of_one_class_are_shown_in_full():
    ops = [LambdaOp(lambda x: x, "x", "x"), LambdaOp(lambda x: x, "x", "x")]
    assert simple("torch", ops=ops).timeline().at(1)["train ops"] == "LambdaOp #1, LambdaOp #2"
    switch = EpochScheduler({1: Shift(1, {}), 3: Shift(2, {})})
    segments = simple("torch", ops=[switch]).timeline().segments("train ops")
    assert segments == [(1, 2, "Shift(1, {})"), (3, 4, "Shift(2, {})")]


def test_the_network_of_eval_is_shown_where_it_differs():
    run = simple("torch", eval_data=data(4))
    assert "eval network" not in run.timeline().parts
    model = fe.build(linear_model("torch"), "sgd", model_name="n")
    loss = MeanSquaredError(("pred", "y"), "mse", mode="train")
    network = fe.Network([ModelOp(model, "x", "pred"), loss, UpdateOp(model, "mse")])
    pipeline = fe.Pipeline(train_data=data(8), eval_data=data(4), batch_size=4, num_process=0)
    other = fe.Estimator(pipeline, network, epochs=2)
    assert other.timeline().at(1)["eval network"] == "ModelOp(n)"


def test_the_batch_size_of_eval_is_shown_where_it_differs():
    run = simple("torch", eval_data=data(4), batch_size={"train": 4, "eval": 2})
    assert run.timeline().at(1)["batch size"] == "4 (eval: 2)"
