"""From a pandas table to the columns of a data set."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fastestimator_lite.dataset.columns import to_column
from fastestimator_lite.util.errors import MissingDependencyError

if TYPE_CHECKING:
    import pandas as pd


def require_pandas(owner: str) -> None:
    """Check that pandas is there.

    Args:
        owner: Who needs it.

    Raises:
        MissingDependencyError: If it is not installed.
    """
    try:
        import pandas  # noqa: F401
    except ImportError as err:
        raise MissingDependencyError(
            f"{owner} needs pandas, which is not installed; run: pip install 'fastestimator-lite[data]'"
        ) from err


def columns_of_frame(frame: pd.DataFrame) -> dict[str, np.ndarray]:
    """Turn a table into arrays.

    Args:
        frame: The table; its index is not used.

    Returns:
        For each column an array of shape (N, ...): numbers, truth values and dates keep their type, lists of equally
        shaped arrays become one array, anything else (strings) an array of objects. Keys are strings.
    """
    columns = {}
    for position, name in enumerate(frame.columns):  # by position: a table may have two columns of one name
        columns[str(name)] = column_of(frame.iloc[:, position].to_numpy(), str(name))
    return columns


def column_of(values: np.ndarray, name: str) -> np.ndarray:
    """Turn the values of one column into an array of the types that `columns_of_frame` names.

    Args:
        values: The values; shape (N,).
        name: The column, for messages.
    """
    return values if values.dtype.kind in "biufcmM" else to_column(list(values), name)


def fill_missing(frame: pd.DataFrame, columns: dict[str, np.ndarray], fill: Any) -> None:
    """Put something else in the place of missing values.

    Args:
        frame: The table that the columns come from.
        columns: What `columns_of_frame` made of it; changed in place.
        fill: The value to fill in, or a dictionary of values by column. A number leaves a column of floats what it is,
            anything else makes it one of objects.
    """
    for position, (name, values) in enumerate(columns.items()):
        missing = frame.iloc[:, position].isna().to_numpy()
        if not missing.any() or (isinstance(fill, Mapping) and name not in fill):
            continue
        value = fill[name] if isinstance(fill, Mapping) else fill
        is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
        filled = values.copy() if values.dtype.kind == "f" and is_number else values.astype(object)
        filled[missing] = value
        columns[name] = filled
