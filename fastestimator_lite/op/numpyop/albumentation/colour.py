"""Changes of colour: by channel, by hue and saturation, or to none."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastestimator_lite.op.numpyop.albumentation.image_only import ImageOnly, num_channels
from fastestimator_lite.op.numpyop.albumentation.levels import LEVELS, cut, remap, unit
from fastestimator_lite.op.numpyop.albumentation.ranges import int_span, span
from fastestimator_lite.op.numpyop.albumentation.rotate import both_ways, is_number
from fastestimator_lite.util.errors import ConfigError

CIRCLE = 360  # degrees
BYTE_CIRCLE = 180  # what OpenCV gives a circle of hues in uint8 images


class ChannelDropout(ImageOnly):
    """Overwrite channels that are drawn.

    Args:
        inputs: Key or keys of images of shape (H, W, C) with more channels than are overwritten.
        outputs: Key or keys to write, as many as `inputs`.
        mode, ds_id: When to run; see `Op`.
        channel_drop_range: How many channels: a range of ints >= 1 to draw from.
        fill_value: What they are overwritten with, in image units.

    Raises:
        ConfigError: If `channel_drop_range` is no such range.

    Image types: uint8, float32.
    """

    channel_drop_range: tuple[int, int] = (1, 1)
    fill_value: float = 0

    def _arguments(self) -> dict[str, Any]:
        counts = int_span(self.channel_drop_range, "ChannelDropout(channel_drop_range)", low=1)
        return {"channel_drop_range": counts, "fill": self.fill_value}

    def check(self, image: np.ndarray) -> None:
        super().check(image)
        count = self.transform.channel_drop_range[1]
        if num_channels(image) <= count:
            raise self.refusal(image, f"images of more than {count} channels, since one must be left")


class ChannelShuffle(ImageOnly):
    """Put the channels in an order that is drawn.

    Args:
        inputs: Key or keys of images. Those with one channel stay as they are.
        outputs: Key or keys to write, as many as `inputs`.
        mode, ds_id: When to run; see `Op`.

    Image types: uint8, float32.
    """


class ColorJitter(ImageOnly):
    """Change brightness, contrast, saturation and hue, in an order that is drawn.

    The first three mix the image with black, with its mean gray, and with its gray version:
    other + factor * (image - other).

    Args:
        inputs: Key or keys of images with one channel or three. Those with one have no saturation and hue to change.
        outputs: Key or keys to write, as many as `inputs`.
        mode, ds_id: When to run; see `Op`.
        brightness: Range (low, high) of the factor, drawn uniformly; a single n means (max(0, 1 - n), 1 + n).
        contrast: The same.
        saturation: The same.
        hue: What is added to the hue, in turns of the circle of hues; a range within [-0.5, 0.5] or a single n for
            (-n, n).

    Raises:
        ConfigError: If a range is none, or cannot work.

    Image types: uint8, float32.
    """

    channels = (1, 3)

    brightness: float | tuple[float, float] = 0.2
    contrast: float | tuple[float, float] = 0.2
    saturation: float | tuple[float, float] = 0.2
    hue: float | tuple[float, float] = 0.2

    def _arguments(self) -> dict[str, Any]:
        factors = {name: _factors(getattr(self, name), name) for name in ("brightness", "contrast", "saturation")}
        hue = both_ways(self.hue, "ColorJitter(hue)")
        return {**factors, "hue": span(hue, "ColorJitter(hue)", low=-0.5, high=0.5)}

    def _start(self, func: Any, **shared: Any) -> None:
        super()._start(func, **shared)
        # what it has in `transforms` are functions of albumentations, no transforms of users
        self._runs_foreign_code = False


def _factors(value: Any, name: str) -> Any:
    where = f"ColorJitter({name})"
    if not is_number(value):
        return span(value, where, low=0)
    if value < 0:
        raise ConfigError(f"{where} must be a number n >= 0 for (1 - n, 1 + n) or a range (low, high), got {value!r}")
    return (max(0, 1 - value), 1 + value)


class HueMethods:
    """Stand before `albumentations.HueSaturationValue`: gray images, and float32 ones in their own units."""

    sat_shift_limit: tuple[float, float]
    val_shift_limit: tuple[float, float]

    def apply(self, img: np.ndarray, hue_shift: float, sat_shift: float, val_shift: float, **params: Any) -> np.ndarray:
        """Shift an image of shape (H, W) or (H, W, C) with one channel or three."""
        scale = unit(img.dtype, *self.sat_shift_limit, *self.val_shift_limit)
        if num_channels(img) == 1:
            return cut(img + np.float32(val_shift * scale), img.dtype)
        if img.dtype != np.float32:
            parent: Any = super()
            shifted: np.ndarray = parent.apply(img, hue_shift, sat_shift, val_shift)
            return shifted
        if scale != 1:
            hue_shift *= CIRCLE / BYTE_CIRCLE
        return _shift_float(img, hue_shift, sat_shift * scale, val_shift * scale)


def _shift_float(image: np.ndarray, hue_shift: float, sat_shift: float, val_shift: float) -> np.ndarray:
    import cv2

    hue, saturation, value = cv2.split(cv2.cvtColor(image, cv2.COLOR_RGB2HSV))
    hue = np.mod(hue + np.float32(hue_shift), np.float32(CIRCLE))
    # what is gray has no hue that a saturation could bring out
    saturation = np.where(saturation > 0, np.clip(saturation + np.float32(sat_shift), 0, 1), saturation)
    value = np.clip(value + np.float32(val_shift), 0, 1)
    return cv2.cvtColor(cv2.merge((hue, saturation, value)), cv2.COLOR_HSV2RGB)


class HueSaturationValue(ImageOnly):
    """Add to hue, saturation and value, each a number drawn uniformly. Gray pixels stay gray.

    Args:
        inputs: Key or keys of images with one channel or three. Those with one have only the value to add to.
        outputs: Key or keys to write, as many as `inputs`.
        mode, ds_id: When to run; see `Op`.
        hue_shift_limit: Range for the hue, of which a circle has 180; a single n means (-n, n).
        sat_shift_limit: Range for the saturation, in [0, 255]; a single n means (-n, n).
        val_shift_limit: Range for the value, in [0, 255]; a single n means (-n, n).

    For float32 images saturation and value are in [0, 1] and a circle has 360 degrees of hue, as in OpenCV, unless a
    limit of saturation or value is above 1: then the units are those of the uint8 image.

    Raises:
        ConfigError: If a range is none.

    Image types: uint8, float32.
    """

    channels = (1, 3)
    methods = HueMethods

    hue_shift_limit: float | tuple[float, float] = 20
    sat_shift_limit: float | tuple[float, float] = 30
    val_shift_limit: float | tuple[float, float] = 20

    def _arguments(self) -> dict[str, Any]:
        names = ("hue_shift_limit", "sat_shift_limit", "val_shift_limit")
        return {name: both_ways(getattr(self, name), f"HueSaturationValue({name})") for name in names}


class ShiftMethods:
    """Stand before `albumentations.RGBShift`: the limits are in units of the image."""

    py_random: Any
    limits: list[tuple[float, float]]

    def get_params_dependent_on_data(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        """Draw a number for each channel."""
        return {"shift": np.array([self.py_random.uniform(*limit) for limit in self.limits], np.float32)}

    def apply(self, img: np.ndarray, shift: np.ndarray, **params: Any) -> np.ndarray:
        """Add them to an image of shape (H, W, 3)."""
        if img.dtype == np.uint8:
            return remap(img, cut(LEVELS[:, np.newaxis] + shift, img.dtype))
        scale = unit(img.dtype, *(end for limit in self.limits for end in limit))
        return cut(img + shift * np.float32(scale), img.dtype)


class RGBShift(ImageOnly):
    """Add to each channel a number drawn uniformly.

    Args:
        inputs: Key or keys of images of shape (H, W, 3).
        outputs: Key or keys to write, as many as `inputs`.
        mode, ds_id: When to run; see `Op`.
        r_shift_limit: Range for the first channel, red, in grey levels; a single n means (-n, n). For float32 images it
            is in their own units, unless a limit of any channel is above 1: then all are grey levels, of which 255 make
            1.
        g_shift_limit: The same for the second channel, green.
        b_shift_limit: The same for the third channel, blue.

    Raises:
        ConfigError: If a range is none.

    Image types: uint8, float32.
    """

    channels = (3,)
    methods = ShiftMethods

    r_shift_limit: float | tuple[float, float] = 20
    g_shift_limit: float | tuple[float, float] = 20
    b_shift_limit: float | tuple[float, float] = 20

    def _arguments(self) -> dict[str, Any]:
        return {}

    def _settings(self) -> dict[str, Any]:
        names = ("r_shift_limit", "g_shift_limit", "b_shift_limit")
        return {"limits": [both_ways(getattr(self, name), f"RGBShift({name})") for name in names]}


class GrayMethods:
    """Stand before `albumentations.ToGray`: an image with one channel is left as it is, without a word."""

    def apply(self, img: np.ndarray, **params: Any) -> np.ndarray:
        """Work on an image of shape (H, W) or (H, W, C) with one channel or three."""
        if num_channels(img) == 1:
            return img
        parent: Any = super()
        changed: np.ndarray = parent.apply(img, **params)
        return changed


class ToGray(ImageOnly):
    """Make all channels 0.299 red + 0.587 green + 0.114 blue.

    Args:
        inputs: Key or keys of images with one channel or three. Those with one stay as they are.
        outputs: Key or keys to write, as many as `inputs`: images of the same shape.
        mode, ds_id: When to run; see `Op`.

    Source: ITU-R BT.601.

    Image types: uint8, float32.
    """

    draws = False
    channels = (1, 3)
    methods = GrayMethods


class ToSepia(ImageOnly):
    """Mix the channels so that an image looks like an old photograph.

    Args:
        inputs: Key or keys of images with one channel or three. Those with one stay as they are.
        outputs: Key or keys to write, as many as `inputs`.
        mode, ds_id: When to run; see `Op`.

    Image types: uint8, float32.
    """

    draws = False
    channels = (1, 3)
