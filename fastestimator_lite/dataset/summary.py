"""What a data set says about itself: how many samples, and what each key holds."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np


@dataclasses.dataclass(repr=False)
class KeySummary:
    """What one key of a data set holds.

    Args:
        dtype: Name of the type of one value, or of its elements.
        num_unique_values: How many different values there are; None if they were not counted (arrays are not).
        shape: Shape of one value, without a batch axis; None stands for a length that differs between samples.
    """

    dtype: str
    num_unique_values: int | None = None
    shape: Sequence[int | None] = ()

    def to_dict(self) -> dict[str, Any]:
        """The known facts, ready for JSON."""
        counted = {} if self.num_unique_values is None else {"num_unique_values": self.num_unique_values}
        return {**counted, "shape": list(self.shape), "dtype": self.dtype}

    def __repr__(self) -> str:
        return f"<KeySummary {self.to_dict()}>"

    def __str__(self) -> str:
        return json.dumps(self.to_dict())


@dataclasses.dataclass(repr=False)
class DatasetSummary:
    """What a data set holds.

    Args:
        num_instances: How many samples.
        keys: A summary for each key.
        num_classes: How many classes; None if the data set does not know of classes.
        class_key_mapping: Which number stands for which class name.
        class_key: The key that holds the class.
    """

    num_instances: int
    keys: dict[str, KeySummary]
    num_classes: int | None = None
    class_key_mapping: dict[str, Any] | None = None
    class_key: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The known facts, ready for JSON."""
        return {**self._facts(), "keys": {key: summary.to_dict() for key, summary in self.keys.items()}}

    def _facts(self) -> dict[str, Any]:
        facts = {
            "num_instances": self.num_instances,
            "class_key": self.class_key,
            "num_classes": self.num_classes,
            "class_key_mapping": self.class_key_mapping,
        }
        return {name: fact for name, fact in facts.items() if fact is not None}

    def __repr__(self) -> str:
        return f"<DatasetSummary { {**self._facts(), 'keys': self.keys} }>"

    def __str__(self) -> str:
        return json.dumps(self.to_dict(), default=str)


def summarize_column(column: np.ndarray) -> KeySummary:
    """Summarize all values of one key.

    Args:
        column: Shape (N, ...); dtype object where the values are not arrays of one shape.

    Returns:
        The summary of one of the N values. Single numbers, strings and the like are counted.
    """
    if column.dtype != object:
        counted = len(np.unique(column)) if column.ndim == 1 else None
        return KeySummary(_dtype_name(column), num_unique_values=counted, shape=column.shape[1:])
    shape = _common_shape(_shape(value) for value in column)
    dtype = " | ".join(dict.fromkeys(_dtype_name(value) for value in column))
    return KeySummary(dtype, num_unique_values=_count_distinct(column) if shape == () else None, shape=shape)


def summarize_sample(sample: Mapping[str, Any]) -> dict[str, KeySummary]:
    """Summarize a data set by one of its samples, where reading them all would cost too much."""
    return {key: KeySummary(_dtype_name(value), shape=_shape(value)) for key, value in sample.items()}


def merge_summaries(parts: Iterable[Mapping[str, KeySummary]]) -> dict[str, KeySummary]:
    """Summarize data that lies in several places.

    Args:
        parts: The summary of the keys of each place.

    Returns:
        Every key. How many different values a key has is known only if it occurs in one place.
    """
    found: dict[str, list[KeySummary]] = {}
    for part in parts:
        for key, summary in part.items():
            found.setdefault(key, []).append(summary)
    return {key: several[0] if len(several) == 1 else _merge(several) for key, several in found.items()}


def _merge(summaries: Sequence[KeySummary]) -> KeySummary:
    dtypes = dict.fromkeys(dtype for summary in summaries for dtype in summary.dtype.split(" | "))
    return KeySummary(" | ".join(dtypes), shape=_common_shape(tuple(summary.shape) for summary in summaries))


def _shape(value: Any) -> tuple[int | None, ...]:
    if isinstance(value, (list, tuple)):
        return (len(value), *_common_shape(_shape(item) for item in value))
    return tuple(getattr(value, "shape", ()))


def _common_shape(shapes: Iterable[tuple[int | None, ...]]) -> tuple[int | None, ...]:
    """One shape for many: None where they differ; only (None,) is known of shapes with different numbers of axes."""
    distinct = list(dict.fromkeys(shapes))
    if len(distinct) <= 1:
        return distinct[0] if distinct else ()
    if len({len(shape) for shape in distinct}) > 1:
        return (None,)
    return tuple(sizes[0] if len(set(sizes)) == 1 else None for sizes in zip(*distinct, strict=True))


def _dtype_name(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return f"List[{_dtype_name(value[0]) if value else ''}]"
    dtype = getattr(value, "dtype", None)  # numpy's, or that of a framework's tensor
    if dtype is None or isinstance(value, np.str_):
        return "str" if isinstance(value, str) else type(value).__name__
    return "str" if isinstance(dtype, np.dtype) and dtype.kind == "U" else str(dtype)


def _count_distinct(values: Iterable[Any]) -> int | None:
    try:
        return len(set(values))
    except TypeError:  # dictionaries and the like have no hash
        return None
