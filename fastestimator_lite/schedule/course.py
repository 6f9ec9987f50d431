"""Course: how a number goes over a run, epoch by epoch, and in which stretches it rises, falls or stays."""

from __future__ import annotations

import bisect
import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

_SAME = 1e-9  # relative; numbers closer than this differ by rounding


@dataclasses.dataclass(frozen=True)
class Leg:
    """Epochs in a row in which a number goes one way.

    Attributes:
        first: First epoch.
        last: Last epoch.
        way: "rises", "falls", "holds", "changes" (to a value of no order), or "none" where there is no number.
        begin: Its value at the first update; None where there is no number.
        end: Its value at the last update; None where there is no number.
    """

    first: int
    last: int
    way: str
    begin: Any
    end: Any

    @property
    def words(self) -> str:
        """Where it goes: "0.1", "0.1 -> 0.01" or "-"."""
        if self.way == "none":
            return "-"
        begin, end = number_words(self.begin), number_words(self.end)
        return begin if begin == end else f"{begin} -> {end}"


class Course:
    """A number over a run.

    Args:
        name: What it is, such as "model_lr".
        pairs: The values at the first and at the last update of each epoch, from epoch 1; None for an epoch without it.
            A value is a number, or a sequence of numbers.
    """

    def __init__(self, name: str, pairs: Sequence[tuple[Any, Any] | None]) -> None:
        self.name = name
        self.pairs = tuple(pairs)
        self.legs = tuple(_legs(self.pairs))
        self._starts = [leg.first for leg in self.legs]

    def words(self, first: int, last: int) -> str:
        """Where it goes in a stretch of epochs.

        Args:
            first: First epoch.
            last: Last epoch.

        Returns:
            Such as "0.1", "0.1 -> 0.01", "0 -> 0.1 -> 0.01", "0.001 to 0.1, up and down", or "-".
        """
        around = self.legs[bisect.bisect_right(self._starts, first) - 1] if self.legs else None
        if around is not None and last <= around.last and around.way != "changes":
            begin, end = self.pairs[first - 1], self.pairs[last - 1]
            one, other = (None, None) if begin is None or end is None else (begin[0], end[1])
            return Leg(first, last, around.way, one, other).words
        legs = list(_legs(self.pairs[first - 1 : last], first))
        if len(legs) == 1:
            return legs[0].words
        present = [leg for leg in legs if leg.way != "none"]
        if not present:
            return "-"
        points = list(dict.fromkeys(number_words(value) for leg in present for value in (leg.begin, leg.end)))
        if len(present) == len(legs) and len(legs) <= 3:
            ends = [number_words(value) for leg in present for value in (leg.begin, leg.end)]
            return " -> ".join(one for index, one in enumerate(ends) if index == 0 or ends[index - 1] != one)
        if not all(isinstance(leg.begin, (int, float)) for leg in present):
            return " / ".join(points[:4]) + ", ..." * (len(points) > 4)
        ends = [value for leg in present for value in (leg.begin, leg.end)]
        if len(present) == len(legs) and sorted(ends) in (ends, ends[::-1]):  # in many steps, but one way
            return f"{number_words(ends[0])} -> {number_words(ends[-1])}"
        return f"{number_words(min(ends))} to {number_words(max(ends))}, up and down"


def number_words(value: Any) -> str:
    """A number, or numbers, at four digits.

    Example:
        >>> number_words(0.123456), number_words((0.9, 0.999)), number_words(32)
        ('0.1235', '(0.9, 0.999)', '32')
    """
    if isinstance(value, (list, tuple)):
        return f"({', '.join(map(number_words, value))})"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def is_close(one: Any, other: Any) -> bool:
    """Whether two values are the same up to rounding."""
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return one == other or math.isclose(one, other, rel_tol=_SAME)
    return bool(one == other)


def way_between(one: Any, other: Any) -> int:
    """1 if the second value is larger, -1 if it is smaller, 0 if they are the same or of no order."""
    if is_close(one, other) or not isinstance(one, (int, float)) or not isinstance(other, (int, float)):
        return 0
    return 1 if other > one else -1


def _legs(pairs: Sequence[tuple[Any, Any] | None], first: int = 1) -> Iterator[Leg]:
    """The legs of epochs from `first` on; a leg is as long as it can be."""
    index = 0
    while index < len(pairs):
        end, way = _leg_from(pairs, index)
        pair, last = pairs[index], pairs[end]
        begin, done = (None, None) if pair is None or last is None else (pair[0], last[1])
        yield Leg(first + index, first + end, way, begin, done)
        index = end + 1


def _leg_from(pairs: Sequence[tuple[Any, Any] | None], index: int) -> tuple[int, str]:
    """Index of the last epoch of the leg that begins at `index`, and its way."""
    here = pairs[index]
    if here is None:
        return _stretch(pairs, index, lambda now, after: after is None), "none"
    if is_close(*here):
        end = _stretch(
            pairs,
            index,
            lambda now, after: after is now or (after is not None and is_close(here[0], after[0]) and is_close(*after)),
        )
        if end > index:
            return end, "holds"
    way = way_between(*here)
    if way == 0 and not is_close(*here):
        return index, "changes"
    steady = way == 0
    following = pairs[index + 1] if index + 1 < len(pairs) else None
    if steady and following is not None:
        way = way_between(here[1], following[0])
    if way == 0:
        return index, "holds"
    end = _stretch(
        pairs,
        index,
        lambda now, after: (
            now is not None and after is not None and _goes(way, now, after) and is_close(*after) == steady
        ),
    )
    # two values that each stay for an epoch are no trend
    return (index, "holds") if steady and end < index + 2 else (end, "rises" if way > 0 else "falls")


def _goes(way: int, now: tuple[Any, Any], after: tuple[Any, Any]) -> bool:
    """Whether a number goes on one way from one epoch to the next."""
    ways = way_between(now[1], after[0]), way_between(*after)
    return -way not in ways and way in ways


def _stretch(pairs: Sequence[Any], index: int, goes_on: Callable[[Any, Any], bool]) -> int:
    """The last index up to which neighbours go on."""
    while index + 1 < len(pairs) and goes_on(pairs[index], pairs[index + 1]):
        index += 1
    return index
