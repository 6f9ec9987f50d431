"""Where samples come from: data sets by index, data sets that give batches, and streams that can only be gone through.

A source says which samples are in a batch, reads them, and finds others in the place of filtered ones. The randomness of an
epoch is a function of (seed, mode, data set, epoch, draw), see `randomness`, so every process finds the same samples.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, MutableSequence, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastestimator_lite.backend.determinism import seed_host
from fastestimator_lite.dataset.dataset import FEDataset
from fastestimator_lite.pipeline.randomness import ORDER, READ, REPLACEMENT, Stream
from fastestimator_lite.util.errors import ConfigError, DataError, SampleError

if TYPE_CHECKING:
    from fastestimator_lite.pipeline.plan import LoaderPlan

# Draws of a data set that gives batches are numbered batch by batch; none holds more samples than this.
GROUP_STRIDE = 1 << 20
# A stream may have no end: when so many samples on end were filtered, none is likely to pass.
PATIENCE = 1_000_000


class Drawn(NamedTuple):
    """The raw samples of a batch.

    Attributes:
        draws: Number of each draw in the epoch; what ops draw at random hangs on it.
        indices: Where each sample lies in the data set, for messages.
        columns: By key an array (B, ...), or a list of B values.
    """

    draws: Sequence[int]
    indices: Sequence[int]
    columns: dict[str, Any]


class Source:
    """Base of the sources.

    Args:
        plan: The plan.
        stream: The random numbers of the epoch.
        shuffle: Whether samples come in random order.
        note: Where to write what is being read; see `BatchMaker`.
    """

    def __init__(self, plan: LoaderPlan, stream: Stream, shuffle: bool, note: MutableSequence[int]) -> None:
        self.plan, self.stream, self.shuffle, self.note = plan, stream, shuffle, note
        self.dataset = plan.dataset
        # a data set with an order of its own is told when a round begins
        own = getattr(type(plan.dataset), "fe_reset_ds", FEDataset.fe_reset_ds)
        self._has_rounds = own is not FEDataset.fe_reset_ds
        self._round = -1
        self.at_end = False  # whether a stream has ended
        default = not isinstance(plan.dataset, list)  # a class of unknown kind may draw when a sample is read
        self.draws_on_read = bool(getattr(plan.dataset, "draws", default))

    def batch(self, step: int) -> Drawn | None:
        """Read the samples of a batch; None when there are no more.

        Args:
            step: Number of the batch in the epoch, from 0.
        """
        raise NotImplementedError

    def one(self, draw: int) -> Drawn:
        """Read the sample of one draw.

        Args:
            draw: Number of the draw in the epoch, from 0.
        """
        raise NotImplementedError

    def others(self, draw: int) -> Iterator[tuple[int, dict[str, Any]]]:
        """Samples, with their indices, to take the place of a filtered one, in an order of this draw's own.

        Args:
            draw: Number of the draw.
        """
        raise NotImplementedError

    def _begin(self, round_: int) -> None:
        """Tell a data set with an order of its own that this round begins, if it has not."""
        if self._has_rounds and round_ != self._round:
            self._round = round_
            self.dataset.fe_reset_ds(shuffle=self.shuffle, seed=self.stream.seed(round_, ORDER) & 0x7FFFFFFF)

    def _seed(self, draw: int) -> None:
        if self.draws_on_read:
            seed_host(self.stream.seed(draw, READ))

    def _read(self, index: int, draw: int) -> Any:
        """What the data set gives for an index; an error names the index."""
        self.note[0], self.note[1] = -1, index
        self._seed(draw)
        try:
            return self.dataset[index]
        except (ConfigError, DataError):
            raise
        except Exception as err:
            raise self.unreadable(index, err) from err

    def unreadable(self, index: int, err: Exception) -> SampleError:
        """The error for a sample that could not be read."""
        noun = "batch" if self.plan.kind == "groups" else "sample"
        return SampleError(
            f"{noun} {index} of the {self.plan.mode} data ({type(self.dataset).__name__}) could not be "
            f"read: {type(err).__name__}: {err}"
        )

    def look(self, index: int) -> Mapping[str, Any]:
        """A sample as it lies in the data set, for a message; nothing where that cannot be had alone."""
        return {}

    def give_back(self) -> None:
        """Undo what a look at the data has done to it."""

    def to_columns(self, rows: Sequence[dict[str, Any]], indices: Sequence[int]) -> dict[str, Any]:
        """Rows as lists of values by key.

        Raises:
            DataError: If their keys differ.
        """
        keys = rows[0].keys()
        for row, index in zip(rows, indices, strict=True):
            if row.keys() != keys:
                raise DataError(
                    f"sample {index} of the {self.plan.mode} data has keys {sorted(row)}, sample {indices[0]} has "
                    f"{sorted(keys)}; all samples need the same keys"
                )
        return {key: [row[key] for row in rows] for key in keys}


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


def as_row(sample: Any, plan: LoaderPlan, index: int) -> dict[str, Any]:
    """One sample as a fresh dictionary whose arrays are read-only views.

    An op that edits in place must not reach the data set's own array. Tensors and PIL images become arrays.

    Raises:
        ConfigError: If the data set gives anything but a dictionary with string keys.
    """
    if not isinstance(sample, Mapping) or not all(isinstance(key, str) for key in sample):
        shown = f"a dict with keys {list(sample)}" if isinstance(sample, Mapping) else f"a {type(sample).__name__}"
        raise ConfigError(
            f"sample {index} of the {plan.mode} data ({type(plan.dataset).__name__}) is {shown}; a sample "
            f"must be a dict of named values, such as {{'x': image, 'y': label}}"
        )
    row = dict(sample)
    for key, value in row.items():
        if isinstance(value, np.ndarray):
            if value.flags.writeable:
                value = value.view()
                value.flags.writeable = False
                row[key] = value
        elif hasattr(value, "__array__") and not isinstance(value, np.generic):
            array = np.asarray(value)
            if array.dtype != object:
                row[key] = array
    return row
