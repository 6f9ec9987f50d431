"""The columns of data sets in memory: one array per key, made from lists or rows, and shared by the parts of a split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from fastestimator_lite.util.errors import ConfigError


class Column(NamedTuple):
    """The values of one key: all of `values`, or those at `rows`, so that a split need not copy."""

    values: np.ndarray  # (M, ...)
    rows: np.ndarray | None = None  # (N,), int64
    is_ours: bool = False  # whether no one else reads `values`, so that they may be written to

    def at(self, index: int | np.integer[Any]) -> Any:
        """The value of one sample."""
        return self.values[index if self.rows is None else self.rows[index]]

    def take(self, indices: np.ndarray) -> np.ndarray:
        """The values of some samples, a copy."""
        rows = indices if self.rows is None else self.rows[indices]
        # Twice as fast as values[rows] for images (numpy 2.4): one copy of whole rows, no general indexing.
        return self.values.take(rows, axis=0)

    def settled(self) -> Column:
        """The same values with an array of their own, if they had not."""
        return self if self.rows is None else Column(self.values.take(self.rows, axis=0), is_ours=True)


def to_column(values: Any, key: str) -> np.ndarray:
    """Make the column of one key.

    Args:
        values: An array, which is taken as it is (a framework's tensor becomes one), or a list with one value per
            sample.
        key: The key, for messages.

    Returns:
        Shape (N, ...). A list of numbers or of equally shaped arrays becomes one array; any other list (strings,
        different shapes) an array of objects.

    Raises:
        ConfigError: If `values` is a single value.
    """
    if isinstance(values, (str, bytes, Mapping)) or values is None:
        raise ConfigError(
            f"key {key!r} needs an array or a list with one value per sample, got {type(values).__name__}"
        )
    if not isinstance(values, (list, tuple)):
        column = np.asarray(values)
        if column.ndim == 0:
            raise ConfigError(f"key {key!r} needs an array or a list with one value per sample, got {values!r}")
        return column
    try:
        column = np.array(values)
    except ValueError:  # how numpy says that the shapes differ
        return _object_column(values)
    return column if column.dtype.kind in "biufcmM" else _object_column(values)


def _object_column(values: Sequence[Any]) -> np.ndarray:
    column = np.empty(len(values), dtype=object)
    for index, value in enumerate(values):  # one by one: numpy would take a list of equally long lists for a table
        column[index] = value
    return column


def columns_of_rows(data: Mapping[int, Mapping[str, Any]], owner: str) -> dict[str, np.ndarray]:
    """Turn samples into columns.

    Args:
        data: ``{index: {key: value}}`` with indices from 0 and the same keys in every sample.
        owner: Whose samples they are, for messages.

    Raises:
        ConfigError: If there is no sample or no key, an index is left out, or the samples have different keys.
    """
    if not data:
        raise ConfigError(f"{owner} needs at least one sample, got none")
    keys = None
    for index in range(len(data)):
        if index not in data:
            raise ConfigError(
                f"{owner} needs samples numbered 0 to {len(data) - 1}, number {index} is missing; renumber with "
                "dict(enumerate(samples))"
            )
        keys = data[index].keys() if keys is None else keys
        if data[index].keys() != keys:
            raise ConfigError(f"{owner}: sample {index} has the keys {list(data[index])}, sample 0 has {list(keys)}")
    if not keys:
        raise ConfigError(f"{owner}: the samples hold no keys")
    return {key: to_column([data[index][key] for index in range(len(data))], key) for key in keys}


def share(columns: Mapping[str, Column], rows: np.ndarray) -> dict[str, Column]:
    """Columns that show only some rows, without copying values."""
    is_run = len(rows) > 0 and rows[-1] - rows[0] == len(rows) - 1 and bool((np.diff(rows) == 1).all())
    composed: dict[int, np.ndarray] = {}  # most columns have the same rows: chain each index array once
    shared = {}
    for key, column in columns.items():
        if column.rows is None and is_run:
            shared[key] = Column(column.values[rows[0] : rows[-1] + 1])
        elif column.rows is None:
            shared[key] = Column(column.values, rows)
        else:
            if id(column.rows) not in composed:
                composed[id(column.rows)] = column.rows[rows]
            shared[key] = Column(column.values, composed[id(column.rows)])
    return shared


def check_fits(column: np.ndarray, value: Any, key: str) -> None:
    """Refuse a value that numpy would cut or broadcast to fit into a column."""
    if column.dtype == object:
        return
    array = np.asarray(value)
    kinds = {array.dtype.kind, column.dtype.kind}
    fits = array.shape == column.shape[1:] and (len(kinds) == 1 or kinds <= set("biuf"))
    if fits and kinds != {"f"}:  # floats may be rounded, anything else must come through unchanged
        with np.errstate(invalid="ignore"):
            fits = bool((array.astype(column.dtype) == array).all())
    if not fits:
        raise ConfigError(
            f"key {key!r} holds {column.dtype} values of shape {column.shape[1:]}, got {array.dtype} of shape "
            f"{array.shape}; set the whole column to change its type: data[{key!r}] = [...]"
        )
