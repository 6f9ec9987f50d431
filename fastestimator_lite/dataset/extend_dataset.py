"""A data set that claims another length."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from fastestimator_lite.dataset.dataset import check_index
from fastestimator_lite.dataset.parts import CompoundDataset, check_part, is_count, keys_of, summarize_part, trait
from fastestimator_lite.dataset.summary import DatasetSummary
from fastestimator_lite.util.errors import ConfigError


class ExtendDataset(CompoundDataset):
    """A data set under another length: what runs out is gone through again.

    For instance to let a small data set last as long as a large one beside it. In a round in random order it is drawn
    anew which samples come once more than others, or for a shorter length which ones come at all.

    Args:
        dataset: The data set; a torch data set will do.
        spoof_length: The length to have, >= 1.

    Raises:
        ConfigError: If `dataset` is no data set or is empty, or the length is none.

    Example:
        >>> from fastestimator_lite.dataset.numpy_dataset import NumpyDataset
        >>> data = ExtendDataset(NumpyDataset({"x": [5, 6]}), spoof_length=5)
        >>> len(data), int(data[4]["x"])
        (5, 5)
    """

    def __init__(self, dataset: Any, spoof_length: int) -> None:
        check_part("the data set of ExtendDataset", dataset)
        if not is_count(spoof_length):
            raise ConfigError(f"ExtendDataset(spoof_length) must be an int >= 1, got {spoof_length!r}")
        super().__init__([dataset])
        self.spoof_length = int(spoof_length)

    @property
    def dataset(self) -> Any:
        """The data set that is extended."""
        return self.datasets[0]

    @property
    def columnar(self) -> bool:  # type: ignore[override]
        return trait(self.dataset, "columnar")

    @property
    def gives_batches(self) -> bool:  # type: ignore[override]
        return trait(self.dataset, "gives_batches")

    @property
    def columns(self) -> dict[str, np.ndarray]:
        """All values of each key, arrays of shape (N, ...), collected when they are asked for."""
        return self.gather(np.arange(self.spoof_length))

    def fe_reset_ds(self, shuffle: bool = True, seed: int | None = None) -> None:
        super().fe_reset_ds(shuffle, seed)
        self._round.shuffle = shuffle and not self.gives_batches  # batches may follow a pattern

    def keys(self) -> list[str]:
        """The keys of a sample."""
        return keys_of(self.dataset)

    def gather(self, indices: np.ndarray, keys: Collection[str] | None = None) -> dict[str, np.ndarray]:
        """Collect samples into arrays, if the data set can; see `InMemoryDataset.gather`.

        Args:
            indices: Which samples; shape (B,), integers in [0, N).
            keys: Which keys; None for all.
        """
        places = self._round.places(0, np.asarray(indices), len(self.dataset))
        return dict(self.dataset.gather(places, keys))

    def set_batch_sizes(self, batch_sizes: Any) -> None:
        """Hand batch sizes on to an `InterleaveDataset`; any other data set does not need them.

        Args:
            batch_sizes: As there.
        """
        if hasattr(self.dataset, "set_batch_sizes"):
            self.dataset.set_batch_sizes(batch_sizes)

    def tag_of(self, index: int) -> str:
        """The name of the data set that a batch of an `InterleaveDataset` comes from; "" for any other data set.

        Args:
            index: Number of the batch.
        """
        index = check_index(index, self) % len(self.dataset)
        return str(self.dataset.tag_of(index)) if hasattr(self.dataset, "tag_of") else ""

    def summary(self) -> DatasetSummary:
        """Describe the data set: the length it claims, and the keys of what it holds."""
        return DatasetSummary(self.spoof_length, keys=summarize_part(self.dataset))

    def __len__(self) -> int:
        return self.spoof_length

    def __getitem__(self, index: int) -> Any:
        places = self._round.places(0, np.array([check_index(index, self)]), len(self.dataset))
        return self.dataset[int(places[0])]
