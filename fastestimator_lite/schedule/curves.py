"""The curves to begin with: constant, linear, cosine and the like, to be put together by the methods of `Curve`."""

from __future__ import annotations

import dataclasses
import inspect
import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from fastestimator_lite.schedule.curve import (
    Clock,
    Constant,
    Curve,
    Duration,
    Fraction,
    Horizon,
    to_curve,
    to_duration,
    to_number,
    whole,
)
from fastestimator_lite.util.errors import ConfigError, suggest

CLOCKS = ("step", "epoch", "samples", "progress", "clock")
_ANNEAL = ("cos", "linear")
_DECAY = ("sqrt", "linear")


def constant(value: float) -> Curve:
    """A number that stays.

    Args:
        value: The number.
    """
    return Constant(to_number(value, "constant(value)"))


def linear(start: float, end: float, over: Duration) -> Curve:
    """A straight line, which then stays where it ends.

    Args:
        start: Value at the first update.
        end: Value after `over`.
        over: How long.
    """
    return polynomial(start, end, over, 1.0)


def polynomial(start: float, end: float, over: Duration, power: float = 2.0) -> Curve:
    """From one value to another along a power of the time that is left, which then stays where it ends.

    Args:
        start: Value at the first update.
        end: Value after `over`.
        over: How long.
        power: Exponent, > 0; 1 is a straight line, more begins steeper.

    Raises:
        ConfigError: If `power` is not above 0, or `over` is 0.
    """
    power = to_number(power, "polynomial(power)")
    if power <= 0:
        raise ConfigError(f"polynomial(power) must be above 0, got {power}")
    return Polynomial(to_number(start, "start"), to_number(end, "end"), to_duration(over, "over", positive=True), power)


def exponential(start: float, factor: float, every: Duration, end: float | None = None) -> Curve:
    """Multiply smoothly: by `factor` over each `every`.

    Args:
        start: Value at the first update.
        factor: Factor, > 0.
        every: How long one factor takes.
        end: Value at which it stops; None for never.

    Raises:
        ConfigError: If `factor` is not above 0, or leads away from `end`.
    """
    start, factor = to_number(start, "exponential(start)"), _positive(factor, "exponential(factor)")
    if end is not None:
        end = to_number(end, "exponential(end)")
        if start * end <= 0 or (factor - 1) * (end / start - 1) < 0 or (factor == 1 and end != start):
            raise ConfigError(f"exponential: with factor {factor} the value never comes from {start} to {end}")
    return Exponential(start, factor, to_duration(every, "exponential(every)", positive=True), end)


def cosine(start: float, end: float, over: Duration) -> Curve:
    """Half a wave from one value to another, which then stays there.

    Args:
        start: Value at the first update.
        end: Value after `over`.
        over: How long.

    Raises:
        ConfigError: If `over` is 0.

    Source: Loshchilov and Hutter 2017, "SGDR", eq. 5.
    """
    start, end = to_number(start, "cosine(start)"), to_number(end, "cosine(end)")
    return Cosine(start, end, to_duration(over, "cosine(over)", positive=True))


def restarts(start: float, end: float, period: Duration, mul: float = 1.0, decay: float = 1.0) -> Curve:
    """Half a wave again and again (cosine with warm restarts).

    Args:
        start: Value at which the first wave begins.
        end: Value that each wave comes down to.
        period: Length of the first wave.
        mul: How much longer each wave is than the one before, >= 1.
        decay: Factor on `start` from one wave to the next, > 0.

    Raises:
        ConfigError: If `mul` or `decay` is out of range.

    Source: Loshchilov and Hutter 2017, "SGDR", section 3.
    """
    mul = to_number(mul, "restarts(mul)")
    if mul < 1:
        raise ConfigError(f"restarts(mul) must be >= 1, got {mul}")
    return Restarts(
        to_number(start, "restarts(start)"),
        to_number(end, "restarts(end)"),
        to_duration(period, "restarts(period)", positive=True),
        mul,
        _positive(decay, "restarts(decay)"),
    )


def step(start: float, factor: float, every: Duration) -> Curve:
    """Stairs: multiply once after each `every`.

    Args:
        start: Value at the first update.
        factor: Factor of a stair, > 0.
        every: Length of a stair.

    Raises:
        ConfigError: If `factor` is not above 0.
    """
    return Step(
        to_number(start, "step(start)"),
        _positive(factor, "step(factor)"),
        to_duration(every, "step(every)", positive=True),
    )


def multi_step(start: float, factor: float, at: Sequence[Duration]) -> Curve:
    """Multiply once at each of some times.

    Args:
        start: Value at the first update.
        factor: Factor, > 0.
        at: The times, rising.

    Raises:
        ConfigError: If `factor` is not above 0, or two times in the same unit do not rise.
    """
    if isinstance(at, Duration) or not isinstance(at, (list, tuple)):
        raise ConfigError(f"multi_step(at) must be a list of lengths such as [Epochs(30), Epochs(60)], got {at!r}")
    times = tuple(to_duration(one, f"multi_step(at)[{place}]") for place, one in enumerate(at))
    for one, other in itertools.pairwise(times):
        if type(one) is type(other) and one.amount >= other.amount:
            raise ConfigError(f"multi_step(at) must rise, got {one} before {other}")
    return MultiStep(to_number(start, "multi_step(start)"), _positive(factor, "multi_step(factor)"), times)


def one_cycle(
    peak: float,
    over: Duration,
    warmup: float = 0.3,
    start_divisor: float = 25.0,
    final_divisor: float = 1e4,
    anneal: str = "cos",
) -> Curve:
    """Up to a peak and down to almost nothing, once.

    Args:
        peak: The largest value.
        over: How long in all; the last value is in force at its last update.
        warmup: Share of `over` that goes up, in (0, 1).
        start_divisor: It begins at `peak / start_divisor`.
        final_divisor: It ends at `peak / (start_divisor * final_divisor)`.
        anneal: "cos" for half waves, "linear" for straight lines.

    Raises:
        ConfigError: If an argument is out of range.

    Source: Smith and Topin 2018, "Super-Convergence"; the numbers are those of `torch.optim.lr_scheduler.OneCycleLR`.
    """
    warmup = to_number(warmup, "one_cycle(warmup)")
    if not 0 < warmup < 1:
        raise ConfigError(f"one_cycle(warmup) is a share of the time, between 0 and 1, got {warmup}")
    _check_word(anneal, _ANNEAL, "one_cycle(anneal)")
    peak = to_number(peak, "one_cycle(peak)")
    begin = peak / _positive(start_divisor, "one_cycle(start_divisor)")
    last = begin / _positive(final_divisor, "one_cycle(final_divisor)")
    return OneCycle(peak, to_duration(over, "one_cycle(over)", positive=True), warmup, begin, last, anneal)


def wsd(
    peak: float,
    warmup: Duration,
    stable: Duration,
    decay: Duration,
    floor: float = 0.0,
    shape: str = "sqrt",
    start: float = 0.0,
) -> Curve:
    """Warm-up, stable, decay: up in a straight line, level, down.

    Args:
        peak: The level.
        warmup: Length of the way up.
        stable: Length of the level.
        decay: Length of the way down.
        floor: Value at the end of the way down, which then stays.
        shape: Form of the way down: "sqrt" is steep at first, 1 - sqrt(x); "linear" is a straight line.
        start: Value at the first update.

    Raises:
        ConfigError: If an argument is out of range.

    Source: Haegele et al. 2024, "Scaling Laws and Compute-Optimal Training Beyond Fixed Training Durations", section 3.
    """
    _check_word(shape, _DECAY, "wsd(shape)")
    peak, floor, start = to_number(peak, "wsd(peak)"), to_number(floor, "wsd(floor)"), to_number(start, "wsd(start)")
    down = (
        linear(peak, floor, to_duration(decay, "wsd(decay)"))
        if shape == "linear"
        else Root(peak, floor, to_duration(decay, "wsd(decay)"))
    )
    level = Constant(peak).then(down, at=to_duration(stable, "wsd(stable)"))
    return level.warmup(to_duration(warmup, "wsd(warmup)"), start)


def function(fn: Callable[[Any], Any]) -> Curve:
    """A function of one's own.

    Args:
        fn: Takes one argument, whose name says what it is: "step" (number of the update, from 1), "epoch" (from 1),
            "samples" (used before), "progress" (share of the run that is done, in [0, 1)) or "clock" (a `Clock`). After
            `then` or `warmup`, the first three count from where the function's part begins.

    Raises:
        ConfigError: If it is no function of one such argument.
    """
    return Function(fn, clock_name(fn, CLOCKS, "function(fn)"))


def per_group(values: Mapping[str | int, Any] | Sequence[Any]) -> PerGroup:
    """A value for each parameter group of an optimizer.

    Args:
        values: Curves, functions or numbers: a list in the order of the groups, or a dictionary by name (the group's
            entry "name") or index. None, and a group that the dictionary leaves out, stays as it is.
    """
    if isinstance(values, Mapping):
        for key in values:
            if isinstance(key, bool) or not isinstance(key, (str, int)):
                raise ConfigError(f"per_group: a group is named by its name or its index, got {key!r}")
        return PerGroup(dict(values), None)
    if isinstance(values, (list, tuple)):
        return PerGroup(None, tuple(values))
    raise ConfigError(f"per_group takes a dictionary by group or a list, got {values!r:.200}")


@dataclasses.dataclass(frozen=True)
class PerGroup:
    """A value for each parameter group; made by `per_group`.

    Attributes:
        by_key: Values by name or index; None for a list.
        listed: Values in the order of the groups; None for a dictionary.
    """

    by_key: dict[str | int, Any] | None
    listed: tuple[Any, ...] | None

    def resolve(self, names: Sequence[str | None], where: str) -> list[Any]:
        """One value for each group; None for one that stays as it is.

        Args:
            names: Name of each group, None for one without.
            where: Who asks, for messages.

        Raises:
            ConfigError: If the list has another length, or a group is not there.
        """
        if self.listed is not None:
            if len(self.listed) != len(names):
                raise ConfigError(
                    f"{where}: {len(self.listed)} values for {len(names)} parameter groups; give one for "
                    f"each (None for one that stays as it is)"
                )
            return list(self.listed)
        found: list[Any] = [None] * len(names)
        for key, value in (self.by_key or {}).items():
            found[group_index(key, names, where)] = value
        return found


def group_index(key: str | int, names: Sequence[str | None], where: str) -> int:
    """The index of a parameter group.

    Args:
        key: Its name or index.
        names: Name of each group, None for one without.
        where: Who asks, for the message.

    Raises:
        ConfigError: If there is no such group.
    """
    if isinstance(key, str) and key in names:
        return list(names).index(key)
    if isinstance(key, int) and not isinstance(key, bool) and 0 <= key < len(names):
        return key
    named = [name for name in names if name]
    there = f"they are called {', '.join(map(repr, named))}" if named else "none has a name"
    raise ConfigError(
        f"{where}: there is no parameter group {key!r}; the optimizer has {len(names)} "
        f"(0 to {len(names) - 1}), {there}.{suggest(key, named)}"
    )


def clock_name(fn: Any, names: Sequence[str], where: str) -> str:
    """The name of a function's one argument, which says what it is a function of.

    Args:
        fn: The function; further arguments are fine if they have a default.
        names: The names to choose from.
        where: What it was given as, for the message.

    Raises:
        ConfigError: If it is no function of one such argument.
    """
    known, example = " or ".join(map(repr, names)), "such as lambda step: 0.1 / step"
    if not callable(fn):
        raise ConfigError(
            f"{where} must be a function of {' or of '.join(map(repr, names))}, {example}, got {fn!r:.200}"
        )
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    found = [one for one in inspect.signature(fn).parameters.values() if one.kind not in variadic]
    taken = [one.name for one in found if one.default is inspect.Parameter.empty] or [one.name for one in found]
    if len(taken) != 1 or taken[0] not in names:
        raise ConfigError(
            f"{where} must take one argument named {known}, which picks the clock, {example}; it takes "
            f"{', '.join(map(repr, taken)) or 'none'}.{suggest(taken[0], names) if taken else ''}"
        )
    return taken[0]


@dataclasses.dataclass(frozen=True)
class Polynomial(Curve):
    """See `polynomial`."""

    start: float
    end: float
    over: Duration
    power: float

    def at(self, time: float, horizon: Horizon) -> float:
        length = self.over.in_steps(horizon)
        if time >= length:
            return self.end
        return self.end + (self.start - self.end) * (1 - time / length) ** self.power

    def duration(self, horizon: Horizon) -> float:
        return self.over.in_steps(horizon)


@dataclasses.dataclass(frozen=True)
class Exponential(Curve):
    """See `exponential`."""

    start: float
    factor: float
    every: Duration
    end: float | None

    def at(self, time: float, horizon: Horizon) -> float:
        count = self.every.times(time, horizon)
        return self.start * self.factor ** min(count, self._most())

    def _most(self) -> float:
        """How often `every` passes until the end is reached."""
        if self.end is None or self.factor == 1:
            return math.inf if self.end is None else 0.0
        return math.log(self.end / self.start) / math.log(self.factor)

    def duration(self, horizon: Horizon) -> float:
        most = self._most()
        return math.inf if math.isinf(most) else _times(most, self.every, horizon)


@dataclasses.dataclass(frozen=True)
class Cosine(Curve):
    """See `cosine`."""

    start: float
    end: float
    over: Duration

    def at(self, time: float, horizon: Horizon) -> float:
        length = self.over.in_steps(horizon)
        return self.end if time >= length else _wave(self.start, self.end, time / length)

    def duration(self, horizon: Horizon) -> float:
        return self.over.in_steps(horizon)


@dataclasses.dataclass(frozen=True)
class Root(Curve):
    """The way down of `wsd` with shape "sqrt"."""

    start: float
    end: float
    over: Duration

    def at(self, time: float, horizon: Horizon) -> float:
        length = self.over.in_steps(horizon)
        return self.end if time >= length else self.end + (self.start - self.end) * (1 - math.sqrt(time / length))

    def duration(self, horizon: Horizon) -> float:
        return self.over.in_steps(horizon)


@dataclasses.dataclass(frozen=True)
class Restarts(Curve):
    """See `restarts`."""

    start: float
    end: float
    period: Duration
    mul: float
    decay: float

    def at(self, time: float, horizon: Horizon) -> float:
        passed = self.period.times(time, horizon)  # in lengths of the first wave
        if self.mul == 1:
            wave, begin, length = whole(passed), float(whole(passed)), 1.0
        else:  # n waves take (mul^n - 1) / (mul - 1)
            wave = whole(math.log(1 + passed * (self.mul - 1)) / math.log(self.mul))
            begin, length = (self.mul**wave - 1) / (self.mul - 1), self.mul**wave
        return _wave(self.start * self.decay**wave, self.end, max(passed - begin, 0.0) / length)


@dataclasses.dataclass(frozen=True)
class Step(Curve):
    """See `step`."""

    start: float
    factor: float
    every: Duration

    def at(self, time: float, horizon: Horizon) -> float:
        return self.start * self.factor ** whole(self.every.times(time, horizon))

    def jumps(self, horizon: Horizon) -> Iterable[float]:
        yield self.every.in_steps(horizon)  # the next stairs are no other


@dataclasses.dataclass(frozen=True)
class MultiStep(Curve):
    """See `multi_step`."""

    start: float
    factor: float
    times: tuple[Duration, ...]

    def at(self, time: float, horizon: Horizon) -> float:
        passed = sum(1 for one in self.times if one.in_steps(horizon) <= time + 1e-9)
        return self.start * self.factor**passed

    def jumps(self, horizon: Horizon) -> Iterable[float]:
        return (one.in_steps(horizon) for one in self.times)


@dataclasses.dataclass(frozen=True)
class OneCycle(Curve):
    """See `one_cycle`."""

    peak: float
    over: Duration
    up: float
    begin: float
    last: float
    anneal: str

    def at(self, time: float, horizon: Horizon) -> float:
        total = self.over.in_steps(horizon)
        top, end = self.up * total - 1, total - 1
        if time >= end:
            return self.last
        low, high, share = (
            (self.peak, self.last, (time - top) / (end - top))
            if time > top or top <= 0
            else (self.begin, self.peak, time / top)
        )
        share = min(share, 1.0)
        return _wave(low, high, share) if self.anneal == "cos" else low + (high - low) * share

    def duration(self, horizon: Horizon) -> float:
        return max(self.over.in_steps(horizon) - 1, 0.0)


@dataclasses.dataclass(frozen=True)
class Function(Curve):
    """See `function`."""

    fn: Callable[[Any], Any]
    of: str

    def value(self, clock: Clock) -> Any:
        """What the function gives at a clock; it need not be a number."""
        return self.fn(clock if self.of == "clock" else getattr(clock, self.of))

    def at(self, time: float, horizon: Horizon) -> float:
        if self.of == "step":
            return self._number(int(time) + 1)
        if self.of == "epoch":
            return self._number(whole(horizon.epoch_of_step(time)) + 1)
        if self.of == "samples":
            return self._number(horizon.sample_of_step(time))
        now = horizon.clock(int(horizon.begin + time) + 1)
        return self._number(now.progress if self.of == "progress" else now)

    def _number(self, argument: Any) -> float:
        return float(self.fn(argument))

    def jumps(self, horizon: Horizon) -> Iterable[float]:
        if self.of == "epoch":
            return (horizon.step_of_epoch(epoch) for epoch in range(1, horizon.epochs))
        return range(1, horizon.total_steps)


def _wave(start: float, end: float, share: float) -> float:
    """Half a wave: `start` at share 0, `end` at share 1."""
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


def _times(count: float, duration: Duration, horizon: Horizon) -> float:
    """The time in updates at which a length has passed so many times."""
    if isinstance(duration, Fraction):  # which holds no more than 1
        return count * duration.in_steps(horizon)
    return type(duration)(count * duration.amount).in_steps(horizon)


def _positive(value: Any, name: str) -> float:
    number = to_number(value, name)
    if number <= 0:
        raise ConfigError(f"{name} must be above 0, got {value!r}")
    return number


def _check_word(word: Any, words: Sequence[str], name: str) -> None:
    if word not in words:
        raise ConfigError(f"{name} must be {' or '.join(map(repr, words))}, got {word!r}.{suggest(word, words)}")


def as_curve(value: Any) -> Curve:
    """A curve from a curve, a number, or a function of a clock.

    Raises:
        ConfigError: If it is none of them.
    """
    if callable(value) and not isinstance(value, Curve):
        return function(value)
    return to_curve(value)
