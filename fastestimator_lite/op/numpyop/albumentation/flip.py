"""Flips and quarter turns."""

from __future__ import annotations

from typing import Any

from fastestimator_lite.op.numpyop.albumentation.image_and_targets import ImageAndTargets


class SomeOfD4:
    """Stand before `albumentations.D4`, the eight ways to lay a square on itself, and draw from some of them."""

    py_random: Any
    ways: tuple[str, ...]

    def get_params(self) -> dict[str, str]:
        """Draw one of `ways`."""
        return {"group_element": self.py_random.choice(self.ways)}


class Flip(ImageAndTargets):
    """Mirror left and right, top and bottom, or both; each of the three has the same chance.

    Args:
        mode, ds_id: When to run; see `Op`.
        image_in, ..., keypoint_params: What to transform; see `MultiVariateAlbumentation`.

    Image types: uint8, float32.
    """

    albumentation = "D4"
    methods = SomeOfD4

    def _settings(self) -> dict[str, Any]:
        return {"ways": ("h", "v", "r180")}


class HorizontalFlip(ImageAndTargets):
    """Mirror left and right. Wrap it in `Sometimes` to do so at random.

    Args:
        mode, ds_id: When to run; see `Op`.
        image_in, ..., keypoint_params: What to transform; see `MultiVariateAlbumentation`.

    Image types: uint8, float32.
    """

    draws = False


class RandomRotate90(ImageAndTargets):
    """Rotate counter-clockwise by 0, 90, 180 or 270 degrees; each has the same chance.

    Args:
        mode, ds_id: When to run; see `Op`.
        image_in, ..., keypoint_params: What to transform; see `MultiVariateAlbumentation`.

    Image types: uint8, float32.
    """

    albumentation = "D4"
    methods = SomeOfD4

    def _settings(self) -> dict[str, Any]:
        return {"ways": ("e", "r90", "r180", "r270")}


class Transpose(ImageAndTargets):
    """Swap rows and columns. Wrap it in `Sometimes` to do so at random.

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
