import functools

import numpy as np
import pytest

from fastestimator_lite.backend.card import card_of
from fastestimator_lite.backend.model import get_lr
from fastestimator_lite.schedule import ARC, Epochs, Fraction, Horizon, Steps, cosine, linear
from fastestimator_lite.schedule.schedule import EpochScheduler
from fastestimator_lite.trace.adapt.lr_scheduler import LRScheduler
from fastestimator_lite.trace.trace import Trace
from fastestimator_lite.util.data import Data
from fastestimator_lite.util.errors import ConfigError


class Rates(Trace):
    """Remembers the learning rate that each training step used, and its optimizer."""

    def __init__(self, model):
        super().__init__(mode="train")
        self.model, self.seen = model, []

    def on_batch_end(self, data):
        self.seen.append((get_lr(self.model), type(card_of(self.model).current_optimizer).__name__.lower()))


def rates_of(estimator, lr_fn, **arguments):
    """What a run with a LRScheduler used at each step."""
    kept = []

    def traces(model):
        kept.append(Rates(model))
        return [LRScheduler(model, lr_fn), kept[0]]

    estimator(traces, **arguments).fit()
    return kept[0].seen


def float32(*values):
    return [float(np.float32(value)) for value in values]


def test_the_step_clock_counts_steps_of_the_run_from_1(estimator, capsys):
    seen = rates_of(estimator, lambda step: 0.1 / step)
    assert [rate for rate, _ in seen] == float32(0.1, 0.05, 0.1 / 3, 0.025)
    lines = capsys.readouterr().out.splitlines()
    logged = [line for line in lines if line.startswith("FastEstimator-Train") and "epoch:" not in line]
    assert ["m_lr: 0.1;" in logged[0], "m_lr: 0.05;" in logged[1], "m_lr: 0.025;" in logged[2]] == [True, True, True]
    assert len(logged) == 3
    assert "m_lr: 0.025;" in lines[-1]
    assert not any("m_lr" in line for line in lines if "epoch:" in line)


def test_the_epoch_clock_counts_epochs_from_1(estimator, capsys):
    seen = rates_of(estimator, lambda epoch: 0.1 * epoch)
    assert [rate for rate, _ in seen] == float32(0.1, 0.1, 0.2, 0.2)
    assert "m_lr: 0.2; steps/sec" in capsys.readouterr().out


def test_a_new_optimizer_gets_the_rate_from_its_first_step(torch_estimator):
    seen = rates_of(torch_estimator, lambda epoch: 0.1 * epoch, optimizer_fn=EpochScheduler({1: "sgd", 2: "adam"}))
    assert [name for _, name in seen] == ["sgd", "sgd", "adam", "adam"]
    assert [rate for rate, _ in seen] == float32(0.1, 0.1, 0.2, 0.2)


def test_only_training_and_only_its_data_sets(torch_model, system, placed):
    trace = placed(LRScheduler(torch_model, lambda step: 0.5, ds_id="a"))
    assert (trace.mode, trace.ds_id, trace.inputs, trace.outputs) == ({"train"}, {"a"}, [], ["m_lr"])


def test_it_logs_what_is_in_force_at_logged_steps(torch_model, system, placed):
    trace = placed(LRScheduler(torch_model, lambda step: 0.1))
    logs = []
    for system.global_step in (1, 2, 3, 4):
        data = Data()
        trace.on_batch_begin(data)
        trace.on_batch_end(data)
        logs.append(data.read_logs())
    assert logs == [{"m_lr": np.float32(0.1)}, {"m_lr": np.float32(0.1)}, {}, {"m_lr": np.float32(0.1)}]
    assert str(logs[0]["m_lr"]) == "0.1"


def test_a_model_whose_optimizer_comes_later_waits(system, placed, torch_model):
    card_of(torch_model).current_optimizer = None
    trace = placed(LRScheduler(torch_model, lambda epoch: 0.1))
    data = Data()
    system.epoch_idx = system.global_step = 1
    trace.on_epoch_begin(data)
    trace.on_batch_end(data)
    assert data.read_logs() == {}


def decay(epoch, base):
    return base / epoch


class Callable:
    def __call__(self, step):
        return 0.1


@pytest.mark.parametrize(
    ("lr_fn", "clock"),
    [
        (functools.partial(decay, base=0.1), "epoch"),
        (lambda step, base=0.1: base, "step"),
        (Callable(), "step"),
        (lambda epoch=1: 0.1, "epoch"),
    ],
)
def test_what_counts_as_a_function_of_one_argument(torch_model, lr_fn, clock):
    assert LRScheduler(torch_model, lr_fn).schedule_mode == clock


@pytest.mark.parametrize(
    ("lr_fn", "told"),
    [
        (0.1, "must be a function of 'step' or of 'epoch'.*got 0.1"),
        ("arcs", "must be a function"),
        (lambda step, epoch: 0.1, "it takes 'step', 'epoch'"),
        (lambda steps: 0.1, "it takes 'steps'"),
        (lambda: 0.1, "it takes none"),
        (lambda *step: 0.1, "it takes none"),
    ],
)
def test_other_functions_are_refused(torch_model, lr_fn, told):
    with pytest.raises(ConfigError, match=told):
        LRScheduler(torch_model, lr_fn)
    with pytest.raises(AssertionError):
        LRScheduler(torch_model, lr_fn)


@pytest.mark.parametrize("value", [None, -0.1, float("nan"), float("inf"), "fast", [0.1, 0.2]])
def test_what_is_no_learning_rate_is_refused(torch_model, system, placed, value):
    trace = placed(LRScheduler(torch_model, lambda step: value))
    system.global_step = 3
    with pytest.raises(ConfigError, match=r"lr_fn\(step=3\) of model 'm' must give a finite number >= 0"):
        trace.on_batch_begin(Data())


@pytest.mark.parametrize("merge_grad", [1, 2])
def test_a_curve_counts_updates(two_layers, watched_run, merge_grad):
    curve = cosine(0.1, 0, Fraction(1)).warmup(Epochs(1), start=0.01)
    run = watched_run(two_layers(), lambda model: [LRScheduler(model, curve)], merge_grad=merge_grad)
    horizon = Horizon.even(3, 4 // merge_grad)
    values = [curve.value(horizon.clock(number)) for number in range(1, horizon.total_steps + 1)]
    assert run.field("lr") == float32(*np.repeat(values, merge_grad))


def test_a_curve_below_0_is_refused(torch_estimator):
    with pytest.raises(ConfigError, match=r"lr_fn\(update 3\) of model 'm' must give a finite number >= 0, got -0.5"):
        torch_estimator(lambda model: LRScheduler(model, linear(0.5, -0.5, Steps(2)))).fit()


def test_a_curve_in_epochs_needs_a_known_length(torch_model, placed, system):
    system.horizon = lambda name: Horizon(())
    with pytest.raises(ConfigError, match="give the Estimator train_steps_per_epoch"):
        placed(LRScheduler(torch_model, linear(0.5, 0.1, Epochs(2)))).check()
    placed(LRScheduler(torch_model, linear(0.5, 0.1, Steps(2)))).check()


@pytest.mark.parametrize(
    ("lr_fn", "pairs"),
    [
        (lambda step: 1 / step, [(1, 1 / 4), (1 / 5, 1 / 8), (1 / 9, 1 / 12)]),
        (lambda epoch: 1 / epoch, [(1, 1), (1 / 2, 1 / 2), (1 / 3, 1 / 3)]),
        (linear(1.2, 0, Fraction(1)), [(1.2, 0.9), (0.8, 0.5), (0.4, 0.1)]),
    ],
    ids=["step", "epoch", "curve"],
)
def test_what_is_planned_is_what_happens(two_layers, watched_run, lr_fn, pairs):
    run = watched_run(two_layers(), lambda model: [LRScheduler(model, lr_fn)])
    (trace,) = (trace for trace in run.estimator.traces if isinstance(trace, LRScheduler))
    horizon = run.estimator.system.horizon()
    planned = [trace.planned(epoch, horizon)["m_lr"] for epoch in (1, 2, 3)]
    assert planned == [pytest.approx(pair, rel=1e-6) for pair in pairs]
    seen = run.field("lr")
    assert planned == [pytest.approx((seen[first], seen[first + 3])) for first in (0, 4, 8)]


class Decided(ARC):
    """A policy that needs no weights: down, then up, then the same."""

    def lstm_stacked(self):
        return None

    def predict_next_multiplier(self):
        self.windows = [len(self._windows[series]) for series in ("train", "eval", "lr")]
        self.sizes = [len(self._windows[series][-1]) for series in ("train", "eval", "lr")]
        self.calls = getattr(self, "calls", -1) + 1
        return [0.618, 1.618, 1.0][self.calls % 3]


def test_arc_decides_every_few_epochs_and_multiplies_a_schedule(two_layers, watched_run, samples, capsys):
    arc = Decided(2)
    run = watched_run(
        two_layers(),
        lambda model: [LRScheduler(model, arc), LRScheduler(model, lambda epoch: 0.1)],
        epochs=8,
        eval_data=samples(4, 1),
    )
    assert run.field("lr") == pytest.approx([0.1] * 8 + [0.0618] * 8 + [0.1 * 0.618 * 1.618] * 16, rel=1e-6)
    assert (arc.windows, arc.sizes) == ([3, 3, 3], [8, 2, 8])
    assert "FastEstimator-ARC: learning rate multiplied by 0.618\n" in capsys.readouterr().out


def test_arc_alone_sets_the_rate(two_layers, watched_run, samples):
    run = watched_run(two_layers(), lambda model: [LRScheduler(model, Decided(1))], epochs=3, eval_data=samples(4, 1))
    assert run.field("lr") == pytest.approx([0.01] * 4 + [0.00618] * 4 + [0.01 * 0.618 * 1.618] * 4, rel=1e-6)


def test_arc_without_its_policy_stops_before_training(torch_estimator, monkeypatch):
    monkeypatch.delenv("FASTESTIMATOR_LITE_ARC", raising=False)
    with pytest.raises(ConfigError, match="ARC needs the weights of its policy"):
        torch_estimator(lambda model: LRScheduler(model, "arc")).fit()


def test_arc_needs_one_loss(torch_model):
    with pytest.raises(ConfigError, match=r"needs a model with one loss; 'm' has none \(make the Network before"):
        LRScheduler(torch_model, ARC())


def test_a_model_without_an_optimizer_is_refused(build):
    with pytest.raises(ConfigError, match="'m' has no optimizer"):
        LRScheduler(build(None), lambda step: 0.1)
