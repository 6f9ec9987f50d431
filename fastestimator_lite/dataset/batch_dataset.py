"""A data set whose batches hold a fixed share of each of several data sets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastestimator_lite.dataset.dataset import check_index
from fastestimator_lite.dataset.mixed import MixedDataset
from fastestimator_lite.dataset.parts import LOTS, MIXING, is_count, keys_of, one_each, samples_of, trait
from fastestimator_lite.util.errors import ConfigError


class BatchDataset(MixedDataset):
    """Batches made of several data sets, for instance half of positive and half of negative samples.

    Data sets with the same keys are put together sample after sample. Data sets that share no key (unpaired data: horses
    and zebras) are joined: the first sample of the one with the first of the other, and so on. Each data set is gone
    through in an order of its own, again and again, until the one that lasts longest was gone through once.

    Args:
        datasets: At least two data sets, whose keys are all the same or all different.
        num_samples: How many samples of each data set a batch holds, >= 1: a list with one number per data set, or one
            number for each of them. With `probability` one number, the size of a batch.
        probability: How likely each data set is for each sample of a batch, > 0 and adding up to 1; None for fixed
            numbers. Not for data sets with different keys.

    Raises:
        ConfigError: If something does not fit.

    Example:
        >>> from fastestimator_lite.dataset.numpy_dataset import NumpyDataset
        >>> rare, common = NumpyDataset({"x": [1, 2]}), NumpyDataset({"x": range(10, 19)})
        >>> data = BatchDataset([rare, common], num_samples=[1, 3])
        >>> data.fe_reset_ds(shuffle=False)
        >>> [int(sample["x"]) for sample in data[2]], len(data)
        ([1, 16, 17, 18], 3)
    """

    def __init__(
        self, datasets: Sequence[Any], num_samples: int | Sequence[int], probability: Sequence[float] | None = None
    ) -> None:
        super().__init__(datasets, shuffle=True)
        self.same_feature = self._check_keys()
        self.probability = [] if probability is None else self._checked_probability(probability, num_samples)
        self.num_samples = self._checked_numbers(num_samples)
        if not self.same_feature:
            self._check_joinable()

    def __len__(self) -> int:
        lengths = self._part_lengths()
        if isinstance(self.num_samples, int):
            shares = [self.num_samples * share for share in self.probability]
        else:
            shares = [float(number) for number in self.num_samples]
        # Rounded first: 9 / (3 * 0.3) is 10.000000000000002 in floating point, and means 10.
        return max(math.ceil(round(length / share, 6)) for length, share in zip(lengths, shares, strict=True))

    def __getitem__(self, index: int) -> list[dict[str, Any]]:  # type: ignore[override]
        index = check_index(index, self)
        parts = [
            [dataset[place] for place in places]
            for dataset, places in zip(self.datasets, self.fe_batch_indices(index), strict=True)
        ]
        if self.same_feature:
            readers = [iter(items) for items in parts]
            return [sample for part in self._mixing(index) for sample in samples_of(next(readers[part]))]
        return [
            {key: value for sample in joined for key, value in sample.items()} for joined in zip(*parts, strict=True)
        ]

    def fe_batch_indices(self, batch_idx: int) -> list[list[int]]:
        """Which samples a batch is made of.

        Args:
            batch_idx: Number of the batch in this round, from 0.

        Returns:
            For each data set the indices into it.
        """
        batch_idx = check_index(batch_idx, self)
        if isinstance(self.num_samples, int):
            lots, before = self._lots(self.num_samples)
            counts, firsts = np.bincount(lots[batch_idx], minlength=len(self.datasets)), before[batch_idx]
        else:
            counts = np.array(self.num_samples)
            firsts = counts * batch_idx
        return [
            self._round.places(part, np.arange(first, first + count), length).tolist()
            for part, (first, count, length) in enumerate(zip(firsts, counts, self._part_lengths(), strict=True))
        ]

    def _mixing(self, batch_idx: int) -> list[int]:
        """Which data set each sample of a batch comes from."""
        if isinstance(self.num_samples, int):
            return list(self._lots(self.num_samples)[0][batch_idx].tolist())
        parts = np.repeat(np.arange(len(self.datasets)), self.num_samples)
        if self._round.shuffle:
            parts = self._round.generator(MIXING, batch_idx).permutation(parts)
        return list(parts.tolist())

    def _lots(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Where the samples come from if that is drawn.

        Args:
            size: Samples in a batch.

        Returns:
            The data set of each sample of each batch, shape (batches, samples in a batch); and how often each data set
            was drawn before a batch, shape (batches, data sets). Both int64.
        """
        if self._round.lots is None or len(self._round.lots[0]) != len(self):
            lots = self._round.generator(LOTS).choice(len(self.datasets), (len(self), size), p=self.probability)
            counts = np.stack([(lots == part).sum(axis=1) for part in range(len(self.datasets))], axis=1)
            self._round.lots = lots, np.cumsum(counts, axis=0) - counts
        return self._round.lots

    # ---- checks of the arguments

    def _check_keys(self) -> bool:
        """Whether all data sets have the same keys; else none is in two of them."""
        keys = [keys_of(dataset) for dataset in self.datasets]
        if all(set(own) == set(keys[0]) for own in keys):
            return True
        everything = [key for own in keys for key in own]
        twice = sorted({key for key in everything if everything.count(key) > 1})
        if twice:
            raise ConfigError(
                "BatchDataset: the data sets must have the same keys, or none in common; they have "
                f"{', '.join(map(str, keys))}, and share {twice}"
            )
        return False

    def _checked_probability(self, probability: Any, num_samples: Any) -> list[float]:
        given = one_each(probability, 1)
        if len(given) != len(self.datasets):
            raise ConfigError(
                f"BatchDataset(probability) must have one number per data set, {len(self.datasets)}; got {probability!r}"
            )
        if not all(isinstance(share, (int, float, np.number)) and share > 0 for share in given):
            raise ConfigError(f"BatchDataset(probability) must hold numbers > 0, got {probability!r}")
        if abs(sum(given) - 1) > 1e-8:
            raise ConfigError(
                f"BatchDataset(probability) must add up to 1, {probability!r} adds up to {float(sum(given)):g}"
            )
        if not is_count(num_samples):
            raise ConfigError(
                "BatchDataset(num_samples) must be one int >= 1, the size of a batch, when probability is given; "
                f"got {num_samples!r}"
            )
        if not self.same_feature:
            raise ConfigError(
                "BatchDataset(probability) needs data sets with the same keys: those with different ones are joined, so "
                "each gives one sample; leave probability out"
            )
        return [float(share) for share in given]

    def _checked_numbers(self, num_samples: Any) -> int | list[int]:
        if self.probability:
            return int(num_samples)
        given = one_each(num_samples, len(self.datasets))
        if len(given) != len(self.datasets) or not all(map(is_count, given)):
            raise ConfigError(
                f"BatchDataset(num_samples) must be an int >= 1, or a list of {len(self.datasets)} of them, one per data "
                f"set; got {num_samples!r}"
            )
        return [int(number) for number in given]

    def _check_joinable(self) -> None:
        if len(set(self.num_samples)) > 1:  # type: ignore[arg-type]
            raise ConfigError(
                "BatchDataset(num_samples): data sets with different keys are joined sample by sample and need equal "
                f"numbers, got {self.num_samples}"
            )
        if any(trait(dataset, "gives_batches") for dataset in self.datasets):
            raise ConfigError("BatchDataset: data sets with different keys must give samples, not batches")
