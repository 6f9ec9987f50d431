"""Simulation: the values of a schedule over a run, asked for as the run would ask, without model and framework."""

from __future__ import annotations

import copy
import functools
import os
from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any

from fastestimator_lite.schedule.curve import Clock, Curve, Horizon
from fastestimator_lite.schedule.curves import CLOCKS, Function, PerGroup, clock_name, per_group
from fastestimator_lite.schedule.parameter import SchedulerBase
from fastestimator_lite.schedule.recipe import Recipe, recipe_from_config
from fastestimator_lite.schedule.schedule import Scheduler, value_at
from fastestimator_lite.util.errors import ConfigError

_Values = Callable[[Clock], list[Any]]  # the value of each parameter group
# what torch's AdamW begins with
_GROUP: dict[str, Any] = {"lr": 1e-3, "weight_decay": 1e-2, "momentum": 0.9, "betas": (0.9, 0.999), "eps": 1e-8}


def simulate(
    schedule: Any,
    epochs: int | Horizon | None = None,
    steps_per_epoch: int = 1,
    *,
    groups: Sequence[Mapping[str, Any]] | None = None,
) -> list[dict[str, Any]]:
    """The values that a schedule gives over a run. Nothing that is given is changed.

    Args:
        schedule: One of

            - a Curve, a number, or a function whose one argument is named "step" or "epoch" (both from 1), "samples",
              "progress" or "clock";
            - a Scheduler of any of these;
            - a tuple of these, for a field of several numbers such as "betas";
            - a list of these or a `per_group`, for one value per parameter group;
            - a dictionary of these by optimizer field, such as ``{"lr": ..., "weight_decay": ...}``; else the field is
              "lr";
            - a Recipe or a configuration of one: a dictionary with the key "training", or the path of a YAML file;
            - a SchedulerBase, which goes on from where it stands; or a function whose one argument is named
              "optimizer" that makes one, as in ``lambda optimizer: CosineLrScheduler(optimizer, 10, 100)``.
        epochs: Epochs of the run; None for `training.epochs` of a configuration. A Horizon has the steps of each.
        steps_per_epoch: Optimizer updates in each epoch, >= 1.
        groups: The parameter groups to begin with, each a dictionary by field, as in ``[{"lr": 0.1}, {"lr": 0.01}]``.
            Only recipes, makers of a SchedulerBase and groups by name look into them. None for those of the
            configuration or of the SchedulerBase, else one as torch's AdamW has.

    Returns:
        A row for each update, field and group, in this order: a dictionary with "epoch" (from 1), "step" (the update,
        from 1 over the whole run), "field", "group" (its index) and "value" (None where the schedule leaves the
        optimizer alone).

    Raises:
        ConfigError: If it is no schedule, or gives something that is no number.

    Example:
        >>> [row["value"] for row in simulate(lambda epoch: 0.1 / epoch, 2)]
        [0.1, 0.05]
    """
    if isinstance(schedule, (str, os.PathLike)) or (isinstance(schedule, Mapping) and "training" in schedule):
        schedule = recipe_from_config(schedule, epochs.epochs if isinstance(epochs, Horizon) else epochs)
    horizon = _horizon(schedule, epochs, steps_per_epoch)
    fields = _fields(schedule, None if groups is None else [dict(group) for group in groups])
    rows = []
    for step in range(1, horizon.total_steps + 1):
        clock = horizon.clock(step)
        for field, values in fields.items():
            rows += [
                {"epoch": clock.epoch, "step": step, "field": field, "group": group, "value": value}
                for group, value in enumerate(values(clock))
            ]
    return rows


def detached(scheduler: SchedulerBase) -> SchedulerBase:
    """A copy of a scheduler, which stands where it stands, on parameter groups of its own."""
    groups = [
        {name: copy.deepcopy(value) for name, value in group.items() if name != "params"}
        for group in scheduler.optimizer.param_groups
    ]
    return copy.deepcopy(scheduler, {id(scheduler.optimizer): _Groups(groups)})


class _Groups:
    """What stands in for an optimizer."""

    def __init__(self, param_groups: list[dict[str, Any]]) -> None:
        self.param_groups = param_groups


def _horizon(schedule: Any, epochs: Any, steps_per_epoch: int) -> Horizon:
    if isinstance(epochs, Horizon):
        return epochs
    if epochs is None:
        epochs = schedule.epochs if isinstance(schedule, Recipe) else None
        if epochs is None:
            raise ConfigError(
                "simulate(epochs) must say how many epochs the run has; only a configuration with "
                "training.epochs says so itself"
            )
    return Horizon.even(epochs, steps_per_epoch)


def _fields(schedule: Any, groups: list[dict[str, Any]] | None) -> dict[str, _Values]:
    """The values of each field that a schedule is about."""
    if isinstance(schedule, Mapping):
        if not schedule or not all(isinstance(field, str) for field in schedule):
            raise ConfigError(
                f"simulate: a dictionary holds schedules by optimizer field, such as {{'lr': ...}}, or "
                f"is a configuration with the key 'training'; values by epoch are an EpochScheduler. "
                f"Got {schedule!r:.200}"
            )
        return {field: _values(one, groups, f"simulate: {field!r}") for field, one in schedule.items()}
    if callable(schedule) and not isinstance(schedule, Curve):
        if clock_name(schedule, (*CLOCKS, "optimizer"), "simulate(schedule)") == "optimizer":
            schedule = _made(schedule, [{**_GROUP, **group} for group in groups or [{}]])
    elif isinstance(schedule, SchedulerBase):
        schedule = detached(schedule)
        if groups is not None:
            raise ConfigError(
                "simulate(groups): a SchedulerBase has its optimizer's groups; give a function of "
                "'optimizer' that makes one in its place"
            )
    if isinstance(schedule, SchedulerBase):
        return {schedule.param_group_field: functools.partial(_owned, schedule)}
    return {"lr": _values(schedule, groups, "simulate(schedule)")}


def _made(factory: Callable[[Any], Any], groups: list[dict[str, Any]]) -> SchedulerBase:
    made = factory(_Groups(groups))
    if not isinstance(made, SchedulerBase):
        raise ConfigError(
            f"simulate: the function of 'optimizer' must return a SchedulerBase, got "
            f"{type(made).__name__}: {made!r:.100}"
        )
    return made


def _owned(scheduler: SchedulerBase, clock: Clock) -> list[Any]:
    scheduler.before_update(clock.step - 1, clock.epoch)
    return scheduler.values


def _values(item: Any, groups: list[dict[str, Any]] | None, where: str) -> _Values:
    """The values of a field at a clock, by what gives them."""
    if isinstance(item, Recipe) and groups is not None:
        bases = [_base(group, index) for index, group in enumerate(groups)]
        for index, base in enumerate(bases):
            item.check_base(base, f"the learning rate of group {index}")
        return lambda clock: [item.rate(clock.epoch, base) for base in bases]
    if isinstance(item, list):
        item = per_group(item)
    if isinstance(item, PerGroup):
        names = [group.get("name") for group in groups] if groups is not None else _names(item)
        each = [_value(one, where) for one in item.resolve(names, where)]
        return lambda clock: [one(clock) for one in each]
    one = _value(item, where)
    count = 1 if groups is None else len(groups)

    def values(clock: Clock) -> list[Any]:
        found = one(clock)
        return list(found) if isinstance(found, list) else [found] * count

    return values


def _names(item: PerGroup) -> list[str | None]:
    """The names of as many groups as a schedule speaks of."""
    if item.listed is not None:
        return [None] * len(item.listed)
    keys = list(item.by_key or {})
    names = [key if isinstance(key, str) else None for key in keys if isinstance(key, str)]
    most = max((key for key in keys if isinstance(key, int)), default=-1)
    return [*([None] * (most + 1)), *names]


def _base(group: Mapping[str, Any], index: int) -> float:
    if "lr" not in group:
        raise ConfigError(
            f"simulate(groups): group {index} needs 'lr', the rate to start from; it has "
            f"{', '.join(map(repr, group)) or 'nothing'}"
        )
    return float(group["lr"])


def _value(item: Any, where: str) -> Callable[[Clock], Any]:
    """The value of one group (or a list with one for each) at a clock."""
    if isinstance(item, Curve) and not isinstance(item, Function):
        return item.value
    if isinstance(item, Function) or (callable(item) and not isinstance(item, Scheduler)):
        curve = item if isinstance(item, Function) else Function(item, clock_name(item, CLOCKS, where))
        return lambda clock: _checked(curve.value(clock), where, clock)
    if isinstance(item, Scheduler):

        def value(clock: Clock) -> Any:
            now = value_at(item, clock.epoch)
            return _value(now, f"{where}, at epoch {clock.epoch}")(clock)

        return value
    if isinstance(item, tuple):
        parts = [_value(one, where) for one in item]
        return lambda clock: tuple(part(clock) for part in parts)
    if item is None or _is_number(item):
        return lambda clock: item
    raise ConfigError(
        f"{where} must be a Curve, a number, a function of 'step' or 'epoch', a Scheduler of these, a "
        f"SchedulerBase or a configuration; got {type(item).__name__}: {item!r:.100}"
    )


def _checked(value: Any, where: str, clock: Clock) -> Any:
    each = value if isinstance(value, list) else [value]
    parts = [part for one in each for part in (one if isinstance(one, tuple) else (one,))]
    if not all(part is None or _is_number(part) for part in parts):
        raise ConfigError(
            f"{where} must give a number, one for each group, or None; at epoch {clock.epoch}, step "
            f"{clock.step}, it gave {value!r:.200}"
        )
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)
