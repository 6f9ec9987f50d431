"""BatchMaker: any batch of an epoch, in any order, in any process."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, MutableSequence, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from fastestimator_lite.backend.determinism import host_unchanged
from fastestimator_lite.op.numpyop.numpyop import NumpyOp, apply_op
from fastestimator_lite.op.numpyop.univariate.each import EachInput
from fastestimator_lite.pipeline.collate import collate_values, stacked_or_none
from fastestimator_lite.pipeline.grouped_source import GroupedSource
from fastestimator_lite.pipeline.indexed_source import IndexedSource
from fastestimator_lite.pipeline.plan import Job, LoaderPlan, Slot
from fastestimator_lite.pipeline.randomness import Stream
from fastestimator_lite.pipeline.rows import Allocate, Rows, is_large, row_is_large
from fastestimator_lite.pipeline.source import Drawn, Source
from fastestimator_lite.pipeline.streamed_source import StreamedSource
from fastestimator_lite.types import FilteredData
from fastestimator_lite.util.errors import DataError, SampleError


class BatchMaker:
    """Makes the batches of one epoch under a plan.

    Args:
        plan: The plan.
        job: The epoch. With `endless` all batches are full; else the last one may be smaller.
        note: Where to write (op position, sample index) of the work in hand, so that somebody else can read what a
            process was doing when it died.
        unread: Samples of a stream that were looked at before.
        look: Whether this is only a look; see `StreamedSource`.
        source: Where samples come from; None for the plan's own data.
    """

    def __init__(
        self,
        plan: LoaderPlan,
        job: Job,
        note: MutableSequence[int] | None = None,
        unread: list[Any] | None = None,
        look: bool = False,
        source: Source | None = None,
    ) -> None:
        self.plan, self.epoch = plan, job.epoch
        self.stream = Stream(job.seed, plan.mode, plan.ds_id, job.epoch)
        self.state = {"mode": plan.mode, "epoch": job.epoch, "ds_id": plan.ds_id}
        self.wanted = None if job.wanted is None else set(job.wanted)
        self.note = note if note is not None else [0, 0]
        self.ended = False
        self.source = source or self._make_source(job, [] if unread is None else unread, look)
        self._turns: dict[str, BatchMaker] = {
            tag: BatchMaker(turn, job, self.note, source=self.source) for tag, turn in plan.turns.items()
        }
        self._groups = [(whole, tuple(group)) for whole, group in groupby(plan.sample_ops, _runs_whole)]
        self._draws_anything = self.source.draws_on_read or any(
            op.draws for _, op in (*plan.sample_ops, *plan.batch_ops)
        )
        self._draws_anything |= any(turn._draws_anything for turn in self._turns.values())

    def _make_source(self, job: Job, unread: list[Any], look: bool) -> Source:
        plan = self.plan
        if plan.kind == "groups":
            return GroupedSource(plan, self.stream, job.shuffle, self.note)
        if plan.kind == "stream":
            return StreamedSource(plan, self.stream, job.shuffle, self.note, job.endless, unread, look)
        draws = (job.steps or 0) * (plan.batch_size or 1) if job.endless else len(plan.dataset)
        return IndexedSource(plan, self.stream, job.shuffle, self.note, draws, plan.needed_from_data(self.wanted))

    def make(self, step: int, empty: Allocate = np.empty, keep_globals: bool = True) -> dict[str, Any] | None:
        """Make one batch.

        Args:
            step: Number of the batch in the epoch, from 0.
            empty: Gives the memory for an array of the batch, by shape and dtype.
            keep_globals: Whether the global random generators are left as they were; a worker process need not care.

        Returns:
            Arrays with a leading batch axis, and lists of strings; None if ops filtered every sample, or the data is
            at its end (`ended` tells).

        Raises:
            SampleError: If an op fails.
            DataError: If samples cannot be stacked, or all of the data was filtered.
        """
        if not (keep_globals and self._draws_anything):
            return self._make(step, empty)
        with host_unchanged():
            return self._make(step, empty)

    def _make(self, step: int, empty: Allocate) -> dict[str, Any] | None:
        drawn = self.source.batch(step)
        if drawn is None:
            self.ended = True
            return None
        return (self._turn_of(int(drawn.indices[0])) if self._turns else self)._work(drawn, empty)

    def _turn_of(self, index: int) -> BatchMaker:
        """Who works on a batch of a data set whose batches come from others in turn."""
        return self._turns[self.plan.dataset.tag_of(index)] if self._turns else self

    def _work(self, drawn: Drawn, empty: Allocate) -> dict[str, Any] | None:
        draws, indices, columns = drawn
        done: list[Slot] = []
        groups = list(self._groups)
        while groups:
            whole, group = groups.pop(0)
            if whole and not any(is_large(columns.get(key), per_row=True) for key in group[0][1].inputs):
                done += group
                for slot, op in group:
                    self._apply_to_columns(slot, op, columns, indices)
                continue
            columns, draws, indices, ran = self._row_by_row(group, groups, done, columns, draws, indices, empty)
            done += ran
            if not draws:
                return None
        batch = self._stack(columns, indices, empty)
        for slot, op in self.plan.batch_ops:
            if self._apply(slot, op, batch, True, indices, draws[0]) is not None:
                return None
        return batch if self.wanted is None else {key: value for key, value in batch.items() if key in self.wanted}

    def replay(self, draw: int) -> tuple[int, list[tuple[str, dict[str, Any]]]]:
        """Make one sample again, alone.

        Args:
            draw: Number of the draw in the epoch, from 0.

        Returns:
            Where the sample lies in the data set, and the sample as it was read and after each op, with what made it so.
            A sample that was filtered ends with the op that did it; what took its place is not followed.
        """
        with host_unchanged():
            drawn = self.source.one(draw)
            draw, index = drawn.draws[0], int(drawn.indices[0])
            row = {key: column[0] for key, column in drawn.columns.items()}
            stages = [("read", dict(row))]
            maker = self._turn_of(index)
            for slot, op in maker.plan.sample_ops:
                filtered = maker._apply(slot, op, row, False, [index], draw)
                word = " (filtered)" if filtered is not None else ""
                stages.append((f"op #{slot} {type(op).__name__}{word}", dict(row)))
                if filtered is not None:
                    break
        return index, stages

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
        following: list[tuple[bool, tuple[Slot, ...]]],
        done: Sequence[Slot],
        columns: dict[str, Any],
        draws: Sequence[int],
        indices: Sequence[int],
        empty: Allocate,
    ) -> tuple[dict[str, Any], list[int], list[int], list[Slot]]:
        """Run ops on one sample after the other; a filtered sample is replaced or left out.

        Vectorized ops that follow are taken over (and out of `following`) where rows are large.
        """
        ops = list(group)
        rows: Rows | None = None
        kept: list[int] = []
        used = [int(index) for index in indices]
        for position, (draw, index) in enumerate(zip(draws, tuple(used), strict=True)):
            row: dict[str, Any] | None = {key: column[position] for key, column in columns.items()}
            filtered = self._run_towards(rows, ops, row, draw, index)  # type: ignore[arg-type]
            if filtered is not None:
                row = None
                if filtered.replacement and self.plan.mode == "train":
                    row, used[position] = self._replacement([*done, *ops], draw)
            if row is None:
                continue
            if rows is None:
                while following and following[0][0] and row_is_large(row, following[0][1]):
                    more = following.pop(0)[1]
                    self._run(more, row, draw, used[position])
                    ops += more
                rows = Rows(len(used) - position, self._kept_for_batch if not following else None, empty)
            rows.add(row)
            kept.append(position)
        return (
            {} if rows is None else rows.columns(),
            [draws[position] for position in kept],
            [used[position] for position in kept],
            ops,
        )

    def _run_towards(
        self, rows: Rows | None, ops: Sequence[Slot], row: dict[str, Any], draw: int, index: int
    ) -> FilteredData | None:
        """Run ops on one sample, the last one straight into the batch if it can."""
        last = ops[-1][1]
        targets = (
            rows.targets(last.outputs) if rows is not None and isinstance(last, EachInput) and last.fills else None
        )
        if targets is None:
            return self._run(ops, row, draw, index)
        filtered = self._run(ops[:-1], row, draw, index)
        if filtered is not None:
            return filtered
        try:
            values = [row[key] for key in last.inputs]
            is_done = all(map(last.fill, values, targets))  # type: ignore[attr-defined]
        except Exception:  # noqa: BLE001 - the usual way comes to the same error, and says where
            is_done = False
        if not is_done:
            return self._run(ops[-1:], row, draw, index)
        row.update(zip(last.outputs, targets, strict=True))
        return None

    def _replacement(self, ops: Sequence[Slot], draw: int) -> tuple[dict[str, Any] | None, int]:
        """The first sample that passes all `ops`, gone through in an order of this draw's own; none at a stream's end."""
        attempt = 0
        for index, row in self.source.others(draw):
            attempt += 1
            if self._run(ops, row, draw + (attempt << 40), index) is None:
                return row, index
        if self.source.at_end:
            return None, 0
        raise DataError(
            f"{self.plan.filters()} of the Pipeline filtered {attempt} of {attempt} samples of the "
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
                + ("" if batched else self._origin(int(indices[0]), data))
            ) from err

    def _origin(self, index: int, data: dict[str, Any]) -> str:
        """The texts of a sample, such as its file, that it was read with and does not hold any more."""
        words: list[str] = []
        with contextlib.suppress(Exception):  # this is for the message of another error
            texts = {key: value for key, value in self.source.look(index).items() if isinstance(value, str)}
            words = [f"{key} {text!r:.200}" for key, text in texts.items() if data.get(key) is not text]
        return f"; it was read with {', '.join(words)}" if words else ""

    def _stack(self, columns: dict[str, Any], indices: Sequence[int], empty: Allocate) -> dict[str, Any]:
        plan = self.plan
        if plan.collate_fn is not None:
            keys = list(columns)
            return plan.collate_fn([{key: columns[key][i] for key in keys} for i in range(len(indices))])
        batch = {key: columns[key] for key in self._kept_for_batch(columns)}
        for key, column in batch.items():
            if not isinstance(column, np.ndarray) or column.dtype.kind == "U":
                try:
                    batch[key] = collate_values(key, column, plan.pad_value, indices, empty)
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
