"""Changes of brightness and contrast."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastestimator_lite.op.numpyop.albumentation.image_only import ImageOnly, num_channels
from fastestimator_lite.op.numpyop.albumentation.levels import WHITE, in_bytes
from fastestimator_lite.op.numpyop.albumentation.ranges import int_within, several, span
from fastestimator_lite.op.numpyop.albumentation.rotate import both_ways
from fastestimator_lite.util.errors import ConfigError, DataError, suggest

EQUALIZE_MODES = ("cv", "pil")


class CLAHE(ImageOnly):
    """Spread the lightness over the whole range, tile by tile, but no more than a limit lets it.

    float32 images are worked on in 256 steps.

    Args:
        inputs: Key or keys of images with one channel or three.
        outputs: Key or keys to write, as many as `inputs`.
        mode, ds_id: When to run; see `Op`.
        clip_limit: How many times as frequent as on average a lightness counts at most, drawn uniformly; a single n
            means (1, n).
        tile_grid_size: (columns, rows) of tiles.

    Raises:
        ConfigError: If there is no such limit or grid.

    Source: Zuiderveld 1994, "Contrast Limited Adaptive Histogram Equalization".

    Image types: uint8, float32.
    """

    channels = (1, 3)

    clip_limit: float | tuple[float, float] = 4.0
    tile_grid_size: tuple[int, int] = (8, 8)

    def _arguments(self) -> dict[str, Any]:
        sides = several(self.tile_grid_size, 2, "CLAHE(tile_grid_size)")
        return {
            "clip_limit": span(self.clip_limit, "CLAHE(clip_limit)", 1, 1),
            "tile_grid_size": tuple(int_within(side, "CLAHE(tile_grid_size)", 1) for side in sides),
        }


class EqualizeMethods:
    """Stand before `albumentations.Equalize`, whose Pillow mode is some levels off and edits gray images in place."""

    mode: str
    by_channels: bool

    def get_params_dependent_on_data(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        """Make the mask, of shape (H, W) or (H, W, C), or None."""
        parent: Any = super()
        mask = parent.get_params_dependent_on_data(params, data)["mask"]
        if mask is None:
            return {"mask": None}
        image, mask = data["image"], np.asarray(mask)
        if mask.shape[2:] == (1,):
            mask = mask[..., 0]
        wanted = list(dict.fromkeys([image.shape[:2], image.shape if self.by_channels else image.shape[:2]]))
        if mask.shape not in wanted:
            raise DataError(
                f"Equalize: the mask of an image of shape {image.shape} must be of shape {' or '.join(map(str, wanted))}, "
                f"got {mask.shape}"
            )
        return {"mask": mask}

    def apply(self, img: np.ndarray, mask: np.ndarray | None, **params: Any) -> np.ndarray:
        """Equalize an image of shape (H, W) or (H, W, C) with one channel or three."""
        if self.mode == "pil":
            return in_bytes(img, lambda image: _pillow_equalized(image, mask, self.by_channels))
        parent: Any = super()
        equalized: np.ndarray = parent.apply(img if mask is None else img.copy(), mask, **params)
        return equalized


def _pillow_equalized(image: np.ndarray, mask: np.ndarray | None, by_channels: bool) -> np.ndarray:
    import cv2

    if num_channels(image) == 3 and not by_channels:
        parts = cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)
        parts[..., 0] = _pillow_equalized_channel(parts[..., 0], mask)
        return cv2.cvtColor(parts, cv2.COLOR_YCrCb2RGB)
    channels = np.moveaxis(np.atleast_3d(image), -1, 0)
    masks = [mask] * len(channels) if mask is None or mask.ndim == 2 else np.moveaxis(mask, -1, 0)
    equalized = [_pillow_equalized_channel(channel, own) for channel, own in zip(channels, masks, strict=True)]
    return np.stack(equalized, axis=-1).reshape(image.shape)


def _pillow_equalized_channel(channel: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    import PIL.Image
    import PIL.ImageOps

    counted = None if mask is None else PIL.Image.fromarray(np.where(mask, np.uint8(WHITE), np.uint8(0)))
    return np.asarray(PIL.ImageOps.equalize(PIL.Image.fromarray(channel), counted))


class Equalize(ImageOnly):
    """Change the values so that all are about as frequent. float32 images are worked on in 256 steps.

    Args:
        inputs: Key or keys of images with one channel or three.
        outputs: Key or keys to write, as many as `inputs`.
        mode, ds_id: When to run; see `Op`.
        eq_mode: "cv" as OpenCV does it, "pil" as Pillow does it; they differ by a level or two.
        by_channels: Whether to work on each channel, or on the brightness of a colour image.
        mask: Which pixels are counted: an array of shape (H, W), or of shape (H, W, 3) with `by_channels`; or a
            function of the image, called by `image=`, that gives one and draws nothing. None for all. All pixels are
            changed.
        mask_params: Must be empty: nothing but the image reaches the function.

    Raises:
        ConfigError: If `eq_mode` is not known, `mask` is neither or `mask_params` is not empty.

    Image types: uint8, float32.
    """

    draws = False
    channels = (1, 3)
    methods = EqualizeMethods

    eq_mode: str = "cv"
    by_channels: bool = True
    mask: np.ndarray | Callable[..., np.ndarray] | None = None
    mask_params: Sequence[str] = ()

    def _arguments(self) -> dict[str, Any]:
        if self.eq_mode not in EQUALIZE_MODES:
            raise ConfigError(
                f"Equalize(eq_mode) must be one of {', '.join(map(repr, EQUALIZE_MODES))}, got {self.eq_mode!r}."
                f"{suggest(self.eq_mode, EQUALIZE_MODES)}"
            )
        if self.mask_params:
            raise ConfigError(
                f"Equalize(mask_params) must be empty, since only the image reaches `mask`, got {self.mask_params!r}"
            )
        return {"mode": self.eq_mode, "by_channels": self.by_channels, "mask": self.mask}


class ContrastMethods:
    """Stand before `albumentations.RandomBrightnessContrast`: the mean is that of the image after the contrast."""

    brightness_by_max: bool

    def get_params_dependent_on_data(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        """Draw the factor and the number."""
        parent: Any = super()
        drawn: dict[str, Any] = parent.get_params_dependent_on_data(params, data)
        if not self.brightness_by_max:
            drawn["beta"] *= drawn["alpha"]
        return drawn


class RandomBrightnessContrast(ImageOnly):
    """Multiply by a factor and add a number, the same for all values of an image.

    Args:
        inputs: Key or keys of images.
        outputs: Key or keys to write, as many as `inputs`.
        mode, ds_id: When to run; see `Op`.
        brightness_limit: Range of the number, drawn uniformly, as a part of white (255 for uint8, 1 for float32) or of
            the mean of the image times the factor; a single n means (-n, n).
        contrast_limit: The factor is 1 plus a number drawn uniformly from this range; a single n means (-n, n).
        brightness_by_max: Whether `brightness_limit` is a part of white, else of the mean.

    Raises:
        ConfigError: If a range is none.

    Image types: uint8, float32.
    """

    methods = ContrastMethods

    brightness_limit: float | tuple[float, float] = 0.2
    contrast_limit: float | tuple[float, float] = 0.2
    brightness_by_max: bool = True

    def _arguments(self) -> dict[str, Any]:
        return {
            "brightness_limit": both_ways(self.brightness_limit, "RandomBrightnessContrast(brightness_limit)"),
            "contrast_limit": both_ways(self.contrast_limit, "RandomBrightnessContrast(contrast_limit)"),
            "brightness_by_max": self.brightness_by_max,
        }


class RandomGamma(ImageOnly):
    """Raise values, as parts of white, to a power.

    Args:
        inputs: Key or keys of images.
        outputs: Key or keys to write, as many as `inputs`.
        mode, ds_id: When to run; see `Op`.
        gamma_limit: Range of the exponent in percent, >= 1, drawn uniformly; a single n means (1, n).

    Raises:
        ConfigError: If it is no such range.

    Image types: uint8, float32.
    """

    gamma_limit: float | tuple[float, float] = (80, 120)

    def _arguments(self) -> dict[str, Any]:
        return {"gamma_limit": span(self.gamma_limit, "RandomGamma(gamma_limit)", 1, 1)}
