"""Ops on the values alone: their type, their depth, and turning them over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastestimator_lite.op.numpyop.albumentation.image_only import ImageOnly, num_channels
from fastestimator_lite.op.numpyop.albumentation.levels import LEVELS, WHITE, in_bytes, remap, unit
from fastestimator_lite.op.numpyop.albumentation.ranges import int_span, span
from fastestimator_lite.op.numpyop.albumentation.rotate import is_number
from fastestimator_lite.util.errors import ConfigError, suggest

NUM_BITS = 8
WHITES = {"uint8": WHITE, "uint16": 2**16 - 1, "uint32": 2**32 - 1}


class Pixelwise(ImageOnly, shared=True):
    """Base of the ops that do the same to each value, whatever is around it, and draw nothing."""

    draws = False
    vectorized = True

    def forward_batch(self, data: Sequence[np.ndarray], state: dict[str, Any]) -> list[np.ndarray]:
        """Transform a batch.

        Args:
            data: For each input, images of one shape with a leading batch axis.
            state: "mode", "epoch" and "ds_id" of the moment.

        Returns:
            The same with other values.

        Raises:
            DataError: If the op cannot take an image of this dtype or shape.
        """
        return [self._tall(np.asarray(batch)) for batch in data]

    def _tall(self, batch: np.ndarray) -> np.ndarray:
        """Work on the images of a batch as one, below one another."""
        self.check(batch[0])
        image: np.ndarray = self.transform(image=batch.reshape(-1, *batch.shape[2:]))["image"]
        return image.reshape(batch.shape)


class InvertImg(Pixelwise):
    """Subtract each value from white: 255 for uint8, 1 for float32.

    Args:
        inputs: Key or keys of images.
        outputs: Key or keys to write, as many as `inputs`.
        mode, ds_id: When to run; see `Op`.

    Image types: uint8, float32.
    """


class ToFloatMethods:
    """Stand before `albumentations.ToFloat`: floats are divided too."""

    max_value: float | None

    def apply(self, img: np.ndarray, **params: Any) -> np.ndarray:
        """Divide an image."""
        white = WHITES.get(img.dtype.name, 1) if self.max_value is None else self.max_value
        return np.divide(img, white, dtype=np.float32)


class ToFloat(Pixelwise):
    """Divide by the largest possible value, so that images become float32 in [0, 1].

    Args:
        inputs: Key or keys of images.
        outputs: Key or keys to write, as many as `inputs`: float32 of the same shape.
        mode, ds_id: When to run; see `Op`.
        max_value: What to divide by; None for the largest value of the dtype (255, 65535, 4294967295), 1 for floats.

    Raises:
        ConfigError: If `max_value` is no number above 0.

    Image types: uint8, uint16, uint32, float32; any with `max_value`.
    """

    dtypes = ()
    methods = ToFloatMethods

    max_value: float | None = None

    def _arguments(self) -> dict[str, Any]:
        return {"max_value": _white(self.max_value, "ToFloat(max_value)")}

    def check(self, image: np.ndarray) -> None:
        super().check(image)
        if self.max_value is None and image.dtype.name not in WHITES and image.dtype.kind != "f":
            raise self.refusal(image, f"{', '.join(WHITES)} or float images without max_value")


class FromFloatMethods:
    """Stand before `albumentations.FromFloat`: no value is lost to the precision of float32."""

    max_value: float
    dtype: str

    def apply(self, img: np.ndarray, **params: Any) -> np.ndarray:
        """Multiply an image, round and cut it."""
        exact = np.float64 if self.dtype == "uint32" else np.float32
        values = np.multiply(img, self.max_value, dtype=exact)
        return np.clip(np.rint(values, out=values), 0, WHITES[self.dtype], out=values).astype(self.dtype)


class FromFloat(Pixelwise):
    """Multiply by the largest possible value and round, so that floats in [0, 1] become whole numbers.

    Args:
        inputs: Key or keys of images.
        outputs: Key or keys to write, as many as `inputs`: `dtype` of the same shape.
        mode, ds_id: When to run; see `Op`.
        max_value: What to multiply by; None for the largest value of `dtype`.
        dtype: "uint8", "uint16" or "uint32". What it cannot hold becomes the nearest value that it can.

    Raises:
        ConfigError: If `max_value` is no number above 0, or `dtype` is another one.

    Image types: float32, float64.
    """

    dtypes = ("float32", "float64")
    methods = FromFloatMethods

    max_value: float | None = None
    dtype: str = "uint16"

    def _arguments(self) -> dict[str, Any]:
        if self.dtype not in WHITES:
            raise ConfigError(
                f"FromFloat(dtype) must be one of {', '.join(map(repr, WHITES))}, got {self.dtype!r}."
                f"{suggest(self.dtype, WHITES)}"
            )
        white = _white(self.max_value, "FromFloat(max_value)")
        return {"dtype": self.dtype, "max_value": WHITES[self.dtype] if white is None else white}


class SolarizeMethods:
    """Stand before `albumentations.Solarize`: the threshold is in units of the image."""

    py_random: Any
    limits: tuple[float, float]

    def get_params(self) -> dict[str, Any]:
        """Draw the threshold."""
        return {"threshold": self.py_random.uniform(*self.limits)}

    def apply(self, img: np.ndarray, threshold: float, **params: Any) -> np.ndarray:
        """Turn the values of an image over from the threshold on."""
        if img.dtype == np.uint8:
            return remap(img, np.where(LEVELS >= threshold, WHITE - LEVELS, LEVELS).astype(np.uint8))
        return np.where(img >= np.float32(threshold * unit(img.dtype, *self.limits)), 1 - img, img)


class Solarize(ImageOnly):
    """Turn bright values over: from a threshold on, each is subtracted from white.

    Args:
        inputs: Key or keys of images.
        outputs: Key or keys to write, as many as `inputs`.
        mode, ds_id: When to run; see `Op`.
        threshold: A grey level in [0, 255], or a range to draw from uniformly. For float32 images it is in their own
            units, in [0, 1]; where a number here is above 1, it is in grey levels and 128 stands for 128 / 255.

    Raises:
        ConfigError: If it is neither.

    Image types: uint8, float32.
    """

    methods = SolarizeMethods

    threshold: float | tuple[float, float] = 128

    def _arguments(self) -> dict[str, Any]:
        return {}

    def _settings(self) -> dict[str, Any]:
        return {"limits": span(self.threshold, "Solarize(threshold)", low=0, high=WHITE)}

    def _start(self, func: Any, **shared: Any) -> None:
        super()._start(func, **shared)
        self.draws = not is_number(self.threshold)


class PosterizeMethods:
    """Stand before `albumentations.Posterize`: 0 to 8 bits, for each channel if need be."""

    py_random: Any
    limits: list[tuple[int, int]]

    def get_params(self) -> dict[str, Any]:
        """Draw the numbers of bits."""
        return {"bits": [self.py_random.randint(*limit) for limit in self.limits]}

    def apply(self, img: np.ndarray, bits: list[int], **params: Any) -> np.ndarray:
        """Clear the lower bits of an image."""
        kept = np.array([256 - 2 ** (NUM_BITS - number) for number in bits], np.uint8)
        return in_bytes(img, lambda levels: levels & (kept if len(kept) > 1 else kept[0]))


class Posterize(ImageOnly):
    """Keep the upper bits of each value alone. float32 images are worked on in 256 steps.

    Args:
        inputs: Key or keys of images; of shape (H, W, 3) for `num_bits` by channel.
        outputs: Key or keys to write, as many as `inputs`.
        mode, ds_id: When to run; see `Op`.
        num_bits: How many bits, an int in [0, 8]; or a range (low, high) to draw from; or three of either, for red,
            green and blue.

    Raises:
        ConfigError: If it is none of these.

    Image types: uint8, float32.
    """

    methods = PosterizeMethods

    num_bits: int | Sequence[int] | Sequence[Sequence[int]] = 4

    def _arguments(self) -> dict[str, Any]:
        return {}

    def _settings(self) -> dict[str, Any]:
        bits: Any = self.num_bits
        is_by_channel = isinstance(bits, (tuple, list)) and len(bits) == 3
        limits = [
            int_span(each, "Posterize(num_bits)", None, 0, NUM_BITS) for each in (bits if is_by_channel else [bits])
        ]
        return {"limits": limits}

    def _start(self, func: Any, **shared: Any) -> None:
        super()._start(func, **shared)
        limits = self.transform.limits
        self.draws = any(low < high for low, high in limits)
        self._is_by_channel = len(limits) > 1

    def check(self, image: np.ndarray) -> None:
        super().check(image)
        if self._is_by_channel and num_channels(image) != 3:
            raise self.refusal(image, "images of shape (H, W, 3), since num_bits has three values")


def _white(value: float | None, where: str) -> float | None:
    if value is not None and not (is_number(value) and value > 0):
        raise ConfigError(f"{where} must be a number above 0 or None, got {value!r}")
    return value
