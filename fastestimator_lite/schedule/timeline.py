"""Timeline: which value each part of a run has at each epoch."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence

from fastestimator_lite.schedule.course import Course
from fastestimator_lite.util.errors import suggest

_MOST_LEGS = 20  # of a course that cuts the table; one that turns more often is told in one cell
_WIDTH = 30  # of a column of the table, in characters


@dataclasses.dataclass(frozen=True)
class Stretch:
    """Epochs in a row in which nothing changes.

    Attributes:
        first: First epoch.
        last: Last epoch.
        values: What each part is, in words, by the name of the part.
    """

    first: int
    last: int
    values: Mapping[str, str]

    @property
    def epochs(self) -> str:
        """The epochs in words: "3" or "3-5"."""
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


class Timeline:
    """What every part of a run is at every epoch.

    Args:
        stretches: The stretches of epochs, in order, all with the same parts.
        total_epochs: Epochs of the run; more than the last stretch says if the rest was left out.
        courses: The numbers that are set over the run, such as learning rates, each over the same epochs.

    Printing it shows a table with a row for each stretch, and a `*` at each value that is new. A course is shown by
    where it goes in that stretch, such as "0.1 -> 0.01"; where it turns, a new row begins.
    """

    def __init__(self, stretches: Sequence[Stretch], total_epochs: int, courses: Sequence[Course] = ()) -> None:
        self.stretches = tuple(stretches)
        self.total_epochs = total_epochs
        self.courses = tuple(courses)

    @property
    def parts(self) -> list[str]:
        """Names of the parts, courses aside."""
        return list(self.stretches[0].values) if self.stretches else []

    @property
    def last(self) -> int:
        """The last epoch it covers."""
        return self.stretches[-1].last if self.stretches else 0

    def rows(self) -> Iterator[dict[str, str | int]]:
        """A dictionary for each row of the table: "first" and "last" epoch, each part's value, each course in words."""
        for stretch in self.split():
            yield {"first": stretch.first, "last": stretch.last, **stretch.values}

    def at(self, epoch: int) -> Mapping[str, str]:
        """What each part and each course is at an epoch."""
        for stretch in self.stretches:
            if stretch.first <= epoch <= stretch.last:
                return {**stretch.values, **{course.name: course.words(epoch, epoch) for course in self.courses}}
        raise IndexError(f"the timeline covers epochs 1..{self.last}, not {epoch}")

    def course(self, name: str) -> Course:
        """The course of that name.

        Raises:
            KeyError: If there is none.
        """
        for course in self.courses:
            if course.name == name:
                return course
        names = [course.name for course in self.courses]
        raise KeyError(
            f"the timeline has no course {name!r}; there is: {', '.join(names) or 'none'}.{suggest(name, names)}"
        )

    def segments(self, part: str) -> list[tuple[int, int, str]]:
        """(first epoch, last epoch, value) for each time that one part keeps its value, or a course its way."""
        if part not in self.parts:
            return [(leg.first, leg.last, leg.words) for leg in self.course(part).legs]
        found: list[tuple[int, int, str]] = []
        for stretch in self.stretches:
            value = stretch.values[part]
            if found and found[-1][2] == value and found[-1][1] == stretch.first - 1:
                found[-1] = (found[-1][0], stretch.last, value)
            else:
                found.append((stretch.first, stretch.last, value))
        return found

    def split(self) -> list[Stretch]:
        """The rows of the table: the stretches, cut where a course turns (unless it turns all the time)."""
        cuts = {leg.first for course in self.courses if len(course.legs) <= _MOST_LEGS for leg in course.legs}
        found = []
        for stretch in self.stretches:
            starts = [stretch.first, *sorted(cut for cut in cuts if stretch.first < cut <= stretch.last)]
            for first, last in zip(starts, [*(start - 1 for start in starts[1:]), stretch.last], strict=True):
                words = {course.name: course.words(first, last) for course in self.courses}
                found.append(Stretch(first, last, {**stretch.values, **words}))
        return found

    def to_csv(self) -> str:
        """A line for each epoch as comma-separated values.

        Its columns are the epoch, the parts, and each course at the first and at the last step of the epoch.
        """
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        ends = [f"{course.name} {end}" for course in self.courses for end in ("first", "last")]
        writer.writerow(["epoch", *self.parts, *ends])
        for stretch in self.stretches:
            for epoch in range(stretch.first, stretch.last + 1):
                pairs = [course.pairs[epoch - 1] or ("", "") for course in self.courses]
                writer.writerow([epoch, *stretch.values.values(), *(value for pair in pairs for value in pair)])
        return file.getvalue()

    def to_json(self) -> str:
        """The stretches and the courses as JSON."""
        return json.dumps(
            {
                "total_epochs": self.total_epochs,
                "stretches": [{"first": one.first, "last": one.last, **one.values} for one in self.stretches],
                "courses": {course.name: course.pairs for course in self.courses},
            },
            indent=1,
        )

    def __str__(self) -> str:
        if not self.stretches:
            return "Timeline: no epochs"
        rows = self.split()
        names = list(rows[0].values)
        changing = [name for name in names if any(row.values[name] != rows[0].values[name] for row in rows)]
        above = ', " = as above' if any(_is_long(row.values[name]) for row in rows for name in changing) else ""
        marks = f" (* = changes here{above})" if changing else ""
        lines = [f"Timeline of {self.total_epochs} epoch{'s' * (self.total_epochs > 1)}{marks}"]
        lines += [f"  {name}: {rows[0].values[name]}" for name in names if name not in changing]
        if changing:
            heads = ["epoch", *(_wrapped(name, _WIDTH) for name in changing)]
            lines += _table(heads, [_cells(rows, index, changing) for index in range(len(rows))])
        if self.last < self.total_epochs:
            lines.append(f"  ... and so on up to epoch {self.total_epochs}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)


def _cells(rows: Sequence[Stretch], index: int, parts: Sequence[str]) -> list[str]:
    now = rows[index]
    cells = [now.epochs]
    for part in parts:
        text, is_new = now.values[part], index > 0 and now.values[part] != rows[index - 1].values[part]
        cells.append('"' if _is_long(text) and index and not is_new else _wrapped(text, _WIDTH) + " *" * is_new)
    return cells


def _is_long(text: str) -> bool:
    """Whether a value that stays is not worth to be said again."""
    return len(text) > 10


def _wrapped(text: str, width: int) -> str:
    return "\n".join(textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False))


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    """A table in plain text; a cell of several lines makes a row of several lines."""
    cells = [[cell.split("\n") for cell in row] for row in [head, *rows]]
    widths = [max(len(line) for row in cells for line in row[column]) for column in range(len(head))]
    lines = []
    for number, row in enumerate(cells):
        for line in range(max(map(len, row))):
            parts = [
                (cell[line] if line < len(cell) else "").ljust(width) for cell, width in zip(row, widths, strict=True)
            ]
            lines.append("  " + " | ".join(parts).rstrip())
        if number == 0:
            lines.append("  " + "-+-".join("-" * width for width in widths))
    return lines
