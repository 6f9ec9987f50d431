"""What schedules of optimizer fields share: the clock of updates, values of any kind, and writing them to groups."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastestimator_lite.backend.card import ModelCard
from fastestimator_lite.backend.optimizer import Group, param_groups, vary, write
from fastestimator_lite.schedule.curve import Clock, Curve, Horizon
from fastestimator_lite.schedule.curves import Function, PerGroup, as_curve, group_index, per_group
from fastestimator_lite.schedule.schedule import Scheduler, value_at, values_of
from fastestimator_lite.util.errors import ConfigError, suggest

if TYPE_CHECKING:
    from fastestimator_lite.summary.system import System

Reader = Callable[[Clock], Any]
_RANGES = {
    **dict.fromkeys(("lr", "weight_decay", "eps"), (math.inf, ">= 0")),
    **dict.fromkeys(("momentum", "betas", "alpha", "rho"), (1.0, "from 0 to below 1")),
}


def clock_of(system: System, card: ModelCard) -> Clock:
    """Where a run stands before the next update of a model."""
    return clock_at(system.horizon(card.name), card.updates.count + 1, system.epoch_idx)


def clock_at(horizon: Horizon, step: int, epoch: int) -> Clock:
    """The clock of an update in an epoch.

    Args:
        horizon: How long the run is.
        step: Number of the update, from 1.
        epoch: The epoch in force, from 1.
    """
    is_counted = bool(horizon.steps) and horizon.samples is not None
    return Clock(step, max(epoch, 1), horizon.sample_of_step(step - 1) if is_counted else 0.0, horizon)


def first_and_last(horizon: Horizon, epoch: int) -> tuple[int, int] | None:
    """The numbers of the first and the last update of an epoch; None if it has none or that is not known."""
    if epoch > horizon.epochs or not horizon.steps[epoch - 1]:
        return None
    return round(horizon.step_of_epoch(epoch - 1)) + 1, round(horizon.step_of_epoch(epoch))


class Value:
    """What one parameter group gets over time.

    Args:
        source: A Curve, a number, a function of one clock, a Scheduler of those by epoch, a tuple of those (for a field
            of several numbers), or None for no change.
        where: Who was given it, for messages.

    Raises:
        ConfigError: If it is none of these.
    """

    def __init__(self, source: Any, where: str) -> None:
        self.source, self.where = source, where
        self.curves: list[Curve] = []
        self.read = self._reader(source)

    def _reader(self, source: Any) -> Reader:
        if source is None:
            return lambda clock: None
        if isinstance(source, Scheduler):
            known = {id(value): self._reader(value) for value in values_of(source)}
            return functools.partial(self._scheduled, source, known)
        if isinstance(source, tuple):
            readers = [self._reader(one) for one in source]
            return lambda clock: tuple(read(clock) for read in readers)
        try:
            curve = as_curve(source)
        except ConfigError as err:
            raise ConfigError(f"{self.where}: {err}") from None
        self.curves.append(curve)
        return curve.value

    def _scheduled(self, source: Scheduler[Any], known: dict[int, Reader], clock: Clock) -> Any:
        value = value_at(source, clock.epoch)
        if id(value) not in known:  # a scheduler of one's own may make a new one each time
            return self._reader(value)(clock)
        return known[id(value)](clock)

    def check(self, horizon: Horizon) -> list[str]:
        """What to know about its curves before the run.

        Raises:
            ConfigError: If one needs a length that nobody knows.
        """
        curves = [curve for curve in self.curves if not isinstance(curve, Function)]
        for curve in curves:
            curve.at(0.0, horizon)  # raises where it needs a length that nobody knows
        return [told for curve in curves for told in curve.check(horizon)] if any(horizon.steps) else []


class Field:
    """One field of a model's optimizers, given by values over time.

    Args:
        card: The model's card.
        name: Name of the field, torch's for both frameworks.
        value: See `OptimizerSchedule`.
        group: See `OptimizerSchedule`.
        where: Who asks, for messages.

    Raises:
        ConfigError: If no optimizer has the field or the group, or the value cannot be one.
    """

    def __init__(self, card: ModelCard, name: str, value: Any, group: str | int | None, where: str) -> None:
        self.card, self.name, self.where = card, name, where
        values = per_group(value) if isinstance(value, (dict, list)) else value
        if group is not None and isinstance(values, PerGroup):
            raise ConfigError(f"{where}: give one value for group {group!r}, not one for each group")
        self._known: dict[int, Value] = {}
        self.targets: dict[int, list[tuple[str, int, Value]]] = {}  # by place: loading a state makes new groups
        there: set[str] = set()
        for optimizer in card.optimizers().values():
            groups = param_groups(optimizer)
            there.update(field for one in groups for field in one if field not in ("params", "name"))
            if all(name in one for one in groups):
                self.targets[id(optimizer)] = self._targets(groups, values, group)
        if not self.targets:
            raise ConfigError(
                f"{where}: the optimizer of model {card.name!r} has no field {name!r}; it has: "
                f"{', '.join(sorted(there))}.{suggest(name, there)}"
            )
        for optimizer in card.optimizers().values():
            if id(optimizer) in self.targets:
                vary(optimizer, name)

    def _targets(self, groups: Sequence[Group], values: Any, group: str | int | None) -> list[tuple[str, int, Value]]:
        names = [one.get("name") for one in groups]
        labels = [f"_{name if name else place}" for place, name in enumerate(names)]
        if group is not None:
            place = group_index(group, names, self.where)
            return [(labels[place], place, self._value(values))]
        if not isinstance(values, PerGroup):
            return [("", place, self._value(values)) for place in range(len(groups))]
        found = enumerate(values.resolve(names, self.where))
        return [(labels[place], place, self._value(value)) for place, value in found if value is not None]

    def _value(self, source: Any) -> Value:
        if id(source) not in self._known:
            self._known[id(source)] = Value(source, self.where)
        return self._known[id(source)]

    @property
    def keys(self) -> list[str]:
        """The keys of its values in the log."""
        labels = dict.fromkeys(label for targets in self.targets.values() for label, _, _ in targets)
        return [f"{self.card.name}_{self.name}{label}" for label in labels]

    def check(self, horizon: Horizon) -> list[str]:
        """What to know about the curves before the run."""
        return [told for value in self._known.values() for told in value.check(horizon)]

    def at(self, clock: Clock, optimizer: Any) -> dict[str, tuple[list[Group], Any]]:
        """The groups and the value of each key at a clock; controllers of the learning rate have their say."""
        found: dict[str, tuple[list[Group], Any]] = {}
        targets = self.targets.get(id(optimizer), ())
        groups = param_groups(optimizer) if targets else []
        for label, place, value in targets:
            key = f"{self.card.name}_{self.name}{label}"
            if key in found:
                found[key][0].append(groups[place])
                continue
            number = value.read(clock)
            if number is not None:
                found[key] = [groups[place]], self._checked(number, groups[place][self.name], clock)
        return found

    def write(self, clock: Clock) -> None:
        """Write the values for a clock to the optimizer in force."""
        for groups, number in self.at(clock, self.card.current_optimizer).values():
            for group in groups:
                write(group, self.name, number)

    def now(self) -> dict[str, Any]:
        """What is in force, by key."""
        found: dict[str, Any] = {}
        targets = self.targets.get(id(self.card.current_optimizer), ())
        groups = param_groups(self.card.current_optimizer) if targets else []
        for label, place, _ in targets:
            value = groups[place][self.name]
            several = isinstance(value, (tuple, list))
            found.setdefault(f"{self.card.name}_{self.name}{label}", np.float32(value if several else float(value)))
        return found

    def _checked(self, value: Any, old: Any, clock: Clock) -> Any:
        several = isinstance(old, (tuple, list))
        limit, words = _RANGES.get(self.name, (math.inf, "finite"))
        low = 0.0 if self.name in _RANGES else -math.inf
        try:
            numbers = [float(one) for one in (value if several and isinstance(value, (tuple, list)) else [value])]
            is_fine = len(numbers) == (len(old) if several else 1) and all(
                math.isfinite(one) and low <= one < limit for one in numbers
            )
        except (TypeError, ValueError):
            is_fine = False
        if not is_fine:
            kind = f"{len(old)} numbers, each {words}" if several else f"a number {words}"
            raise ConfigError(
                f"{self.where}: at update {clock.step} (epoch {clock.epoch}) {self.name!r} of model "
                f"{self.card.name!r} must be {kind}, got {value!r:.200}"
            )
        if self.name == "lr":
            return self.card.scaled_lr(numbers[0])
        return tuple(numbers) if several else numbers[0]


def multiply_lr(card: ModelCard, controller: str, factor: float, floor: float = 0.0) -> None:
    """Multiply a model's learning rate from here on, in all of its optimizers, whoever sets it.

    Args:
        card: The model's card.
        controller: Who does so, to tell its factor from those of others.
        factor: The factor, times what the controller multiplied by before.
        floor: The rate that it does not go below.
    """
    before = card.lr_factors.get(controller, (1.0, floor))[0]
    card.lr_factors[controller] = (before * factor, floor)
    for optimizer in card.optimizers().values():
        for group in param_groups(optimizer):
            lr = float(group["lr"])
            write(group, "lr", max(lr * factor, min(lr, floor)))
