"""Crops that look at nothing but the size of the image; see `crop_around` and `crop_and_pad` for the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastestimator_lite.op.numpyop.albumentation.declare import fields
from fastestimator_lite.op.numpyop.albumentation.image_and_targets import ImageAndTargets
from fastestimator_lite.util.errors import ConfigError


class CenterCrop(ImageAndTargets):
    """Cut out the middle.

    Args:
        height: Height of the crop in pixels, at most the image's.
        width: Width of the crop in pixels, at most the image's.
        mode, ds_id: When to run; see `Op`.
        image_in, ..., keypoint_params: What to transform; see `MultiVariateAlbumentation`.

    Image types: uint8, float32.
    """

    draws = False

    height: int
    width: int


class Crop(ImageAndTargets):
    """Cut out a given part, which must lie inside the image.

    Args:
        x_min: First column, in pixels from 0.
        y_min: First row.
        x_max: Column after the last one.
        y_max: Row after the last one.
        mode, ds_id: When to run; see `Op`.
        image_in, ..., keypoint_params: What to transform; see `MultiVariateAlbumentation`.

    Image types: uint8, float32.
    """

    draws = False

    x_min: int = 0
    y_min: int = 0
    x_max: int = 1024
    y_max: int = 1024


class RandomCrop(ImageAndTargets):
    """Cut out a part whose place is drawn uniformly.

    Args:
        height: Height of the crop in pixels, at most the image's.
        width: Width of the crop in pixels, at most the image's.
        mode, ds_id: When to run; see `Op`.
        image_in, ..., keypoint_params: What to transform; see `MultiVariateAlbumentation`.

    Image types: uint8, float32.
    """

    height: int
    width: int


class RandomCropFromBorders(ImageAndTargets):
    """Cut off pixels at each side, as many as are drawn uniformly up to a fraction of the size.

    Args:
        crop_left: Largest fraction of the width, in [0, 1].
        crop_right: The same; together with `crop_left` at most 1.
        crop_top: Largest fraction of the height, in [0, 1].
        crop_bottom: The same; together with `crop_top` at most 1.
        mode, ds_id: When to run; see `Op`.
        image_in, ..., keypoint_params: What to transform; see `MultiVariateAlbumentation`.

    Image types: uint8, float32.
    """

    crop_left: float = 0.1
    crop_right: float = 0.1
    crop_top: float = 0.1
    crop_bottom: float = 0.1


class RandomResizedCrop(ImageAndTargets):
    """Cut out a part of drawn area and shape, and resize it.

    Args:
        height: Height of the result in pixels.
        width: Width of the result in pixels.
        scale: Range of the crop's area, as a fraction of the image's.
        ratio: Range of the crop's width divided by its height, drawn on a logarithmic scale.
        interpolation: OpenCV interpolation flag for the image; masks take their nearest pixel.
        mode, ds_id: When to run; see `Op`.
        image_in, ..., keypoint_params: What to transform; see `MultiVariateAlbumentation`.

    Image types: uint8, float32.
    """

    height: int
    width: int
    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (0.75, 4 / 3)
    interpolation: int = 1

    def _arguments(self) -> dict[str, Any]:
        return _sized(fields(self))


class RandomSizedCrop(ImageAndTargets):
    """Cut out a part of drawn height, and resize it. A crop larger than the image is cut down to it.

    Args:
        min_max_height: Range of the crop's height in pixels, both ends included.
        height: Height of the result in pixels.
        width: Width of the result in pixels.
        w2h_ratio: The crop's width divided by its height, more than 0.
        interpolation: OpenCV interpolation flag for the image; masks take their nearest pixel.
        mode, ds_id: When to run; see `Op`.
        image_in, ..., keypoint_params: What to transform; see `MultiVariateAlbumentation`.

    Image types: uint8, float32.
    """

    min_max_height: tuple[int, int]
    height: int
    width: int
    w2h_ratio: float = 1.0
    interpolation: int = 1

    def _arguments(self) -> dict[str, Any]:
        heights = self.min_max_height
        if not isinstance(heights, Sequence) or len(heights) != 2 or not 1 <= heights[0] <= heights[1]:
            raise ConfigError(f"RandomSizedCrop(min_max_height) must be pixels (low, high), low >= 1, got {heights!r}")
        return _sized(fields(self))


def _sized(arguments: dict[str, Any]) -> dict[str, Any]:
    """Join height and width as albumentations 2 wants them."""
    arguments = dict(arguments)
    return {"size": (arguments.pop("height"), arguments.pop("width")), **arguments}
