"""Normalize: subtract a mean and divide by a standard deviation, channel by channel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastestimator_lite.op.numpyop.univariate.each import EachInput
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError

SHORT_ROW = 256
LONG_ROW = 2**14


class Normalize(EachInput):
    """Shift and scale images: (x / max_pixel_value - mean) / std.

    Args:
        inputs: Key or keys of images, shape (..., C) of any number type.
        outputs: Key or keys to write: float32 of the same shape.
        mode, ds_id: When to run; see `Op`.
        mean: Mean of each channel, or one number for all, in units of `max_pixel_value`. The default and that of `std`
            are ImageNet's.
        std: Standard deviation of each channel, or one number for all, in units of `max_pixel_value`.
        max_pixel_value: What counts as 1: 255 for images of 8 bits, 1 for images in [0, 1].

    Raises:
        ConfigError: If a value is not a number, `std` or `max_pixel_value` holds a 0, or `mean` and `std` differ in
            length.
    """

    fills = True

    def __init__(
        self,
        inputs: str | Sequence[str],
        outputs: str | Sequence[str],
        mode: Keys = None,
        ds_id: Keys = None,
        mean: float | Sequence[float] = (0.485, 0.456, 0.406),
        std: float | Sequence[float] = (0.229, 0.224, 0.225),
        max_pixel_value: float = 255.0,
    ) -> None:
        super().__init__(inputs, outputs, mode, ds_id)
        try:
            means, stds = np.broadcast_arrays(
                np.atleast_1d(np.asarray(mean, float)), np.atleast_1d(np.asarray(std, float) * float(max_pixel_value))
            )
        except (TypeError, ValueError) as err:
            raise ConfigError(
                "Normalize: mean and std must be numbers, or one for each channel, and max_pixel_value a "
                f"number; got mean={mean!r}, std={std!r}, max_pixel_value={max_pixel_value!r}"
            ) from err
        if not (np.isfinite(means).all() and np.isfinite(stds).all()):
            raise ConfigError(
                f"Normalize takes finite numbers, got mean={mean!r}, std={std!r}, max_pixel_value={max_pixel_value!r}"
            )
        if not stds.all():
            raise ConfigError(
                "Normalize divides by std and max_pixel_value, so none may be 0; "
                f"got std={std!r}, max_pixel_value={max_pixel_value!r}"
            )
        self.mean = mean
        self.std = std
        self.max_pixel_value = max_pixel_value
        self._scale = (1 / stds).astype(np.float32)
        self._shift = (means * float(max_pixel_value) / stds).astype(np.float32)
        self._row = self._scale, self._shift

    def work(self, batch: np.ndarray) -> np.ndarray:
        scaled = np.empty(batch.shape, np.float32)
        self._scale_into(batch, scaled)
        return scaled

    def fill(self, value: np.ndarray, out: np.ndarray) -> bool:
        if value.shape != out.shape or out.dtype != np.float32 or not out.flags.c_contiguous:
            return False
        self._scale_into(value[np.newaxis], out[np.newaxis])
        return True

    def _scale_into(self, batch: np.ndarray, out: np.ndarray) -> None:
        scale, shift, shape = self._scale, self._shift, batch.shape
        if len(scale) == 1:
            scale, shift = scale[0], shift[0]
        else:
            if shape[-1] != len(scale):
                raise ValueError(
                    f"Normalize: mean and std are for {len(scale)} channels, got an image of shape "
                    f"{shape[1:]}; its last axis must be the channels"
                )
            # numpy is several times faster on long rows than on rows of a few channels
            length = _row_length(shape)
            if len(self._row[0]) != length:
                copies = length // len(scale)
                self._row = np.tile(scale, copies), np.tile(shift, copies)
            scale, shift = self._row
            batch, out = batch.reshape(-1, length), out.reshape(-1, length)
        np.multiply(batch, scale, out=out, dtype=np.float32, casting="unsafe")
        out -= shift


def _row_length(shape: tuple[int, ...]) -> int:
    """Product of so many last axes, the batch axis left out, that rows are neither short nor too long for the cache."""
    length = shape[-1]
    for size in reversed(shape[1:-1]):
        if length >= SHORT_ROW or length * size > LONG_ROW:
            break
        length *= size
    return length
