"""What every data set can do (length, one sample, split, summary), and data sets in memory, kept column by column."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fastestimator_lite._settings import settings
from fastestimator_lite.dataset.columns import Column, check_fits, columns_of_rows, share, to_column
from fastestimator_lite.dataset.split import Fraction, complement, split_indices
from fastestimator_lite.dataset.summary import DatasetSummary, summarize_column, summarize_sample
from fastestimator_lite.util.errors import ConfigError, MissingKeyError, suggest

if TYPE_CHECKING:
    from typing_extensions import Self


class FEDataset:
    """Base of data sets: an index gives one sample, a dictionary.

    A subclass writes `__len__` and `__getitem__`, and `_do_split` if it can be split. The shape is that of a torch
    data set, torch itself is not needed.

    Attributes:
        columnar: Whether the data set also offers `columns` and `gather`, see `InMemoryDataset`.
        gives_batches: Whether an index gives a list of samples, a batch, and the length counts batches.
        draws: Whether reading a sample draws from `random` or `numpy.random`. The pipeline then seeds them before each
            read, so that samples are the same for any number of workers.
        sequential: Whether samples come in an order that cannot be chosen, whatever index is asked for. The pipeline
            then reads them one after the other, in the main process.
    """

    columnar: ClassVar[bool] = False
    gives_batches: ClassVar[bool] = False
    draws: ClassVar[bool] = True
    sequential: ClassVar[bool] = False

    def fe_reset_ds(self, shuffle: bool = True, seed: int | None = None) -> None:
        """Prepare for a round through the data; a hook of FastEstimator 1.x that data sets with an order of their own use.

        The pipeline calls it before each round of each epoch, in every process that reads. What the data set gives
        afterwards must follow from the arguments alone.

        Args:
            shuffle: Whether the round is in random order.
            seed: Fixes that order; None draws one.
        """

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} must define __len__")

    def __getitem__(self, index: int) -> dict[str, Any]:
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__")

    def split(self, *fractions: Fraction, seed: int | None = None, stratify: str | None = None) -> Self | list[Self]:
        """Split off one or more parts. What is split off leaves this data set.

        Args:
            *fractions: One per part. Fractions of the data set (0.2) and counts (1000) draw at random, and must
                leave at least one sample here; a fraction is rounded up to whole samples. Lists of indices take just
                those.
            seed: Makes the draw repeatable. None uses the seed of `enable_deterministic`, or without one draws
                differently each time.
            stratify: The key that holds the class, if each part shall hold the classes in the proportion of the whole.

        Returns:
            The part, or for several fractions a list of parts.

        Raises:
            ConfigError: If the parts do not fit into the data set, overlap or are of a wrong type.
            NotImplementedError: If this kind of data set cannot be split.

        Example:
            >>> from fastestimator_lite.dataset.numpy_dataset import NumpyDataset
            >>> train = NumpyDataset({"x": np.arange(10)})
            >>> test = train.split([0, 5])
            >>> train["x"], test["x"]
            (array([1, 2, 3, 4, 6, 7, 8, 9]), array([0, 5]))
        """
        parts = self._do_split(self._plan_split(fractions, settings().seed if seed is None else seed, stratify))
        return parts[0] if len(fractions) == 1 else parts

    def summary(self) -> DatasetSummary:
        """Describe the data set: its length, and its keys with type and shape as the first sample shows them."""
        return DatasetSummary(len(self), keys=summarize_sample(self[0]) if len(self) else {})

    def fe_summary(self) -> list[str]:
        """Describe the data set in lines of text."""
        return [f"{type(self).__name__}: {self}"]

    def __str__(self) -> str:
        return str(self.summary())

    def _plan_split(self, fractions: Sequence[Fraction], seed: int | None, stratify: str | None) -> Any:
        """What `_do_split` is to do; nothing is changed yet."""
        if type(self)._do_split is FEDataset._do_split:
            raise NotImplementedError(f"{type(self).__name__} cannot be split: it does not define _do_split(splits)")
        labels = None if stratify is None else self._labels(stratify)
        return split_indices(self._split_length(), fractions, seed, labels)

    def _split_length(self) -> int:
        """How many things `split` deals in; a data set of groups may say another number than its length."""
        return len(self)

    def _do_split(self, splits: Sequence[Iterable[int]]) -> list[Self]:
        """Take the samples with these indices out of here and return them as data sets; a hook of FastEstimator 1.x."""
        raise NotImplementedError

    def _labels(self, key: str) -> np.ndarray:
        """The class of each sample, for `split(stratify=key)`; shape (N,)."""
        labels = np.empty(self._split_length(), dtype=object)
        for index in range(len(labels)):
            sample = self[index]
            if key not in sample:
                raise _unknown_key(self, key, sample, "split(stratify=...)")
            labels[index] = sample[key]
        return np.array(labels.tolist())


class InMemoryDataset(FEDataset):
    """A data set in memory, kept as one array per key.

    ``data[3]`` is one sample, ``data["x"]`` all values of a key, ``data["x"] = array`` sets them, ``data[2:5]`` gives a
    dictionary of arrays. Numbers and arrays of one shape become one array, anything else (strings, arrays of
    different shapes) an array of objects.

    Args:
        data: ``{index: {key: value}}`` with indices from 0 and the same keys in every sample.

    Raises:
        ConfigError: If `data` is empty, an index is left out, or the samples have different keys.
    """

    columnar: ClassVar[bool] = True
    draws: ClassVar[bool] = False
    _columns: dict[str, Column]
    _length: int
    _summary: DatasetSummary | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__getitem__" in cls.__dict__ and "gather" not in cls.__dict__:
            # columns would pass by what the subclass does to a sample
            cls.columnar = False
            cls.draws = cls.__dict__.get("draws", True)

    def __init__(self, data: Mapping[int, Mapping[str, Any]]) -> None:
        self._fill(columns_of_rows(data, type(self).__name__))

    def _fill(self, columns: Mapping[str, np.ndarray]) -> None:
        """Take these columns, of equal length, as the data."""
        self._columns = {key: Column(values) for key, values in columns.items()}
        self._length = len(next(iter(columns.values())))
        self._summary = None

    @property
    def columns(self) -> dict[str, np.ndarray]:
        """All values of each key, arrays of shape (N, ...). After a split, the first look copies the rows left here."""
        return {key: self._settle(key) for key in self._columns}

    @property
    def data(self) -> SampleView:
        """The samples as ``{index: {key: value}}``, made when they are looked at."""
        return SampleView(self)

    def keys(self) -> list[str]:
        """The keys of a sample."""
        return list(self._columns)

    def gather(self, indices: np.ndarray, keys: Collection[str] | None = None) -> dict[str, np.ndarray]:
        """Collect samples into arrays.

        Args:
            indices: Which samples; shape (B,), integers in [0, N).
            keys: Which keys; None for all. Their order does not matter.

        Returns:
            For each key an array of shape (B, ...), a copy that may be written to.

        Raises:
            MissingKeyError: If a key does not exist.
        """
        if keys is None:
            return {key: column.take(indices) for key, column in self._columns.items()}
        for key in keys:
            if key not in self._columns:
                raise _missing_key(self, key)
        return {key: column.take(indices) for key, column in self._columns.items() if key in keys}

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int | str | slice) -> Any:
        if isinstance(index, str):
            if index not in self._columns:
                raise _missing_key(self, index)
            return self._settle(index)
        if isinstance(index, slice):
            start, stop, step = index.indices(self._length)
            return self.gather(np.arange(start, stop, step))
        row = self._row(index)
        return {key: column.at(row) for key, column in self._columns.items()}

    def __setitem__(self, index: int | str, value: Any) -> None:
        """Set all values of a key (a new one too), or replace one sample.

        Raises:
            ConfigError: If there are not as many values as samples, or the new sample has other keys or does not fit
                the arrays.
        """
        if isinstance(index, str):
            column = to_column(value, index)
            if len(column) != self._length:
                raise ConfigError(
                    f"{type(self).__name__}[{index!r}] must be set to {self._length} values, one per sample; "
                    f"got {len(column)}"
                )
            self._columns[index] = Column(column)
        else:
            self._set_sample(self._row(index), value)
        self._summary = None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[index] for index in range(self._length))

    def summary(self) -> DatasetSummary:
        """Describe the data set: its length, and its keys with type, shape and, for single values, how many differ."""
        if self._summary is None:
            self._summary = DatasetSummary(
                self._length, keys={key: summarize_column(self._view(key)) for key in self._columns}
            )
        return self._summary

    def _row(self, index: Any) -> int:
        if isinstance(index, bool) or not isinstance(index, (int, np.integer)):
            raise TypeError(
                f"{type(self).__name__}[...] takes an index, a key or a slice, got {type(index).__name__}; "
                "gather(indices) collects several samples"
            )
        return check_index(index, self)

    def _settle(self, key: str) -> np.ndarray:
        # One assignment of a finished column: another thread that gathers meanwhile sees the old or the new one,
        # both right.
        self._columns[key] = column = self._columns[key].settled()
        return column.values

    def _view(self, key: str) -> np.ndarray:
        """The values of a key, to look at once and not to keep."""
        return self._columns[key].settled().values

    def _set_sample(self, row: int, sample: Mapping[str, Any]) -> None:
        if set(sample) != set(self._columns):
            raise ConfigError(
                f"{type(self).__name__}[{row}] must be set to a sample with the keys {self.keys()}, got {list(sample)}"
            )
        for key, value in sample.items():
            check_fits(self._columns[key].values, value, key)
        for key, value in sample.items():
            column = self._columns[key].settled()
            if not column.is_ours:  # the array is the caller's, or another part of a split reads it
                column = Column(column.values.copy(), is_ours=True)
            column.values[row] = value
            self._columns[key] = column

    def _labels(self, key: str) -> np.ndarray:
        if key not in self._columns:
            raise _unknown_key(self, key, self._columns, "split(stratify=...)")
        return self._view(key)

    def _do_split(self, splits: Sequence[Iterable[int]]) -> list[Self]:
        parts = [np.fromiter(split, dtype=np.int64) for split in splits]
        new = [self._part(rows) for rows in parts]
        stays = self._part(complement(self._length, parts))
        self._columns, self._length, self._summary = stays._columns, stays._length, None
        return new

    def _part(self, rows: np.ndarray) -> Self:
        """A data set of some of the rows, that shares the arrays of this one."""
        part = copy.copy(self)
        part._columns = share(self._columns, rows)
        part._length = len(rows)
        part._summary = None
        return part


class SampleView(Mapping[int, dict[str, Any]]):
    """The samples of a data set as a dictionary from index to sample, with nothing stored twice.

    A sample that is looked up is made new: to change one, set it whole (``data[3] = {"x": ..., "y": ...}``).
    """

    def __init__(self, dataset: InMemoryDataset) -> None:
        self._dataset = dataset

    def __getitem__(self, index: int) -> dict[str, Any]:
        if index not in range(len(self._dataset)):
            raise KeyError(index)
        sample: dict[str, Any] = self._dataset[index]
        return sample

    def __setitem__(self, index: int, sample: Mapping[str, Any]) -> None:
        if index not in range(len(self._dataset)):
            raise KeyError(index)
        self._dataset[index] = sample

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self._dataset)))

    def __len__(self) -> int:
        return len(self._dataset)


def check_index(index: Any, dataset: FEDataset) -> int:
    """Check an index into a data set.

    Args:
        index: A whole number; a negative one counts from the end.
        dataset: What it points into.

    Returns:
        The index, counted from the beginning.

    Raises:
        TypeError: If it is no whole number.
        IndexError: If there is nothing at it.
    """
    owner, length = type(dataset).__name__, len(dataset)
    if isinstance(index, bool) or not isinstance(index, (int, np.integer)):
        raise TypeError(f"{owner}[...] takes an index, got {type(index).__name__}")
    if not -length <= index < length:
        noun = "batches" if dataset.gives_batches else "samples"
        raise IndexError(f"index {index} does not exist, {owner} has {length} {noun}")
    return int(index) % length


def _missing_key(dataset: InMemoryDataset, key: object) -> MissingKeyError:
    keys = dataset.keys()
    return MissingKeyError(f"{type(dataset).__name__} has no key {key!r}; it has {keys}.{suggest(key, keys)}")


def _unknown_key(dataset: FEDataset, key: str, keys: Iterable[str], where: str) -> ConfigError:
    keys = list(keys)
    return ConfigError(f"{where}: {type(dataset).__name__} has no key {key!r}; it has {keys}.{suggest(key, keys)}")
