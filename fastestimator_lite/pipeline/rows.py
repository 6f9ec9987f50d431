"""Samples on their way into a batch, and which of them are large."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from fastestimator_lite.pipeline.plan import Slot

# A vectorized op works faster on a whole batch while its rows are small; large rows are best worked on while they are in
# the processor's cache, one after the other. The result is the same.
LARGE_ROW_BYTES = 1 << 16

Allocate = Callable[[tuple[int, ...], Any], np.ndarray]


class Rows:
    """Samples that become a batch: arrays of one shape and type are written straight into the batch's memory.

    Args:
        count: The most rows that may come.
        keep: Picks the keys that the batch needs, out of those that there are; None for all.
        empty: Gives memory by shape and dtype.
    """

    def __init__(self, count: int, keep: Callable[[Iterable[str]], list[str]] | None, empty: Allocate) -> None:
        self._count, self._keep, self._empty = count, keep, empty
        self._values: dict[str, Any] = {}
        self._targets: dict[str, np.ndarray] = {}
        self._length = 0

    def targets(self, keys: Sequence[str]) -> list[np.ndarray] | None:
        """Where the next row will lie; None if that is no place in an array for one of the keys."""
        columns = [self._values.get(key) for key in keys]
        if not all(isinstance(column, np.ndarray) for column in columns):
            return None
        found = [column[self._length] for column in columns]  # type: ignore[index]
        self._targets = dict(zip(keys, found, strict=True))
        return found

    def add(self, row: dict[str, Any]) -> None:
        """Take one row; all have the same keys."""
        if not self._length:
            for key in row if self._keep is None else self._keep(row):
                value = row[key]
                is_array = isinstance(value, np.ndarray) and value.ndim and value.dtype.kind in "biufc"
                self._values[key] = self._empty((self._count, *value.shape), value.dtype) if is_array else []
        for key, column in self._values.items():
            value = row[key]
            if value is self._targets.get(key, self):  # is there already
                continue
            if isinstance(column, list):
                column.append(value)
            elif isinstance(value, np.ndarray) and value.shape == column.shape[1:] and value.dtype == column.dtype:
                column[self._length] = value
            else:  # not of one shape after all: padding or an error comes later
                self._values[key] = [*column[: self._length].copy(), value]
        self._length += 1

    def columns(self) -> dict[str, Any]:
        """Arrays or lists by key."""
        return {key: column[: self._length] for key, column in self._values.items()}


def row_is_large(row: dict[str, Any], ops: Sequence[Slot]) -> bool:
    """Whether the first of some ops reads something large."""
    return any(is_large(row.get(key)) for key in ops[0][1].inputs)


def is_large(value: Any, per_row: bool = False) -> bool:
    """Whether a value is an array with a lot of memory; `per_row` for a column of values."""
    if isinstance(value, list) and per_row:
        value, per_row = value[0], False
    return isinstance(value, np.ndarray) and value.nbytes >= LARGE_ROW_BYTES * (len(value) if per_row else 1)
