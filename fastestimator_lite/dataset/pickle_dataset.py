"""A data set from a pickled table, read without running code that the file might bring."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from typing import Any

import numpy as np

from fastestimator_lite.dataset.columns import to_column
from fastestimator_lite.dataset.csv_dataset import check_file
from fastestimator_lite.dataset.dataset import InMemoryDataset
from fastestimator_lite.dataset.frame import columns_of_frame
from fastestimator_lite.dataset.pickled import read_pickled
from fastestimator_lite.util.errors import ConfigError
from fastestimator_lite.util.files import open_decompressed


class PickleDataset(InMemoryDataset):
    """A table from a pickle file: a pandas DataFrame, or arrays.

    A pickle file can hold code that runs when it is read. Here none runs: the file is read as data, and refused if it names
    what is no piece of a table, an array or a plain container. Pandas is not needed for it. Missing values of pandas'
    nullable columns become None, dates with a time zone those of UTC.

    Args:
        file_path: The file; it may be compressed (gz, bz2, xz). It holds a DataFrame, a dictionary of arrays or lists by
            key, a dictionary of samples by index, or a list of samples.
        allow_code: Whether to read the file by `pickle.load`, which runs what the file says. Only for files that you
            trust like a program.

    Attributes:
        parent_path: The folder of the file, as it was given; paths in the file are often relative to it.

    Raises:
        ConfigError: If there is no such file, it is no pickle file, asks for what is not allowed, or holds no table.
    """

    def __init__(self, file_path: str | os.PathLike[str], allow_code: bool = False) -> None:
        path = check_file("PickleDataset", file_path)
        self.parent_path = os.path.dirname(file_path)  # noqa: PTH120 - Path would make "." of ""
        with open_decompressed(path) as file:
            try:
                content = pickle.load(file) if allow_code else read_pickled(file, str(path))
            except (ImportError, MemoryError):
                raise
            except Exception as err:  # whatever a broken file makes of its reader
                if isinstance(err, ConfigError) and str(err).startswith("PickleDataset"):
                    raise
                raise ConfigError(f"PickleDataset: {path} cannot be read: {type(err).__name__}: {err}") from err
        self._fill(_columns(content, str(path)))


def _columns(content: Any, path: str) -> dict[str, np.ndarray]:
    if type(content).__module__.split(".")[0] == "pandas" and type(content).__name__ == "DataFrame":
        columns = columns_of_frame(content)
    elif isinstance(content, Mapping) and all(isinstance(key, str) for key in content):
        columns = {key: to_column(values, key) for key, values in content.items()}
    elif isinstance(content, (list, Mapping)) and content:
        rows = content if isinstance(content, Mapping) else dict(enumerate(content))
        if not all(isinstance(row, Mapping) for row in rows.values()):
            raise _no_table(content, path)
        return InMemoryDataset(rows).columns
    else:
        raise _no_table(content, path)
    lengths = {key: len(column) for key, column in columns.items()}
    if len(set(lengths.values())) != 1 or not min(lengths.values()):
        raise ConfigError(
            f"PickleDataset: {path} must hold columns of one length, at least 1; it holds "
            f"{', '.join(f'{key!r}: {length}' for key, length in lengths.items()) or 'none'}"
        )
    return columns


def _no_table(content: Any, path: str) -> ConfigError:
    return ConfigError(
        f"PickleDataset: {path} must hold a DataFrame, a dictionary of columns or a list of samples, it holds "
        f"{type(content).__name__}: {content!r:.100}"
    )
