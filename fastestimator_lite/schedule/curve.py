"""Curve: a number as a pure function of where a run stands, and the units in which its lengths are given.

A curve holds no counter. It is asked with a `Clock`, so a resumed run, a preview and a test get the numbers of the run.
"""

from __future__ import annotations

import bisect
import dataclasses
import functools
import itertools
import math
from collections.abc import Iterable, Sequence
from numbers import Real
from typing import Any

from fastestimator_lite.util.errors import ConfigError

_JUMP = 10.0  # a factor between two updates in a row that is told before the run ...
_SEEN = 0.05  # ... unless the change is smaller than this share of the largest value around
_LOOKS = 1000  # the most places at which a curve is looked at for jumps
_CLOSE = 1e-9  # units; a length that fits so many times, but for rounding, fits


@dataclasses.dataclass(frozen=True)
class Horizon:
    """How long a run is.

    Attributes:
        steps: Optimizer updates in each epoch. Without any the length is not known: lengths in Steps work, others do
            not.
        samples: Samples in each epoch; None if nobody knows.
        begin: How many updates into the run the curve begins that asks; see `after`.
    """

    steps: tuple[int, ...]
    samples: tuple[int, ...] | None = None
    begin: float = 0.0

    @classmethod
    def even(cls, epochs: int, steps_per_epoch: int = 1, batch_size: int | None = None) -> Horizon:
        """A run whose epochs are all alike.

        Raises:
            ConfigError: If a number is below 1.
        """
        for name, value in (("epochs", epochs), ("steps_per_epoch", steps_per_epoch), ("batch_size", batch_size)):
            if name == "batch_size" and value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ConfigError(f"{name} must be an int >= 1, got {value!r}")
        samples = None if batch_size is None else (steps_per_epoch * batch_size,) * epochs
        return cls((steps_per_epoch,) * epochs, samples)

    # a curve is asked before every update, so what takes a walk over the epochs is kept

    @functools.cached_property
    def _done(self) -> list[int]:
        """Updates before each epoch, and after the last."""
        return list(itertools.accumulate(self.steps, initial=0))

    @functools.cached_property
    def _seen(self) -> list[int]:
        """Samples before each epoch, and after the last."""
        if self.samples is None:
            raise ConfigError("a schedule in Samples needs to know how many samples an epoch has; this run cannot tell")
        return list(itertools.accumulate(self.samples, initial=0))

    @functools.cached_property
    def _shifted(self) -> dict[float, Horizon]:
        return {}

    @property
    def epochs(self) -> int:
        """Number of epochs."""
        return len(self.steps)

    @property
    def total_steps(self) -> int:
        """Updates of the whole run."""
        self._check_known("a share of the run")
        return self._done[-1]

    def after(self, time: float) -> Horizon:
        """The run for a curve that begins later: its epochs and samples count from there.

        Args:
            time: Updates between the begin of this one and of the other.
        """
        if not time or math.isinf(time):
            return self
        if time not in self._shifted:
            later = Horizon(self.steps, self.samples, self.begin + time)
            vars(later).update({name: vars(self)[name] for name in ("_done", "_seen") if name in vars(self)})
            self._shifted[time] = later
        return self._shifted[time]

    def step_of_epoch(self, epochs: float) -> float:
        """How many updates are done when so many epochs (or parts of one) are done, both from `begin` on."""
        self._check_known("a length in Epochs")
        return _interpolated(epochs + self._epochs_before(), None, self._done) - self.begin

    def epoch_of_step(self, time: float) -> float:
        """How many epochs are done when so many updates are done, both from `begin` on."""
        self._check_known("a length in Epochs")
        return _interpolated(self.begin + time, self._done, None) - self._epochs_before()

    def step_of_sample(self, samples: float) -> float:
        """How many updates are done when so many samples were used, both from `begin` on."""
        self._check_known("a length in Samples")
        return _interpolated(samples + self._samples_before(), self._seen, self._done) - self.begin

    def sample_of_step(self, time: float) -> float:
        """How many samples were used when so many updates are done, both from `begin` on."""
        self._check_known("a length in Samples")
        return _interpolated(self.begin + time, self._done, self._seen) - self._samples_before()

    def _epochs_before(self) -> float:
        return _interpolated(self.begin, self._done, None) if self.begin else 0.0

    def _samples_before(self) -> float:
        return _interpolated(self.begin, self._done, self._seen) if self.begin else 0.0

    def _check_known(self, what: str) -> None:
        if not self.steps:
            raise ConfigError(
                f"{what} needs to know how many steps an epoch has, which this data cannot tell; give "
                f"the Estimator train_steps_per_epoch, or give the length in Steps"
            )

    def clock(self, step: int) -> Clock:
        """Where the run stands at an update.

        Args:
            step: Number of the update, from 1 over the whole run.
        """
        self._check_known("the epoch of an update")
        index = min(max(bisect.bisect_left(self._done, step) - 1, 0), len(self.steps) - 1)
        samples = 0.0 if self.samples is None else _interpolated(step - 1, self._done, self._seen)
        return Clock(step, index + 1, samples, self)


def _interpolated(value: float, xs: Sequence[float] | None, ys: Sequence[float] | None) -> float:
    """The y at an x, in straight lines between points and on beyond the last as between the last two.

    Args:
        value: The x, >= 0.
        xs: Rising, at least two; None for 0, 1, 2, ...
        ys: As many; None for 0, 1, 2, ...
    """
    known = xs if xs is not None else ys
    last = len(known) - 2 if known is not None else 0
    index = min(int(value), last) if xs is None else min(max(bisect.bisect_right(xs, value) - 1, 0), last)
    low, high = (index, index + 1) if xs is None else (xs[index], xs[index + 1])
    while low == high and index:  # beyond epochs without any update
        index -= 1
        low, high = (xs[index], xs[index + 1]) if xs is not None else (index, index + 1)
    share = (value - low) / (high - low) if high > low else 0.0
    return index + share if ys is None else ys[index] + share * (ys[index + 1] - ys[index])


@dataclasses.dataclass(frozen=True)
class Clock:
    """Where a run stands, before an update.

    Attributes:
        step: Number of the update, from 1 over the whole run. An update that gradient accumulation puts off, or that
            the gradient scaler skips, does not count.
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
        is_number = isinstance(self.amount, Real) and not isinstance(self.amount, bool)
        if not is_number or not 0 <= self.amount < math.inf:
            raise ConfigError(f"{type(self).__name__} takes a number >= 0, got {self.amount!r}")

    def in_steps(self, horizon: Horizon) -> float:
        """The length in updates, from the begin of the horizon on."""
        raise NotImplementedError(f"{type(self).__name__} must define in_steps(horizon)")

    def times(self, time: float, horizon: Horizon) -> float:
        """How many times the length fits into so many updates from the begin of the horizon on."""
        raise NotImplementedError(f"{type(self).__name__} must define times(time, horizon)")

    def __str__(self) -> str:
        return f"{type(self).__name__}({self.amount})"


class Steps(Duration):
    """A number of updates."""

    def in_steps(self, horizon: Horizon) -> float:
        return self.amount

    def times(self, time: float, horizon: Horizon) -> float:
        return time / self.amount


class Epochs(Duration):
    """A number of epochs, which may end in a fraction."""

    def in_steps(self, horizon: Horizon) -> float:
        return horizon.step_of_epoch(self.amount)

    def times(self, time: float, horizon: Horizon) -> float:
        return horizon.epoch_of_step(time) / self.amount


class Samples(Duration):
    """A number of training samples."""

    def in_steps(self, horizon: Horizon) -> float:
        return horizon.step_of_sample(self.amount)

    def times(self, time: float, horizon: Horizon) -> float:
        return horizon.sample_of_step(time) / self.amount


class Fraction(Duration):
    """A share of the whole run, in [0, 1]."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.amount > 1:
            raise ConfigError(f"Fraction takes a number from 0 to 1, got {self.amount!r}")

    def in_steps(self, horizon: Horizon) -> float:
        return self.amount * horizon.total_steps

    def times(self, time: float, horizon: Horizon) -> float:
        return time / (self.amount * horizon.total_steps)


def to_duration(value: Any, name: str, positive: bool = False) -> Duration:
    """Read a length; a bare number is refused, since its unit cannot be told.

    Args:
        value: The length.
        name: What it is, for the message.
        positive: Whether it must not be 0.

    Raises:
        ConfigError: If it has no unit, or is 0 and must not be.
    """
    if not isinstance(value, Duration):
        raise ConfigError(
            f"{name} needs a unit: Epochs({value!r}), Steps({value!r}), Samples({value!r}) or "
            f"Fraction(0.1), got {value!r}"
        )
    if positive and value.amount == 0:
        raise ConfigError(f"{name} must be longer than 0, got {value}")
    return value


def whole(count: float) -> int:
    """A count without what is left over; one that misses a whole number by rounding alone is that number."""
    return math.floor(count + _CLOSE)


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
        return math.inf

    def value(self, clock: Clock) -> float:
        """The value in force for an update."""
        return self.at(clock.step - 1, clock.horizon)

    def check(self, horizon: Horizon) -> list[str]:
        """What somebody who looks at the curve would want to know before the run; one sentence each.

        That is a jump by more than a factor of 10 from one update to the next, a last value that the run ends too soon
        to reach, and one that is reached before the run ends. A restart is no jump.
        """
        total, end = horizon.total_steps, self.duration(horizon)
        times = {math.ceil(time - _CLOSE) for time in itertools.islice(self.jumps(horizon), _LOOKS) if time < total}
        found = [told for time in sorted(times) if 0 < time < total for told in self._jump(time, horizon)]
        if math.isfinite(end):
            last = f"the last value {self.at(end, horizon):.6g}"
            if end > total + _CLOSE:
                found.append(f"{last} is never reached: that takes {end:.6g} updates, the run has {total}")
            elif end < total - 1 - _CLOSE:
                at = math.ceil(end - _CLOSE) + 1
                found.append(f"{last} is reached at update {at} of {total} and held from there on")
        return found

    def jumps(self, horizon: Horizon) -> Iterable[float]:
        """The times, in updates, at which the value may jump."""
        return ()

    def _jump(self, time: int, horizon: Horizon) -> list[str]:
        """What to tell about the change from the update before a time to the one at it."""
        before, after = abs(self.at(time - 1, horizon)), abs(self.at(time, horizon))
        low, high = min(before, after), max(before, after)
        around = max(high, abs(self.at(0, horizon)))
        if low == 0 or high <= _JUMP * low * (1 + _CLOSE) or high - low <= _SEEN * around:
            return []
        return [f"the value jumps from {before:.6g} to {after:.6g} at update {time + 1}"]

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
        return _Warmup(self, to_duration(over, "warmup(over)"), to_number(start, "warmup(start)"))

    def cycles(self, count: int | None = None, decay: float = 1.0) -> Curve:
        """Begin again each time that the curve has come to its end.

        Args:
            count: How many times in all; None without end.
            decay: Factor on the value from one cycle to the next.
        """
        if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
            raise ConfigError(f"cycles(count) must be an int >= 1 or None, got {count!r}")
        return _Cycles(self, count, to_number(decay, "cycles(decay)"))

    def clip(self, low: float = -math.inf, high: float = math.inf) -> Curve:
        """Keep the value between two bounds."""
        if not low <= high:
            raise ConfigError(f"clip: low must not be above high, got {low} and {high}")
        return _Clip(self, float(low), float(high))

    def scale(self, factor: float) -> Curve:
        """The curve times a number; `2 * curve` is the same."""
        return _Scale(self, to_number(factor, "scale(factor)"))

    def __mul__(self, factor: float) -> Curve:
        return self.scale(factor)

    __rmul__ = __mul__


def to_curve(value: Any) -> Curve:
    """A curve from a curve or a number.

    Raises:
        ConfigError: If it is neither.
    """
    if isinstance(value, Curve):
        return value
    if isinstance(value, Real) and not isinstance(value, bool):
        return Constant(to_number(value, "a curve"))
    raise ConfigError(f"a curve or a number is wanted, got {type(value).__name__}: {value!r:.100}")


def to_number(value: Any, name: str) -> float:
    """A finite number.

    Raises:
        ConfigError: If it is none.
    """
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise ConfigError(f"{name} must be a finite number, got {value!r}")
    return float(value)


@dataclasses.dataclass(frozen=True)
class Constant(Curve):
    """A number that stays."""

    amount: float

    def at(self, time: float, horizon: Horizon) -> float:
        return self.amount


@dataclasses.dataclass(frozen=True)
class _Sequence(Curve):
    first: Curve
    second: Curve
    switch: Duration | None

    def _switch(self, horizon: Horizon) -> float:
        end = self.first.duration(horizon) if self.switch is None else self.switch.in_steps(horizon)
        if self.switch is None and math.isinf(end):
            raise ConfigError(
                "then(): the first curve never comes to an end, so say when the next begins: then(..., at=Epochs(5))"
            )
        return end

    def at(self, time: float, horizon: Horizon) -> float:
        switch = self._switch(horizon)
        if time < switch - _CLOSE:
            return self.first.at(time, horizon)
        return self.second.at(max(time - switch, 0.0), horizon.after(switch))

    def duration(self, horizon: Horizon) -> float:
        switch = self._switch(horizon)
        return switch + self.second.duration(horizon.after(switch))

    def jumps(self, horizon: Horizon) -> Iterable[float]:
        switch = self._switch(horizon)
        yield from (time for time in itertools.islice(self.first.jumps(horizon), _LOOKS) if time < switch)
        yield switch
        yield from (switch + time for time in self.second.jumps(horizon.after(switch)))


@dataclasses.dataclass(frozen=True)
class _Warmup(Curve):
    main: Curve
    over: Duration
    start: float

    def at(self, time: float, horizon: Horizon) -> float:
        length = self.over.in_steps(horizon)
        later = horizon.after(length)
        if time >= length - _CLOSE:
            return self.main.at(max(time - length, 0.0), later)
        return self.start + (self.main.at(0, later) - self.start) * time / length

    def duration(self, horizon: Horizon) -> float:
        length = self.over.in_steps(horizon)
        return length + self.main.duration(horizon.after(length))

    def jumps(self, horizon: Horizon) -> Iterable[float]:
        length = self.over.in_steps(horizon)
        return (length + time for time in self.main.jumps(horizon.after(length)))


@dataclasses.dataclass(frozen=True)
class _Cycles(Curve):
    main: Curve
    count: int | None
    decay: float

    def _length(self, horizon: Horizon) -> float:
        length = self.main.duration(horizon)
        if length in (0, math.inf):
            raise ConfigError("cycles() needs a curve that comes to an end after some time")
        return length

    def at(self, time: float, horizon: Horizon) -> float:
        length = self._length(horizon)
        cycle = whole(time / length)
        if self.count is not None and cycle >= self.count:
            return self.main.at(length, horizon) * self.decay ** (self.count - 1)
        return self.main.at(max(time - cycle * length, 0.0), horizon) * self.decay**cycle

    def duration(self, horizon: Horizon) -> float:
        return math.inf if self.count is None else self.count * self._length(horizon)

    def jumps(self, horizon: Horizon) -> Iterable[float]:
        length = self._length(horizon)
        return (time for time in itertools.islice(self.main.jumps(horizon), _LOOKS) if time < length)


@dataclasses.dataclass(frozen=True)
class _Clip(Curve):
    main: Curve
    low: float
    high: float

    def at(self, time: float, horizon: Horizon) -> float:
        return min(max(self.main.at(time, horizon), self.low), self.high)

    def duration(self, horizon: Horizon) -> float:
        return self.main.duration(horizon)

    def jumps(self, horizon: Horizon) -> Iterable[float]:
        return self.main.jumps(horizon)


@dataclasses.dataclass(frozen=True)
class _Scale(Curve):
    main: Curve
    factor: float

    def at(self, time: float, horizon: Horizon) -> float:
        return self.main.at(time, horizon) * self.factor

    def duration(self, horizon: Horizon) -> float:
        return self.main.duration(horizon)

    def jumps(self, horizon: Horizon) -> Iterable[float]:
        return self.main.jumps(horizon)


def increasing(values: Sequence[float]) -> bool:
    """Whether each value is above the one before."""
    return all(one < other for one, other in itertools.pairwise(values))
