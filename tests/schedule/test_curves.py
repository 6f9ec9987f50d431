"""Every curve against its closed form, the golden numbers of torch 2.13, and torch's own schedulers."""

import csv
import json
import math
import random
import warnings
from collections import defaultdict
from pathlib import Path

import pytest

from fastestimator_lite.schedule import (
    Clock,
    Epochs,
    Fraction,
    Horizon,
    Samples,
    Steps,
    constant,
    cosine,
    exponential,
    function,
    linear,
    multi_step,
    one_cycle,
    per_group,
    polynomial,
    restarts,
    step,
    wsd,
)
from fastestimator_lite.util.errors import ConfigError

GOLDEN = Path(__file__).parent.parent / "golden"
RUN = Horizon.even(10, 4, batch_size=8)  # 40 updates


def values(curve, horizon=RUN, count=None):
    return [curve.value(horizon.clock(number)) for number in range(1, (count or horizon.total_steps) + 1)]


def wave(start, end, share):
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


def climb(time):
    """The closed form of wsd(0.1, 4, 26, 10) with floor 0.01."""
    if time < 4:
        return 0.1 * time / 4
    return 0.1 if time < 30 else 0.01 + 0.09 * (1 - math.sqrt(min((time - 30) / 10, 1)))


def wave_of_restarts(time):
    """The closed form of restarts(0.1, 0, 5, mul=2, decay=0.5)."""
    peak, length = 0.1, 5
    while time >= length:
        time, length, peak = time - length, 2 * length, peak / 2
    return wave(peak, 0, time / length)


CURVES = {
    "constant": (constant(0.3), lambda t: 0.3),
    "linear": (linear(0.1, 0.02, Steps(20)), lambda t: 0.1 - 0.08 * min(t, 20) / 20),
    "linear epochs": (linear(0.1, 0.02, Epochs(5)), lambda t: 0.1 - 0.08 * min(t, 20) / 20),
    "linear samples": (linear(0.1, 0.02, Samples(160)), lambda t: 0.1 - 0.08 * min(t, 20) / 20),
    "linear fraction": (linear(0.1, 0.02, Fraction(0.5)), lambda t: 0.1 - 0.08 * min(t, 20) / 20),
    "polynomial": (polynomial(0.1, 0.01, Steps(30), 3), lambda t: 0.01 + 0.09 * (1 - min(t, 30) / 30) ** 3),
    "exponential": (exponential(0.1, 0.5, Epochs(1)), lambda t: 0.1 * 0.5 ** (t / 4)),
    "exponential end": (exponential(0.1, 0.5, Epochs(1), end=0.01), lambda t: max(0.1 * 0.5 ** (t / 4), 0.01)),
    "exponential up": (exponential(0.1, 2, Fraction(0.5), end=0.3), lambda t: min(0.1 * 2 ** (t / 20), 0.3)),
    "cosine": (cosine(0.1, 0.001, Epochs(2.5)), lambda t: wave(0.1, 0.001, min(t, 10) / 10)),
    "restarts": (restarts(0.1, 0, Steps(5), mul=2, decay=0.5), wave_of_restarts),
    "restarts even": (restarts(0.1, 0.01, Epochs(1)), lambda t: wave(0.1, 0.01, t % 4 / 4)),
    "step": (step(0.1, 0.5, Epochs(3)), lambda t: 0.1 * 0.5 ** (t // 12)),
    "step in parts": (step(0.1, 0.5, Epochs(0.25)), lambda t: 0.1 * 0.5**t),
    "multi_step": (
        multi_step(0.1, 0.1, [Steps(3), Epochs(2), Fraction(0.5)]),
        lambda t: 0.1 * 0.1 ** ((t >= 3) + (t >= 8) + (t >= 20)),
    ),
    "wsd": (wsd(0.1, Epochs(1), Steps(26), Fraction(0.25), floor=0.01), climb),
    "wsd linear": (
        wsd(0.1, Steps(0), Steps(30), Steps(10), shape="linear"),
        lambda t: 0.1 if t < 30 else 0.1 * (40 - t) / 10,
    ),
    "function": (function(lambda step: 1 / step), lambda t: 1 / (t + 1)),
    "function epoch": (function(lambda epoch: 1 / epoch), lambda t: 1 / (t // 4 + 1)),
    "function samples": (function(lambda samples: samples), lambda t: 8 * t),
    "function progress": (function(lambda progress: progress), lambda t: t / 40),
    "function clock": (function(lambda clock: clock.step * clock.epoch), lambda t: (t + 1) * (t // 4 + 1)),
    "then": (
        linear(0, 0.1, Steps(4)).then(cosine(0.1, 0, Steps(30))).then(0.5),
        lambda t: 0.1 * t / 4 if t < 4 else wave(0.1, 0, (t - 4) / 30) if t < 34 else 0.5,
    ),
    "then at": (
        constant(0.1).then(constant(0.2).then(0.3, at=Epochs(2)), at=Epochs(1.5)),
        lambda t: 0.1 if t < 6 else 0.2 if t < 14 else 0.3,
    ),
    "then function": (constant(9).then(function(lambda step: step), at=Steps(10)), lambda t: 9 if t < 10 else t - 9),
    "then epochs": (
        constant(9).then(function(lambda epoch: epoch), at=Epochs(2)),
        lambda t: 9 if t < 8 else t // 4 - 1,
    ),
    "warmup": (
        cosine(0.1, 0, Steps(30)).warmup(Epochs(2), start=0.01),
        lambda t: 0.01 + 0.09 * t / 8 if t < 8 else wave(0.1, 0, min((t - 8) / 30, 1)),
    ),
    "cycles": (
        linear(1, 0, Steps(6)).cycles(3, decay=0.5),
        lambda t: 0.5 ** (t // 6) * (1 - t % 6 / 6) if t < 18 else 0.0,
    ),
    "endless": (linear(1, 0, Epochs(1)).cycles(), lambda t: 1 - t % 4 / 4),
    "clip": (linear(1, 0, Steps(40)).clip(0.2, 0.7), lambda t: min(max(1 - t / 40, 0.2), 0.7)),
    "scale": (0.5 * linear(1, 0, Steps(40)).scale(3), lambda t: 1.5 * (1 - t / 40)),
}


@pytest.mark.parametrize("name", CURVES)
def test_closed_form_at_every_step(name):
    curve, formula = CURVES[name]
    assert values(curve) == pytest.approx([formula(time) for time in range(40)], rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("name", CURVES)
def test_the_value_does_not_depend_on_how_the_run_came_there(name):
    curve, _ = CURVES[name]
    uninterrupted = values(curve)
    order = random.Random(name).sample(range(1, 41), 40)
    assert [curve.value(Horizon.even(10, 4, batch_size=8).clock(number)) for number in order] == [
        uninterrupted[number - 1] for number in order
    ]


TORCH = {
    "StepLR": lambda lr, k: step(lr, k["gamma"], Epochs(k["step_size"])),
    "MultiStepLR": lambda lr, k: multi_step(lr, k["gamma"], [Epochs(one) for one in k["milestones"]]),
    "PolynomialLR": lambda lr, k: polynomial(lr, 0, Epochs(k["total_iters"]), k["power"]),
    "CosineAnnealingLR": lambda lr, k: cosine(lr, k["eta_min"], Epochs(k["T_max"])),
    "CosineAnnealingWarmRestarts": lambda lr, k: restarts(lr, k["eta_min"], Epochs(k["T_0"]), mul=k["T_mult"]),
    "LinearLR": lambda lr, k: linear(lr * k["start_factor"], lr, Epochs(k["total_iters"])),
    "OneCycleLR": lambda lr, k: one_cycle(k["max_lr"], Epochs(k["total_steps"])),
    "ExponentialLR": lambda lr, k: exponential(lr, k["gamma"], Epochs(1)),
    "ConstantLR": lambda lr, k: constant(lr * k["factor"]).then(lr, at=Epochs(k["total_iters"])),
}


def torch_tables():
    found = defaultdict(list)
    with (GOLDEN / "torch_native.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            found[row["params_json"]].append((int(row["step_calls"]), float(row["lr_group0"])))
    return [(json.loads(params), table) for params, table in found.items()]


@pytest.mark.parametrize(
    ("spec", "table"), torch_tables(), ids=lambda value: value["cls"] if isinstance(value, dict) else ""
)
def test_numbers_of_torch(spec, table):
    curve = TORCH[spec["cls"]](spec["optimizer_lr"][0], spec["kwargs"])
    horizon = Horizon.even(len(table))
    if spec["cls"] == "CosineAnnealingLR":  # torch's goes up again
        table = [row for row in table if row[0] <= spec["kwargs"]["T_max"]]
    for calls, rate in table:
        assert curve.value(horizon.clock(calls + 1)) == pytest.approx(rate, rel=0, abs=1e-12), calls


@pytest.mark.parametrize(
    ("total", "share", "anneal", "divisors"),
    [
        (20, 0.3, "cos", (25, 1e4)),
        (37, 0.25, "linear", (10, 100)),
        (7, 0.5, "cos", (5, 2)),
        (100, 0.05, "linear", (25, 1e4)),
    ],
)
def test_one_cycle_is_torchs(total, share, anneal, divisors):
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.zeros(1)], 0.1)
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        0.5,
        total,
        pct_start=share,
        anneal_strategy=anneal,
        div_factor=divisors[0],
        final_div_factor=divisors[1],
    )
    ours = values(one_cycle(0.5, Steps(total), share, *divisors, anneal), Horizon.even(total))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the optimizer never steps
        for number in range(total):
            assert ours[number] == pytest.approx(optimizer.param_groups[0]["lr"], rel=0, abs=1e-12), number
            if number + 1 < total:
                theirs.step()


def test_stairs_follow_epochs_of_different_length():
    horizon = Horizon((2, 5, 1, 0, 3))
    assert values(step(1, 0.5, Epochs(1)), horizon) == [1] * 2 + [0.5] * 5 + [0.25] + [0.0625] * 3
    later = constant(7).then(step(1, 0.5, Epochs(1)), at=Epochs(1))
    assert values(later, horizon) == [7] * 2 + [1] * 5 + [0.5] + [0.125] * 3


def test_restarts_stay_right_far_out():
    horizon = Horizon.even(100_000)
    curve = restarts(1, 0, Steps(10), mul=2)
    for wave_number in range(1, 13):
        begin = 10 * (2**wave_number - 1)
        assert curve.at(begin, horizon) == 1.0, begin
        assert curve.at(begin - 1, horizon) < 0.1, begin


def test_a_function_may_give_none():
    assert function(lambda clock: None).value(Clock(1, 1, 0.0, RUN)) is None


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: linear(1, 0, 10), r"over needs a unit: Epochs\(10\), Steps\(10\)"),
        (lambda: linear(1, "0", Steps(1)), "end must be a finite number, got '0'"),
        (lambda: linear(float("nan"), 0, Steps(1)), "start must be a finite number, got nan"),
        (lambda: polynomial(1, 0, Steps(1), 0), r"polynomial\(power\) must be above 0"),
        (lambda: exponential(1, 0.5, Steps(0)), r"every\) must be longer than 0, got Steps\(0\)"),
        (lambda: exponential(1, 0.5, Steps(1), end=2), "never comes from 1.0 to 2.0"),
        (lambda: exponential(1, 2, Steps(1), end=0.5), "never comes"),
        (lambda: restarts(1, 0, Steps(4), mul=0.5), r"restarts\(mul\) must be >= 1"),
        (lambda: step(1, 0, Steps(4)), r"step\(factor\) must be above 0"),
        (lambda: multi_step(1, 0.1, Steps(3)), "must be a list"),
        (lambda: multi_step(1, 0.1, [Steps(3), 5]), r"at\)\[1\] needs a unit"),
        (lambda: multi_step(1, 0.1, [Steps(5), Steps(3)]), r"must rise, got Steps\(5\) before Steps\(3\)"),
        (lambda: one_cycle(1, Steps(4), warmup=1), "between 0 and 1"),
        (lambda: one_cycle(1, Steps(4), anneal="cosine"), "'cos' or 'linear', got 'cosine'. Did you mean 'cos'"),
        (lambda: wsd(1, Steps(1), Steps(1), Steps(1), shape="squareroot"), "'sqrt' or 'linear', got 'squareroot'"),
        (
            lambda: function(lambda steps: 1),
            "named 'step' or 'epoch' or 'samples'.*it takes 'steps'. Did you mean 'step'",
        ),
        (lambda: function(0.1), "must be a function of 'step'.*got 0.1"),
        (lambda: per_group(0.1), "a dictionary by group or a list"),
        (lambda: per_group({0.5: 1}), "by its name or its index, got 0.5"),
    ],
)
def test_what_cannot_work_is_refused(make, told):
    with pytest.raises(ConfigError, match=told):
        make()


def test_values_find_their_groups():
    names = ["body", None, "head"]
    assert per_group([1, None, 3]).resolve(names, "here") == [1, None, 3]
    assert per_group({"head": 5, 1: 7}).resolve(names, "here") == [None, 7, 5]
    with pytest.raises(ConfigError, match="here: 2 values for 3 parameter groups"):
        per_group([1, 2]).resolve(names, "here")
    with pytest.raises(
        ConfigError,
        match=r"no parameter group 'heads'; the optimizer has 3 \(0 to 2\), they are called 'body', "
        "'head'. Did you mean 'head'",
    ):
        per_group({"heads": 1}).resolve(names, "here")


@pytest.mark.parametrize("make", [linear, cosine, polynomial])
def test_a_curve_needs_some_time(make):
    with pytest.raises(ConfigError, match=r"must be longer than 0, got Steps\(0\)"):
        make(0.1, 0.0, Steps(0))
