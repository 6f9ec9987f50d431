"""Samples of data sets whose indices give whole batches."""

from __future__ import annotations

from collections.abc import Iterator, MutableSequence, Sequence
from typing import TYPE_CHECKING, Any

from fastestimator_lite.pipeline.randomness import Stream
from fastestimator_lite.pipeline.source import Drawn, Source, as_row
from fastestimator_lite.util.errors import ConfigError, DataError

if TYPE_CHECKING:
    from fastestimator_lite.pipeline.plan import LoaderPlan

# Draws of a data set that gives batches are numbered batch by batch; none holds more samples than this.
GROUP_STRIDE = 1 << 20


class GroupedSource(Source):
    """A data set whose indices give whole batches: lists of samples.

    Args:
        plan, stream, shuffle, note: As for `Source`.
    """

    def __init__(self, plan: LoaderPlan, stream: Stream, shuffle: bool, note: MutableSequence[int]) -> None:
        super().__init__(plan, stream, shuffle, note)
        plan.prepare()

    def batch(self, step: int) -> Drawn | None:
        round_, index = divmod(step, len(self.dataset))
        self._begin(round_)
        rows = self._rows(index, step * GROUP_STRIDE)
        indices = [index] * len(rows)
        first = step * GROUP_STRIDE
        return Drawn(range(first, first + len(rows)), indices, self.to_columns(rows, indices))

    def one(self, draw: int) -> Drawn:
        step, position = 0, draw
        while (drawn := self.batch(step)) is not None and position >= len(drawn.draws):  # batches may differ in size
            step, position = step + 1, position - len(drawn.draws)
        if drawn is None:
            raise DataError(f"the {self.plan.mode} data has no draw {draw}")
        columns = {key: column[position : position + 1] for key, column in drawn.columns.items()}
        return Drawn(drawn.draws[position : position + 1], drawn.indices[position : position + 1], columns)

    def others(self, draw: int) -> Iterator[tuple[int, dict[str, Any]]]:
        step, position = divmod(draw, GROUP_STRIDE)
        length = len(self.dataset)
        tag_of = getattr(self.dataset, "tag_of", lambda index: "")
        for attempt in range(1, length):
            index = (step + attempt) % length
            if tag_of(index) != tag_of(step % length):
                continue
            rows = self._rows(index, draw)
            yield index, rows[position % len(rows)]

    def _rows(self, index: int, draw: int) -> list[dict[str, Any]]:
        samples = self._read(index, draw)
        if not isinstance(samples, Sequence) or not samples:
            raise ConfigError(
                f"batch {index} of the {self.plan.mode} data ({type(self.dataset).__name__}) is {samples!r:.100}; a data "
                f"set with gives_batches=True must give a list of samples"
            )
        return [as_row(sample, self.plan, index) for sample in samples]
