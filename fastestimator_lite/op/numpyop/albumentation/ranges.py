"""Ranges to draw from, as the parameters of ops write them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral
from typing import Any

from fastestimator_lite.op.numpyop.albumentation.rotate import is_number
from fastestimator_lite.util.errors import ConfigError

INFINITY = float("inf")


def span(limit: Any, where: str, start: float | None = None, low: float = -INFINITY, high: float = INFINITY) -> Any:
    """Read a range of numbers.

    Args:
        limit: The two ends, or a single n for (`start`, n).
        where: Names the op and its argument, for the message.
        start: The other end for a single n; None for n itself, so that nothing is left to draw.
        low, high: What both ends must lie in.

    Returns:
        The lower and the upper end, as they were written.

    Raises:
        ConfigError: If it is neither, the ends are the wrong way round, or one is not in [`low`, `high`].
    """
    ends = (limit if start is None else start, limit) if is_number(limit) else limit
    is_pair = isinstance(ends, (tuple, list)) and len(ends) == 2 and _are_numbers(ends)
    if is_pair and low <= ends[0] <= ends[1] <= high and all(map(math.isfinite, ends)):
        return tuple(ends)
    single = f"a number n for ({'n' if start is None else start}, n)"
    raise ConfigError(f"{where} must be {single} or a range (low, high){_bounds(low, high)}, got {limit!r}")


def int_span(limit: Any, where: str, start: int | None = None, low: float = -INFINITY, high: float = INFINITY) -> Any:
    """Read a range of whole numbers; as `span`.

    Returns:
        The lower and the upper end as ints.

    Raises:
        ConfigError: As `span`, or if an end is not an int.
    """
    ends = span(limit, where, start, low, high)
    if not _are_ints(ends):
        raise ConfigError(f"{where} must be made of ints, got {limit!r}")
    return int(ends[0]), int(ends[1])


def odd_span(limit: Any, where: str, start: int, low: int = 3) -> Any:
    """Read a range of sizes of a kernel that has a middle; as `int_span`. 0 may stand for "not given".

    Raises:
        ConfigError: As `int_span`, or if an end is even.
    """
    ends = int_span(limit, where, start, low)
    if any(end % 2 == 0 and end != 0 for end in ends):
        raise ConfigError(f"{where} must have odd ends, for a kernel has a middle; got {limit!r}")
    return ends


def ends_of(
    low_value: Any, high_value: Any, names: str, low: float = -INFINITY, high: float = INFINITY, whole: bool = False
) -> Any:
    """The range of two arguments.

    Args:
        low_value, high_value: Its ends.
        names: Names the op and both arguments, for the message.
        low, high: What both ends must lie in.
        whole: Whether both must be ints.

    Raises:
        ConfigError: If it is none.
    """
    pair = (low_value, high_value)
    is_good = _are_ints if whole else _are_numbers
    if not is_good(pair) or not low <= low_value <= high_value <= high:
        kind = "ints, " if whole else ""
        raise ConfigError(
            f"{names} must be {kind}the ends of a range{_bounds(low, high)}, got {low_value!r} and {high_value!r}"
        )
    return pair


def int_within(value: Any, where: str, low: int, high: float = INFINITY) -> int:
    """Check a whole number.

    Raises:
        ConfigError: If it is none, or not in [`low`, `high`].
    """
    if not _are_ints([value]) or not low <= value <= high:
        raise ConfigError(f"{where} must be an int{_bounds(low, high)}, got {value!r}")
    return int(value)


def several(values: Any, count: int, where: str) -> Any:
    """Check that there are so many numbers, and give them as a tuple.

    Raises:
        ConfigError: If not.
    """
    if not isinstance(values, (tuple, list)) or len(values) != count or not _are_numbers(values):
        raise ConfigError(f"{where} must be {count} numbers, got {values!r}")
    return tuple(values)


def _are_numbers(values: Sequence[Any]) -> bool:
    return all(map(is_number, values))


def _are_ints(values: Sequence[Any]) -> bool:
    return all(isinstance(value, Integral) and is_number(value) for value in values)


def _bounds(low: float, high: float) -> str:
    if math.isinf(high):
        return "" if math.isinf(low) else f", at least {low}"
    return f" within [{low}, {high}]"
