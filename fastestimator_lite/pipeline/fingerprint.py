"""What the state of ops and data sets looks like from outside: by it the Pipeline sees that its workers are outdated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fastestimator_lite.dataset.dataset import FEDataset
from fastestimator_lite.schedule.schedule import values_of


def fingerprint(ops: Iterable[Any], data: Mapping[str, Mapping[str, Any]]) -> list[Any]:
    """Look at everything: plain values count by value, all else by identity.

    What an op keeps to itself (`_name`) does not count: it may be made when the op first runs. Of a data set it does.

    Args:
        ops: The ops, and Schedulers of ops.
        data: The data sets, and Schedulers of them, by mode and data set id.
    """
    parts: list[Any] = []
    for op in (value for item in ops for value in values_of(item)):
        parts += [_look(name, value) for name, value in vars(op).items() if not name.startswith("_")]
    sets = [value for by_id in data.values() for item in by_id.values() for value in values_of(item)]
    while sets:
        dataset = sets.pop()
        parts += [_look(name, value) for name, value in getattr(dataset, "__dict__", {}).items()]
        sets += getattr(dataset, "datasets", []) if isinstance(dataset, FEDataset) else []
    return parts


def _look(name: str, value: Any) -> tuple[Any, ...]:
    if isinstance(value, (int, float, str, bool, type(None))):
        return name, value
    return (name, id(value), *map(id, value.values())) if isinstance(value, dict) else (name, id(value))
