"""Samples into batches: stacking, padding, and errors that name key, sample and shapes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastestimator_lite.util.errors import DataError, SampleError
from fastestimator_lite.util.pad import common_shape, lay


def collate(
    rows: Sequence[dict[str, Any]], pad_value: float | None = None, names: Sequence[Any] = ()
) -> dict[str, Any]:
    """Stack samples into a batch.

    Args:
        rows: Samples with the same keys, each value an array, a number, a string or a dictionary of those.
        pad_value: Fills arrays of unequal shapes up to the largest; None makes unequal shapes an error.
        names: What to call each sample in an error, usually its index in the data set.

    Returns:
        Arrays with a leading batch axis; strings (and other objects that numpy has no type for) as lists.

    Raises:
        DataError: If keys differ or a value is None.
        SampleError: If shapes differ and there is no `pad_value`.
    """
    names = names or range(len(rows))
    keys = rows[0].keys()
    for row, name in zip(rows, names, strict=True):
        if row.keys() != keys:
            odd = sorted(map(str, row.keys() ^ keys))
            raise DataError(
                f"samples of one batch must have the same keys; sample {name} and sample {names[0]} differ in {odd}"
            )
    return {key: collate_values(key, [row[key] for row in rows], pad_value, names) for key in keys}


def collate_values(
    key: str,
    values: Sequence[Any],
    pad_value: float | None,
    names: Sequence[Any],
    empty: Callable[[tuple[int, ...], Any], np.ndarray] = np.empty,
) -> Any:
    """Stack the values of one key; see `collate`. `empty` gives the memory for an array by shape and dtype."""
    for value, name in zip(values, names, strict=True):
        if value is None:
            raise DataError(
                f"key {key!r} of sample {name} is None; a sample holds arrays, numbers or strings. Give it "
                f"a value, drop the sample with RemoveIf, or drop the key with Delete"
            )
    first = values[0]
    if isinstance(first, str):
        return list(values)
    if isinstance(first, dict):
        return collate(values, pad_value, names)
    arrays = [np.asarray(value) for value in values]
    if arrays[0].dtype == object:
        return list(values)
    shape = arrays[0].shape
    if any(array.shape != shape for array in arrays):
        if pad_value is None:
            raise SampleError(_ragged_text(key, arrays, names))
        return _padded(key, arrays, pad_value, names)
    if not shape:
        return np.array(arrays)
    return np.stack(arrays, out=empty((len(arrays), *shape), np.result_type(*{array.dtype for array in arrays})))


def stacked_or_none(values: Sequence[Any]) -> np.ndarray | None:
    """Stack values of equal shape and type; None if they are not."""
    if isinstance(values[0], (str, dict)) or values[0] is None:
        return None
    arrays = [np.asarray(value) for value in values]
    first = arrays[0]
    if first.dtype == object or any(array.shape != first.shape or array.dtype != first.dtype for array in arrays):
        return None
    return np.stack(arrays) if first.shape else np.array(arrays)


def _padded(key: str, arrays: Sequence[np.ndarray], pad_value: float, names: Sequence[Any]) -> np.ndarray:
    if len({array.ndim for array in arrays}) > 1:
        raise SampleError(f"{_ragged_text(key, arrays, names)} (padding needs the same number of axes)")
    batch = np.full((len(arrays), *common_shape(arrays)), pad_value, dtype=np.result_type(*arrays))
    for target, array in zip(batch, arrays, strict=True):
        lay(array, target)
    return batch


def _ragged_text(key: str, arrays: Sequence[np.ndarray], names: Sequence[Any]) -> str:
    shapes = [array.shape for array in arrays]
    usual = max(set(shapes), key=shapes.count)
    odd = next(index for index, shape in enumerate(shapes) if shape != usual)
    return (
        f"key {key!r} of sample {names[odd]} has shape {shapes[odd]}, others of its batch have {usual}; make them equal "
        f"(Resize, crop, PadSequence) or use Batch(pad_value=...)"
    )
