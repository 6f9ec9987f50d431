"""New arrays in the likeness of another."""

from __future__ import annotations

from fastestimator_lite.backend.framework import framework_of
from fastestimator_lite.types import ArrayT


def zeros_like(tensor: ArrayT, dtype: str | None = None) -> ArrayT:
    """Zeros in the shape of an array.

    Args:
        tensor: Any shape.
        dtype: Data type of the result, such as "float32"; None for that of `tensor`.

    Returns:
        Same shape, framework and device as `tensor`.
    """
    return framework_of(tensor).zeros_like(tensor, dtype)


def ones_like(tensor: ArrayT, dtype: str | None = None) -> ArrayT:
    """Ones in the shape of an array.

    Args:
        tensor: Any shape.
        dtype: Data type of the result, such as "float32"; None for that of `tensor`.

    Returns:
        Same shape, framework and device as `tensor`.
    """
    return framework_of(tensor).ones_like(tensor, dtype)


def random_normal_like(tensor: ArrayT, mean: float = 0.0, std: float = 1.0, dtype: str = "float32") -> ArrayT:
    """Numbers from a normal distribution in the shape of an array.

    Args:
        tensor: Any shape.
        mean: Mean of the distribution.
        std: Standard deviation of the distribution, >= 0.
        dtype: Data type of the result; for whole numbers, the draws are cut to their whole part.

    Returns:
        Same shape, framework and device as `tensor`, drawn from the framework's global generator.
    """
    return framework_of(tensor).random_normal_like(tensor, mean, std, dtype)


def random_uniform_like(tensor: ArrayT, minval: float = 0.0, maxval: float = 1.0, dtype: str = "float32") -> ArrayT:
    """Numbers from a uniform distribution in the shape of an array.

    Args:
        tensor: Any shape.
        minval: Lower end of the range, included.
        maxval: Upper end of the range, not included.
        dtype: Data type of the result; for whole numbers, the draws are cut to their whole part.

    Returns:
        Same shape, framework and device as `tensor`, drawn from the framework's global generator.
    """
    return framework_of(tensor).random_uniform_like(tensor, minval, maxval, dtype)
