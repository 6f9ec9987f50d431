"""Rotations and other affine maps."""

from __future__ import annotations

from typing import Any

from fastestimator_lite.op.numpyop.albumentation.declare import fields
from fastestimator_lite.op.numpyop.albumentation.image_and_targets import Fill, ImageAndTargets


class Rotate(ImageAndTargets):
    """Rotate by an angle drawn uniformly from `limit`.

    Args:
        limit: Degrees; a single n means (-n, n).
        interpolation: OpenCV interpolation flag for the image; masks take their nearest pixel.
        border_mode: OpenCV border constant for the pixels that come into view; 4 mirrors the image.
        value: Fill for the image when `border_mode` is 0 (constant), in image units; None for 0.
        mask_value: The same for masks.
        mode, ds_id: When to run; see `Op`.
        image_in, ..., keypoint_params: What to transform; see `MultiVariateAlbumentation`.

    Image types: uint8, float32.
    """

    limit: float | tuple[float, float] = 90
    interpolation: int = 1
    border_mode: int = 4
    value: Fill = None
    mask_value: Fill = None

    def _arguments(self) -> dict[str, Any]:
        return renamed_fill(fields(self))


def renamed_fill(arguments: dict[str, Any]) -> dict[str, Any]:
    """Rename `value` and `mask_value` to what albumentations 2 calls them, which takes 0 for None."""
    arguments = dict(arguments)
    value, mask_value = arguments.pop("value"), arguments.pop("mask_value")
    return {**arguments, "fill": 0 if value is None else value, "fill_mask": 0 if mask_value is None else mask_value}
