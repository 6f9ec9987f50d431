"""Crops."""

from __future__ import annotations

from fastestimator_lite.op.numpyop.albumentation.image_and_targets import ImageAndTargets


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
