"""The base of data sets that give batches, made of the samples of several data sets."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from fastestimator_lite.dataset.dataset import FEDataset
from fastestimator_lite.dataset.parts import CompoundDataset, check_parts, summarize_part, trait
from fastestimator_lite.dataset.split import Fraction
from fastestimator_lite.dataset.summary import DatasetSummary, merge_summaries
from fastestimator_lite.util.errors import ConfigError

if TYPE_CHECKING:
    from typing_extensions import Self


class MixedDataset(CompoundDataset):
    """Base of data sets that give batches: lists of samples from several data sets.

    Args:
        datasets: The data sets, at least two.
        shuffle: Whether the order is random before the first `fe_reset_ds`.

    Raises:
        ConfigError: If they are too few, or one is no data set or cannot be read by index.
    """

    gives_batches: ClassVar[bool] = True

    def __init__(self, datasets: Sequence[Any], shuffle: bool) -> None:
        owner = type(self).__name__
        super().__init__(check_parts(owner, datasets, at_least=2), shuffle)
        for number, dataset in enumerate(self.datasets):
            if trait(dataset, "sequential"):
                raise ConfigError(
                    f"data set {number} of {owner} ({type(dataset).__name__}) gives samples in an order of its own; "
                    f"{owner} needs data sets that can be read by index"
                )

    def summary(self) -> DatasetSummary:
        """Describe the data set: how many batches there are, and the keys of the data sets they are made of."""
        return DatasetSummary(len(self), keys=merge_summaries(map(summarize_part, self.datasets)))

    def _part_lengths(self) -> list[int]:
        return [len(dataset) for dataset in self.datasets]

    def _plan_split(
        self, fractions: Sequence[Fraction], seed: int | None, stratify: str | None
    ) -> list[tuple[FEDataset, list[int], Any]]:
        """For each data set, where it occurs among the parts, and what its own `_do_split` is to do."""
        # An iterator can be gone through once, and every data set needs the rows.
        fractions = [list(part) if isinstance(part, Iterator) else part for part in fractions]
        plans = []
        for number, dataset in enumerate(self.datasets):
            if not isinstance(dataset, FEDataset):
                raise NotImplementedError(
                    f"{type(self).__name__} cannot be split: its data set {number} is a {type(dataset).__name__}, which "
                    "has no split(); split before you mix"
                )
            where = [other for other, same in enumerate(self.datasets) if same is dataset]
            if where[0] == number:
                plans.append((dataset, where, dataset._plan_split(fractions, seed, stratify)))
        return plans

    def _do_split(self, splits: Sequence[Any]) -> list[Self]:
        new: list[Self] = []
        for dataset, where, plan in splits:
            for number, piece in enumerate(dataset._do_split(plan)):
                if number == len(new):
                    new.append(copy.copy(self))
                for place in where:
                    new[number].datasets[place] = piece
        self.datasets = list(self.datasets)  # another list, so that workers that hold the old one are seen to
        return new
