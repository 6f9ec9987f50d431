"""Samples of data sets that give any of them for its index."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, MutableSequence, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastestimator_lite.dataset.dataset import FEDataset
from fastestimator_lite.pipeline.randomness import REPLACEMENT, Stream
from fastestimator_lite.pipeline.source import Drawn, Source, as_row

if TYPE_CHECKING:
    from fastestimator_lite.pipeline.plan import LoaderPlan


class IndexedSource(Source):
    """A data set that gives any sample for its index.

    Args:
        plan, stream, shuffle, note: As for `Source`.
        draws: Samples drawn in the epoch; more than the data set holds go round again.
        needed: Keys to read where the data set can read some only; None for all.
    """

    def __init__(
        self,
        plan: LoaderPlan,
        stream: Stream,
        shuffle: bool,
        note: MutableSequence[int],
        draws: int,
        needed: Collection[str] | None,
    ) -> None:
        super().__init__(plan, stream, shuffle, note)
        self.length, self.draws = len(plan.dataset), draws
        self._columnar = getattr(plan.dataset, "columnar", False)
        self._needed = None if needed is None or not self._columnar else set(needed) & set(plan.dataset.keys())
        self._read_several = (
            None if isinstance(plan.dataset, FEDataset) else getattr(plan.dataset, "__getitems__", None)
        )
        self._orders: dict[int, np.ndarray] = {}

    def batch(self, step: int) -> Drawn | None:
        size = self.plan.batch_size or 1
        return self._drawn(range(step * size, min((step + 1) * size, self.draws)))

    def one(self, draw: int) -> Drawn:
        return self._drawn(range(draw, draw + 1))

    def _drawn(self, draws: Sequence[int]) -> Drawn:
        if self._has_rounds:
            first, last = draws[0] // self.length, draws[-1] // self.length
            if first != last:  # the data set is another one in the next round
                border = last * self.length - draws[0]
                return _joined(self._drawn(draws[:border]), self._drawn(draws[border:]))
            self._begin(first)
        indices = self._indices(draws)
        if self._columnar:
            self.note[0], self.note[1] = -1, int(indices[0])
            gathered = self.dataset.gather(np.asarray(indices, np.intp), self._needed)
            columns = {key: list(column) if column.dtype == object else column for key, column in gathered.items()}
            return Drawn(draws, indices, columns)
        if self._read_several is not None:
            rows = self._read_at_once(draws, [int(index) for index in indices])
        else:
            rows = [self._row(int(index), draw) for index, draw in zip(indices, draws, strict=True)]
        return Drawn(draws, indices, self.to_columns(rows, indices))

    def others(self, draw: int) -> Iterator[tuple[int, dict[str, Any]]]:
        order, start = self._order(-1), self.stream.seed(draw, REPLACEMENT) % self.length
        for attempt in range(self.length):
            index = int(order[(start + attempt) % self.length])
            if self._columnar:
                gathered = self.dataset.gather(np.asarray([index]), self._needed)
                yield index, {key: column[0] for key, column in gathered.items()}
            else:
                yield index, self._row(index, draw)

    def look(self, index: int) -> Mapping[str, Any]:
        sample: Mapping[str, Any] = self.dataset[index]
        return sample

    def _row(self, index: int, draw: int) -> dict[str, Any]:
        return as_row(self._read(index, draw), self.plan, index)

    def _read_at_once(self, draws: Sequence[int], indices: list[int]) -> list[dict[str, Any]]:
        """Read by `__getitems__`, which torch's and Hugging Face's data sets offer for several indices in one call."""
        self.note[0], self.note[1] = -1, indices[0]
        self._seed(draws[0])
        try:
            rows = self._read_several(indices)  # type: ignore[misc]
        except Exception as err:
            raise self.unreadable(indices[0], err) from err
        return [as_row(row, self.plan, index) for row, index in zip(rows, indices, strict=True)]

    def _indices(self, draws: Sequence[int]) -> Sequence[int]:
        """Which samples of the data set these draws are; an array or a list."""
        first, last = draws[0] // self.length, draws[-1] // self.length
        if not self.shuffle:
            return np.arange(draws[0], draws[-1] + 1) % self.length  # type: ignore[return-value]
        if first == last:
            start = draws[0] - first * self.length
            return self._order(first)[start : start + len(draws)]  # type: ignore[return-value]
        return [int(self._order(draw // self.length)[draw % self.length]) for draw in draws]

    def _order(self, round_: int) -> np.ndarray:
        """The order of one round through the data; round -1 is the one that replacements are taken from."""
        if round_ not in self._orders:
            if round_ > 1:
                self._orders.pop(round_ - 2, None)  # a batch lies in two rounds at most
            self._orders[round_] = self.stream.order(round_, self.length)
        return self._orders[round_]


def _joined(one: Drawn, other: Drawn) -> Drawn:
    columns = {key: [*column, *other.columns[key]] for key, column in one.columns.items()}
    return Drawn([*one.draws, *other.draws], [*one.indices, *other.indices], columns)
