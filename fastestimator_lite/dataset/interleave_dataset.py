"""A data set whose batches come from several data sets in turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastestimator_lite.dataset.dataset import check_index
from fastestimator_lite.dataset.mixed import MixedDataset
from fastestimator_lite.dataset.parts import is_count, one_each, samples_of
from fastestimator_lite.util.errors import ConfigError, suggest

if TYPE_CHECKING:
    from typing_extensions import Self


class InterleaveDataset(MixedDataset):
    """Batches from several data sets in turn: one batch from the first, the next from the second.

    The pattern is repeated as long as every data set has samples for a whole one; what is left over is not used.

    Args:
        datasets: At least two data sets, in a list or by name. Their keys may differ.
        pattern: Which data set gives which batch, as numbers from 0, or names if `datasets` has names: [0, 1, 1] takes
            one batch of the first and two of the second, and so on. None takes one of each.

    Attributes:
        pattern: The pattern, in numbers.
        tags: The name of each data set, None without names.
        batch_sizes: Samples in a batch of each data set; the Pipeline sets them.

    Raises:
        ConfigError: If the pattern names what is not there or leaves out a data set, or a data set has too few samples
            for one pattern.

    Example:
        >>> from fastestimator_lite.dataset.numpy_dataset import NumpyDataset
        >>> data = InterleaveDataset([NumpyDataset({"x": [1, 2]}), NumpyDataset({"x": range(10, 14)})], [0, 1, 1])
        >>> [int(sample["x"]) for index in range(len(data)) for sample in data[index]]
        [1, 10, 11, 2, 12, 13]
    """

    def __init__(
        self, datasets: Mapping[str, Any] | Sequence[Any], pattern: Sequence[str] | Sequence[int] | None = None
    ) -> None:
        names = list(datasets) if isinstance(datasets, Mapping) else None
        super().__init__(list(datasets.values()) if isinstance(datasets, Mapping) else datasets, shuffle=False)
        self.tags: list[str | None] = [None] * len(self.datasets) if names is None else [*names]
        self.pattern = self._checked_pattern(pattern, list(range(len(self.datasets))) if names is None else names)
        self.batch_sizes: list[int] = [0] * len(self.datasets)
        self.set_batch_sizes(1)

    def set_batch_sizes(self, batch_sizes: int | Sequence[int]) -> None:
        """Say how many samples a batch has; the Pipeline does it with its own batch size.

        Args:
            batch_sizes: One number >= 1 for all data sets, or a list with one for each.

        Raises:
            ConfigError: If they are of a wrong type or number, or a data set has too few samples for one pattern.
        """
        sizes = one_each(batch_sizes, len(self.datasets))
        if len(sizes) != len(self.datasets) or not all(map(is_count, sizes)):
            raise ConfigError(
                f"InterleaveDataset.set_batch_sizes() takes an int >= 1, or a list of {len(self.datasets)} of them, one "
                f"per data set; got {batch_sizes!r}"
            )
        for part, (dataset, size) in enumerate(zip(self.datasets, sizes, strict=True)):
            needed = size * self.pattern.count(part)
            if len(dataset) < needed:
                noun = "data set " + (str(part) if self.tags[part] is None else repr(self.tags[part]))
                raise ConfigError(
                    f"InterleaveDataset: {noun} has {len(dataset)} samples, and one round of the pattern {self.pattern} "
                    f"takes {needed} (batch size {size}); make it longer with ExtendDataset, or the batch size smaller"
                )
        self.batch_sizes[:] = map(int, sizes)  # in place: the data set counts as unchanged

    def tag_of(self, index: int) -> str:
        """The name of the data set that a batch comes from, "" without names; ops may run for it alone, by `ds_id`.

        Args:
            index: Number of the batch.
        """
        return self.tags[self.pattern[check_index(index, self) % len(self.pattern)]] or ""

    def __len__(self) -> int:
        taken = [size * self.pattern.count(part) for part, size in enumerate(self.batch_sizes)]
        rounds = min(length // count for length, count in zip(self._part_lengths(), taken, strict=True))
        return rounds * len(self.pattern)

    def __getitem__(self, index: int) -> list[dict[str, Any]]:  # type: ignore[override]
        rounds, turn = divmod(check_index(index, self), len(self.pattern))
        part = self.pattern[turn]
        dataset, size = self.datasets[part], self.batch_sizes[part]
        first = size * (rounds * self.pattern.count(part) + self.pattern[:turn].count(part))
        places = self._round.places(part, np.arange(first, first + size), len(dataset))
        return [sample for place in places.tolist() for sample in samples_of(dataset[place])]

    def __copy__(self) -> Self:
        new = super().__copy__()
        new.batch_sizes = list(self.batch_sizes)
        return new

    def _checked_pattern(self, pattern: Any, names: Sequence[Any]) -> list[int]:
        if pattern is None:
            return list(range(len(names)))
        if isinstance(pattern, str) or not isinstance(pattern, (Sequence, np.ndarray)) or len(pattern) < 2:
            raise ConfigError(
                f"InterleaveDataset(pattern) must be a list of at least two data sets out of {list(names)}; "
                f"got {pattern!r}"
            )
        for name in pattern:
            if name not in names or isinstance(name, bool):
                raise ConfigError(
                    f"InterleaveDataset(pattern): {name!r} is none of the data sets, they are {list(names)}."
                    f"{suggest(name, names)}"
                )
        unused = [name for name in names if name not in pattern]
        if unused:
            raise ConfigError(f"InterleaveDataset(pattern): {list(pattern)} never takes data set {unused[0]!r}")
        return [names.index(name) for name in pattern]
