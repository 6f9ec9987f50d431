"""Flips."""

from __future__ import annotations

from fastestimator_lite.op.numpyop.albumentation.image_and_targets import ImageAndTargets


class HorizontalFlip(ImageAndTargets):
    """Mirror left and right. Wrap it in `Sometimes` to do so at random.

    Args:
        mode, ds_id: When to run; see `Op`.
        image_in, ..., keypoint_params: What to transform; see `MultiVariateAlbumentation`.

    Image types: uint8, float32.
    """

    draws = False


class VerticalFlip(ImageAndTargets):
    """Mirror top and bottom. Wrap it in `Sometimes` to do so at random.

    Args:
        mode, ds_id: When to run; see `Op`.
        image_in, ..., keypoint_params: What to transform; see `MultiVariateAlbumentation`.

    Image types: uint8, float32.
    """

    draws = False
