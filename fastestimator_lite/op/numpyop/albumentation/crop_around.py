"""Crops that look for something: boxes, one box, or what a mask marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY
from typing import TYPE_CHECKING, Any

import numpy as np

from fastestimator_lite.op.numpyop.albumentation.declare import Declared, fields
from fastestimator_lite.op.numpyop.albumentation.image_and_targets import (
    BOX_SIZE,
    ImageAndTargets,
    MultiVariateAlbumentation,
)
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError

if TYPE_CHECKING:
    from fastestimator_lite.op.numpyop.albumentation.image_and_targets import BboxFormat

CROPPING_BOX = "cropping_bbox"  # how albumentations calls the box of RandomCropNearBBox


class ImageAndBoxes(MultiVariateAlbumentation, Declared, shared=True):
    """Base of the declared ops on an image, its masks and boxes."""

    _: KW_ONLY
    mode: Keys = None  # type: ignore[assignment]
    ds_id: Keys = None  # type: ignore[assignment]
    image_in: str | None = None
    mask_in: str | None = None
    masks_in: str | None = None
    bbox_in: str | None = None
    image_out: str | None = None
    mask_out: str | None = None
    masks_out: str | None = None
    bbox_out: str | None = None
    bbox_params: BboxFormat = None

    def _start(self, func: Any, **shared: Any) -> None:
        MultiVariateAlbumentation.__init__(self, func, **shared)


class AroundBoxes:
    """Stand before crops that hold all boxes: erosion of each box as in version 1, and no pixel of a box is lost."""

    py_random: Any
    erosion_rate: float

    def get_params_dependent_on_data(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        """Draw the crop: (x_min, y_min, x_max, y_max) in pixels."""
        size = np.array([params["shape"][1], params["shape"][0]])
        boxes = np.asarray(data["bboxes"], np.float64)
        if not len(boxes):
            return {"crop_coords": self._anywhere(*size.tolist())}
        low, high = boxes[:, :2], boxes[:, 2:BOX_SIZE]
        erosion = self.erosion_rate * (high - low)
        low, high = (low + erosion).min(axis=0), (high - erosion).max(axis=0)
        middle = (low + high) / 2
        low, high = np.clip(np.minimum(low, middle), 0, 1), np.clip(np.maximum(high, middle), 0, 1)
        part = np.array([self.py_random.random() for _ in range(4)])
        # 1e-4 of a pixel: boxes are kept as float32 fractions of the image
        first = np.floor(low * part[:2] * size + 1e-4).astype(int)
        last = np.ceil((high + (1 - high) * part[2:]) * size - 1e-4).astype(int)
        first = np.minimum(first, size - 1)
        last = np.maximum(last, first + 1)
        return {"crop_coords": (*first.tolist(), *last.tolist())}

    def _anywhere(self, width: int, height: int) -> tuple[int, int, int, int]:
        least = max(1, int(height * (1 - self.erosion_rate)))
        crop_height = self.py_random.randint(least, height)
        crop_width = max(1, crop_height * width // height)
        x_min, y_min = self.py_random.randint(0, width - crop_width), self.py_random.randint(0, height - crop_height)
        return (x_min, y_min, x_min + crop_width, y_min + crop_height)


class AroundMask:
    """Stand before `albumentations.CropNonEmptyMaskIfExists`: masks of any dtype, and an error that names sizes."""

    py_random: Any
    height: int
    width: int
    ignore_values: list[int] | None
    ignore_channels: list[int] | None

    def get_params_dependent_on_data(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        """Draw the crop: (x_min, y_min, x_max, y_max) in pixels."""
        height, width = params["shape"][:2]
        if self.height > height or self.width > width:
            raise ValueError(
                f"CropNonEmptyMaskIfExists: a crop of {self.height} x {self.width} does not fit into the image of "
                f"{height} x {width}"
            )
        masks = [data["mask"]] if "mask" in data else data["masks"]
        marked = np.zeros((height, width), bool)
        for mask in masks:
            marked |= self._marked(np.asarray(mask))
        randint = self.py_random.randint
        places = np.flatnonzero(marked)
        if len(places):
            y, x = divmod(int(places[randint(0, len(places) - 1)]), width)
            x_min = min(max(x - randint(0, self.width - 1), 0), width - self.width)
            y_min = min(max(y - randint(0, self.height - 1), 0), height - self.height)
        else:
            x_min, y_min = randint(0, width - self.width), randint(0, height - self.height)
        return {"crop_coords": (x_min, y_min, x_min + self.width, y_min + self.height)}

    def _marked(self, mask: np.ndarray) -> np.ndarray:
        marked = np.asarray(mask != 0)
        if self.ignore_values is not None:
            marked &= ~np.isin(mask, self.ignore_values)
        if mask.ndim == 2:
            return marked
        if self.ignore_channels is not None:
            marked = np.delete(marked, self.ignore_channels, axis=-1)
        return np.asarray(marked.any(axis=-1))


class BBoxSafeRandomCrop(ImageAndTargets):
    """Cut out a part that is drawn but holds all boxes.

    Args:
        erosion_rate: Fraction of its size that each box may lose at each side, in [0, 1]. Without boxes, the crop has
            the shape of the image and at least 1 - `erosion_rate` of its height.
        mode, ds_id: When to run; see `Op`.
        image_in, ..., keypoint_params: What to transform; see `MultiVariateAlbumentation`. `bbox_in` is needed.

    Image types: uint8, float32.
    """

    methods = AroundBoxes

    erosion_rate: float = 0.0

    def _start(self, func: Any, **shared: Any) -> None:
        _need(shared, ("bbox_in",), "BBoxSafeRandomCrop", "the crop holds all boxes")
        super()._start(func, **shared)


class CropNonEmptyMaskIfExists(ImageAndTargets):
    """Cut out a part that holds a pixel which the mask marks; any part if it marks none.

    The pixel is drawn from the marked ones, then its place in the crop.

    Args:
        height: Height of the crop in pixels, at most the image's.
        width: Width of the crop in pixels, at most the image's.
        ignore_values: Values that do not mark a pixel; 0 never does.
        ignore_channels: Channels of the mask that are not looked at.
        mode, ds_id: When to run; see `Op`.
        image_in, ..., keypoint_params: What to transform; see `MultiVariateAlbumentation`. `mask_in` or `masks_in` is
            needed; with both, `mask_in` is looked at.

    Image types: uint8, float32.
    """

    methods = AroundMask

    height: int
    width: int
    ignore_values: Sequence[int] | None = None
    ignore_channels: Sequence[int] | None = None

    def _arguments(self) -> dict[str, Any]:
        ignored = {"ignore_values": self.ignore_values, "ignore_channels": self.ignore_channels}
        return {**fields(self), **{key: value if value is None else list(value) for key, value in ignored.items()}}

    def _start(self, func: Any, **shared: Any) -> None:
        _need(shared, ("mask_in", "masks_in"), "CropNonEmptyMaskIfExists", "the crop is looked for in a mask")
        super()._start(func, **shared)


class RandomCropNearBBox(ImageAndTargets):
    """Cut out a box whose sides are moved by a drawn part of its size. What reaches out of the image is cut off.

    Args:
        cropping_bbox_in: Key of the box, (x_min, y_min, x_max, y_max) in pixels. It is only read.
        max_part_shift: Largest move as a fraction of the box's size, in [0, 1].
        mode, ds_id: When to run; see `Op`.
        image_in, ..., keypoint_params: What to transform; see `MultiVariateAlbumentation`.

    Image types: uint8, float32.
    """

    cropping_bbox_in: str
    max_part_shift: float = 0.3

    def _arguments(self) -> dict[str, Any]:
        # one for the height and one for the width
        return {"max_part_shift": (self.max_part_shift, self.max_part_shift), "cropping_bbox_key": CROPPING_BOX}

    def _start(self, func: Any, **shared: Any) -> None:
        super()._start(func, **shared)
        self.inputs = [*self.inputs, self.cropping_bbox_in]
        self.keys_in[CROPPING_BOX] = self.cropping_bbox_in

    def forward(self, data: Sequence[Any], state: dict[str, Any]) -> list[Any]:
        """Transform one sample.

        Args:
            data: As for `MultiVariateAlbumentation`, then the box to cut out.
            state: "mode", "epoch" and "ds_id" of the moment.

        Returns:
            What `MultiVariateAlbumentation` returns.

        Raises:
            ValueError: If the box has no inside.
        """
        *targets, box = data
        corners = np.asarray(box, np.float64)
        if corners.shape != (BOX_SIZE,) or not (corners[:2] < corners[2:]).all():
            raise ValueError(
                f"RandomCropNearBBox: {self.cropping_bbox_in!r} must be (x_min, y_min, x_max, y_max) in pixels with "
                f"x_min < x_max and y_min < y_max, got {box!r}"
            )
        whole = (*np.floor(corners[:2]).astype(int).tolist(), *np.ceil(corners[2:]).astype(int).tolist())
        return super().forward([*targets, whole], state)


class RandomSizedBBoxSafeCrop(ImageAndBoxes):
    """Cut out a part that is drawn but holds all boxes, and resize it.

    Args:
        height: Height of the result in pixels.
        width: Width of the result in pixels.
        erosion_rate: As for `BBoxSafeRandomCrop`.
        interpolation: OpenCV interpolation flag for the image; masks take their nearest pixel.
        mode, ds_id: When to run; see `Op`.
        image_in, ..., bbox_params: What to transform; see `MultiVariateAlbumentation`. `bbox_in` is needed.

    Image types: uint8, float32.
    """

    methods = AroundBoxes

    height: int
    width: int
    erosion_rate: float = 0.0
    interpolation: int = 1

    def _start(self, func: Any, **shared: Any) -> None:
        _need(shared, ("bbox_in",), "RandomSizedBBoxSafeCrop", "the crop holds all boxes")
        super()._start(func, **shared)


def _need(shared: dict[str, Any], keys: tuple[str, ...], name: str, why: str) -> None:
    if all(shared[key] is None for key in keys):
        raise ConfigError(f"{name}: {' or '.join(keys)} is needed, as {why}")
