"""Padding of arrays at their ends, so that those of one batch get one shape."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from typing import Any

import numpy as np

from fastestimator_lite.util.errors import ConfigError


def pad_batch(batch: Sequence[MutableMapping[str, Any]], pad_value: float) -> None:
    """Pad the arrays of samples in place, each key up to the largest of its arrays.

    Args:
        batch: Samples with the same keys. Values that are no numpy arrays stay as they are.
        pad_value: Fills what is added; it is cast to the dtype of the array.

    Raises:
        ConfigError: If keys differ, or the arrays of a key differ in their number of axes.
    """
    for index, sample in enumerate(batch):
        if sample.keys() != batch[0].keys():
            odd = sorted(map(str, sample.keys() ^ batch[0].keys()))
            raise ConfigError(f"pad_batch: all samples must have the same keys; samples 0 and {index} differ in {odd}")
    for key in batch[0] if batch else ():
        arrays = [sample[key] for sample in batch if isinstance(sample[key], np.ndarray)]
        if len({array.ndim for array in arrays}) > 1:
            raise ConfigError(
                f"pad_batch: key {key!r} has arrays of shapes {sorted({array.shape for array in arrays})}; padding needs "
                f"the same number of axes"
            )
        shape = common_shape(arrays)
        for sample in batch:
            if isinstance(sample[key], np.ndarray) and sample[key].shape != shape:
                sample[key] = pad_data(sample[key], shape, pad_value)


def pad_data(data: np.ndarray, target_shape: Sequence[int], pad_value: float) -> np.ndarray:
    """Pad one array at the end of each axis.

    Args:
        data: Any array.
        target_shape: A size for each axis, none smaller than that of `data`.
        pad_value: Fills what is added; it is cast to the dtype of `data`.

    Returns:
        A new array of `target_shape`, of the dtype of `data`.

    Raises:
        ConfigError: If `target_shape` has another number of axes, or a size that is too small.
    """
    if len(target_shape) != data.ndim or any(map(int.__lt__, target_shape, data.shape)):
        raise ConfigError(
            f"pad_data: target_shape={tuple(target_shape)} must have {data.ndim} sizes, none below those of the data, "
            f"{data.shape}"
        )
    padded = np.full(tuple(target_shape), pad_value, dtype=data.dtype)
    lay(data, padded)
    return padded


def common_shape(arrays: Sequence[np.ndarray]) -> tuple[int, ...]:
    """The smallest shape that holds each of some arrays of the same number of axes."""
    return tuple(map(max, zip(*(array.shape for array in arrays), strict=True)))


def lay(array: np.ndarray, target: np.ndarray) -> None:
    """Copy an array into the beginning of each axis of one that is at least as large."""
    target[tuple(slice(0, size) for size in array.shape)] = array
