"""Noise, as sensors make it and otherwise."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastestimator_lite.op.numpyop.albumentation.image_only import ImageOnly
from fastestimator_lite.op.numpyop.albumentation.levels import WHITE, cut, unit
from fastestimator_lite.op.numpyop.albumentation.ranges import span
from fastestimator_lite.op.numpyop.albumentation.rotate import is_number
from fastestimator_lite.util.errors import ConfigError

CIRCLE = 360  # degrees


class GaussianMethods:
    """Stand before `albumentations.GaussNoise`: the variance is what is drawn, in units of the image."""

    py_random: Any
    random_generator: np.random.Generator
    variance: tuple[float, float]
    mean: float

    def get_params_dependent_on_data(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        """Draw the noise, of the shape of the image."""
        image = data["image"]
        scale = unit(image.dtype, *self.variance, self.mean)
        deviation = self.py_random.uniform(*self.variance) ** 0.5 * scale
        noise = self.random_generator.standard_normal(image.shape, dtype=np.float32)
        noise *= np.float32(deviation)
        noise += np.float32(self.mean * scale)
        return {"noise": noise}

    def apply(self, img: np.ndarray, noise: np.ndarray, **params: Any) -> np.ndarray:
        """Add it."""
        return cut(img + noise, img.dtype)


class GaussianNoise(ImageOnly):
    """Add a normally distributed number to each value, drawn for itself.

    Args:
        inputs: Key or keys of images.
        outputs: Key or keys to write, as many as `inputs`.
        mode, ds_id: When to run; see `Op`.
        var_limit: Variance of the numbers, drawn uniformly for each sample; a single n means (0, n). In squared grey
            levels. For float32 images it is in their own units squared, unless a number here is above 1: then all are
            in grey levels, and 50 gives the noise that it gives to the uint8 image.
        mean: Mean of the numbers, in the same units, not squared.

    Raises:
        ConfigError: If `var_limit` is no range of numbers >= 0, or `mean` no number.

    Image types: uint8, float32.
    """

    albumentation = "GaussNoise"
    methods = GaussianMethods

    var_limit: float | tuple[float, float] = (10.0, 50.0)
    mean: float = 0.0

    def _arguments(self) -> dict[str, Any]:
        return {}

    def _settings(self) -> dict[str, Any]:
        if not is_number(self.mean):
            raise ConfigError(f"GaussianNoise(mean) must be a number, got {self.mean!r}")
        return {"variance": span(self.var_limit, "GaussianNoise(var_limit)", 0, 0), "mean": self.mean}


class SensorMethods:
    """Stand before `albumentations.ISONoise`: hue and lightness are changed by as much as their ranges have room for."""

    def apply(
        self, img: np.ndarray, color_shift: float, intensity: float, random_seed: int, **params: Any
    ) -> np.ndarray:
        """Add the noise to an image of shape (H, W, 3)."""
        import cv2

        rng = np.random.default_rng(random_seed)
        white = WHITE if img.dtype == np.uint8 else 1
        hls = cv2.cvtColor(np.divide(img, white, dtype=np.float32), cv2.COLOR_RGB2HLS)
        deviation = float(hls[..., 1].std())
        lighter = rng.poisson(deviation * intensity * WHITE, hls.shape[:2]) / WHITE
        hls[..., 0] = (hls[..., 0] + rng.normal(0, color_shift * intensity * CIRCLE, hls.shape[:2])) % CIRCLE
        hls[..., 1] += lighter * (1 - hls[..., 1])
        return cut(cv2.cvtColor(hls, cv2.COLOR_HLS2RGB) * white, img.dtype)


class ISONoise(ImageOnly):
    """Add the noise of a camera in the dark: pixels get lighter and change their hue.

    In terms of hue (in degrees), lightness and saturation, the hue of each pixel gets a normal number of standard
    deviation color_shift * intensity * 360, and of the room above its lightness a part, a Poisson number of
    mean 255 * intensity * (standard deviation of the lightness), divided by 255.

    Args:
        inputs: Key or keys of images of shape (H, W, 3).
        outputs: Key or keys to write, as many as `inputs`.
        mode, ds_id: When to run; see `Op`.
        color_shift: Range (low, high) within [0, 1], drawn uniformly.
        intensity: Range (low, high) of numbers >= 0, drawn uniformly.

    Raises:
        ConfigError: If a range is none, or cannot work.

    Image types: uint8, float32.
    """

    channels = (3,)
    methods = SensorMethods

    color_shift: tuple[float, float] = (0.01, 0.05)
    intensity: tuple[float, float] = (0.1, 0.5)

    def _arguments(self) -> dict[str, Any]:
        return {
            "color_shift": span(self.color_shift, "ISONoise(color_shift)", low=0, high=1),
            "intensity": span(self.intensity, "ISONoise(intensity)", low=0),
        }


class MultiplicativeNoise(ImageOnly):
    """Multiply by a number drawn uniformly.

    Args:
        inputs: Key or keys of images.
        outputs: Key or keys to write, as many as `inputs`.
        mode, ds_id: When to run; see `Op`.
        multiplier: The range to draw from, numbers >= 0; a single n draws nothing.
        per_channel: Whether each channel has a number of its own.
        elementwise: Whether each pixel has a number of its own.

    Raises:
        ConfigError: If `multiplier` is no such range.

    Image types: uint8, float32.
    """

    multiplier: float | tuple[float, float] = (0.9, 1.1)
    per_channel: bool = False
    elementwise: bool = False

    def _arguments(self) -> dict[str, Any]:
        return {
            "multiplier": span(self.multiplier, "MultiplicativeNoise(multiplier)", low=0),
            "per_channel": self.per_channel,
            "elementwise": self.elementwise,
        }

    def _start(self, func: Any, **shared: Any) -> None:
        super()._start(func, **shared)
        low, high = func.multiplier
        self.draws = low < high
