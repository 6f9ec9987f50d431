"""Volumes in another size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastestimator_lite.backend.framework import framework_of
from fastestimator_lite.backend.shape import gather
from fastestimator_lite.types import ArrayT
from fastestimator_lite.util.errors import ConfigError, suggest

RESIZE_MODES = ("nearest", "area")


def resize_3d(tensor: ArrayT, output_shape: Sequence[int], resize_mode: str = "nearest") -> ArrayT:
    """Give volumes another size.

    Args:
        tensor: (B, D, H, W, C) in numpy and TensorFlow, (B, C, D, H, W) in PyTorch; any dtype.
        output_shape: The three new sizes, in the order of the axes.
        resize_mode: "nearest": place i of n takes the value at `floor(i * old / n)`; or "area": it takes the mean from
            there to `ceil((i + 1) * old / n)`.

    Returns:
        The volumes in the new size: dtype kept with "nearest", float with "area". Both are what
        `torch.nn.functional.interpolate` gives, in every framework.

    Raises:
        ConfigError: If there are not five axes, or `output_shape` or `resize_mode` is not as described.
    """
    sizes = check_resize(output_shape, resize_mode, "resize_3d")
    framework = framework_of(tensor)
    rank: int = len(tensor.shape)
    if rank != 5:
        raise ConfigError(f"resize_3d expects a batch of volumes with channels (5 axes), got {tuple(tensor.shape)}")
    if resize_mode == "area" and framework.dtype_name(tensor) not in ("float16", "bfloat16", "float32", "float64"):
        tensor = framework.cast(tensor, "float32")
    first = 2 if framework.CHANNEL_AXIS == 1 else 1
    axis: int
    for axis, size in enumerate(sizes, first):
        if tensor.shape[axis] != size:
            order = [axis, *(other for other in range(rank) if other != axis)]
            back = [order.index(place) for place in range(rank)]
            resized = _resized(framework, framework.permute(tensor, order), size, resize_mode)
            tensor = framework.permute(resized, back)
    return tensor


def check_resize(output_shape: Sequence[int], resize_mode: str, where: str) -> tuple[int, ...]:
    """Check what a volume is to be resized to.

    Args:
        output_shape: Three sizes, each an int >= 1.
        resize_mode: One of `RESIZE_MODES`.
        where: What asks, for the messages.

    Returns:
        The sizes.

    Raises:
        ConfigError: If one is not as described.
    """
    sizes = tuple(output_shape)
    if len(sizes) != 3 or any(not isinstance(size, (int, np.integer)) or size < 1 for size in sizes):
        raise ConfigError(f"{where}(output_shape) must be three sizes >= 1, got {output_shape!r}")
    if resize_mode not in RESIZE_MODES:
        raise ConfigError(
            f"{where}(resize_mode) must be one of {', '.join(map(repr, RESIZE_MODES))}, got {resize_mode!r}."
            f"{suggest(resize_mode, RESIZE_MODES)}"
        )
    return sizes


def _resized(framework: Any, tensor: Any, size: int, resize_mode: str) -> Any:
    """The same with another size on the first axis."""
    shape = framework.shape(tensor)
    old = int(shape[0])
    places = np.arange(size)
    start = places * old // size
    if resize_mode == "nearest":
        return gather(tensor, start)
    stop = -(-(places + 1) * old // size)
    covered = (start[:, None] <= np.arange(old)) & (np.arange(old) < stop[:, None])
    weights = framework.constant(covered / covered.sum(1, keepdims=True), tensor)
    return framework.reshape(framework.matmul(weights, framework.reshape(tensor, [old, -1])), [size, *shape[1:]])
