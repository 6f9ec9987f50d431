"""Outlook: the values of a schedule over a run that has not begun, and what somebody should know about them before."""

from __future__ import annotations

import csv
import dataclasses
import io
import itertools
import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import Any

from fastestimator_lite.schedule.course import Course, number_words
from fastestimator_lite.schedule.curve import Curve, Horizon
from fastestimator_lite.schedule.recipe import Recipe, recipe_from_config
from fastestimator_lite.schedule.schedule import Calendar, Scheduler, values_of
from fastestimator_lite.schedule.simulation import simulate
from fastestimator_lite.schedule.timeline import Stretch, Timeline
from fastestimator_lite.util.errors import ConfigError

COLUMNS = ("epoch", "step", "field", "group", "value")
_Row = Mapping[str, Any]

_MOST_UPDATES = 2_000_000
_LEAP = 0.2  # share of its range by which a value jumps ...
_FACTOR, _SEEN = 10, 0.05  # ... or the factor, if it is at least this share
# how many times larger a jump is than the changes around it: one that goes on, one that turns, and what it turns from
_SUDDEN, _TURNING, _AGAINST = 4, 2.5, 1.5
_MOST_NAMED = 4  # jumps that a warning names one by one


@dataclasses.dataclass(frozen=True)
class Line:
    """One field of one parameter group over the run.

    Attributes:
        field: Such as "lr".
        group: Number or name of the group.
        epochs: The epoch of each value, from 1.
        steps: The update that each value is for, from 1.
        values: The values.
    """

    field: str
    group: Any
    epochs: list[int]
    steps: list[int]
    values: list[Any]

    def course(self, name: str) -> Course:
        """The first and last value of each epoch."""
        ends: dict[int, tuple[Any, Any]] = {}
        for epoch, value in zip(self.epochs, self.values, strict=True):
            ends[epoch] = (ends[epoch][0] if epoch in ends else value, value)
        pairs = (ends.get(epoch, (None, None)) for epoch in range(1, max(ends, default=0) + 1))
        return Course(name, [None if None in pair else pair for pair in pairs])

    def numbers(self) -> Line:
        """The same without what is no single number."""
        kept = [index for index, value in enumerate(self.values) if isinstance(value, (int, float))]
        epochs, steps, values = ([every[index] for index in kept] for every in (self.epochs, self.steps, self.values))
        return Line(self.field, self.group, epochs, steps, values)


@dataclasses.dataclass(frozen=True)
class Preview:
    """What a schedule will do.

    Attributes:
        title: What it is, in words.
        epochs: Epochs of the run.
        steps_per_epoch: Updates in each epoch.
        rows: A row for each value: "epoch", "step", "field", "group", "value".
        warnings: What to look at before the run, one sentence each.
        switches: Schedulers whose values switch at epochs, in words, by name.
    """

    title: str
    epochs: int
    steps_per_epoch: int
    rows: Sequence[_Row]
    warnings: Sequence[str] = ()
    switches: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)

    def lines(self) -> list[Line]:
        """The rows, put together by field and group."""
        return lines_of(self.rows)

    def timeline(self) -> Timeline:
        """In which epochs each field rises, falls or stays, and what the switches are."""
        stretches: list[Stretch] = []
        for epoch in range(1, self.epochs + 1):
            values = {name: texts[epoch - 1] for name, texts in self.switches.items()}
            if stretches and stretches[-1].values == values:
                stretches[-1] = Stretch(stretches[-1].first, epoch, values)
            else:
                stretches.append(Stretch(epoch, epoch, values))
        lines = self.lines()
        return Timeline(stretches, self.epochs, [line.course(name_of(line, lines)) for line in lines])

    def to_csv(self) -> str:
        """The rows as comma-separated values, each number with all of its digits."""
        return rows_to_csv(self.rows)


def preview(
    schedule: Any,
    epochs: int | None = None,
    steps_per_epoch: int = 1,
    *,
    groups: Sequence[Mapping[str, Any]] | None = None,
    title: str | None = None,
    switches: Mapping[str, Scheduler[Any]] | None = None,
) -> Preview:
    """Look at a schedule before it runs: its values, as `simulate` gives them, and what is odd about them.

    Args:
        schedule, epochs, steps_per_epoch, groups: See `simulate`.
        title: What it is, in words; None for a fitting heading.
        switches: Schedulers to show beside the values, by name, such as that of the batch size. Those of the schedule
            itself are shown anyway.

    Raises:
        ConfigError: If it is no schedule.

    Example:
        >>> shown = preview(lambda epoch: 0.1 if epoch < 3 else 0.01, epochs=4)
        >>> [(leg.first, leg.last, leg.words) for leg in shown.timeline().courses[0].legs]
        [(1, 2, '0.1'), (3, 4, '0.01')]
    """
    if isinstance(schedule, (str, os.PathLike)) or (isinstance(schedule, Mapping) and "training" in schedule):
        schedule = recipe_from_config(schedule, epochs)
    _check_size(schedule.epochs if epochs is None and isinstance(schedule, Recipe) else epochs, steps_per_epoch)
    rows = simulate(schedule, epochs, steps_per_epoch, groups=groups)
    total = rows[-1]["epoch"]
    horizon = Horizon.even(total, steps_per_epoch)
    fields = schedule if isinstance(schedule, Mapping) else {"lr": schedule}
    known = [
        f"{field}: {told}" if len(fields) > 1 else told
        for field, item in fields.items()
        for curve in _curves_of(item)
        for told in curve.check(horizon)
    ]
    if title is None:
        title = f"Learning rate: {schedule.name}" if isinstance(schedule, Recipe) else "Schedule"
    shown = {**{field: item for field, item in fields.items() if isinstance(item, Scheduler)}, **(switches or {})}
    texts = {name: _switch_texts(name, item, total) for name, item in shown.items()}
    found = dict.fromkeys([*map(_sentence, known), *warnings_of(rows, known)])
    return Preview(title, total, steps_per_epoch, rows, tuple(found), texts)


def _check_size(epochs: Any, steps: Any) -> None:
    if isinstance(epochs, int) and isinstance(steps, int) and epochs * steps > _MOST_UPDATES:
        raise ConfigError(
            f"a run of {epochs} epochs with {steps} updates in each is too long to be shown update by "
            f"update; show at most {_MOST_UPDATES} updates"
        )


def _curves_of(item: Any) -> list[Curve]:
    """The curves that a schedule is made of."""
    if isinstance(item, Curve):
        return [item]
    if isinstance(item, Scheduler):
        return [curve for one in values_of(item) for curve in _curves_of(one) if isinstance(one, Recipe)]
    if isinstance(item, (list, tuple)):
        return [curve for one in item for curve in _curves_of(one)]
    return []


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def rows_to_csv(rows: Iterable[_Row]) -> str:
    r"""Rows as comma-separated values, each number with all of its digits.

    Example:
        >>> rows_to_csv([{"epoch": 1, "step": 1, "field": "lr", "group": 0, "value": 0.1}])
        'epoch,step,field,group,value\\n1,1,lr,0,0.1\\n'
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([row[column] for column in COLUMNS] for row in rows)
    return file.getvalue()


def lines_of(rows: Iterable[_Row]) -> list[Line]:
    """Rows, put together by field and group in the order in which they come."""
    found: dict[tuple[str, Any], Line] = {}
    for row in rows:
        line = found.setdefault((row["field"], row["group"]), Line(row["field"], row["group"], [], [], []))
        line.epochs.append(row["epoch"])
        line.steps.append(row["step"])
        value = row["value"]
        line.values.append(float(value) if isinstance(value, Real) and not isinstance(value, int) else value)
    return list(found.values())


def name_of(line: Line, lines: Sequence[Line]) -> str:
    """The field, together with the group if there are several of it."""
    several = sum(other.field == line.field for other in lines) > 1
    return f"{line.field}, group {line.group}" if several else line.field


# ---- warnings


def warnings_of(rows: Iterable[_Row], known: Sequence[str] = ()) -> list[str]:
    """What is odd about the values of a schedule.

    Args:
        rows: What `simulate` gave.
        known: What was found before; a jump that is told of there is not told again.

    Returns:
        A sentence for each thing.
    """
    lines = lines_of(rows)
    found = []
    for line in lines:
        name, numbers = name_of(line, lines), line.numbers()
        if numbers.values:
            found += [*_impossible(name, numbers), *_jumps(name, numbers, known)]
    return found


def _impossible(name: str, line: Line) -> Iterable[str]:
    for epoch, step, value in zip(line.epochs, line.steps, line.values, strict=True):
        if not math.isfinite(value) or value < 0:
            yield f"{name} is {value} at epoch {epoch} (update {step}), which no optimizer can use."
            return
    zeros = [epoch for epoch, value in zip(line.epochs, line.values, strict=True) if value == 0]
    whole = [epoch for epoch in dict.fromkeys(zeros) if zeros.count(epoch) == line.epochs.count(epoch)] if zeros else []
    if whole and line.field == "lr":
        yield f"{name} is 0 in {_epochs(whole)}, in which nothing is learned."


def _jumps(name: str, line: Line, known: Sequence[str]) -> Iterable[str]:
    values = line.values
    reach = max(values) - min(values)
    changes = [after - before for before, after in itertools.pairwise(values)]
    found = []
    for index, change in enumerate(changes):
        around = [changes[near] for near in (index - 1, index + 1) if 0 <= near < len(changes)]
        along = [abs(one) for one in around if one * change > 0]
        against = [abs(one) for one in around if one * change < 0]
        # a step between two levels is meant, so something must go on before or after
        is_sudden = (against or len(along) == 2) and abs(change) > max(
            (_TURNING if against else _SUDDEN) * max(along, default=0), _AGAINST * max(against, default=0)
        )
        told = rf"update {line.steps[index + 1]}\b|after epoch {line.epochs[index + 1] - 1}\b"
        low, high = sorted((abs(values[index]), abs(values[index + 1])))
        is_large = abs(change) > _LEAP * reach or (high > _FACTOR * low and abs(change) > _SEEN * reach)
        if is_large and is_sudden and not any(re.search(told, text) for text in known):
            found.append(index)
    for index in found[: _MOST_NAMED if len(found) <= _MOST_NAMED else 1]:
        before, after = values[index], values[index + 1]
        where = f"at epoch {line.epochs[index + 1]}" + f" (update {line.steps[index + 1]})" * _has_steps(line)
        times = "" if len(found) <= _MOST_NAMED else f", the first of {len(found)} jumps"
        how = "up" if after > before else "down"
        yield f"{name} jumps {how} from {number_words(before)} to {number_words(after)} {where}{times}."


def _has_steps(line: Line) -> bool:
    """Whether an epoch has more than one value."""
    return len(set(line.epochs)) < len(line.epochs)


def _epochs(epochs: Sequence[int]) -> str:
    """Epochs in words, "epoch 1" or "3 epochs from epoch 7 on"."""
    return f"epoch {epochs[0]}" if len(epochs) == 1 else f"{len(epochs)} epochs from epoch {epochs[0]} on"


def _switch_texts(name: str, item: Any, epochs: int) -> list[str]:
    """What a Scheduler is at each epoch."""
    if not isinstance(item, Scheduler):
        raise ConfigError(f"switches[{name!r}] must be a Scheduler, got {type(item).__name__}: {item!r:.100}")
    calendar = Calendar([item], epochs)
    words: dict[int, str] = {}
    for epoch in range(1, epochs + 1):
        twin = calendar.twin(epoch)
        if twin not in words:
            words[twin] = _words(item.get_current_value(twin))
    return [words[calendar.twin(epoch)] for epoch in range(1, epochs + 1)]


def _words(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, (bool, str, int, float, list, tuple)):
        return number_words(value)
    if isinstance(value, Recipe):
        return value.name
    return getattr(value, "__name__", type(value).__name__).strip("_<>")
