"""Checks of what a Pipeline is given, made before anything runs."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from fastestimator_lite.backend.device import cpu_count
from fastestimator_lite.backend.framework import is_tensor
from fastestimator_lite.component import Component
from fastestimator_lite.op.numpyop.numpyop import Batch, NumpyOp, check_batch_size
from fastestimator_lite.schedule.schedule import Scheduler, values_of, words_for_epoch
from fastestimator_lite.util.errors import ConfigError, suggest
from fastestimator_lite.util.log import warn
from fastestimator_lite.util.names import check_ds_id


def source_kind(data: Any, name: str = "data") -> str:
    """What kind of data a Pipeline was given.

    Args:
        data: The data.
        name: What to call it in the error.

    Returns:
        "map" for a data set by index, "groups" for one whose indices give batches, "stream" for what can only be gone
        through (iterable data sets, generators and functions that make them), "ready" for a torch DataLoader or a
        `tf.data.Dataset`, which bring finished batches.

    Raises:
        ConfigError: If it is none of them.
    """
    torch, tf = sys.modules.get("torch"), sys.modules.get("tensorflow")
    if torch is not None and isinstance(data, torch.utils.data.DataLoader):
        return "ready"
    if tf is not None and isinstance(data, tf.data.Dataset):
        return "ready"
    if getattr(data, "gives_batches", False):
        return "groups"
    if getattr(data, "sequential", False) or inspect.isgeneratorfunction(getattr(data, "func", data)):
        return "stream"
    if torch is not None and isinstance(data, torch.utils.data.IterableDataset):
        return "stream"  # before the next question: torch gives it a __getitem__ that only raises
    is_other_list = isinstance(data, list) and bool(data) and not isinstance(data[0], Mapping)
    is_value = isinstance(data, (tuple, Mapping, str, bytes, set, np.ndarray)) or is_tensor(data) or is_other_list
    if not is_value and callable(getattr(data, "__getitem__", None)) and callable(getattr(data, "__len__", None)):
        return "map"
    if not is_value and isinstance(data, Iterable):
        return "stream"
    raise ConfigError(
        f"{name} must be a data set (with __len__, and __getitem__ returning a dict), an iterable of dicts, a generator "
        f"function, a torch DataLoader or a tf.data.Dataset, got {type(data).__name__}: {data!r:.100}. Arrays go into "
        f"fe.dataset.NumpyDataset({{'x': images, 'y': labels}})"
    )


def check_data(name: str, data: Any) -> dict[str, Any]:
    """Check one of train_data, eval_data, test_data.

    Args:
        name: Which one, for messages.
        data: A data set, a Scheduler of data sets, or a dictionary of either by ds_id; None for nothing.

    Returns:
        Data sets or Schedulers by ds_id; "" for an unnamed one.
    """
    if data is None:
        return {}
    if isinstance(data, dict) and type(data).__module__.startswith("datasets."):
        raise ConfigError(
            f"{name} is a {type(data).__name__} of splits {list(data)}, which would all be used; give one of them, such as "
            f"data[{next(iter(data), 'train')!r}], or a dict of those that are meant, by ds_id"
        )
    by_id = data if isinstance(data, dict) else {"": data}
    if isinstance(data, dict):
        if not data:
            raise ConfigError(f"{name} is an empty dict; give {{ds_id: data set}} or None")
        check_ds_id(set(data))
        if any(key.startswith("!") for key in data):
            raise ConfigError(f"{name}: a ds_id cannot start with '!', got {sorted(data)}")
    for ds_id, item in by_id.items():
        for value in values_of(item):
            shown = f"{name}{f'[{ds_id!r}]' if ds_id else ''}{words_for_epoch(item, value)}"
            if source_kind(value, shown) in ("map", "groups") and len(value) == 0:
                where = getattr(value, "root_dir", None)
                raise ConfigError(
                    f"{shown} has 0 samples ({type(value).__name__}"
                    f"{f', root_dir {where!r}' if where else ''}); a data set needs at least one"
                )
    return {ds_id: item for ds_id, item in by_id.items() if item is not None}


def check_pipeline(data: dict[str, dict[str, Any]], batch_size: Any, ops: list[Any], num_process: Any) -> None:
    """Check how the arguments of a Pipeline go together.

    Args:
        data: Data sets or Schedulers by mode and ds_id.
        batch_size: An int, or a Scheduler or dictionary of ints by mode.
        ops: NumpyOps and Schedulers of NumpyOps.
        num_process: None or an int >= 0.

    Raises:
        ConfigError: If something cannot work; the message names it.
    """
    _check_batch_sizes(batch_size)
    for index, item in enumerate(ops):
        for op in values_of(item):
            if not isinstance(op, NumpyOp):
                raise ConfigError(
                    f"op #{index} of the Pipeline must be a NumpyOp, got {type(op).__name__}: {op!r:.100}"
                    f"{words_for_epoch(item, op)}{'; TensorOps belong in the Network' if isinstance(op, Component) else ''}"
                )
    _check_ready_made(data, batch_size, ops, num_process)
    check_ds_ids_exist(ops, data, "op", "the Pipeline")
    _check_batch_ops(data, ops)


def check_workers(num_process: Any, start_method: Any, data_timeout: Any, methods: Sequence[str]) -> None:
    """Check what a Pipeline is told about its worker processes.

    Args:
        num_process: None or an int >= 0.
        start_method: None or one of `methods`.
        data_timeout: None or seconds > 0.
        methods: The ways to start a process.

    Raises:
        ConfigError: If something cannot work; the message names it.
    """
    if num_process is not None and (
        isinstance(num_process, bool) or not isinstance(num_process, int) or num_process < 0
    ):
        raise ConfigError(f"num_process must be an int >= 0, or None to let the Pipeline pick, got {num_process!r}")
    if start_method is not None and start_method not in methods:
        raise ConfigError(
            f"start_method must be one of {', '.join(map(repr, methods))} or None, got {start_method!r}."
            f"{suggest(start_method, methods)}"
        )
    is_number = isinstance(data_timeout, (int, float)) and not isinstance(data_timeout, bool)
    if data_timeout is not None and not (is_number and data_timeout > 0):
        raise ConfigError(f"data_timeout must be a number of seconds > 0, or None, got {data_timeout!r}")
    if data_timeout is not None and num_process == 0:
        raise ConfigError(
            "data_timeout needs worker processes, and num_process=0 has none; use num_process=1 or more, or None"
        )


def capped(num_process: int | None) -> int | None:
    """Keep the number of workers sensible for the processors there are."""
    limit = max(4 * cpu_count(), 4)
    if num_process is not None and num_process > limit:
        warn(
            f"num_process={num_process} is far more than the {cpu_count()} processors this process may use; {limit} will be "
            f"started"
        )
        return limit
    return num_process


def _check_batch_sizes(batch_size: Any, name: str = "batch_size") -> None:
    if isinstance(batch_size, dict):
        for mode, size in batch_size.items():
            if mode not in ("train", "eval", "test", "infer"):
                raise ConfigError(
                    f"batch_size: {mode!r} is no mode; use train, eval, test or infer."
                    f"{suggest(mode, ('train', 'eval', 'test', 'infer'))}"
                )
            _check_batch_sizes(size, f"{name}[{mode!r}]")
        return
    for size in values_of(batch_size):
        check_batch_size(size, f"{name}{words_for_epoch(batch_size, size)}")


def _check_ready_made(data: dict[str, dict[str, Any]], batch_size: Any, ops: list[Any], num_process: Any) -> None:
    given = [name for name, value in (("batch_size", batch_size), ("ops", ops), ("num_process", num_process)) if value]
    for mode, by_id in data.items():
        for item in by_id.values():
            for value in values_of(item):
                kind = source_kind(value)
                if kind == "ready" and given and not (set(given) <= {"batch_size"} and isinstance(batch_size, dict)):
                    raise ConfigError(
                        f"{mode}_data is a {type(value).__name__}, which makes its own batches; leave out "
                        f"{', '.join(given)}"
                    )


def check_ds_ids_exist(items: Iterable[Any], data: dict[str, dict[str, Any]], noun: str, place: str) -> None:
    """Check that everything which asks for certain data sets can ever run.

    Raises:
        ConfigError: If an item names a ds_id that no data has.
    """
    sets = [value for by_id in data.values() for item in by_id.values() for value in values_of(item)]
    tags = {tag for value in sets for tag in getattr(value, "tags", ()) if tag}
    known = sorted({ds_id for by_id in data.values() for ds_id in by_id if ds_id} | tags)
    if not data:
        return
    for index, item in enumerate(items):
        for value in values_of(item):
            if not isinstance(value, Component):
                continue
            for word in value.ds_id:
                bare = word.removeprefix("!")
                if bare not in known:
                    never = "can never run" if not word.startswith("!") else "excludes nothing"
                    raise ConfigError(
                        f"{noun} #{index} {type(value).__name__} of {place} {never}: ds_id {bare!r} is not one of "
                        f"the data sets ({', '.join(map(repr, known)) or 'none is named'})."
                        f"{suggest(bare, known)}"
                    )


def _check_batch_ops(data: dict[str, dict[str, Any]], ops: list[Any]) -> None:
    """Check that no two different items of the list can both be Batch at one moment."""
    batch_items = [[value for value in values_of(item) if isinstance(value, Batch)] for item in ops]
    batch_items = [values for values in batch_items if values]
    for position, first in enumerate(batch_items):
        for second in batch_items[position + 1 :]:
            for one in first:
                for other in second:
                    modes = one.mode & other.mode & set(data)
                    if modes and not _apart(one, other) and not _is_scheduled(ops, one, other):
                        raise ConfigError(
                            f"two Batch ops would run together in mode {sorted(modes)}; give them different "
                            f"modes or ds_ids, or keep one"
                        )


def _apart(one: Component, other: Component) -> bool:
    plain_one = {word for word in one.ds_id if not word.startswith("!")}
    plain_other = {word for word in other.ds_id if not word.startswith("!")}
    if plain_one and plain_other:
        return not plain_one & plain_other
    for ids, rest in ((plain_one, other.ds_id), (plain_other, one.ds_id)):
        if ids and all(f"!{word}" in rest for word in ids):
            return True
    return False


def _is_scheduled(ops: list[Any], *values: Component) -> bool:
    """Whether one of the values comes from a Scheduler, so that only the plan of an epoch can tell."""
    return any(
        isinstance(item, Scheduler) and any(value is x for x in values_of(item)) for item in ops for value in values
    )
