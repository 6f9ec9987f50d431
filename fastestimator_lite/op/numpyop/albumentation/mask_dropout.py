"""MaskDropout: whole objects of a mask are left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastestimator_lite.op.numpyop.albumentation.image_and_targets import ImageAndMasks
from fastestimator_lite.op.numpyop.albumentation.rotate import is_number
from fastestimator_lite.util.errors import ConfigError, suggest

INPAINT = "inpaint"
INPAINT_FILL = "inpaint_ns"  # how albumentations calls the method of Navier and Stokes
LARGEST_RADIUS = 3  # pixels around a hole that it is painted from


class DropoutMethods:
    """Stand before `albumentations.MaskDropout`: masks with a channel axis, and painting that works."""

    fill: float | str

    def get_params_dependent_on_data(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        """Draw the objects: where they are, of shape (H, W), or None."""
        mask = np.asarray(data["mask"])
        if mask.ndim == 3 and mask.shape[2] == 1:
            mask = mask[..., 0]
        if mask.ndim != 2:
            raise ValueError(f"MaskDropout: the mask must be of shape (H, W) or (H, W, 1), got {mask.shape}")
        parent: Any = super()
        drawn: dict[str, Any] = parent.get_params_dependent_on_data(params, {**data, "mask": mask})
        return drawn

    def apply(self, img: np.ndarray, dropout_mask: np.ndarray | None, **params: Any) -> np.ndarray:
        """Fill an image of shape (H, W) or (H, W, C) where `dropout_mask` is true."""
        if self.fill != INPAINT_FILL or dropout_mask is None:
            parent: Any = super()
            filled: np.ndarray = parent.apply(img, dropout_mask, **params)
            return filled
        hole = dropout_mask.astype(np.uint8)
        if img.ndim == 2:
            return _painted(img, hole)
        if img.dtype == np.uint8 and img.shape[2] == 3:
            return _painted(img, hole)
        # OpenCV paints one channel of floats, but not three
        return np.stack([_painted(channel, hole) for channel in np.moveaxis(img, -1, 0)], axis=-1)


class MaskDropout(ImageAndMasks):
    """Overwrite objects of the mask, and the image there. An object is a connected region of one value other than 0.

    Args:
        max_objects: How many objects at most, >= 1: as many as drawn from 1 to this number, or from a range (low, high).
        image_fill_value: A number in image units, or "inpaint" to continue the surroundings.
        mask_fill_value: A number.
        mode, ds_id: When to run; see `Op`.
        image_in, ..., masks_out: What to transform; see `MultiVariateAlbumentation`. `mask_in` is needed, of shape
            (H, W) or (H, W, 1).

    Image types: uint8, float32.
    """

    methods = DropoutMethods

    max_objects: int | tuple[int, int] = 1
    image_fill_value: float | str = 0
    mask_fill_value: float = 0

    def _arguments(self) -> dict[str, Any]:
        fill = self.image_fill_value
        if fill != INPAINT and not is_number(fill):
            raise ConfigError(
                f"MaskDropout(image_fill_value) must be a number or {INPAINT!r}, got {fill!r}.{suggest(fill, [INPAINT])}"
            )
        count: Any = (1, self.max_objects) if is_number(self.max_objects) else self.max_objects
        if not isinstance(count, Sequence) or len(count) != 2 or not 1 <= count[0] <= count[1]:
            raise ConfigError(f"MaskDropout(max_objects) must be an int >= 1 or a range, got {self.max_objects!r}")
        return {
            "max_objects": count,
            "fill": INPAINT_FILL if fill == INPAINT else fill,
            "fill_mask": self.mask_fill_value,
        }

    def _start(self, func: Any, **shared: Any) -> None:
        if shared["mask_in"] is None:
            raise ConfigError("MaskDropout: mask_in is needed, whose objects are left out")
        super()._start(func, **shared)


def _painted(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    import cv2

    *_, width, height = cv2.boundingRect(hole)
    radius = min(LARGEST_RADIUS, max(width, height) // 2)
    return cv2.inpaint(np.ascontiguousarray(image), hole, radius, cv2.INPAINT_NS)
