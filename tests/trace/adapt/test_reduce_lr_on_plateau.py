"""ReduceLROnPlateau: when it acts, and that it multiplies whatever sets the learning rate."""

import json

import numpy as np
import pytest

from fastestimator_lite.backend.card import card_of
from fastestimator_lite.backend.model import get_lr
from fastestimator_lite.backend.optimizer import param_groups
from fastestimator_lite.schedule import EpochScheduler, Fraction, cosine
from fastestimator_lite.trace.adapt.lr_scheduler import LRScheduler
from fastestimator_lite.trace.adapt.optimizer_schedule import OptimizerSchedule
from fastestimator_lite.trace.adapt.reduce_lr_on_plateau import ReduceLROnPlateau
from fastestimator_lite.trace.trace import Trace
from fastestimator_lite.util.data import Data
from fastestimator_lite.util.errors import ConfigError

WORDS = "FastEstimator-ReduceLROnPlateau: learning rate reduced to "
NAN = float("nan")


def rates_after(trace, system, values):
    """The learning rate after each eval epoch."""
    system.epoch_idx, rates = 0, []
    trace.on_begin(Data())
    for value in values:
        system.epoch_idx += 1
        trace.on_epoch_end(Data({"q": value}))
        rates.append(get_lr(trace.model))
    return rates


# SGD begins at 0.01; waiting begins anew after each cut, as in FastEstimator 1.7
@pytest.mark.parametrize(
    ("arguments", "values", "rates"),
    [
        ({"patience": 2}, [3, 2, 2, 2, 2, 2], [0.01, 0.01, 0.01, 0.001, 0.001, 0.0001]),
        ({"patience": 2}, [3, 2, 2, 1, 2, 2], [0.01, 0.01, 0.01, 0.01, 0.01, 0.001]),
        ({"patience": 1, "factor": 0.5}, [3, 3, 3, 2], [0.01, 0.005, 0.0025, 0.0025]),
        ({"patience": 0}, [3, 3, 2], [0.01, 0.001, 0.001]),
        ({"patience": 1, "best_mode": "max"}, [1, 2, 1, 3], [0.01, 0.01, 0.001, 0.001]),
        ({"patience": 1}, [NAN, 3, NAN], [0.001, 0.001, 0.0001]),
        ({"patience": 1, "min_lr": 0.004, "factor": 0.5}, [3, 3, 3, 3], [0.01, 0.005, 0.004, 0.004]),
    ],
)
def test_when_it_acts(torch_model, system, placed, capsys, arguments, values, rates):
    trace = placed(ReduceLROnPlateau(torch_model, "q", **arguments))
    assert rates_after(trace, system, values) == pytest.approx(rates)
    changes = [after for before, after in zip([0.01, *rates], rates, strict=False) if after != before]
    assert capsys.readouterr().out == "".join(f"{WORDS}{np.float32(rate)}\n" for rate in changes)


def test_it_logs_the_new_rate(torch_model, placed):
    trace = placed(ReduceLROnPlateau(torch_model, "q", patience=1))
    first, second = Data({"q": 1}), Data({"q": 1})
    trace.on_epoch_end(first)
    trace.on_epoch_end(second)
    assert (first.read_logs(), second.read_logs()) == ({}, {"m_lr": np.float32(0.001)})
    trace.on_epoch_end(Data())  # not measured
    assert trace.wait == 0


def test_every_group_and_every_optimizer_is_reduced(torch_model, placed):
    import torch

    import fastestimator_lite as fe

    def two_groups(parameters):
        one, other = parameters
        return torch.optim.SGD([{"params": [one], "lr": 0.5}, {"params": [other], "lr": 0.2}])

    model = fe.build(lambda: torch.nn.Linear(2, 2), EpochScheduler({1: two_groups, 3: "adam"}))
    trace = placed(ReduceLROnPlateau(model, "q", patience=0))
    trace.on_epoch_end(Data({"q": NAN}))
    rates = [group["lr"] for one in card_of(model).optimizers().values() for group in param_groups(one)]
    assert rates == pytest.approx([0.05, 0.02, 0.0001])


class Given(Trace):
    """Logs given values after each eval epoch."""

    def __init__(self, values):
        super().__init__(outputs="q", mode="eval")
        self.values = values

    def on_epoch_end(self, data):
        data.write_with_log("q", self.values[self.system.epoch_idx - 1])


QS = [3, 3, 2, 2]  # cuts after epochs 2 and 4 with patience 1


@pytest.mark.parametrize("kind", ["curve", "step", "epoch", "field"])
def test_it_multiplies_a_schedule(two_layers, watched_run, samples, near, kind):
    curve = cosine(0.1, 0.02, Fraction(1))

    def traces(model):
        schedule = {
            "curve": lambda: LRScheduler(model, curve),
            "step": lambda: LRScheduler(model, lambda step: 1 / step),
            "epoch": lambda: LRScheduler(model, lambda epoch: 1 / epoch),
            "field": lambda: OptimizerSchedule(model, value=curve),
        }[kind]()
        return [schedule, Given(QS), ReduceLROnPlateau(model, "q", patience=1, min_lr=0)]

    run = watched_run(two_layers(), traces, epochs=4, eval_data=samples(4, 1))
    alone = {"step": [1 / number for number in range(1, 17)], "epoch": np.repeat([1, 1 / 2, 1 / 3, 1 / 4], 4)}.get(
        kind, [0.02 + 0.04 * (1 + np.cos(np.pi * number / 16)) for number in range(16)]
    )
    factors = [1] * 8 + [0.1] * 8
    assert run.field("lr") == near([rate * factor for rate, factor in zip(alone, factors, strict=True)])
    assert get_lr(run.watcher.model) == pytest.approx(run.field("lr")[-1] * 0.1, rel=1e-6)


def test_a_floor_does_not_lift_a_schedule(two_layers, watched_run, samples, near):
    def traces(model):
        return [
            OptimizerSchedule(model, value=lambda step: 0.016 - 0.001 * (step - 1)),
            Given(QS),
            ReduceLROnPlateau(model, "q", patience=1, min_lr=0.006, factor=0.5),
        ]

    run = watched_run(two_layers(), traces, epochs=4, eval_data=samples(4, 1))
    assert run.field("lr") == near(
        [0.016 - 0.001 * number for number in range(8)] + [0.006] * 3 + [0.005, 0.004, 0.003, 0.002, 0.001]
    )


def test_two_controllers_and_a_change_of_optimizer(two_layers, watched_run, samples, near):
    def traces(model):
        return [
            Given([1, 1, 1]),
            ReduceLROnPlateau(model, "q", patience=1, factor=0.5),
            ReduceLROnPlateau(model, "ce", 99),
            LRScheduler(model, lambda epoch: 0.1 * epoch),
        ]

    run = watched_run(two_layers(EpochScheduler({1: "sgd", 3: "adam"})), traces, eval_data=samples(4, 1))
    assert run.field("lr") == near([0.1] * 4 + [0.2] * 4 + [0.15] * 4)
    alone = watched_run(
        two_layers(EpochScheduler({1: "sgd", 3: "adam"}), "n"), lambda model: traces(model)[:2], eval_data=samples(4, 1)
    )
    assert alone.field("lr")[-1] == pytest.approx(0.0005)  # Adam's 0.001, halved


class Stop(Trace):
    def __init__(self, epoch, folder=None):
        super().__init__(mode="eval")
        self.epoch, self.folder, self.others = epoch, folder, []

    def on_epoch_end(self, data):
        if self.system.epoch_idx == self.epoch:
            self.system.save_state(self.folder)
            self.state = [json.loads(json.dumps(trace.state_dict())) for trace in self.others]


class Resume(Trace):
    def __init__(self, stopped):
        super().__init__()
        self.stopped, self.others = stopped, []

    def on_begin(self, data):
        self.system.load_state(self.stopped.folder)
        for trace, state in zip(self.others, self.stopped.state, strict=True):
            trace.load_state_dict(state)


@pytest.mark.parametrize("scheduled", [True, False])
def test_a_resumed_run_keeps_what_was_reduced(two_layers, watched_run, samples, tmp_path, scheduled):
    def traces(model, around):
        around.others = [ReduceLROnPlateau(model, "q", patience=2, factor=0.5)]
        schedule = [OptimizerSchedule(model, value=cosine(0.1, 0, Fraction(1)))] if scheduled else []
        return [*schedule, Given([1, 1, 1, 1, 1, 1]), *around.others]

    stop = Stop(4, str(tmp_path))
    one = watched_run(two_layers(), lambda model: traces(model, stop), epochs=6, eval_data=samples(4, 1), extra=[stop])
    resume = Resume(stop)
    two = watched_run(
        two_layers(), lambda model: traces(model, resume), epochs=6, eval_data=samples(4, 1), extra=[resume]
    )
    assert two.field("lr") == pytest.approx(one.field("lr")[16:], rel=1e-6)
    assert two.field("lr")[-1] < two.field("lr")[3]


def test_the_metric_may_be_left_out(two_layers, watched_run, samples, capsys):
    run = watched_run(
        two_layers(), lambda model: [ReduceLROnPlateau(model, patience=0)], epochs=1, eval_data=samples(4, 1)
    )
    assert WORDS not in capsys.readouterr().out  # the first loss is the best one
    assert run.field("lr") == pytest.approx([0.01] * 4)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({}, "needs a model with one loss; 'm' has none"),
        ({"metric": "q", "patience": -1}, r"\(patience\) must be an int >= 0"),
        ({"metric": "q", "factor": 1}, r"\(factor\) must be between 0 and 1, got 1"),
        ({"metric": "q", "min_lr": "0"}, r"\(min_lr\) must be a number >= 0"),
        ({"metric": "q", "best_mode": "mim"}, r"\(best_mode\) must be 'min' or 'max', got 'mim'. Did you mean 'min'"),
    ],
)
def test_arguments_are_checked(torch_model, arguments, told):
    with pytest.raises(ConfigError, match=told):
        ReduceLROnPlateau(torch_model, **arguments)


def test_a_model_without_an_optimizer_is_refused(build):
    with pytest.raises(ConfigError, match="'m' has no optimizer"):
        ReduceLROnPlateau(build(None), "q")
