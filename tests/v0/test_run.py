"""Pipeline, build, Network, Estimator and LRController as FastEstimator 0.x spelled them, here on torch."""

import numpy as np
import pytest

import fastestimator_lite.v0 as fe
from fastestimator_lite.trace import Trace
from fastestimator_lite.util.errors import ConfigError
from fastestimator_lite.v0.op.tensorop import Scale
from fastestimator_lite.v0.op.tensorop.loss import SparseCategoricalCrossentropy
from fastestimator_lite.v0.op.tensorop.model import ModelOp
from fastestimator_lite.v0.schedule import CyclicLRSchedule, LRSchedule, Scheduler
from fastestimator_lite.v0.trace import LRController

torch = pytest.importorskip("torch")


def arrays(count, value=1.0):
    return {"x": np.full((count, 3), value, np.float32), "y": np.arange(count) % 2}


def linear():
    return torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Softmax(-1))


def model(name, loss="ce"):
    return fe.build(linear, name, lambda parameters: torch.optim.SGD(parameters, lr=0.5), loss)


class Spy(Trace):
    """A row for each training step: epoch from 0, batch size, mean of x, models that moved, and learning rates."""

    def __init__(self, *models):
        super().__init__(inputs="x", mode="train")
        self.models, self.rows = models, []

    def on_batch_begin(self, data):
        self.before = [one[0].weight.detach().clone() for one in self.models]
        self.rates = [one.fe.current_optimizer.param_groups[0]["lr"] for one in self.models]

    def on_batch_end(self, data):
        pairs = zip(self.models, self.before, strict=True)
        moved = [one.fe.name for one, before in pairs if (one[0].weight != before).any()]
        self.rows.append((self.system.epoch_idx - 1, len(data["x"]), float(data["x"].mean()), moved, self.rates))


def fit(pipeline, ops, epochs, *models, traces=(), **options):
    spy = Spy(*models)
    fe.Estimator(pipeline, fe.Network(ops), epochs, traces=[*traces, spy], log_steps=None, **options).fit(warmup=False)
    return spy.rows


def loss(name="ce"):
    return SparseCategoricalCrossentropy(inputs=("y", "p"), outputs=name)


def test_none_and_gaps_mean_nothing_here():
    one = model("one")
    ops = [Scheduler({1: Scale("x", 2.0, "x"), 2: None, 3: Scale("x", 3.0, "x")})]
    pipeline = fe.Pipeline({"train": arrays(8)}, batch_size=8, ops=ops)
    rows = fit(pipeline, [ModelOp(inputs="x", model=one, outputs="p"), loss()], 4, one)
    assert [row[:3] for row in rows] == [(0, 8, 1.0), (1, 8, 2.0), (2, 8, 1.0), (3, 8, 3.0)]
    assert all(row[3] == ["one"] for row in rows)


def test_no_batch_size_at_epoch_0_is_told():
    one = model("one")
    pipeline = fe.Pipeline({"train": arrays(8)}, batch_size=Scheduler({1: 4}))
    with pytest.raises(ConfigError, match="batch_size has no value for epoch 1 "):
        fit(pipeline, [ModelOp(inputs="x", model=one, outputs="p"), loss()], 2, one)


def test_scheduled_data_and_traces():
    one, events = model("one"), []

    class Note(Trace):
        def on_epoch_begin(self, data):
            events.append(self.system.epoch_idx - 1)

    pipeline = fe.Pipeline({"train": Scheduler({0: arrays(8), 1: arrays(4, 5.0)})}, batch_size=4)
    rows = fit(pipeline, [ModelOp(inputs="x", model=one, outputs="p"), loss()], 3, one, traces=[Scheduler({1: Note()})])
    assert [row[:3] for row in rows] == [(0, 4, 1.0), (0, 4, 1.0), (1, 4, 5.0), (2, 4, 5.0)]
    assert events == [1, 2]


def test_each_model_learns_from_its_own_loss():
    one, two = model("one", "loss1"), model("two", "loss2")
    ops = [
        ModelOp(inputs="x", model=one, outputs="p"),
        loss("loss1"),
        Scheduler({1: ModelOp(inputs="x", model=two, outputs="p")}),
        loss("loss2"),
    ]
    rows = fit(fe.Pipeline({"train": arrays(8)}, batch_size=8), ops, 2, one, two)
    assert [row[3] for row in rows] == [["one"], ["one", "two"]]


def test_a_model_that_runs_twice_learns_once():
    one = model("one")
    inputs, truth = torch.ones(8, 3), torch.arange(8) % 2
    torch.nn.functional.nll_loss(one(inputs).log(), truth).backward()
    expected = (one[0].weight - 0.5 * one[0].weight.grad).detach()
    ops = [ModelOp(inputs="x", model=one, outputs="p"), ModelOp(inputs="x", model=one, outputs="q"), loss()]
    network = fe.Network(ops)
    assert [type(value).__name__ for item in network.ops[3:] for value in item.get_all_values()] == ["UpdateOp"]
    fe.Estimator(fe.Pipeline({"train": arrays(8)}, 8), network, 1, log_steps=None).fit(warmup=False)
    torch.testing.assert_close(one[0].weight.detach(), expected)


def test_a_model_that_runs_only_in_eval_does_not_learn():
    one, two = model("one"), model("two")
    ops = [
        ModelOp(inputs="x", model=one, outputs="p"),
        loss(),
        ModelOp(inputs="x", model=two, outputs="q", mode="eval"),
    ]
    rows = fit(fe.Pipeline({"train": arrays(8), "eval": arrays(4)}, batch_size=8), ops, 1, one, two)
    assert [row[3] for row in rows] == [["one"]]


def test_steps_per_epoch_and_validation_steps():
    one = model("one")
    pipeline = fe.Pipeline({"train": arrays(8), "eval": arrays(8)}, batch_size=2)
    ops = [ModelOp(inputs="x", model=one, outputs="p"), loss()]
    rows = fit(pipeline, ops, 2, one, steps_per_epoch=3, validation_steps=1)
    assert [row[0] for row in rows] == [0, 0, 0, 1, 1, 1]


def test_build_takes_an_optimizer_that_is_there_and_several_models():
    net = linear()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.25)
    built = fe.build(lambda: net, "one", optimizer, "ce")
    assert built.fe.current_optimizer is optimizer
    many = fe.build(lambda: [linear(), linear()], ["a", "b"], ["adam", "sgd"], ["la", "lb"])
    assert [(one.fe.name, type(one.fe.current_optimizer).__name__, one.fe.loss_names) for one in many] == [
        ("a", "Adam", {"la"}),
        ("b", "SGD", {"lb"}),
    ]
    with pytest.raises(ConfigError, match=r"loss_name\) must be the key of a loss, one for each of the 2 models"):
        fe.build(lambda: [linear(), linear()], ["a", "b"], ["adam", "sgd"], "la")


def test_wrong_arguments_are_told():
    with pytest.raises(ConfigError, match=r"'trian' is no mode; .* Did you mean 'train'"):
        fe.Pipeline({"trian": arrays(4)}, batch_size=2)
    with pytest.raises(ConfigError, match=r"Pipeline\(data\) must be a dict"):
        fe.Pipeline(arrays, batch_size=2)
    with pytest.raises(ConfigError, match="must be an int >= 1, got 0"):
        fe.Pipeline({"train": arrays(4)}, batch_size=Scheduler({0: 0}))
    from fastestimator_lite.network.build import build

    with pytest.raises(ConfigError, match="'today' has no loss_name"):
        fe.Network([ModelOp(inputs="x", model=build(linear, "sgd", model_name="today"), outputs="p"), loss()])


def rates(*traces, epochs=3):
    """The learning rate of each step; it is built with 0.5, and an epoch has 4."""
    one = model("one")
    pipeline = fe.Pipeline({"train": arrays(8), "eval": arrays(4)}, batch_size=2)
    rows = fit(pipeline, [ModelOp(inputs="x", model=one, outputs="p"), loss()], epochs, one, traces=traces)
    return [row[4][0] for row in rows]


class Fixed(Trace):
    """Puts chosen values in the place of the eval loss."""

    def __init__(self, values):
        super().__init__(outputs="ce", mode="eval")
        self.values = iter(values)

    def on_epoch_end(self, data):
        data.write_without_log("ce", next(self.values))


def test_a_cycle_lasts_over_the_run():
    schedule = CyclicLRSchedule(decrease_method="linear")
    found = rates(LRController("one", schedule))
    np.testing.assert_allclose(found, [1e-6 + (0.5 - 1e-6) * (1 - step / 12) for step in range(12)], rtol=1e-6)
    assert schedule.total_train_steps == 12
    assert schedule.total_epochs == 3


def test_a_schedule_of_epochs_counts_from_0():
    class Halved(LRSchedule):
        def __init__(self):
            super().__init__("epoch")

        def schedule_fn(self, current_step_or_epoch, lr):
            return lr * 0.5**current_step_or_epoch

    assert rates(LRController("one", Halved())) == [0.5] * 4 + [0.25] * 4 + [0.125] * 4


def test_the_factor_falls_again_in_each_further_epoch():
    controller = LRController("one", reduce_on_eval=True, reduce_patience=2, reduce_factor=0.5, min_lr=0.1)
    found = rates(Fixed([1.0, 2.0, 2.0, 2.0, 2.0, 2.0]), controller, epochs=6)
    assert found[::4] == pytest.approx([0.5, 0.5, 0.5, 0.25, 0.125, 0.1])


def test_larger_is_better_in_mode_max():
    controller = LRController("one", reduce_on_eval=True, reduce_patience=1, reduce_factor=0.5, reduce_mode="max")
    assert rates(Fixed([1.0, 2.0, 1.5, 1.5]), controller, epochs=4)[::4] == pytest.approx([0.5, 0.5, 0.5, 0.25])


def test_wrong_controllers_are_told():
    with pytest.raises(ConfigError, match="must be 'min' or 'max', got 'low'"):
        LRController("one", reduce_mode="low")
    with pytest.raises(ConfigError, match="must be an LRSchedule"):
        LRController("one", lr_schedule=lambda step: 0.1)
    with pytest.raises(ConfigError, match="has no model 'on'; it has: 'one'. Did you mean 'one'"):
        rates(LRController("on", CyclicLRSchedule()))
