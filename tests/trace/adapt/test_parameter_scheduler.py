"""Schedulers of optimizer fields in whole runs: what is recorded equals what is simulated."""

import json

import numpy as np
import pytest

import fastestimator_lite as fe
from fastestimator_lite.backend.card import card_of
from fastestimator_lite.backend.optimizer import param_groups
from fastestimator_lite.op.tensorop.loss.cross_entropy import CrossEntropy
from fastestimator_lite.op.tensorop.model.model import ModelOp
from fastestimator_lite.op.tensorop.model.update import UpdateOp
from fastestimator_lite.schedule.curve import Horizon
from fastestimator_lite.schedule.parameter import CosineLrScheduler, StatefulSchedulerBase, WSDLrScheduler
from fastestimator_lite.schedule.recipe import scheduler_from_config
from fastestimator_lite.schedule.schedule import EpochScheduler
from fastestimator_lite.schedule.simulation import simulate
from fastestimator_lite.trace.adapt.lr_scheduler import LRScheduler
from fastestimator_lite.trace.adapt.parameter_scheduler import ParameterScheduler
from fastestimator_lite.trace.trace import Trace
from fastestimator_lite.util.data import Data
from fastestimator_lite.util.errors import ConfigError

CONFIG = {"training": {"epochs": 4, "scheduler": {"name": "multi_step", "milestones": [1, 3], "gamma": 0.5}}}


class Halve(StatefulSchedulerBase):
    """Builds each value on the one before, as the examples of pytorch-accelerated do."""

    def __init__(self, optimizer, field="lr"):
        super().__init__(optimizer, field)

    def get_updated_values(self, num_updates):
        if num_updates % 2 == 0:
            return None
        return [group[self.param_group_field] * 0.5 for group in self.optimizer.param_groups]


class Seen(Trace):
    """Remembers a field of the optimizer in force, as each training step used it."""

    def __init__(self, model, field="lr"):
        super().__init__(mode="train")
        self.model, self.field, self.rows = model, field, []

    def on_batch_end(self, data):
        groups = param_groups(card_of(self.model).current_optimizer)
        self.rows += [
            (self.system.epoch_idx, self.system.global_step, self.field, index, float(group[self.field]))
            for index, group in enumerate(groups)
        ]


def recorded(make, scheduler, field="lr", **arguments):
    """What a run of two steps an epoch used, and the trace."""
    kept = []

    def traces(model):
        given = scheduler(model) if field is None else scheduler
        kept.extend([ParameterScheduler(model, given), Seen(model, field or "lr")])
        return kept

    make(traces, **arguments).fit()
    return kept[1].rows, kept[0]


def rows_of(found):
    return [tuple(row.values()) for row in found]


def same(rows, found):
    assert [row[:4] for row in rows] == [row[:4] for row in rows_of(found)]
    assert [row[4] for row in rows] == pytest.approx([row["value"] for row in found], rel=1e-6)


def torch_sgd(*rates, weight_decay=0.0):
    """An optimizer of a linear model with a group for the weight and one for the bias."""
    import torch

    def make(parameters):
        groups = [{"params": [one], "lr": rate} for one, rate in zip(parameters, rates, strict=True)]
        return torch.optim.SGD(groups, lr=1.0, weight_decay=weight_decay)

    return make


FACTORIES = {
    "cosine": lambda optimizer: CosineLrScheduler(optimizer, 4, 2, num_warmup_epochs=1),
    "cosine as it was": lambda optimizer: CosineLrScheduler(
        optimizer, 4, 2, num_warmup_epochs=1, compat="pytorch_accelerated"
    ),
    "wsd": lambda optimizer: WSDLrScheduler(optimizer, 4, 2, num_warmup_steps=2, decay_phase_ratio=0.4),
    "built on the one before": Halve,
    "recipe": lambda optimizer: scheduler_from_config(optimizer, CONFIG),
}


@pytest.mark.parametrize("kind", FACTORIES)
def test_what_a_run_uses_is_what_is_simulated(estimator, kind):
    rows, trace = recorded(estimator, FACTORIES[kind], epochs=4)
    base = next(iter(trace.schedulers.values())).base_lr_values[0]
    same(rows, simulate(FACTORIES[kind], 4, 2, groups=[{"lr": base}]))
    assert len({row[4] for row in rows}) > 2


def test_all_groups_in_double_precision(torch_estimator):
    rows, _ = recorded(torch_estimator, FACTORIES["cosine"], epochs=4, optimizer_fn=torch_sgd(0.1, 0.01))
    assert rows == rows_of(simulate(FACTORIES["cosine"], 4, 2, groups=[{"lr": 0.1}, {"lr": 0.01}]))


def test_another_field(torch_estimator):
    def factory(optimizer):
        return Halve(optimizer, "weight_decay")

    rows, trace = recorded(torch_estimator, factory, "weight_decay", optimizer_fn=torch_sgd(0.1, 0.1, weight_decay=0.5))
    assert rows == rows_of(simulate(factory, 2, 2, groups=[{"weight_decay": 0.5}] * 2))
    assert trace.outputs == ["m_weight_decay_0", "m_weight_decay_1"]


def test_another_field_of_keras_reaches_the_graph(samples):
    import keras

    model = fe.build(
        lambda: keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(2)]),
        lambda: keras.optimizers.SGD(0.1, weight_decay=0.0),
        model_name="m",
    )

    class Off(StatefulSchedulerBase):
        def get_updated_values(self, num_updates):
            return 9.0 if num_updates == 1 else 0.0  # (1 - 0.1 * 9) = 0.1

    network = fe.Network([ModelOp(model, "x", "p"), Zero(("p", "y"), "ce", from_logits=True), UpdateOp(model, "ce")])
    before = []
    trace = Weights(model, before)
    pipeline = fe.Pipeline(train_data=samples(), batch_size=2, num_process=0)
    fe.Estimator(
        pipeline,
        network,
        epochs=1,
        log_steps=None,
        traces=[ParameterScheduler(model, lambda optimizer: Off(optimizer, "weight_decay")), trace],
    ).fit()
    first = before[0]
    assert before[1] == pytest.approx(first)
    assert before[2] == pytest.approx(0.1 * first, rel=1e-4)
    assert before[3] == pytest.approx(0.1 * first, rel=1e-4)


class Zero(CrossEntropy):
    """A loss that moves nothing."""

    def forward(self, data, state):
        return 0.0 * super().forward(data, state)


class Weights(Trace):
    def __init__(self, model, seen):
        super().__init__(mode="train")
        self.model, self.seen = model, seen

    def on_batch_end(self, data):
        self.seen.append(np.array(self.model.get_weights()[0]))


def test_a_scheduler_made_with_the_optimizer(torch_estimator):
    rows, trace = recorded(torch_estimator, lambda model: CosineLrScheduler(card_of(model).optimizer, 2, 2), None)
    assert [row[4] for row in rows] == [
        one["value"]
        for one in simulate(lambda optimizer: CosineLrScheduler(optimizer, 2, 2), 2, 2, groups=[{"lr": 0.01}])
    ]
    assert list(trace.schedulers) == ["0"]


def test_a_scheduler_made_with_a_keras_optimizer(build, tensor_framework):
    model = build()
    trace = ParameterScheduler(model, CosineLrScheduler(card_of(model).optimizer, 2, 2))
    assert trace.outputs == ["m_lr"]
    other = CosineLrScheduler(card_of(build(model_name="n")).optimizer, 2, 2)
    with pytest.raises(ConfigError, match="made with another optimizer than that of model 'm'"):
        ParameterScheduler(model, other)


def test_steps_that_gather_gradients_do_not_count(estimator, build, samples):
    model = build()
    network = fe.Network(
        [
            ModelOp(model, "x", "p"),
            CrossEntropy(("p", "y"), "ce", from_logits=True),
            UpdateOp(model, "ce", merge_grad=3),
        ]
    )
    pipeline = fe.Pipeline(train_data=samples(), batch_size=2, num_process=0)
    seen = Seen(model)
    fe.Estimator(
        pipeline,
        network,
        epochs=2,
        log_steps=None,
        traces=[ParameterScheduler(model, lambda optimizer: CosineLrScheduler(optimizer, 1, 2)), seen],
    ).fit()
    used = [row[4] for row in seen.rows]
    low, half, high = 1e-6, (0.01 + 1e-6) / 2, 0.01
    assert used == pytest.approx([high] * 3 + [half] + [low] * 4, rel=1e-5)


def test_a_schedule_of_optimizers_has_one_clock(torch_estimator):
    rows, trace = recorded(
        torch_estimator, FACTORIES["cosine"], epochs=4, optimizer_fn=EpochScheduler({1: "sgd", 3: "adam"})
    )
    sgd, adam = (simulate(FACTORIES["cosine"], 4, 2, groups=[{"lr": base}]) for base in (0.01, 0.001))
    assert rows == rows_of(sgd)[:4] + rows_of(adam)[4:]
    assert list(trace.schedulers) == ["0", "1"]


def test_a_second_fit_begins_again(torch_estimator):
    for kind in FACTORIES:
        kept = []

        def traces(model, kind=kind, kept=kept):
            kept.extend([ParameterScheduler(model, FACTORIES[kind]), Seen(model)])
            return kept

        estimator = torch_estimator(traces, epochs=3)
        estimator.fit()
        first, kept[1].rows = kept[1].rows, []
        estimator.fit()
        assert kept[1].rows == first, kind


def test_it_logs_what_a_step_used(torch_estimator, capsys):
    recorded(torch_estimator, Halve, epochs=2)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("FastEstimator-Train")]
    assert "m_lr: 0.01;" in lines[0]
    assert "m_lr: 0.005;" in next(line for line in lines if "step: 4;" in line)


def test_it_knows_beforehand_what_it_will_do(torch_estimator):
    kept = []

    def traces(model):
        kept.extend([ParameterScheduler(model, FACTORIES["cosine"]), Seen(model)])
        return kept

    estimator = torch_estimator(traces, epochs=4, optimizer_fn=torch_sgd(0.1, 0.01))
    planned = [kept[0].planned(epoch, Horizon.even(4, 2)) for epoch in (1, 2, 3, 4)]
    estimator.fit()
    assert [kept[0].planned(epoch, Horizon.even(4, 2)) for epoch in (1, 2, 3, 4)] == planned
    for epoch, plan in enumerate(planned, 1):
        used = [[row[4] for row in kept[1].rows if row[0] == epoch and row[3] == group] for group in (0, 1)]
        assert plan == {f"m_lr_{group}": (used[group][0], used[group][-1]) for group in (0, 1)}


def test_it_finds_out_once_what_it_will_do(torch_estimator, monkeypatch):
    updates = []
    before_update = Halve.before_update

    def counted(self, num_updates, epoch):
        updates.append((num_updates, epoch))
        return before_update(self, num_updates, epoch)

    monkeypatch.setattr(Halve, "before_update", counted)
    # a hash of a horizon walks over all of its epochs: asked for each epoch, that is a square
    monkeypatch.setattr(Horizon, "__hash__", lambda self: pytest.fail("a horizon is hashed"))
    kept = []

    def traces(model):
        kept.append(ParameterScheduler(model, Halve))
        return kept

    torch_estimator(traces, epochs=3, optimizer_fn=torch_sgd(0.8, 8.0))
    planned = [kept[0].planned(epoch, Horizon.even(3, 2)) for epoch in (3, 1, 2, 4)]
    expected = ((0.2, 0.2), (0.8, 0.8), (0.4, 0.4))
    assert planned == [{"m_lr_0": (a, b), "m_lr_1": (10 * a, 10 * b)} for a, b in expected] + [{}]
    assert updates == [(0, 1), (1, 1), (2, 2), (3, 2), (4, 3), (5, 3)]


# by hand: resuming, and controllers of the learning rate


@pytest.fixture
def hand(system, placed, torch_model):
    """A trace by hand: hand(factory) gives the trace and a function that trains some updates and tells the rates."""

    def make(factory):
        card = card_of(torch_model)
        trace = placed(ParameterScheduler(torch_model, factory))

        def train(updates):
            used = []
            for _ in range(updates):
                system.epoch_idx = card.updates.count // 2 + 1
                trace.on_batch_begin(Data())
                used.append(card.optimizer.param_groups[0]["lr"])
                card.updates.add()
            return used

        return trace, train

    return make


@pytest.mark.parametrize("kind", FACTORIES)
def test_a_resumed_run_goes_on(hand, torch_model, kind):
    card = card_of(torch_model)
    trace, train = hand(FACTORIES[kind])
    whole = [train(3), json.loads(json.dumps(trace.state_dict())), train(4)]
    trace, train = hand(FACTORIES[kind])
    card.updates.set(3)
    trace.system.epoch_idx = 2
    trace.load_state_dict(whole[1])
    card.optimizer.param_groups[0]["lr"] = 123.0  # whatever the optimizer's own state says
    trace.on_begin(Data())
    assert train(4) == whole[2]


def test_controllers_multiply_a_value_that_builds_on_the_one_before(hand, torch_model):
    card = card_of(torch_model)
    trace, train = hand(Halve)
    assert train(3) == [0.01, 0.01, 0.005]
    card.lr_factors["plateau"] = (0.1, 0.0)
    card.optimizer.param_groups[0]["lr"] *= 0.1
    assert train(3) == pytest.approx([0.0005, 0.00025, 0.00025])
    state = trace.state_dict()
    assert state["0"]["values"] == [0.0025]
    assert state["0"]["scheduler"]["values"] == [0.0025]
    assert card.optimizer.param_groups[0]["lr"] == pytest.approx(0.00025)
    card.lr_factors.clear()
    assert train(1) == [0.00125]


def test_a_model_whose_optimizer_comes_later_waits(hand, torch_model):
    trace, _ = hand(Halve)
    card_of(torch_model).current_optimizer = None
    trace.system.global_step = 1
    data = Data()
    trace.on_batch_end(data)
    assert data.read_logs() == {}


def test_a_state_of_other_optimizers_is_refused(hand):
    trace, _ = hand(Halve)
    with pytest.raises(ConfigError, match="of optimizers \\['1'\\], the model 'm' has \\['0'\\]"):
        trace.load_state_dict({"1": {}})


@pytest.mark.parametrize(
    ("scheduler", "told"),
    [
        (3, "must be a SchedulerBase, or a function of 'optimizer' that makes one, got int: 3"),
        (lambda step: 0.1, "must take one argument named 'optimizer'"),
        (lambda optimizer: 3, "must return a SchedulerBase, got int: 3"),
        (CosineLrScheduler, "it takes 'optimizer', 'total_num_epochs'"),
    ],
)
def test_what_is_no_scheduler_is_refused(torch_model, scheduler, told):
    with pytest.raises(ConfigError, match=told):
        ParameterScheduler(torch_model, scheduler)


def test_a_model_without_an_optimizer_is_refused(build):
    with pytest.raises(ConfigError, match="'m' has no optimizer"):
        ParameterScheduler(build(None), Halve)


def test_a_recipe_as_a_function_of_the_epoch(torch_estimator):
    kept = []

    def traces(model):
        scheduler = scheduler_from_config(card_of(model).optimizer, CONFIG)
        kept.append(Seen(model))
        return [LRScheduler(model, lr_fn=scheduler.rate), kept[0]]

    torch_estimator(traces, epochs=4).fit()
    assert [row[4] for row in kept[0].rows] == [
        float(np.float32(value)) for value in (0.01, 0.01, 0.005, 0.005, 0.005, 0.005, 0.0025, 0.0025)
    ]


def test_only_training_and_only_its_data_sets(torch_model):
    trace = ParameterScheduler(torch_model, Halve, ds_id="a")
    assert (trace.mode, trace.ds_id, trace.inputs, trace.outputs) == ({"train"}, {"a"}, [], ["m_lr"])
