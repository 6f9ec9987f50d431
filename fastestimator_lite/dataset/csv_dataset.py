"""A data set from a table in a text file."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fastestimator_lite.dataset.dataset import InMemoryDataset
from fastestimator_lite.dataset.frame import columns_of_frame, fill_missing, require_pandas
from fastestimator_lite.util.errors import ConfigError, suggest


class CSVDataset(InMemoryDataset):
    """The rows of a CSV file, a key per column. Needs pandas.

    Args:
        file_path: The file. Its first row holds the keys.
        delimiter: What stands between the values of a row.
        include_if: Which rows to take: a function of some columns, called with the values of each row by the names of
            its parameters (`lambda age, name: age > 18`; `**row` gets all); it returns whether the row is wanted. None
            takes every row.
        fill_na: What to put in the place of missing values: "pandas_default" leaves what pandas makes of them (NaN), any
            other value replaces them (None too), a dictionary does so by column. It happens before `include_if`.
        **kwargs: For `pandas.read_csv`.

    Attributes:
        parent_path: The folder of the file, as it was given; paths in the file are often relative to it.

    Raises:
        ConfigError: If the file is missing or holds no rows, none is left, or `include_if` asks for what is no column.
        MissingDependencyError: If pandas is not installed.
    """

    def __init__(
        self,
        file_path: str | os.PathLike[str],
        delimiter: str = ",",
        include_if: Callable[..., bool] | None = None,
        fill_na: Any = "pandas_default",
        **kwargs: Any,
    ) -> None:
        require_pandas("CSVDataset")
        import pandas as pd

        path = check_file("CSVDataset", file_path)
        if in_pieces := sorted({"chunksize", "iterator"} & set(kwargs)):
            raise ConfigError(f"CSVDataset reads the whole file at once; leave out {in_pieces}")
        self.parent_path = os.path.dirname(file_path)  # noqa: PTH120 - Path would make "." of ""
        try:
            frame = pd.read_csv(path, delimiter=delimiter, **kwargs)
        except pd.errors.EmptyDataError as err:
            raise ConfigError(
                f"CSVDataset: {path} is empty; it needs a row of column names and a row of values"
            ) from err
        columns = columns_of_frame(frame)
        if not columns or len(frame) == 0:
            raise ConfigError(f"CSVDataset: {path} has the columns {list(columns)} and no rows; it needs at least one")
        if not (isinstance(fill_na, str) and fill_na == "pandas_default"):
            _check_fill(fill_na, columns)
            fill_missing(frame, columns, fill_na)
        if include_if is not None:
            wanted = _wanted_rows(include_if, columns, len(frame))
            if not wanted.any():
                raise ConfigError(f"CSVDataset(include_if): none of the {len(frame)} rows of {path} is left")
            columns = {key: values[wanted] for key, values in columns.items()}
        self._fill(columns)


def check_file(owner: str, file_path: Any) -> Path:
    """Check the file that a data set is read from.

    Args:
        owner: Name of the data set.
        file_path: What was given.

    Raises:
        ConfigError: If it is no path, or there is no file.
    """
    if not isinstance(file_path, (str, os.PathLike)):
        raise ConfigError(f"{owner}(file_path) must be a path, got {type(file_path).__name__}")
    path = Path(file_path)
    if not path.is_file():
        near = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
        raise ConfigError(f"{owner}(file_path): there is no file {os.fspath(file_path)!r}.{suggest(path.name, near)}")
    return path


def _check_fill(fill_na: Any, columns: Mapping[str, np.ndarray]) -> None:
    for name in fill_na if isinstance(fill_na, Mapping) else ():
        if name not in columns:
            raise ConfigError(
                f"CSVDataset(fill_na): {name!r} is no column, they are {list(columns)}.{suggest(name, columns)}"
            )


def _wanted_rows(include_if: Any, columns: Mapping[str, np.ndarray], length: int) -> np.ndarray:
    """Which rows a filter takes; shape (length,), bool."""
    if not callable(include_if):
        raise ConfigError(
            f"CSVDataset(include_if) must be a function of columns, such as lambda age: age > 18; got {include_if!r}"
        )
    needed: list[str] = []
    for name, parameter in inspect.signature(include_if).parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            needed = list(columns)
        elif name in columns:
            needed.append(name)
        elif parameter.default is parameter.empty:
            raise ConfigError(
                f"CSVDataset(include_if) asks for {name!r}, which is no column; they are {list(columns)}."
                f"{suggest(name, columns)}"
            )
    rows = ({name: columns[name][row] for name in dict.fromkeys(needed)} for row in range(length))
    return np.fromiter((bool(include_if(**row)) for row in rows), dtype=bool, count=length)
