"""Functions of a few steps, written once over the primitives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

from fastestimator_lite.backend.framework import framework_of
from fastestimator_lite.types import Array, ArrayT
from fastestimator_lite.util.errors import ConfigError

# of sqrt(2 (e z + 1)), from the second power on: how W begins at its branch point
_BRANCH = (1.0, -1 / 3, 11 / 72, -43 / 540, 769 / 17280, -221 / 8505)


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
    framework, tensor = _floating(tensor)
    shift, scale = (framework.constant(value, tensor) for value in (mean, std))
    if framework.CHANNEL_AXIS != -1:  # (C,) against (C, H, W)
        shift, scale = (framework.reshape(value, [-1, 1, 1]) if len(value.shape) else value for value in (shift, scale))
    return (tensor - shift * max_pixel_value) / (scale * max_pixel_value + epsilon)


def iwd(
    tensor: ArrayT,
    power: float = 1.0,
    max_prob: float = 0.95,
    pairwise_distance: float = 1.0,
    eps: float | Array | None = None,
) -> ArrayT:
    """Turn distances into probabilities, by inverse distance weighting: a class weighs `distance ** -power`.

    Args:
        tensor: Distance to each of K classes, >= 0, shape (B, K); (K,) is a batch of one.
        power: How fast a class loses weight with distance, > 0.
        max_prob: What a class at distance 0 gets while all others are at `pairwise_distance`, in (0, 1).
        pairwise_distance: Distance from one class to another, > 0.
        eps: Smallest distance, > 0; smaller ones count as this. None for the one that makes `max_prob` true.

    Returns:
        Probabilities, shape (B, K), float; they add up to 1 over the classes.

    Raises:
        ConfigError: If `power`, `max_prob` or `pairwise_distance` is out of its range.

    Source: Shepard 1968, "A two-dimensional interpolation function for irregularly-spaced data".

    Example:
        >>> import numpy as np
        >>> iwd(np.array([[0.0, 1.0, 1.0], [1.0, 1.0, 2.0]])).round(3)
        array([[0.95 , 0.025, 0.025],
               [0.4  , 0.4  , 0.2  ]])
    """
    if not power > 0 or not 0 < max_prob < 1 or not pairwise_distance > 0:
        raise ConfigError(
            f"iwd expects power > 0, max_prob in (0, 1) and pairwise_distance > 0, got power={power!r}, "
            f"max_prob={max_prob!r} and pairwise_distance={pairwise_distance!r}"
        )
    framework, tensor = _floating(tensor)
    if len(tensor.shape) == 1:
        tensor = framework.expand_dims(tensor, 0)
    if eps is None:
        others = max(tensor.shape[-1] - 1, 1)
        eps = pairwise_distance * ((1 - max_prob) / (max_prob * others)) ** (1 / power)
    tensor = framework.maximum(tensor, framework.constant(eps, tensor) if isinstance(eps, (int, float)) else eps)
    # relative to the nearest class, so that no power overflows; the factor drops out, and with it its gradient
    nearest = framework.detach(framework.reduce_min(tensor, -1, True))
    weights = framework.pow(nearest / tensor, power)
    return weights / framework.reduce_sum(weights, -1, True)


def lambertw(tensor: ArrayT) -> ArrayT:
    """The main branch of Lambert's W: the w >= -1 with `w * exp(w) = z`, for each element z.

    Args:
        tensor: Any shape and dtype, >= -1 / e.

    Returns:
        Same shape, float; NaN below -1 / e. The derivative is `exp(-w) / (1 + w)`, kept finite at the branch point.

    Source: Corless et al. 1996, "On the Lambert W function", eq. 4.22 (series at the branch point) and 5.9 (Halley's
        iteration, here on `w - z * exp(-w)`, which does not overflow); Iacono and Boyd 2017, "New approximations to the
        principal real-valued branch of the Lambert W-function" (first guess).

    Example:
        >>> import numpy as np
        >>> lambertw(np.array([0.0, 1.0, np.e])).round(6)
        array([0.      , 0.567143, 1.      ])
    """
    framework, tensor = _floating(tensor)
    given = framework.detach(tensor)
    exact = framework.dtype_name(given) == "float64"
    z = framework.clip(given, -1, float(np.finfo("float64" if exact else "float32").max))
    high = 1 / math.e if exact else float(np.float32(1 / math.e))
    above = z + high + (0.0 if exact else 1 / math.e - high)  # z + 1 / e, with no digit lost where they cancel
    root = framework.sqrt(2 * math.e * framework.clip(above, 0, 1))
    series = 0.0 * root
    for factor in reversed(_BRANCH):
        series = (series + factor) * root
    series = series - 1
    log = framework.log(framework.clip(z, high / -1.001, None) + 1)
    w = framework.where(root < 0.3, series, log * (1 - framework.log(1 + log) / (2 + log)))
    for _ in range(4):
        q = z * framework.exp(-w)
        slope = framework.clip(1 + q, 1e-3, None)
        w = w - 2 * (w - q) * slope / (2 * slope * slope + q * (w - q))
    w = framework.where(root < 0.03, series, w)
    infinite = given == math.inf
    w = framework.where(above < (-1e-15 if exact else -1e-7), 0 * w + math.nan, framework.where(infinite, given, w))
    if framework.NAME == "np":
        return w
    # adds nothing to the value, and to the gradient what it should be
    slope = framework.exp(-w) / framework.clip(1 + w, 1e-6, None)
    return w + slope * (framework.where(infinite, 0 * z, tensor) - framework.where(infinite, 0 * z, given))


def _floating(tensor: Array) -> tuple[ModuleType, Any]:
    """The framework, and the tensor as float32 or float64."""
    framework = framework_of(tensor)
    if framework.dtype_name(tensor) not in ("float32", "float64"):
        tensor = framework.cast(tensor, "float32")
    return framework, tensor
