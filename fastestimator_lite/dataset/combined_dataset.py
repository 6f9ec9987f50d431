"""Several data sets one after the other, as one."""

from __future__ import annotations

import bisect
from collections.abc import Collection, Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from fastestimator_lite.dataset.dataset import check_index
from fastestimator_lite.dataset.parts import CompoundDataset, check_parts, keys_of, summarize_part, trait
from fastestimator_lite.dataset.summary import DatasetSummary, merge_summaries
from fastestimator_lite.util.errors import ConfigError


class CombinedDataset(CompoundDataset):
    """The samples of several data sets, one data set after the other.

    Args:
        datasets: Data sets with the same keys; torch data sets may be among them.

    Raises:
        ConfigError: If there are none, one is no data set or gives batches, or their keys differ.

    Example:
        >>> from fastestimator_lite.dataset.numpy_dataset import NumpyDataset
        >>> data = CombinedDataset([NumpyDataset({"x": [1, 2]}), NumpyDataset({"x": [3]})])
        >>> len(data), int(data[-1]["x"])
        (3, 3)
    """

    def __init__(self, datasets: Sequence[Any]) -> None:
        super().__init__(check_parts("CombinedDataset", datasets))
        first = keys_of(self.datasets[0])
        for number, dataset in enumerate(self.datasets):
            if trait(dataset, "gives_batches"):
                raise ConfigError(
                    f"data set {number} of CombinedDataset ({type(dataset).__name__}) gives batches, not samples; combine "
                    "the data sets that it is made of"
                )
            keys = keys_of(dataset)
            if set(keys) != set(first):
                raise ConfigError(
                    f"CombinedDataset needs data sets with the same keys: data set 0 ({type(self.datasets[0]).__name__}) "
                    f"has {first}, data set {number} ({type(dataset).__name__}) has {keys}; they differ in "
                    f"{sorted(set(keys) ^ set(first))}"
                )
        self._alike = len({_types(dataset) for dataset in self.datasets}) == 1 and self._are_columnar()

    @property
    def columnar(self) -> bool:  # type: ignore[override]
        return self._alike and self._are_columnar()

    @property
    def cumulative_sizes(self) -> list[int]:
        """Where each data set ends."""
        return list(accumulate(map(len, self.datasets)))

    @property
    def columns(self) -> dict[str, np.ndarray]:
        """All values of each key, arrays of shape (N, ...), put together when they are asked for."""
        return self.gather(np.arange(len(self)))

    def keys(self) -> list[str]:
        """The keys of a sample."""
        return keys_of(self.datasets[0])

    def gather(self, indices: np.ndarray, keys: Collection[str] | None = None) -> dict[str, np.ndarray]:
        """Collect samples into arrays, if all the data sets can; see `InMemoryDataset.gather`.

        Args:
            indices: Which samples; shape (B,), integers in [0, N).
            keys: Which keys; None for all.
        """
        indices = np.asarray(indices)
        ends = self.cumulative_sizes
        owners = np.searchsorted(ends, indices, side="right")
        used = np.unique(owners) if len(indices) else np.zeros(1, dtype=np.int64)
        pieces, rows = [], []
        for part in used.tolist():
            rows.append(np.flatnonzero(owners == part))
            start = ends[part] - len(self.datasets[part])
            pieces.append(self.datasets[part].gather(indices[rows[-1]] - start, keys))
        if len(pieces) == 1:
            return dict(pieces[0])
        back = np.argsort(np.concatenate(rows))
        return {key: np.concatenate([piece[key] for piece in pieces])[back] for key in pieces[0]}

    def summary(self) -> DatasetSummary:
        """Describe the data set: its length, and its keys as the parts describe them."""
        return DatasetSummary(len(self), keys=merge_summaries(map(summarize_part, self.datasets)))

    def __len__(self) -> int:
        return sum(map(len, self.datasets))

    def __getitem__(self, index: int) -> dict[str, Any]:
        index = check_index(index, self)
        ends = self.cumulative_sizes
        part = bisect.bisect_right(ends, index)
        sample: dict[str, Any] = self.datasets[part][index - ends[part] + len(self.datasets[part])]
        return sample

    def _are_columnar(self) -> bool:
        return all(trait(dataset, "columnar") for dataset in self.datasets)


def _types(dataset: Any) -> frozenset[Any]:
    """The dtype and shape of the values of each key, if the data set has columns."""
    if not trait(dataset, "columnar"):
        return frozenset()
    return frozenset((key, column.dtype, column.shape) for key, column in dataset.gather(np.zeros(1, np.intp)).items())
