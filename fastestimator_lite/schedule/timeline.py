"""Timeline: which value each part of a run has at each epoch."""
from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence


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

    Printing it shows a table with a row for each stretch, and a `*` at each value that is new.
    """

    def __init__(self, stretches: Sequence[Stretch], total_epochs: int) -> None:
        self.stretches = tuple(stretches)
        self.total_epochs = total_epochs

    @property
    def parts(self) -> list[str]:
        """Names of the parts."""
        return list(self.stretches[0].values) if self.stretches else []

    def rows(self) -> Iterator[dict[str, str | int]]:
        """A dictionary for each stretch: "first" and "last" epoch, and each part's value."""
        for stretch in self.stretches:
            yield {"first": stretch.first, "last": stretch.last, **stretch.values}

    def at(self, epoch: int) -> Mapping[str, str]:
        """What each part is at an epoch."""
        for stretch in self.stretches:
            if stretch.first <= epoch <= stretch.last:
                return stretch.values
        raise IndexError(f"the timeline covers epochs 1..{self.stretches[-1].last if self.stretches else 0}, not {epoch}")

    def segments(self, part: str) -> list[tuple[int, int, str]]:
        """(first epoch, last epoch, value) for each time that one part keeps its value."""
        found: list[tuple[int, int, str]] = []
        for stretch in self.stretches:
            value = stretch.values[part]
            if found and found[-1][2] == value and found[-1][1] == stretch.first - 1:
                found[-1] = (found[-1][0], stretch.last, value)
            else:
                found.append((stretch.first, stretch.last, value))
        return found

    def __str__(self) -> str:
        if not self.stretches:
            return "Timeline: no epochs"
        constant = {part for part in self.parts if len(self.segments(part)) == 1}
        changing = [part for part in self.parts if part not in constant]
        lines = [f"Timeline of {self.total_epochs} epoch{'s' * (self.total_epochs > 1)}" + (" (* = changes here)" if changing else "")]
        lines += [f"  {part}: {self.stretches[0].values[part]}" for part in self.parts if part in constant]
        if changing:
            lines += _table(["epoch", *changing], [self._cells(index, changing) for index in range(len(self.stretches))])
        if self.stretches[-1].last < self.total_epochs:
            lines.append(f"  ... and so on up to epoch {self.total_epochs}")
        return "\n".join(lines)

    def _cells(self, index: int, parts: Sequence[str]) -> list[str]:
        now = self.stretches[index]
        before = self.stretches[index - 1].values if index else now.values
        return [now.epochs, *(now.values[part] + ("" if now.values[part] == before[part] else " *") for part in parts)]

    def __repr__(self) -> str:
        return str(self)


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    """A table in plain text; a cell of several lines makes a row of several lines."""
    cells = [[cell.split("\n") for cell in row] for row in [head, *rows]]
    widths = [max(len(line) for row in cells for line in row[column]) for column in range(len(head))]
    lines = []
    for number, row in enumerate(cells):
        for line in range(max(map(len, row))):
            parts = [(cell[line] if line < len(cell) else "").ljust(width) for cell, width in zip(row, widths, strict=True)]
            lines.append("  " + " | ".join(parts).rstrip())
        if number == 0:
            lines.append("  " + "-+-".join("-" * width for width in widths))
    return lines
