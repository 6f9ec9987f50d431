"""Clocks, horizons, units, and what curves tell before a run."""

import pytest

from fastestimator_lite.schedule import (
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
    restarts,
    step,
)
from fastestimator_lite.schedule.curve import Duration
from fastestimator_lite.util.errors import ConfigError

UNEVEN = Horizon((2, 5, 0, 3), (16, 40, 0, 12))


def test_clocks_over_uneven_epochs():
    clocks = [UNEVEN.clock(number) for number in range(1, 11)]
    assert [clock.epoch for clock in clocks] == [1, 1, 2, 2, 2, 2, 2, 4, 4, 4]
    assert [clock.samples for clock in clocks] == [0, 8, 16, 24, 32, 40, 48, 56, 60, 64]
    assert [clock.progress for clock in clocks] == [number / 10 for number in range(10)]


@pytest.mark.parametrize(
    ("length", "steps"),
    [
        (Steps(3), 3),
        (Epochs(1), 2),
        (Epochs(1.5), 4.5),
        (Epochs(2), 7),
        (Epochs(3), 7),
        (Epochs(4), 10),
        (Epochs(6), 16),
        (Samples(8), 1),
        (Samples(56), 7),
        (Samples(60), 8),
        (Samples(80), 13),
        (Fraction(0.5), 5),
        (Fraction(1), 10),
        (Epochs(0), 0),
    ],
)
def test_lengths_in_steps(length, steps):
    assert length.in_steps(UNEVEN) == steps


@pytest.mark.parametrize("length", [Steps(3), Epochs(1), Epochs(2.25), Samples(10), Fraction(0.25)])
@pytest.mark.parametrize("begin", [0, 1, 3.5])
def test_a_length_fits_once_into_itself(length, begin):
    horizon = Horizon((2, 5, 3), (16, 40, 12)).after(begin)
    assert length.times(length.in_steps(horizon), horizon) == pytest.approx(1, abs=1e-12)


def test_a_later_horizon_counts_epochs_from_its_begin():
    later = UNEVEN.after(2)
    assert Epochs(1).in_steps(later) == 5
    assert Epochs(3).in_steps(later) == 8
    assert Samples(40).in_steps(later) == 5
    assert Fraction(0.5).in_steps(later) == 5
    assert later.after(5).begin == 7
    assert UNEVEN.after(2) is later


def test_epochs_after_a_warmup_are_those_of_the_run():
    """The batch size doubles: 2 epochs of 100 steps, then 8 of 50."""
    horizon = Horizon((100, 100) + (50,) * 8)
    curve = cosine(1, 0, Epochs(8)).warmup(Epochs(2))
    assert curve.duration(horizon) == 600
    assert curve.at(600, horizon) == 0
    assert curve.at(400, horizon) == pytest.approx(0.5)


def test_asking_costs_no_walk_over_the_epochs():
    class Watched(tuple):
        walks = 0

        def __iter__(self):
            Watched.walks += 1
            return super().__iter__()

    horizon = Horizon(Watched((7,) * 1000), Watched((70,) * 1000))
    curve = (
        linear(0, 1, Epochs(5))
        .then(cosine(1, 0, Fraction(0.5)), at=Epochs(9))
        .then(step(1, 0.5, Samples(100)), at=Epochs(400))
    )
    for number in range(1, 7000, 13):
        curve.value(horizon.clock(number))
    assert Watched.walks == 2  # one for the updates, one for the samples


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Steps(-1), r"Steps takes a number >= 0, got -1"),
        (lambda: Epochs(True), "Epochs takes a number"),
        (lambda: Samples("5"), "Samples takes a number"),
        (lambda: Epochs(float("inf")), "Epochs takes a number"),
        (lambda: Fraction(1.5), "from 0 to 1, got 1.5"),
        (lambda: constant(1).then(2, at=3), "needs a unit"),
        (lambda: constant(1).then("2", at=Steps(3)), "a curve or a number is wanted"),
        (lambda: constant(1).warmup(5), "needs a unit"),
        (lambda: constant(1).cycles(0), r"cycles\(count\) must be an int >= 1"),
        (lambda: constant(1).clip(2, 1), "low must not be above high"),
        (lambda: constant(1) * "a", r"scale\(factor\) must be a finite number"),
        (lambda: constant(1).then(2).at(0, UNEVEN), "never comes to an end, so say when"),
        (lambda: constant(1).cycles().at(0, UNEVEN), "needs a curve that comes to an end"),
        (lambda: Samples(4).in_steps(Horizon((3,))), "how many samples an epoch has"),
        (lambda: Epochs(4).in_steps(Horizon(())), "Epochs needs to know how many steps.*train_steps_per_epoch"),
        (lambda: Fraction(0.4).in_steps(Horizon(())), "a share of the run needs to know"),
        (lambda: Horizon.even(0), "epochs must be an int >= 1"),
        (lambda: Duration(1).in_steps(UNEVEN), None),
    ],
)
def test_what_cannot_work_is_refused(make, told):
    with pytest.raises(NotImplementedError if told is None else ConfigError, match=told):
        make()


def test_steps_need_no_known_length():
    assert linear(1, 0, Steps(4)).at(1, Horizon(())) == 0.75


RUN = Horizon.even(10, 10)


@pytest.mark.parametrize(
    "curve",
    [
        constant(1),
        cosine(1, 0, Fraction(1)),
        cosine(1, 0, Epochs(9)).warmup(Epochs(1)),
        step(1, 0.1, Epochs(3)),
        cosine(1, 0, Steps(99)),
        restarts(1, 1e-6, Epochs(2)),
        linear(0, 1, Epochs(1)).then(cosine(1, 0, Fraction(0.9))),
        linear(1, 0, Epochs(2)).cycles(5),
        cosine(1, 0, Epochs(3)).then(0.1, at=Epochs(1)),
        cosine(1, 0.2, Epochs(5)).then(0.2),
        constant(0.01).then(1e-6, at=Steps(200)),
        cosine(1, 0, Fraction(1)).warmup(Steps(0), 1e-9),
        exponential(1, 0.5, Epochs(1)),
    ],
)
def test_nothing_to_tell(curve):
    assert curve.check(RUN) == []


@pytest.mark.parametrize(
    ("curve", "told"),
    [
        (step(1, 0.05, Epochs(3)), ["the value jumps from 1 to 0.05 at update 31"]),
        (multi_step(1, 0.09, [Epochs(2), Epochs(9.99)]), ["the value jumps from 1 to 0.09 at update 21"]),
        (cosine(1, 0, Steps(100)).then(1e-6, at=Epochs(2)), ["the value jumps from 0.91354 to 1e-06 at update 21"]),
        (
            0.5 * constant(1).then(0.01, at=Epochs(2)).clip(0.02).warmup(Epochs(1)),
            ["the value jumps from 0.5 to 0.01 at update 31"],
        ),
        (
            cosine(1, 0.001, Epochs(12)),
            ["the last value 0.001 is never reached: that takes 120 updates, the run has 100"],
        ),
        (
            cosine(1, 0.001, Epochs(10)).warmup(Steps(5)),
            ["the last value 0.001 is never reached: that takes 105 updates, the run has 100"],
        ),
        (cosine(1, 0.001, Epochs(5)), ["the last value 0.001 is reached at update 51 of 100 and held from there on"]),
        (
            exponential(1, 0.1, Epochs(1), end=0.01),
            ["the last value 0.01 is reached at update 21 of 100 and held from there on"],
        ),
        (function(lambda epoch: 1 if epoch < 4 else 0.01), ["the value jumps from 1 to 0.01 at update 31"]),
        (function(lambda step: 1 if step < 4 else 0.01), ["the value jumps from 1 to 0.01 at update 4"]),
    ],
)
def test_what_is_told_before_the_run(curve, told):
    assert curve.check(RUN) == told
