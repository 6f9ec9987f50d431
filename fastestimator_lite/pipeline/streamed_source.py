"""Samples of data that can only be gone through from its beginning."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableSequence
from typing import TYPE_CHECKING, Any

from fastestimator_lite.pipeline.randomness import Stream
from fastestimator_lite.pipeline.source import Drawn, Source, as_row
from fastestimator_lite.util.errors import ConfigError, DataError

if TYPE_CHECKING:
    from fastestimator_lite.pipeline.plan import LoaderPlan

# A stream may have no end: when so many samples on end were filtered, none is likely to pass.
PATIENCE = 1_000_000


class StreamedSource(Source):
    """Data that can only be gone through from its beginning: iterable data sets and generators.

    Args:
        plan, stream, shuffle, note: As for `Source`; `shuffle` changes nothing, the order is the data's own.
        endless: Whether it starts again when it ends.
        unread: Samples that were looked at before and come first.
        look: Whether what is taken shall be there for the next reader, too; see `give_back`.
    """

    _round_length: int | None = None  # known once the data was gone through

    def __init__(
        self,
        plan: LoaderPlan,
        stream: Stream,
        shuffle: bool,
        note: MutableSequence[int],
        endless: bool,
        unread: list[Any],
        look: bool,
    ) -> None:
        super().__init__(plan, stream, shuffle, note)
        self._endless, self._unread = endless, unread
        self._looked_at: list[Any] | None = [] if look and is_one_shot(plan.dataset) else None
        self._samples = walk(plan.dataset)
        self._position = self._given = 0

    def batch(self, step: int) -> Drawn | None:
        size = self.plan.batch_size or 1
        while self._position < step * size:  # a resumed run
            if self._next() is None:
                return None
        first = self._position
        rows: list[dict[str, Any]] = []
        while len(rows) < size:
            row = self._next()
            if row is None:
                break
            rows.append(row)
        if not rows or (self.plan.drop_last and len(rows) < size):
            return None
        draws = range(first, first + len(rows))
        return Drawn(draws, draws, self.to_columns(rows, draws))

    def others(self, draw: int) -> Iterator[tuple[int, dict[str, Any]]]:
        begin = self._position
        while self._position - begin <= (PATIENCE if self._round_length is None else self._round_length):
            position, row = self._position, self._next()
            if row is None:
                return
            yield position, row

    def give_back(self) -> None:
        """Leave the samples that were looked at to whoever reads next."""
        if self._looked_at is not None:
            self._unread[:0] = self._looked_at
            self._looked_at = []

    def _next(self) -> dict[str, Any] | None:
        index = self._position
        self.note[0], self.note[1] = -1, index
        self._seed(index)
        try:
            sample = self._unread.pop(0) if self._unread else self._take()
        except StopIteration:
            self.at_end = True
            return None
        except (ConfigError, DataError):
            raise
        except Exception as err:
            raise self.unreadable(index, err) from err
        self._position += 1
        self._given += 1
        if self._looked_at is not None:
            self._looked_at.append(sample)
        return as_row(sample, self.plan, index)

    def _take(self) -> Any:
        try:
            return next(self._samples)
        except StopIteration:
            if not self._endless:
                raise
            self._round_length = self._given
            self._given = 0
            self._samples = walk(self.dataset)
            try:
                return next(self._samples)
            except StopIteration:
                hint = "; a generator can be gone through once, pass the function that makes it" * is_one_shot(
                    self.dataset
                )
                raise DataError(
                    f"the {self.plan.mode} data ({type(self.dataset).__name__}) ended after {self._position} samples and "
                    f"gives no more when it is started again{hint}"
                ) from None


def walk(dataset: Any) -> Iterator[Any]:
    """Go through a stream: an iterable, a function that makes a generator, or a data set that says it is sequential."""
    if getattr(dataset, "sequential", False):
        return (dataset[index] for index in range(len(dataset)))
    return iter(dataset() if callable(dataset) and not isinstance(dataset, Iterable) else dataset)


def is_one_shot(dataset: Any) -> bool:
    """Whether what was taken from a stream does not come again."""
    return getattr(dataset, "sequential", False) or isinstance(dataset, Iterator)
