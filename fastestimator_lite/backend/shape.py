"""Functions that rearrange elements, or pick some of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastestimator_lite.backend.convert import to_tensor
from fastestimator_lite.backend.framework import framework_of
from fastestimator_lite.types import Array, ArrayT, Axis
from fastestimator_lite.util.errors import ConfigError


def get_shape(tensor: Array) -> list[Any]:
    """Size of each axis.

    Args:
        tensor: Any shape.

    Returns:
        Whole numbers. Inside a `tf.function`, a size that is not known yet is a scalar tensor; `reshape` takes both.
    """
    return framework_of(tensor).shape(tensor)


def reshape(tensor: ArrayT, shape: Sequence[int]) -> ArrayT:
    """The same elements in another shape.

    Args:
        tensor: Any shape.
        shape: The new sizes; one of them may be -1, which stands for what is left.

    Returns:
        The elements in row-major order.
    """
    return framework_of(tensor).reshape(tensor, shape)


def permute(tensor: ArrayT, permutation: Sequence[int]) -> ArrayT:
    """Put the axes in another order.

    Args:
        tensor: Any shape.
        permutation: For each new axis, the old one that goes there.

    Returns:
        The same elements; `permutation=[0, 3, 1, 2]` makes (B, C, H, W) of (B, H, W, C).
    """
    return framework_of(tensor).permute(tensor, permutation)


def transpose(tensor: ArrayT) -> ArrayT:
    """Turn the order of the axes around; (N, M) becomes (M, N)."""
    return framework_of(tensor).permute(tensor, range(len(tensor.shape) - 1, -1, -1))


def squeeze(tensor: ArrayT, axis: Axis = None) -> ArrayT:
    """Drop axes of size 1.

    Args:
        tensor: Any shape.
        axis: Axis or axes to drop; None for all that have size 1.

    Returns:
        The same elements without those axes.
    """
    return framework_of(tensor).squeeze(tensor, axis if axis is None or isinstance(axis, int) else tuple(axis))


def expand_dims(tensor: ArrayT, axis: int = 1) -> ArrayT:
    """Put in an axis of size 1.

    Args:
        tensor: Any shape.
        axis: Where the new axis will be; negative counts from the end.

    Returns:
        The same elements with one more axis.
    """
    return framework_of(tensor).expand_dims(tensor, axis)


def concat(tensors: Sequence[ArrayT], axis: int = 0) -> ArrayT | None:
    """Join arrays along one axis.

    Args:
        tensors: Arrays of one framework, with equal shapes but for `axis`.
        axis: The axis to join along.

    Returns:
        The joined array; None if there are no arrays.
    """
    return framework_of(tensors[0]).concat(tensors, axis) if len(tensors) else None


def flip(tensor: ArrayT, axis: Axis) -> ArrayT:
    """Turn the order of the elements around along some axes.

    Args:
        tensor: Any shape.
        axis: Axis or axes; None for all.

    Returns:
        Same shape.
    """
    if axis is None:
        axis = range(len(tensor.shape))
    return framework_of(tensor).flip(tensor, (axis,) if isinstance(axis, int) else tuple(axis))


def roll(tensor: ArrayT, shift: int | Sequence[int], axis: int | Sequence[int]) -> ArrayT:
    """Move the elements along some axes; what leaves at one end comes in at the other.

    Args:
        tensor: Any shape.
        shift: How far, one number for each axis.
        axis: The axis or axes.

    Returns:
        Same shape.

    Raises:
        ConfigError: If there are not as many shifts as axes.

    Example:
        >>> roll(np.array([1, 2, 3, 4]), shift=1, axis=0)
        array([4, 1, 2, 3])
    """
    shifts, axes = ((item,) if isinstance(item, int) else tuple(item) for item in (shift, axis))
    if len(shifts) != len(axes):
        raise ConfigError(f"roll needs one shift for each axis, got shift={shift!r} and axis={axis!r}")
    return framework_of(tensor).roll(tensor, shifts, axes)


def gather(tensor: ArrayT, indices: Array | Sequence[Any]) -> ArrayT:
    """Pick entries along the first axis.

    Args:
        tensor: Shape (N, ...).
        indices: Whole numbers in [0, N), any shape and framework.

    Returns:
        Shape of `indices` followed by (...).

    Example:
        >>> gather(np.array([[0, 1], [2, 3], [4, 5]]), [1, 0, 1])
        array([[2, 3],
               [0, 1],
               [2, 3]])
    """
    return framework_of(tensor).gather(tensor, _indices_for(tensor, indices))


def gather_from_batch(tensor: ArrayT, indices: Array | Sequence[Any]) -> ArrayT:
    """Pick one entry of the second axis for each member of a batch.

    Args:
        tensor: Shape (B, N, ...).
        indices: Whole numbers in [0, N), shape (B,) or (B, 1), any framework.

    Returns:
        Shape (B, ...).

    Example:
        >>> gather_from_batch(np.array([[0, 1], [2, 3], [4, 5]]), [1, 0, 1])
        array([1, 2, 5])
    """
    framework = framework_of(tensor)
    return framework.gather_from_batch(tensor, framework.reshape(_indices_for(tensor, indices), [-1]))


def get_image_dims(tensor: Array) -> tuple[Any, Any, Any]:
    """Channels, height and width of an image or a batch of images.

    Args:
        tensor: Shape (H, W, C) or (B, H, W, C) in numpy and TensorFlow, (C, H, W) or (B, C, H, W) in PyTorch.

    Returns:
        (C, H, W), in that order.

    Raises:
        ConfigError: If there are not 3 or 4 axes.
    """
    framework = framework_of(tensor)
    shape = framework.shape(tensor)
    if len(shape) not in (3, 4):
        raise ConfigError(f"get_image_dims expects an image or a batch of images (3 or 4 axes), got shape {shape}")
    image = shape[-3:]
    channels = image.pop(-1 if framework.CHANNEL_AXIS == -1 else 0)
    return channels, image[0], image[1]


def _indices_for(tensor: Array, indices: Any) -> Any:
    framework = framework_of(tensor)
    array = np.asarray(indices) if isinstance(indices, (list, tuple, range)) else indices
    return framework.cast(to_tensor(array, framework.NAME), "int64")
