"""Functions that turn the elements along some axes into one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from fastestimator_lite.backend.framework import framework_of
from fastestimator_lite.types import ArrayT, Axis
from fastestimator_lite.util.errors import ConfigError


def reduce_sum(tensor: ArrayT, axis: Axis = None, keepdims: bool = False) -> ArrayT:
    """Sum of the elements.

    Args:
        tensor: Any shape. Whole numbers and booleans are added up in 64 bits.
        axis: Axis or axes to sum over; None for all.
        keepdims: Whether those axes stay, with size 1.

    Returns:
        `tensor` without those axes.
    """
    return framework_of(tensor).reduce_sum(tensor, _axes(axis), keepdims)


def reduce_mean(tensor: ArrayT, axis: Axis = None, keepdims: bool = False) -> ArrayT:
    """Mean of the elements.

    Args:
        tensor: Any shape. Whole numbers and booleans have a mean of type float.
        axis: Axis or axes to average over; None for all.
        keepdims: Whether those axes stay, with size 1.

    Returns:
        `tensor` without those axes, float.

    Example:
        >>> import numpy as np
        >>> reduce_mean(np.array([[1, 2], [3, 5]]), axis=0)
        array([2. , 3.5])
    """
    return framework_of(tensor).reduce_mean(tensor, _axes(axis), keepdims)


def reduce_min(tensor: ArrayT, axis: Axis = None, keepdims: bool = False) -> ArrayT:
    """Smallest element.

    Args:
        tensor: Any shape.
        axis: Axis or axes to search; None for all.
        keepdims: Whether those axes stay, with size 1.

    Returns:
        `tensor` without those axes, same dtype.
    """
    return framework_of(tensor).reduce_min(tensor, _axes(axis), keepdims)


def reduce_max(tensor: ArrayT, axis: Axis = None, keepdims: bool = False) -> ArrayT:
    """Largest element.

    Args:
        tensor: Any shape.
        axis: Axis or axes to search; None for all.
        keepdims: Whether those axes stay, with size 1.

    Returns:
        `tensor` without those axes, same dtype.
    """
    return framework_of(tensor).reduce_max(tensor, _axes(axis), keepdims)


def reduce_std(tensor: ArrayT, axis: Axis = None, keepdims: bool = False) -> ArrayT:
    """Standard deviation of the elements as a whole population (divided by n, not n - 1).

    Args:
        tensor: Any shape. Whole numbers have a standard deviation of type float.
        axis: Axis or axes to work over; None for all.
        keepdims: Whether those axes stay, with size 1.

    Returns:
        `tensor` without those axes, float.
    """
    return framework_of(tensor).reduce_std(tensor, _axes(axis), keepdims)


def argmax(tensor: ArrayT, axis: int = 0) -> ArrayT:
    """Index of the largest element along one axis.

    Args:
        tensor: Any shape.
        axis: The axis to search.

    Returns:
        `tensor` without that axis, int64.
    """
    return framework_of(tensor).argmax(tensor, axis)


def percentile(
    tensor: ArrayT, percentiles: float | Sequence[float], axis: Axis = None, keepdims: bool = True
) -> ArrayT:
    """The element that a percentage of the elements do not exceed (the nearest one, no interpolation).

    Args:
        tensor: Any shape.
        percentiles: One percentage in [0, 100], or several.
        axis: Axis or axes to search; None for all.
        keepdims: Whether those axes stay, with size 1.

    Returns:
        `tensor` without those axes, same dtype; for several percentages, with one more axis in front.

    Raises:
        ConfigError: If a percentage is outside [0, 100], or an axis that is searched has no known size.

    Example:
        >>> import numpy as np
        >>> percentile(np.arange(1, 10).reshape(3, 3), 66)
        array([[6]])

    Source: `numpy.percentile` with method "nearest".
    """
    framework = framework_of(tensor)
    shape: list[Any] = framework.shape(tensor)
    rank = len(shape)
    wanted = range(rank) if axis is None else [axis] if isinstance(axis, int) else axis
    axes: list[int] = [index % rank for index in wanted]
    rest: list[int] = [index for index in range(rank) if index not in axes]
    count = math.prod(shape[index] for index in axes)
    if not isinstance(count, int):
        raise ConfigError(
            f"percentile needs to know how many elements it searches, but axes {axes} of {shape} have "
            f"no known size in this graph; set the shape of the tensor"
        )
    kept = [1 if index in axes else size for index, size in enumerate(shape)] if keepdims else [shape[i] for i in rest]
    rows = framework.reshape(framework.permute(tensor, [*rest, *axes]), [*(shape[index] for index in rest), count])
    rows = framework.permute(framework.sort(rows, -1), [len(rest), *range(len(rest))])  # (count, rest)
    found = [
        framework.reshape(rows[_nearest_rank(percentage, count)], kept)
        for percentage in ([percentiles] if isinstance(percentiles, (int, float)) else percentiles)
    ]
    if isinstance(percentiles, (int, float)):
        return found[0]
    return framework.concat([framework.expand_dims(one, 0) for one in found], 0)


def _nearest_rank(percentage: float, count: int) -> int:
    if not 0 <= percentage <= 100:
        raise ConfigError(f"percentiles must lie in [0, 100], got {percentage!r}")
    return round(percentage / 100 * (count - 1))


def _axes(axis: Axis) -> int | tuple[int, ...] | None:
    return axis if axis is None or isinstance(axis, int) else tuple(axis)
