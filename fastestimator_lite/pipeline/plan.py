"""The plan of a loader: which data, ops and batch size are in force, and the batches that follow from it.

A plan is immutable and holds no epoch: two epochs in which nothing changed have equal plans. `BatchMaker` turns a plan
into any batch of an epoch, in any order, in any process.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Mapping, MutableSequence, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from fastestimator_lite.op.numpyop.numpyop import NumpyOp, RemoveIf, apply_op
from fastestimator_lite.pipeline.collate import collate_values, stacked_or_none
from fastestimator_lite.pipeline.randomness import REPLACEMENT, Stream
from fastestimator_lite.types import FilteredData
from fastestimator_lite.util.errors import ConfigError, DataError, MissingKeyError, SampleError, suggest

Slot = tuple[int, NumpyOp]  # an op and its position in the Pipeline's list


@dataclasses.dataclass(frozen=True, eq=False)
class LoaderPlan:
    """What is in force for one mode and data set.

    Attributes:
        mode: "train", "eval", "test" or "infer".
        ds_id: Data set id.
        dataset: The data set.
        batch_size: Samples in a batch; None where the data comes in batches.
        sample_ops: Ops before batching, with their positions.
        batch_ops: Ops on batches, with their positions.
        drop_last, pad_value, collate_fn: As given to `Batch`.
    """

    mode: str
    ds_id: str
    dataset: Any
    batch_size: int | None
    sample_ops: tuple[Slot, ...]
    batch_ops: tuple[Slot, ...]
    drop_last: bool = False
    pad_value: float | None = None
    collate_fn: Callable[[list[dict[str, Any]]], dict[str, Any]] | None = None

    @property
    def identity(self) -> tuple[Any, ...]:
        """Equal for two plans that do the same work."""
        ops = [(slot, id(op)) for slot, op in (*self.sample_ops, *self.batch_ops)]
        return (
            self.mode,
            self.ds_id,
            id(self.dataset),
            self.batch_size,
            tuple(ops),
            self.drop_last,
            self.pad_value,
            id(self.collate_fn),
        )

    def steps(self, steps_per_epoch: int | None = None) -> int:
        """Batches in an epoch: the given number, else one pass over the data."""
        if steps_per_epoch is not None:
            return steps_per_epoch
        length, size = len(self.dataset), self.batch_size or 1
        steps = length // size if self.drop_last else -(-length // size)
        if steps == 0:
            raise ConfigError(
                f"Batch(drop_last=True) with batch_size {size} gives 0 batches of the {length} samples of "
                f"the {self.mode} data; use a batch_size <= {length} or drop_last=False"
            )
        return steps

    def output_keys(self, sample: dict[str, Any]) -> list[str]:
        """The keys of a batch, found without running an op.

        Args:
            sample: One sample of the data set.

        Raises:
            MissingKeyError: If an op reads a key that is not there; it names the op, the key and a likely fix.
        """
        keys = dict.fromkeys(sample)
        for slot, op in (*self.sample_ops, *self.batch_ops):
            for key in op.inputs:
                if key not in keys:
                    raise MissingKeyError(
                        f"op #{slot} {type(op).__name__} of the Pipeline needs key {key!r} (mode {self.mode!r}"
                        f"{f', ds_id {self.ds_id!r}' if self.ds_id else ''}); at that point there are: "
                        f"{', '.join(map(repr, keys))}.{suggest(key, keys)}"
                    )
            keys.update(dict.fromkeys(op.outputs))
            for key in op.deletes:
                del keys[key]
        return list(keys)

    def filters(self) -> str:
        """The ops that may have filtered samples, for a message: every RemoveIf, or else any op."""
        slots = (*self.sample_ops, *self.batch_ops)
        found = [(slot, op) for slot, op in slots if isinstance(op, RemoveIf)] or slots
        return ", ".join(f"op #{slot} {type(op).__name__}" for slot, op in found)

    def needed_from_data(self, wanted: Collection[str] | None) -> set[str] | None:
        """The keys to read from the data set so that a batch has the `wanted` ones; None for all."""
        if wanted is None or self.collate_fn is not None:
            return None
        needed = set(wanted)
        for _, op in reversed((*self.sample_ops, *self.batch_ops)):
            needed.difference_update(op.outputs)
            needed.update(op.inputs)
        return needed

    def read_sample(self, index: int) -> dict[str, Any]:
        """One sample of the data set as a fresh dictionary.

        Raises:
            ConfigError: If the data set gives anything but a dictionary with string keys.
        """
        sample = self.dataset[index]
        if not isinstance(sample, Mapping) or not all(isinstance(key, str) for key in sample):
            shown = f"a dict with keys {list(sample)}" if isinstance(sample, Mapping) else f"a {type(sample).__name__}"
            raise ConfigError(
                f"sample {index} of the {self.mode} data ({type(self.dataset).__name__}) is {shown}; a sample "
                f"must be a dict of named values, such as {{'x': image, 'y': label}}"
            )
        return dict(sample)


class BatchMaker:
    """Makes the batches of one epoch under a plan.

    Args:
        plan: The plan.
        seed: Run seed.
        epoch: Epoch, from 1.
        steps: Batches in the epoch.
        endless: Whether the data goes round again when it runs out (full batches throughout); else the last batch may
            be smaller.
        shuffle: Whether samples come in random order.
        wanted: Keys that the batches must have; None for all.
        note: Where to write (op position, sample index) of the work in hand, so that somebody else can read what a
            process was doing when it died.
    """

    def __init__(
        self,
        plan: LoaderPlan,
        seed: int,
        epoch: int,
        steps: int,
        endless: bool,
        shuffle: bool,
        wanted: Collection[str] | None = None,
        note: MutableSequence[int] | None = None,
    ) -> None:
        self.plan, self.epoch, self.steps, self.shuffle = plan, epoch, steps, shuffle
        self.stream = Stream(seed, plan.mode, plan.ds_id, epoch)
        self.length = len(plan.dataset)
        self.draws = steps * (plan.batch_size or 1) if endless else self.length
        self.state = {"mode": plan.mode, "epoch": epoch, "ds_id": plan.ds_id}
        self.wanted = None if wanted is None else set(wanted)
        self.note = note if note is not None else [0, 0]
        self._columnar = getattr(plan.dataset, "columnar", False)
        needed = plan.needed_from_data(wanted)
        self._needed = None if needed is None or not self._columnar else needed & set(plan.dataset.keys())
        self._orders: dict[int, np.ndarray] = {}
        self._groups = [(whole, tuple(group)) for whole, group in groupby(plan.sample_ops, _runs_whole)]

    def make(self, step: int) -> dict[str, Any] | None:
        """Make one batch.

        Args:
            step: Number of the batch in the epoch, from 0.

        Returns:
            Arrays with a leading batch axis, and lists of strings; None if ops filtered every sample.

        Raises:
            SampleError: If an op fails.
            DataError: If samples cannot be stacked, or all of the data was filtered.
        """
        size = self.plan.batch_size or 1
        draws: Sequence[int] = range(step * size, min((step + 1) * size, self.draws))
        indices = self._indices(draws)
        columns = self._read(indices)
        done: list[Slot] = []
        for whole, group in self._groups:
            done += group
            if whole:
                for slot, op in group:
                    self._apply_to_columns(slot, op, columns, indices)
            else:
                columns, draws, indices = self._row_by_row(group, done, columns, draws, indices)
                if not draws:
                    return None
        batch = self._stack(columns, indices)
        for slot, op in self.plan.batch_ops:
            if self._apply(slot, op, batch, True, indices, draws[0]) is not None:
                return None
        return batch if self.wanted is None else {key: value for key, value in batch.items() if key in self.wanted}

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

    def _read(self, indices: Sequence[int]) -> dict[str, Any]:
        """Read samples as columns: an array where the data set holds arrays, else a list of values."""
        if self._columnar:
            gathered = self.plan.dataset.gather(np.asarray(indices, np.intp), self._needed)
            return {key: list(column) if column.dtype == object else column for key, column in gathered.items()}
        rows = [self._read_row(int(index)) for index in indices]
        for row, index in zip(rows, indices, strict=True):
            if row.keys() != rows[0].keys():
                raise DataError(
                    f"sample {index} of the {self.plan.mode} data has keys {sorted(row)}, sample {indices[0]} has "
                    f"{sorted(rows[0])}; all samples need the same keys"
                )
        return {key: [row[key] for row in rows] for key in rows[0]}

    def _read_row(self, index: int) -> dict[str, Any]:
        if self._columnar:
            gathered = self.plan.dataset.gather(np.asarray([index]), self._needed)
            return {key: column[0] for key, column in gathered.items()}
        self.note[0], self.note[1] = -1, index
        try:
            row = self.plan.read_sample(index)
        except (ConfigError, DataError):
            raise
        except Exception as err:
            raise SampleError(
                f"sample {index} of the {self.plan.mode} data ({type(self.plan.dataset).__name__}) could not be "
                f"read: {type(err).__name__}: {err}"
            ) from err
        for key, value in row.items():
            if isinstance(value, np.ndarray) and value.flags.writeable:
                row[key] = value.view()  # an op that edits in place must not reach the data set's own array
                row[key].flags.writeable = False
        return row

    def _apply_to_columns(self, slot: int, op: NumpyOp, columns: dict[str, Any], indices: Sequence[int]) -> None:
        """Run a vectorized op on whole columns; on the rows if they have unequal shapes."""
        for key in op.inputs:
            if isinstance(columns.get(key), list):
                stacked = stacked_or_none(columns[key])
                if stacked is None:
                    self._apply_to_rows(slot, op, columns, indices)
                    return
                columns[key] = stacked
        self._apply(slot, op, columns, True, indices)

    def _apply_to_rows(self, slot: int, op: NumpyOp, columns: dict[str, Any], indices: Sequence[int]) -> None:
        rows = [{key: columns[key][position] for key in op.inputs} for position in range(len(indices))]
        for row, index in zip(rows, indices, strict=True):
            self._apply(slot, op, row, False, [index])
        for key in op.outputs:
            columns[key] = [row[key] for row in rows]
        for key in op.deletes:
            del columns[key]

    def _row_by_row(
        self,
        group: Sequence[Slot],
        done: Sequence[Slot],
        columns: dict[str, Any],
        draws: Sequence[int],
        indices: Sequence[int],
    ) -> tuple[dict[str, Any], list[int], list[int]]:
        """Run ops on one sample after the other; a filtered sample is replaced or left out."""
        rows: list[dict[str, Any]] = []
        kept: list[int] = []
        used = [int(index) for index in indices]
        for position, (draw, index) in enumerate(zip(draws, tuple(used), strict=True)):
            row: dict[str, Any] | None = {key: column[position] for key, column in columns.items()}
            filtered = self._run(group, row, draw, index)  # type: ignore[arg-type]
            if filtered is not None:
                row = None
                if filtered.replacement and self.plan.mode == "train":
                    row, used[position] = self._replacement(done, draw)
            if row is not None:
                rows.append(row)
                kept.append(position)
        keys = rows[0].keys() if rows else ()
        return (
            {key: [row[key] for row in rows] for key in keys},
            [draws[position] for position in kept],
            [used[position] for position in kept],
        )

    def _replacement(self, ops: Sequence[Slot], draw: int) -> tuple[dict[str, Any], int]:
        """The first sample that passes all `ops`, gone through in an order of this draw's own."""
        order, start = self._order(-1), self.stream.seed(draw, REPLACEMENT) % self.length
        for attempt in range(self.length):
            index = int(order[(start + attempt) % self.length])
            row = self._read_row(index)
            if self._run(ops, row, draw + (attempt + 1 << 40), index) is None:
                return row, index
        raise DataError(
            f"{self.plan.filters()} of the Pipeline filtered {self.length} of {self.length} samples of the "
            f"{self.plan.mode} data in epoch {self.epoch}; nothing is left to train on"
        )

    def _run(self, ops: Sequence[Slot], row: dict[str, Any], draw: int, index: int) -> FilteredData | None:
        """Run ops on one sample, in place; the `FilteredData` that stopped them, or None."""
        for slot, op in ops:
            filtered = self._apply(slot, op, row, False, [index], draw)
            if filtered is not None:
                return filtered
        return None

    def _apply(
        self, slot: int, op: NumpyOp, data: dict[str, Any], batched: bool, indices: Sequence[int], draw: int = 0
    ) -> FilteredData | None:
        """Run one op; an error comes back with the op, the sample and what it held."""
        self.note[0], self.note[1] = slot, indices[0]
        try:
            return apply_op(op, data, self.state, batched, self.stream.seed(draw, slot) if op.draws else None)
        except Exception as err:
            shown = f"sample {indices[0]}" if not batched else f"a batch of samples {_shortened(indices)}"
            raise SampleError(
                f"op #{slot} {type(op).__name__} of the Pipeline failed on {shown} ({self._moment()}): "
                f"{type(err).__name__}: {err}. It held: {describe_values(data)}"
            ) from err

    def _stack(self, columns: dict[str, Any], indices: Sequence[int]) -> dict[str, Any]:
        plan = self.plan
        if plan.collate_fn is not None:
            keys = list(columns)
            return plan.collate_fn([{key: columns[key][i] for key in keys} for i in range(len(indices))])
        batch = {key: columns[key] for key in self._kept_for_batch(columns)}
        for key, column in batch.items():
            if not isinstance(column, np.ndarray) or column.dtype.kind == "U":
                try:
                    batch[key] = collate_values(key, column, plan.pad_value, indices)
                except DataError as err:
                    raise self._with_origin(err, key, column, indices) from None
        return batch

    def _with_origin(self, err: DataError, key: str, column: Sequence[Any], indices: Sequence[int]) -> DataError:
        """The error about values of a key that form no batch, with where they came from."""
        where = self._moment()
        writers = [(slot, op) for slot, op in self.plan.sample_ops if key in op.outputs]
        if not writers:
            return type(err)(f"{err} (from the data set {type(self.plan.dataset).__name__}; {where})")
        slot, op = writers[-1]
        for value, index in zip(column, indices, strict=True):
            if value is None:
                return SampleError(
                    f"op #{slot} {type(op).__name__} of the Pipeline returned None for its output "
                    f"{key!r} on sample {index} ({where}); does its forward end with a return?"
                )
        return SampleError(f"{err} (written by op #{slot} {type(op).__name__} of the Pipeline; {where})")

    def _moment(self) -> str:
        return f"mode {self.plan.mode!r}, epoch {self.epoch}" + (f", ds_id {self.plan.ds_id!r}" * bool(self.plan.ds_id))

    def _kept_for_batch(self, columns: Iterable[str]) -> list[str]:
        """The keys worth stacking: wanted, or read by an op on batches."""
        if self.wanted is None:
            return list(columns)
        read = {key for _, op in self.plan.batch_ops for key in op.inputs}
        return [key for key in columns if key in self.wanted or key in read]


def _runs_whole(slot: Slot) -> bool:
    """Whether an op works on whole batches; one that draws would draw otherwise than row by row."""
    return slot[1].vectorized and not slot[1].draws


def describe_values(data: dict[str, Any]) -> str:
    """Keys with type and shape, for an error message."""
    parts = []
    for key, value in data.items():
        if isinstance(value, np.ndarray):
            parts.append(f"{key} {value.dtype} {value.shape}")
        elif isinstance(value, str):
            parts.append(f"{key} {value!r:.100}")
        else:
            parts.append(f"{key} {type(value).__name__}")
    return ", ".join(parts) or "nothing"


def _shortened(indices: Sequence[int]) -> str:
    shown = ", ".join(map(str, indices[:8]))
    return shown + (", ..." if len(indices) > 8 else "")
