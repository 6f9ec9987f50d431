"""The plan of a loader: which data, ops and batch size are in force.

A plan is immutable and holds no epoch: two epochs in which nothing changed have equal plans. `BatchMaker` turns a plan
into any batch of an epoch.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from fastestimator_lite.component import When
from fastestimator_lite.op.numpyop.numpyop import Batch, NumpyOp, RemoveIf
from fastestimator_lite.pipeline.source import as_row
from fastestimator_lite.pipeline.verify import source_kind
from fastestimator_lite.schedule.schedule import Scheduler, select, value_at
from fastestimator_lite.util.errors import ConfigError, MissingKeyError, suggest

Slot = tuple[int, NumpyOp]  # an op and its position in the Pipeline's list


class Job(NamedTuple):
    """The epoch of a data set that batches are made for.

    Attributes:
        mode, epoch, ds_id: The moment.
        steps: Number of batches; None if nobody knows, which is no work for a pool.
        endless: Whether the data goes round again when it runs out.
        shuffle: Whether samples come in random order.
        wanted: Keys that the batches must have; None for all.
        seed: Run seed.
    """

    mode: str
    epoch: int
    ds_id: str
    steps: int | None
    endless: bool
    shuffle: bool
    wanted: tuple[str, ...] | None
    seed: int


@dataclasses.dataclass(frozen=True, eq=False)
class LoaderPlan:
    """What is in force for one mode and data set.

    Attributes:
        mode: "train", "eval", "test" or "infer".
        ds_id: Data set id.
        dataset: The data set.
        kind: What it is: "map", "groups", "stream" or "ready"; see `source_kind`.
        batch_size: Samples in a batch; None where the data comes in batches.
        sample_ops: Ops before batching, with their positions.
        batch_ops: Ops on batches, with their positions.
        drop_last, pad_value, collate_fn: As given to `Batch`.
        turns: For a data set whose batches come from named data sets in turn, what is in force for each of them.
    """

    mode: str
    ds_id: str
    dataset: Any
    kind: str
    batch_size: int | None
    sample_ops: tuple[Slot, ...]
    batch_ops: tuple[Slot, ...]
    drop_last: bool = False
    pad_value: float | None = None
    collate_fn: Callable[[list[dict[str, Any]]], dict[str, Any]] | None = None
    turns: Mapping[str, LoaderPlan] = dataclasses.field(default_factory=dict)

    def prepare(self) -> None:
        """Tell a data set that wants to know how many samples a batch has."""
        tell = getattr(self.dataset, "set_batch_sizes", None)
        if tell is not None:
            tags = getattr(self.dataset, "tags", [])
            tell([self.turns[tag].batch_size for tag in tags] if self.turns else self.batch_size)

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
            *((tag, plan.identity) for tag, plan in self.turns.items()),
        )

    def steps(self, steps_per_epoch: int | None = None) -> int | None:
        """Batches in an epoch: the given number, else one pass over the data; None if nobody knows.

        Raises:
            ConfigError: If that is none.
        """
        if steps_per_epoch is not None:
            return steps_per_epoch
        self.prepare()
        try:
            length = len(self.dataset)
        except TypeError:
            return None
        if self.kind in ("groups", "ready"):
            return length
        size = self.batch_size or 1
        steps = length // size if self.drop_last else -(-length // size)
        if steps == 0:
            raise ConfigError(
                f"Batch(drop_last=True) with batch_size {size} gives 0 batches of the {length} samples of "
                f"the {self.mode} data; use a batch_size <= {length} or drop_last=False"
            )
        return steps

    def output_keys(self, sample: Iterable[str]) -> list[str]:
        """The keys of a batch, found without running an op.

        Args:
            sample: The keys of a sample of the data set.

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

    @property
    def has_ops(self) -> bool:
        """Whether anything is done to the samples."""
        return bool(self.sample_ops or self.batch_ops)

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

    def first_keys(self) -> list[str]:
        """The keys of a batch, found by reading one sample of a data set with indices, or one of each turn.

        Raises:
            ConfigError: If the data set gives anything but dictionaries with string keys.
            MissingKeyError: See `output_keys`.
        """
        if self.kind != "groups":
            return self.output_keys(as_row(self.dataset[0], self, 0))
        self.prepare()
        found: dict[str, list[str]] = {}
        for index in range(len(self.dataset)):
            tag = self.dataset.tag_of(index) if self.turns else ""
            if tag not in found:
                first = as_row(self.dataset[index][0], self, index)
                found[tag] = self.turns.get(tag, self).output_keys(first)
            if len(found) >= len(self.turns):
                break
        first_keys, *others = found.values()
        return [key for key in first_keys if all(key in keys for keys in others)]


def plan_for(dataset: Any, when: When, ops: Sequence[NumpyOp | Scheduler[NumpyOp]], batch_size: Any) -> LoaderPlan:
    """Find what is in force for a data set at a moment.

    Args:
        dataset: The data set that is there then.
        when: Mode, epoch and ds_id, none of them None.
        ops: The ops of the Pipeline.
        batch_size: The batch size of the Pipeline, as given to it.

    Raises:
        ConfigError: If there is no batch size then, or two Batch ops meet.
    """
    mode, epoch, ds_id = str(when.mode), int(when.epoch or 1), when.ds_id or ""
    slots = [(slot, op) for slot, item in enumerate(ops) for op in select([item], when)]
    batches = [(position, op) for position, (_, op) in enumerate(slots) if isinstance(op, Batch)]
    if len(batches) > 1:
        raise ConfigError(
            f"two Batch ops meet in mode {mode!r} at epoch {epoch}"
            f"{f' for ds_id {ds_id!r}' if ds_id else ''}; at most one may run at a time"
        )
    kind = source_kind(dataset)
    if kind == "ready":
        return LoaderPlan(mode, ds_id, dataset, kind, None, (), ())
    split, batch_op = batches[0] if batches else (len(slots), Batch())
    size = value_at(batch_op.batch_size, epoch)
    if size is None:
        of_mode = batch_size.get(mode) if isinstance(batch_size, dict) else batch_size
        size = value_at(of_mode, epoch)
        asked = batch_op.batch_size if of_mode is None else of_mode
        if size is None and asked is not None:
            values = getattr(asked, "epoch_dict", getattr(asked, "repeat_list", "..."))
            raise ConfigError(
                f"batch_size has no value for epoch {epoch} (mode {mode!r}), it is "
                f"{type(asked).__name__}({values}); give it one for every epoch that has {mode} data, "
                f"from epoch 1 on"
            )
    return LoaderPlan(
        mode,
        ds_id,
        dataset,
        kind,
        int(size or 1),
        tuple(slots[:split]),
        tuple(slots[split + 1 :]),
        batch_op.drop_last,
        batch_op.pad_value,
        batch_op.collate_fn,
    )
