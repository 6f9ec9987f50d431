"""Units of images: grey levels of uint8, parts of 1 of float32."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

WHITE = 255
LEVELS = np.arange(WHITE + 1)


def unit(dtype: np.dtype, *numbers: float) -> float:
    """What to multiply numbers by to have them in units of an image.

    On uint8 images they are grey levels. On float32 images, in [0, 1], they are in the same units as the image; but if
    any is above 1 (or below -1), which would be off the scale, all are taken as grey levels here too.

    Args:
        dtype: Of the image.
        numbers: The numbers.
    """
    if dtype.kind == "f" and any(abs(number) > 1 for number in numbers):
        return 1 / WHITE
    return 1.0


def cut(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Make an image of floats.

    Args:
        values: Floats in units of the image. Overwritten.
        dtype: Of the image.

    Returns:
        For uint8 the nearest grey levels, for float32 the same values; cut to what the dtype can hold or to [0, 1].
    """
    if dtype == np.uint8:
        return np.clip(np.rint(values, out=values), 0, WHITE, out=values).astype(np.uint8)
    return np.clip(values, 0, 1, out=values).astype(np.float32, copy=False)


def remap(image: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Replace each grey level by another.

    Args:
        image: uint8, shape (H, W) or (H, W, C).
        table: uint8 of shape (256,), or of shape (256, C) for a table of each channel.
    """
    import cv2

    return cv2.LUT(image, table if table.ndim == 1 else table[np.newaxis]).reshape(image.shape)


def in_bytes(image: np.ndarray, work: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Run what works on uint8 images on a float32 image too, in 256 steps.

    Args:
        image: uint8, or float32 in [0, 1].
        work: Turns a uint8 image into one of the same shape.

    Returns:
        An image of the dtype of `image`.
    """
    if image.dtype == np.uint8:
        return work(image)
    return np.divide(work(cut(image * WHITE, np.dtype(np.uint8))), WHITE, dtype=np.float32)
