"""Which rows go where when a data set is split: by fraction, by count, by class or by index."""

from __future__ import annotations

import math
import numbers
import random
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np

from fastestimator_lite.util.errors import ConfigError

Fraction: TypeAlias = float | int | Iterable[int]


def split_indices(
    num_rows: int, fractions: Sequence[Fraction], seed: int | None = None, labels: np.ndarray | None = None
) -> list[np.ndarray]:
    """Choose the rows to split off.

    Args:
        num_rows: How many rows there are.
        fractions: What to split off, one part each. All are fractions in [0, 1) or counts (a fraction is rounded up
            to whole rows), or all are row indices.
        seed: Makes the draw repeatable; the same seed draws the same rows as FastEstimator 1.7, unless `labels` are
            given. None draws differently each time.
        labels: The class of each row, shape (num_rows,). If given, each part holds the classes in the proportion of
            the whole.

    Returns:
        For each part its rows, shape (n,), int64: as drawn, or in the order given. No row is in two parts.

    Raises:
        ConfigError: If the parts are of a wrong type, do not fit into the rows, or overlap.
    """
    if not fractions:
        raise ConfigError("split() needs at least one fraction, count or list of row indices, e.g. split(0.2)")
    are_numbers = [_is_number(part) for part in fractions]
    if all(are_numbers):
        counts = _count_rows(num_rows, fractions)  # type: ignore[arg-type]
        if labels is None:
            order = np.array(random.Random(seed).sample(range(num_rows), sum(counts)), dtype=np.int64)
            return _cut(order, counts)
        return _draw_by_class(labels, counts, seed)
    if any(are_numbers):
        raise ConfigError(
            "split() takes either fractions and counts, or lists of row indices, not both at once; got "
            f"{_show(fractions)}. Call it twice instead"
        )
    if labels is not None:
        raise ConfigError("split(stratify=...) works with fractions and counts; rows given by index are already chosen")
    return _check_rows(num_rows, [_to_rows(part) for part in fractions])


def complement(num_rows: int, parts: Iterable[np.ndarray]) -> np.ndarray:
    """The rows that are in none of the parts, ascending, int64."""
    stays = np.ones(num_rows, dtype=bool)
    for part in parts:
        stays[part] = False
    return np.flatnonzero(stays)


def _is_number(part: Any) -> bool:
    return isinstance(part, numbers.Real) and not isinstance(part, (bool, np.bool_))


def _show(fractions: Sequence[Any]) -> str:
    return ", ".join(repr(part) if _is_number(part) else type(part).__name__ for part in fractions)


def _count_rows(num_rows: int, fractions: Sequence[float]) -> list[int]:
    counts: list[int] = []
    total_fraction = 0.0
    for part in fractions:
        if not math.isfinite(part) or part < 0:
            raise ConfigError(f"split() takes fractions in [0, 1) and counts >= 0, got {part!r}")
        if isinstance(part, numbers.Integral):
            counts.append(int(part))
            continue
        total_fraction += float(part)
        # Rounded first: 0.07 * 100 is 7.000000000000001 in floating point, and means 7.
        counts.append(math.ceil(round(float(part) * num_rows, 6)))
    if round(total_fraction, 9) >= 1:
        raise ConfigError(
            f"split({_show(fractions)}): the fractions must add up to less than 1, they add up to {total_fraction:g}. "
            "The part that is split off leaves this data set, and some of it must stay"
        )
    if sum(counts) and sum(counts) >= num_rows:
        raise ConfigError(
            f"split({_show(fractions)}) would take {sum(counts)} of {num_rows} rows; at least one row must stay"
        )
    return counts


def _cut(order: np.ndarray, counts: Sequence[int]) -> list[np.ndarray]:
    return np.split(order, np.cumsum(counts))[: len(counts)]


def _draw_by_class(labels: np.ndarray, counts: Sequence[int], seed: int | None) -> list[np.ndarray]:
    """Draw parts that hold the classes in proportion, by systematic sampling.

    The rows of a class, in random order, are spread evenly over [0, 1) behind a random start. Sorted by place, any
    stretch of the line then holds each class in proportion: exactly where that is a whole number of rows, else
    rounded up or down.

    Source: Madow and Madow 1944, "On the theory of systematic sampling, I".
    """
    codes = _class_codes(labels)
    generator = np.random.default_rng(random.Random(seed).getrandbits(64))
    shuffled = generator.permutation(len(codes))
    by_class = shuffled[np.argsort(codes[shuffled], kind="stable")]
    sizes = np.bincount(codes)
    sizes_here = np.repeat(sizes, sizes)
    rank = np.arange(len(codes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    start = np.repeat(generator.random(len(sizes)), sizes)
    order = by_class[np.argsort((rank + start) / sizes_here, kind="stable")]
    return [generator.permutation(part) for part in _cut(order, counts)]


def _class_codes(labels: np.ndarray) -> np.ndarray:
    """A number from 0 for each class; shape (N,), int64."""
    if labels.ndim > 1 and labels.size == len(labels):
        labels = labels.reshape(-1)
    if labels.ndim != 1:
        raise ConfigError(f"split(stratify=...) needs one class per row, got values of shape {labels.shape[1:]}")
    if labels.dtype != object:
        return np.unique(labels, return_inverse=True)[1].reshape(-1)
    codes: dict[Any, int] = {}
    try:
        return np.array([codes.setdefault(label, len(codes)) for label in labels], dtype=np.int64)
    except TypeError as err:
        raise ConfigError(
            f"split(stratify=...) needs one class per row, a number or a string; got {type(labels[0]).__name__}"
        ) from err


def _to_rows(part: Any) -> np.ndarray:
    if isinstance(part, (str, bytes, bool, np.bool_)) or not isinstance(part, Iterable):
        raise ConfigError(
            "split() takes fractions (0.2), counts (1000) or row indices ([0, 5, 7]), "
            f"got {part!r} ({type(part).__name__})"
        )
    rows = part if isinstance(part, np.ndarray) else np.array(list(part))
    if rows.size == 0:
        return np.empty(0, dtype=np.int64)
    if rows.ndim != 1 or rows.dtype.kind not in "iu":
        hint = "; turn a mask into indices with np.flatnonzero(mask)" if rows.dtype == bool else ""
        raise ConfigError(f"split(): row indices must be whole numbers, got {rows.dtype} of shape {rows.shape}{hint}")
    return rows.astype(np.int64)


def _check_rows(num_rows: int, parts: list[np.ndarray]) -> list[np.ndarray]:
    everything = np.concatenate(parts)
    outside = everything[(everything < 0) | (everything >= num_rows)]
    if outside.size:
        raise ConfigError(f"split(): row {outside[0]} does not exist, the rows are 0 to {num_rows - 1}")
    values, counts = np.unique(everything, return_counts=True)
    if (counts > 1).any():
        raise ConfigError(f"split(): row {values[counts > 1][0]} is asked for more than once")
    return parts
