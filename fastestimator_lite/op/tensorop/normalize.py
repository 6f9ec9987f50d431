"""Normalize: images with mean 0 and standard deviation 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastestimator_lite.backend.convert import to_tensor
from fastestimator_lite.backend.device import move_tensors_to_device
from fastestimator_lite.backend.special import normalize
from fastestimator_lite.op.tensorop.each import EachTensor
from fastestimator_lite.types import Keys


class Normalize(EachTensor):
    """Shift and scale images by the mean and standard deviation of a data set: `(x - mean * max) / (std * max)`.

    Args:
        inputs: Key or keys of images: (B, C, H, W) in PyTorch, (B, H, W, C) in TensorFlow; any dtype.
        outputs: Key or keys to write, as many as `inputs`: same shape, float32 (or wider, if the input is).
        mean: Mean of each channel, or of all, as a fraction of `max_pixel_value`; the default is ImageNet's.
        std: Standard deviation of each channel, or of all, in the same unit; the default is ImageNet's.
        max_pixel_value: The value of full brightness.
        mode, ds_id: When to run; see `Op`.

    Raises:
        ConfigError: If there are not as many outputs as inputs.
    """

    def __init__(
        self,
        inputs: str | Sequence[str],
        outputs: str | Sequence[str],
        mean: float | Sequence[float] = (0.485, 0.456, 0.406),
        std: float | Sequence[float] = (0.229, 0.224, 0.225),
        max_pixel_value: float = 255.0,
        mode: Keys = None,
        ds_id: Keys = None,
    ) -> None:
        super().__init__(inputs, outputs, mode, ds_id)
        self.mean, self.std = np.asarray(mean, np.float32), np.asarray(std, np.float32)
        self.max_pixel_value = max_pixel_value
        self._mean: Any = self.mean
        self._std: Any = self.std

    def build(self, framework: str, device: Any = None) -> None:
        # once, so that no step moves them to the device
        self._mean, self._std = to_tensor([self.mean, self.std], framework)
        if device is not None:
            self._mean, self._std = move_tensors_to_device([self._mean, self._std], device)

    def work(self, tensor: Any) -> Any:
        return normalize(tensor, self._mean, self._std, self.max_pixel_value)
