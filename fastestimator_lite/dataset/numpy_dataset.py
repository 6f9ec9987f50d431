"""The data set made of arrays that are there already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fastestimator_lite.dataset.columns import to_column
from fastestimator_lite.dataset.dataset import InMemoryDataset
from fastestimator_lite.util.errors import ConfigError


class NumpyDataset(InMemoryDataset):
    """A data set of one array, or list, per key.

    Args:
        data: ``{key: values}`` with one value per sample along the first axis; all of the same length. Arrays are
            not copied.

    Raises:
        ConfigError: If there are no keys, or the lengths differ.

    Example:
        >>> data = NumpyDataset({"x": np.zeros((4, 28, 28), np.uint8), "y": [0, 1, 0, 1]})
        >>> len(data), data[1]["x"].shape, data[1]["y"]
        (4, (28, 28), np.int64(1))
    """

    def __init__(self, data: Mapping[str, np.ndarray | Sequence[Any]]) -> None:
        if not isinstance(data, Mapping):
            raise ConfigError(
                "NumpyDataset needs a dictionary of arrays, e.g. {'x': images, 'y': labels}; "
                f"got {type(data).__name__}"
            )
        if not data:
            raise ConfigError(
                "NumpyDataset needs at least one key, e.g. {'x': images, 'y': labels}; got an empty dictionary"
            )
        columns = {key: to_column(values, key) for key, values in data.items()}
        lengths = {key: len(column) for key, column in columns.items()}
        if len(set(lengths.values())) > 1:
            listed = ", ".join(f"{key!r}: {length}" for key, length in lengths.items())
            raise ConfigError(f"NumpyDataset needs arrays of equal length, one value per sample; got {listed}")
        self._fill(columns)
