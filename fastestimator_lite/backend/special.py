"""Functions of a few steps, written once over the primitives."""

from __future__ import annotations

from collections.abc import Sequence

from fastestimator_lite.backend.framework import framework_of
from fastestimator_lite.types import Array, ArrayT


def matmul(a: ArrayT, b: ArrayT) -> ArrayT:
    """Matrix product.

    Args:
        a: Shape (..., N, K), float.
        b: Shape (..., K, M), same dtype.

    Returns:
        Shape (..., N, M).
    """
    return framework_of(a).matmul(a, b)


def zscore(data: ArrayT, epsilon: float = 1e-7) -> ArrayT:
    """Shift and scale an array as a whole to mean 0 and standard deviation 1.

    Args:
        data: Any shape and dtype.
        epsilon: Smallest standard deviation to divide by, so that a constant array becomes zeros.

    Returns:
        Same shape, float.

    Example:
        >>> import numpy as np
        >>> zscore(np.array([[0, 1], [2, 3]])).round(4)
        array([[-1.3416, -0.4472],
               [ 0.4472,  1.3416]])
    """
    framework = framework_of(data)
    mean, std = framework.reduce_mean(data, None, False), framework.reduce_std(data, None, False)
    return (framework.cast(data, framework.dtype_name(mean)) - mean) / framework.clip(std, epsilon, None)


def normalize(
    tensor: ArrayT,
    mean: float | Sequence[float] | Array = (0.485, 0.456, 0.406),
    std: float | Sequence[float] | Array = (0.229, 0.224, 0.225),
    max_pixel_value: float = 255.0,
    epsilon: float = 1e-7,
) -> ArrayT:
    """Shift and scale images by the mean and standard deviation of a data set: `(x - mean * max) / (std * max)`.

    Args:
        tensor: Images: (H, W, C) or (B, H, W, C) in numpy and TensorFlow, (C, H, W) or (B, C, H, W) in PyTorch; any
            dtype, in [0, `max_pixel_value`]. Any shape if `mean` and `std` are numbers.
        mean: Mean of each channel, or of all, as a fraction of `max_pixel_value`; the default is ImageNet's.
        std: Standard deviation of each channel, or of all, in the same unit; the default is ImageNet's.
        max_pixel_value: The value of full brightness.
        epsilon: Added to the divisor, so that it is not zero.

    Returns:
        Same shape, float32 (or wider, if `tensor` is).
    """
    framework = framework_of(tensor)
    if framework.dtype_name(tensor) not in ("float32", "float64"):
        tensor = framework.cast(tensor, "float32")
    shift, scale = (framework.constant(value, tensor) for value in (mean, std))
    if framework.CHANNEL_AXIS != -1:  # (C,) against (C, H, W)
        shift, scale = (framework.reshape(value, [-1, 1, 1]) if len(value.shape) else value for value in (shift, scale))
    return (tensor - shift * max_pixel_value) / (scale * max_pixel_value + epsilon)
