"""Functions that work on each element by itself."""

from __future__ import annotations

from typing import Any

from fastestimator_lite.backend.framework import framework_of
from fastestimator_lite.types import Array, ArrayT
from fastestimator_lite.util.tree import leaves


def abs(tensor: ArrayT) -> ArrayT:
    """Absolute value of each element; any shape, same dtype."""
    return framework_of(tensor).abs(tensor)


def exp(tensor: ArrayT) -> ArrayT:
    """The number e to the power of each element; any shape, float."""
    return framework_of(tensor).exp(tensor)


def sign(tensor: ArrayT) -> ArrayT:
    """-1, 0 or 1 for each element that is negative, zero or positive; any shape, same dtype."""
    return framework_of(tensor).sign(tensor)


def pow(tensor: ArrayT, power: float | Array) -> ArrayT:
    """Raise each element to a power.

    Args:
        tensor: Any shape.
        power: A number, or an array of a shape that broadcasts to that of `tensor`.

    Returns:
        Same shape as `tensor`.
    """
    return framework_of(tensor).pow(tensor, power)


tensor_pow = pow


def tensor_sqrt(tensor: ArrayT) -> ArrayT:
    """Square root of each element; any shape, float, >= 0."""
    return framework_of(tensor).sqrt(tensor)


def tensor_round(tensor: ArrayT) -> ArrayT:
    """Round each element to the nearest whole number, halves to the even one; any shape, same dtype.

    Example:
        >>> import numpy as np
        >>> tensor_round(np.array([0.5, 1.5, 2.6]))
        array([0., 2., 3.])
    """
    return framework_of(tensor).round(tensor)


def maximum(tensor1: ArrayT, tensor2: ArrayT) -> ArrayT:
    """The larger of two elements, pair by pair.

    Args:
        tensor1: Any shape.
        tensor2: Same dtype; a shape that broadcasts with that of `tensor1`.

    Returns:
        The broadcast shape.
    """
    return framework_of(tensor1).maximum(tensor1, tensor2)


def clip_by_value(
    tensor: ArrayT, min_value: float | Array | None = None, max_value: float | Array | None = None
) -> ArrayT:
    """Limit each element to a range.

    Args:
        tensor: Any shape.
        min_value: Smaller elements become this; None for no lower limit.
        max_value: Larger elements become this; None for no upper limit.

    Returns:
        Same shape as `tensor`. The gradient is zero where an element was changed.

    Example:
        >>> import numpy as np
        >>> clip_by_value(np.array([-2, 1, 7]), min_value=0, max_value=5)
        array([0, 1, 5])
    """
    return framework_of(tensor).clip(tensor, min_value, max_value)


def where(condition: ArrayT, yes: float | Array, no: float | Array) -> ArrayT:
    """Choose between two values, element by element.

    Args:
        condition: Boolean, any shape.
        yes: Taken where `condition` is true; a number, or a shape that broadcasts with that of `condition`.
        no: Taken elsewhere; as `yes`.

    Returns:
        The broadcast shape.
    """
    return framework_of(condition).where(condition, yes, no)


def check_nan(val: Any) -> bool:
    """Whether there is a NaN anywhere in an array, a tensor, a number, or nested collections of those.

    Returns:
        A Python bool, so not for use inside a `tf.function`.

    Example:
        >>> check_nan([1.0, {"a": float("nan")}])
        True
    """
    return any(framework_of(leaf).has_nan(leaf) for leaf in leaves(val))
