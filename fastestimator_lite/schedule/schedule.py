"""Schedulers: values that depend on the epoch, and the one question that everything schedulable answers."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from fastestimator_lite.component import Component, When
from fastestimator_lite.util.errors import ConfigError

T = TypeVar("T")


class Scheduler(Generic[T]):
    """A value that may differ from epoch to epoch; it may stand wherever a plain value may.

    A subclass writes `get_current_value` and `get_all_values`. The value must depend on the epoch alone: a run asks for
    any epoch in any order, and a resumed run asks again.
    """

    def get_current_value(self, epoch: int) -> T | None:
        """The value in force at `epoch` (counted from 1); None when there is none."""
        raise NotImplementedError(f"{type(self).__name__} must define get_current_value(epoch)")

    def get_all_values(self) -> list[T | None]:
        """Every value that can ever come, in any order."""
        raise NotImplementedError(f"{type(self).__name__} must define get_all_values()")

    def changes(self, total_epochs: int) -> set[int]:
        """The epochs of 2..`total_epochs` at which the value may change, repetition aside (see `period`)."""
        values = [self.get_current_value(epoch) for epoch in range(1, total_epochs + 1)]
        return {epoch for epoch in range(2, total_epochs + 1) if values[epoch - 1] is not values[epoch - 2]}

    @property
    def period(self) -> int:
        """After how many epochs the value repeats between two `changes`; 1 when it stands still."""
        return 1


class EpochScheduler(Scheduler[T]):
    """A value for each stretch of epochs.

    Args:
        epoch_dict: The value from each epoch on, by epoch (an int >= 1). Before the smallest key the value is None.
            None as a value means "nothing here": an op or trace is left out, a data set is absent.

    Raises:
        ConfigError: If it is not a dictionary, or a key is not an int or is below 1.
    """

    def __init__(self, epoch_dict: dict[int, T | None]) -> None:
        if not isinstance(epoch_dict, dict):
            raise ConfigError(f"EpochScheduler(epoch_dict) must be a dict {{epoch: value}}, got {epoch_dict!r}")
        for key in epoch_dict:
            if not isinstance(key, int) or isinstance(key, bool):
                raise ConfigError(f"EpochScheduler: an epoch must be an int, got {key!r} ({type(key).__name__})")
            if key < 1:
                raise ConfigError(f"EpochScheduler: epochs start at 1, got key {key}")
        self.epoch_dict = epoch_dict
        self._keys = sorted(epoch_dict)

    def get_current_value(self, epoch: int) -> T | None:
        past = [key for key in self._keys if key <= epoch]
        return self.epoch_dict[past[-1]] if past else None

    def get_all_values(self) -> list[T | None]:
        return list(self.epoch_dict.values())

    def changes(self, total_epochs: int) -> set[int]:
        return {key for key in self._keys if 1 < key <= total_epochs}


class RepeatScheduler(Scheduler[T]):
    """Values that take turns: epoch 1 has the first, and after the last it starts again.

    Args:
        repeat_list: At least two values; None means "nothing here".

    Raises:
        ConfigError: If it is not a list, or holds fewer than two values.
    """

    def __init__(self, repeat_list: list[T | None]) -> None:
        if not isinstance(repeat_list, list):
            raise ConfigError(f"RepeatScheduler(repeat_list) must be a list, got {repeat_list!r}")
        if len(repeat_list) < 2:
            raise ConfigError(f"RepeatScheduler needs at least 2 values to take turns, got {repeat_list!r}")
        self.repeat_list = repeat_list

    def get_current_value(self, epoch: int) -> T | None:
        return self.repeat_list[(epoch - 1) % len(self.repeat_list)]

    def get_all_values(self) -> list[T | None]:
        return list(self.repeat_list)

    def changes(self, total_epochs: int) -> set[int]:
        return set()

    @property
    def period(self) -> int:
        return len(self.repeat_list)


def value_at(item: T | Scheduler[T] | None, epoch: int) -> T | None:
    """What `item` is at `epoch`: a Scheduler answers by epoch, anything else is itself."""
    return item.get_current_value(epoch) if isinstance(item, Scheduler) else item


def values_of(item: T | Scheduler[T] | None) -> list[T]:
    """Everything that `item` can be over a run, without None."""
    values = item.get_all_values() if isinstance(item, Scheduler) else [item]
    return [value for value in values if value is not None]


def words_for_epoch(item: Any, value: Any) -> str:
    """When a value of a Scheduler comes in, to append to a message.

    Returns:
        Such as `" (from epoch 500 on)"`; an empty string if `item` is no EpochScheduler or RepeatScheduler.
    """
    if isinstance(item, EpochScheduler):
        first = min((epoch for epoch, known in item.epoch_dict.items() if known is value), default=None)
        return "" if first is None else f" (from epoch {first} on)"
    if isinstance(item, RepeatScheduler):
        first = next((epoch for epoch, known in enumerate(item.repeat_list, 1) if known is value), None)
        return "" if first is None else f" (at epoch {first} and every {item.period} epochs after it)"
    return ""


def select(items: Iterable[T | Scheduler[T] | None], when: When) -> list[T]:
    """The items that take part at a moment, in order.

    Args:
        items: Components, plain values, Schedulers of either; None is skipped.
        when: The moment. Where its epoch is None, all values of a Scheduler take part.

    Returns:
        The values in force whose mode and ds_id match; a value that is no Component matches always.
    """
    chosen: list[T] = []
    for item in items:
        if item is None:
            continue
        if when.epoch is None:
            values = values_of(item)
        else:
            values = [value for value in (value_at(item, when.epoch),) if value is not None]
        chosen += [value for value in values if not isinstance(value, Component) or value.runs_at(when)]
    return chosen


def get_current_items(
    items: Iterable[Any],
    run_modes: str | Iterable[str] | None = None,
    epoch: int | None = None,
    ds_id: str | None = None,
) -> list[Any]:
    """Select the items that take part, as `select`; the 1.x name and arguments.

    Args:
        items: Components, plain values, Schedulers of either; None is skipped.
        run_modes: One mode or several, any of which may match; None for all.
        epoch: Epoch, from 1; None takes the values of all epochs.
        ds_id: Data set id; None for all.

    Returns:
        The items in force, in order.
    """
    modes = [run_modes] if run_modes is None or isinstance(run_modes, str) else list(run_modes)
    chosen: list[Any] = []
    for item in items:
        found: list[Any] = []
        for mode in modes:
            found += [value for value in select([item], When(mode, epoch, ds_id)) if all(value is not x for x in found)]
        chosen += found
    return chosen


class Calendar:
    """Which epochs of a run look alike, found from the changes of its Schedulers and not epoch by epoch.

    Args:
        items: Plain values and Schedulers.
        total_epochs: Epochs of the run, >= 1.

    Attributes:
        period: After how many epochs values repeat, until one changes.
    """

    def __init__(self, items: Iterable[Any], total_epochs: int) -> None:
        schedulers = [item for item in items if isinstance(item, Scheduler)]
        self.total_epochs = total_epochs
        self.period = math.lcm(*(scheduler.period for scheduler in schedulers))
        self._starts = sorted({1}.union(*(scheduler.changes(total_epochs) for scheduler in schedulers)))

    def twin(self, epoch: int) -> int:
        """The first epoch after the last change that has the same values as `epoch`."""
        start = self._starts[bisect.bisect_right(self._starts, epoch) - 1]
        return start + (epoch - start) % self.period

    def stretches(self) -> Iterator[tuple[int, int]]:
        """(first epoch, last epoch) from one change to the next; within, values repeat after each `period`."""
        return zip(self._starts, [*(start - 1 for start in self._starts[1:]), self.total_epochs], strict=True)

    def slices(self) -> Iterator[tuple[int, slice]]:
        """Pairs of (an epoch, the slice of all epochs that have it as their twin)."""
        for epoch, count in self.groups():
            yield epoch, slice(epoch, epoch + (count - 1) * self.period + 1, self.period)

    def groups(self) -> list[tuple[int, int]]:
        """Pairs of (an epoch, how many epochs have it as their twin); the counts add up to `total_epochs`."""
        ends = [*self._starts[1:], self.total_epochs + 1]
        return [
            (start + shift, -(-(end - start - shift) // self.period))
            for start, end in zip(self._starts, ends, strict=True)
            for shift in range(min(self.period, end - start))
        ]


def get_signature_epochs(
    items: Sequence[Any], total_epochs: int, mode: str | None = None, ds_id: str | None = None
) -> list[int]:
    """The epochs at which the selection of items takes a value not seen before.

    Args:
        items: Components, plain values, Schedulers of either.
        total_epochs: Epochs of the run, >= 1.
        mode: Only this mode; None for all.
        ds_id: Only this data set; None for all.

    Returns:
        Epochs in rising order, each the first of its kind; epoch 1 is always the first.
    """
    seen: set[tuple[int, ...]] = set()
    signature: list[int] = []
    for epoch, _ in Calendar(items, total_epochs).groups():
        picture = tuple(id(item) for item in select(items, When(mode, epoch, ds_id)))
        if picture not in seen:
            seen.add(picture)
            signature.append(epoch)
    return signature
