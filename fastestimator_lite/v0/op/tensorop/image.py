"""Resize and Scale as FastEstimator 0.x spelled them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastestimator_lite.op.numpyop.univariate.each import EachInput
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError


class Resize(EachInput):
    """Resize images by bilinear interpolation between pixel centres, without smoothing beforehand.

    Args:
        inputs: Key or keys of images, (H, W) or (H, W, C) of any number type.
        size: New height and width, in pixels, each an int >= 1.
        outputs: Key or keys to write: float32, `size` high and wide, in the units of the input.
        mode, ds_id: When to run; see `Op`.

    Raises:
        ConfigError: If `size` is not two such numbers.
    """

    def __init__(
        self,
        inputs: str | Sequence[str],
        size: Sequence[int],
        outputs: str | Sequence[str],
        mode: Keys = None,
        ds_id: Keys = None,
    ) -> None:
        super().__init__(inputs, outputs, mode, ds_id)
        sizes = tuple(size) if isinstance(size, Sequence) and not isinstance(size, str) else ()
        if len(sizes) != 2 or any(isinstance(one, bool) or not isinstance(one, int) or one < 1 for one in sizes):
            raise ConfigError(f"Resize(size) must be (height, width), two ints >= 1 such as (30, 30), got {size!r}")
        self.size = sizes

    def work(self, batch: np.ndarray) -> np.ndarray:
        import cv2

        height, width = self.size
        if batch.ndim not in (3, 4):
            raise ConfigError(f"Resize needs images of shape (H, W) or (H, W, C), got {batch.shape[1:]}")
        resized = np.empty((len(batch), height, width, *batch.shape[3:]), np.float32)
        for image, target in zip(batch.astype(np.float32), resized, strict=True):
            target[...] = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR).reshape(target.shape)
        return resized


class Scale(EachInput):
    """Multiply by a number.

    Args:
        inputs: Key or keys of numbers of any shape.
        scalar: The factor.
        outputs: Key or keys to write: float32 of the same shape.
        mode, ds_id: When to run; see `Op`.

    Raises:
        ConfigError: If `scalar` is no number.
    """

    def __init__(
        self,
        inputs: str | Sequence[str],
        scalar: float,
        outputs: str | Sequence[str],
        mode: Keys = None,
        ds_id: Keys = None,
    ) -> None:
        super().__init__(inputs, outputs, mode, ds_id)
        if isinstance(scalar, bool) or not isinstance(scalar, (int, float)):
            raise ConfigError(f"Scale(scalar) must be a number, got {scalar!r} ({type(scalar).__name__})")
        self.scalar = scalar

    def work(self, batch: np.ndarray) -> np.ndarray:
        scaled: np.ndarray = batch.astype(np.float32)
        scaled *= np.float32(self.scalar)
        return scaled
