"""Curve: a number as a pure function of where a run stands, and the units in which its lengths are given.

A curve holds no counter. It is asked with a `Clock`, so a resumed run, a preview and a test get the numbers of the run.
"""
from __future__ import annotations

import bisect
import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

from fastestimator_lite.util.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class Horizon:
    """How long a run is.

    Attributes:
        steps: Optimizer updates in each epoch.
        samples: Samples in each epoch; None if nobody knows.
    """

    steps: tuple[int, ...]
    samples: tuple[int, ...] | None = None

    @classmethod
    def even(cls, epochs: int, steps_per_epoch: int = 1, batch_size: int | None = None) -> Horizon:
        """A run whose epochs are all alike.

        Raises:
            ConfigError: If a number is below 1.
        """
        for name, value in (("epochs", epochs), ("steps_per_epoch", steps_per_epoch)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ConfigError(f"{name} must be an int >= 1, got {value!r}")
        samples = None if batch_size is None else (steps_per_epoch * batch_size,) * epochs
        return cls((steps_per_epoch,) * epochs, samples)

    @property
    def epochs(self) -> int:
        """Number of epochs."""
        return len(self.steps)

    @property
    def total_steps(self) -> int:
        """Updates of the whole run."""
        return sum(self.steps)

    def step_of_epoch(self, epochs: float) -> float:
        """How many updates are done when so many epochs (which may end in a fraction) are done."""
        whole, part = divmod(epochs, 1)
        done = list(itertools.accumulate(self.steps, initial=0))
        if whole >= len(self.steps):  # past the end epochs go on as long as the last one
            return done[-1] + (epochs - len(self.steps)) * self.steps[-1]
        return done[int(whole)] + part * self.steps[int(whole)]

    def clock(self, step: int) -> Clock:
        """Where the run stands at an update.

        Args:
            step: Number of the update, from 1.
        """
        done = list(itertools.accumulate(self.steps))
        index = min(bisect.bisect_left(done, step), len(done) - 1)
        before = done[index] - self.steps[index]
        samples = 0.0
        if self.samples is not None:
            samples = sum(self.samples[:index]) + (step - 1 - before) * self.samples[index] / max(self.steps[index], 1)
        return Clock(step, index + 1, samples, self)


@dataclasses.dataclass(frozen=True)
class Clock:
    """Where a run stands, before an update.

    Attributes:
        step: Number of the update, from 1 over the whole run. An update that gradient accumulation puts off, or that the
            gradient scaler skips, does not count.
        epoch: Epoch, from 1.
        samples: Training samples that were used before.
        horizon: How long the run is.
    """

    step: int
    epoch: int
    samples: float
    horizon: Horizon

    @property
    def progress(self) -> float:
        """Share of the run that is done, in [0, 1)."""
        return (self.step - 1) / max(self.horizon.total_steps, 1)


@dataclasses.dataclass(frozen=True)
class Duration:
    """A length of time in some unit. Use `Steps`, `Epochs`, `Samples` or `Fraction`.

    Attributes:
        amount: How many, >= 0.
    """

    amount: float

    def __post_init__(self) -> None:
        if isinstance(self.amount, bool) or not isinstance(self.amount, (int, float)) or self.amount < 0:
            raise ConfigError(f"{type(self).__name__} takes a number >= 0, got {self.amount!r}")

    def in_steps(self, horizon: Horizon) -> float:
        """The length in updates."""
        raise NotImplementedError


class Steps(Duration):
    """A number of updates."""

    def in_steps(self, horizon: Horizon) -> float:
        return self.amount


class Epochs(Duration):
    """A number of epochs from the start of the run, which may end in a fraction."""

    def in_steps(self, horizon: Horizon) -> float:
        return horizon.step_of_epoch(self.amount)


class Samples(Duration):
    """A number of training samples."""

    def in_steps(self, horizon: Horizon) -> float:
        if horizon.samples is None:
            raise ConfigError("a schedule in Samples needs to know the batch size of the run")
        done = list(itertools.accumulate(horizon.samples, initial=0))
        index = min(bisect.bisect_right(done, self.amount) - 1, len(horizon.samples) - 1)
        share = (self.amount - done[index]) / max(horizon.samples[index], 1)
        return sum(horizon.steps[:index]) + share * horizon.steps[index]


class Fraction(Duration):
    """A share of the whole run, in [0, 1]."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.amount > 1:
            raise ConfigError(f"Fraction takes a number from 0 to 1, got {self.amount!r}")

    def in_steps(self, horizon: Horizon) -> float:
        return self.amount * horizon.total_steps


def to_duration(value: Any, name: str) -> Duration:
    """Read a length; a bare number is refused, since its unit cannot be told.

    Raises:
        ConfigError: If it has no unit.
    """
    if isinstance(value, Duration):
        return value
    raise ConfigError(f"{name} needs a unit: Epochs({value!r}), Steps({value!r}), Samples({value!r}) or Fraction(0.1), got {value!r}")


class Curve:
    """A number as a pure function of time.

    A subclass writes `at`, over the time since the curve began. Curves are put together::

        linear(0, 0.1, Epochs(1)).then(cosine(0.1, 1e-5, Fraction(0.9)))
        cosine(0.1, 0, Epochs(10)).warmup(Epochs(2), start=1e-4)
        0.5 * constant(0.1)
        exponential(0.1, 0.9, Epochs(1)).clip(low=1e-4)
    """

    def at(self, time: float, horizon: Horizon) -> float:
        """The value.

        Args:
            time: Updates since the curve began, >= 0; whole for an update of its own.
            horizon: How long the run is.
        """
        raise NotImplementedError(f"{type(self).__name__} must define at(time, horizon)")

    def duration(self, horizon: Horizon) -> float:
        """Updates until the curve has come to its last value; infinite for one that has none."""
        return float("inf")

    def value(self, clock: Clock) -> float:
        """The value in force for an update."""
        return self.at(clock.step - 1, clock.horizon)

    def check(self, horizon: Horizon) -> list[str]:
        """What somebody who looks at the curve would want to know before the run, such as a jump; one sentence each."""
        return []

    def then(self, other: Curve | float, at: Duration | None = None) -> Curve:
        """Go on with another curve, which begins its own time then.

        Args:
            other: The curve, or a number to hold.
            at: When; None for when this one has come to its end.
        """
        return _Sequence(self, to_curve(other), None if at is None else to_duration(at, "then(at)"))

    def warmup(self, over: Duration, start: float = 0.0) -> Curve:
        """Come up to this curve in a straight line, then begin it.

        Args:
            over: How long.
            start: Value to begin at.
        """
        return _Warmup(self, to_duration(over, "warmup(over)"), float(start))

    def cycles(self, count: int | None = None, decay: float = 1.0) -> Curve:
        """Begin again each time that the curve has come to its end.

        Args:
            count: How many times in all; None without end.
            decay: Factor on the value from one cycle to the next.
        """
        return _Cycles(self, count, decay)

    def clip(self, low: float = float("-inf"), high: float = float("inf")) -> Curve:
        """Keep the value between two bounds."""
        if low > high:
            raise ConfigError(f"clip: low must not be above high, got {low} and {high}")
        return _Clip(self, low, high)

    def __mul__(self, factor: float) -> Curve:
        return _Scale(self, float(factor))

    __rmul__ = __mul__


def to_curve(value: Any) -> Curve:
    """A curve from a curve or a number.

    Raises:
        ConfigError: If it is neither.
    """
    if isinstance(value, Curve):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _Constant(float(value))
    raise ConfigError(f"a curve or a number is wanted, got {type(value).__name__}: {value!r:.100}")


@dataclasses.dataclass(frozen=True)
class _Constant(Curve):
    amount: float

    def at(self, time: float, horizon: Horizon) -> float:
        return self.amount


@dataclasses.dataclass(frozen=True)
class _Sequence(Curve):
    first: Curve
    second: Curve
    switch: Duration | None

    def _switch(self, horizon: Horizon) -> float:
        return self.first.duration(horizon) if self.switch is None else self.switch.in_steps(horizon)

    def at(self, time: float, horizon: Horizon) -> float:
        switch = self._switch(horizon)
        return self.first.at(time, horizon) if time < switch else self.second.at(time - switch, horizon)

    def duration(self, horizon: Horizon) -> float:
        return self._switch(horizon) + self.second.duration(horizon)


@dataclasses.dataclass(frozen=True)
class _Warmup(Curve):
    main: Curve
    over: Duration
    start: float

    def at(self, time: float, horizon: Horizon) -> float:
        length = self.over.in_steps(horizon)
        if time >= length:
            return self.main.at(time - length, horizon)
        return self.start + (self.main.at(0, horizon) - self.start) * time / length

    def duration(self, horizon: Horizon) -> float:
        return self.over.in_steps(horizon) + self.main.duration(horizon)


@dataclasses.dataclass(frozen=True)
class _Cycles(Curve):
    main: Curve
    count: int | None
    decay: float

    def at(self, time: float, horizon: Horizon) -> float:
        length = self.main.duration(horizon)
        if length in (0, float("inf")):
            raise ConfigError("cycles() needs a curve that comes to an end after some time")
        cycle = int(time // length)
        if self.count is not None and cycle >= self.count:
            return self.main.at(length, horizon) * self.decay ** (self.count - 1)
        return self.main.at(time - cycle * length, horizon) * self.decay**cycle

    def duration(self, horizon: Horizon) -> float:
        return float("inf") if self.count is None else self.count * self.main.duration(horizon)


@dataclasses.dataclass(frozen=True)
class _Clip(Curve):
    main: Curve
    low: float
    high: float

    def at(self, time: float, horizon: Horizon) -> float:
        return min(max(self.main.at(time, horizon), self.low), self.high)

    def duration(self, horizon: Horizon) -> float:
        return self.main.duration(horizon)


@dataclasses.dataclass(frozen=True)
class _Scale(Curve):
    main: Curve
    factor: float

    def at(self, time: float, horizon: Horizon) -> float:
        return self.main.at(time, horizon) * self.factor

    def duration(self, horizon: Horizon) -> float:
        return self.main.duration(horizon)


def increasing(values: Sequence[float]) -> bool:
    """Whether each value is above the one before."""
    return all(one < other for one, other in itertools.pairwise(values))
