"""Ops around albumentations transforms that change an image together with its masks, boxes and keypoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from fastestimator_lite.op.numpyop.albumentation.declare import Declared
from fastestimator_lite.op.numpyop.albumentation.library import import_albumentations
from fastestimator_lite.op.numpyop.albumentation.seeded import AlbumentationOp
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError, suggest

if TYPE_CHECKING:
    import albumentations as A

    BboxFormat: TypeAlias = str | dict[str, Any] | A.BboxParams | None
    KeypointFormat: TypeAlias = str | dict[str, Any] | A.KeypointParams | None

Fill: TypeAlias = int | float | Sequence[int] | Sequence[float] | None

BBOX_FORMATS = ("coco", "pascal_voc", "albumentations", "yolo")
KEYPOINT_FORMATS = ("xy", "yx", "xya", "xys", "xyas", "xysa", "xyz")
BOX_SIZE = 4


class MultiVariateAlbumentation(AlbumentationOp):
    """Run an albumentations transform on an image and what belongs to it, with one random draw for all.

    Args:
        func: An albumentations transform, or a composition of several.
        mode, ds_id: When to run; see `Op`.
        image_in: Key of an image of shape (H, W) or (H, W, C).
        mask_in: Key of a mask of shape (H, W) or (H, W, C).
        masks_in: Key of a list of masks, or of an array of shape (N, H, W).
        bbox_in: Key of boxes, an array of shape (N, 4 + n) or a list of N tuples; what follows the four numbers of a
            box (its label, say) stays with it. Boxes that leave the image are dropped.
        keypoints_in: Key of keypoints, an array or a list of tuples, as for boxes.
        image_out, mask_out, masks_out, bbox_out, keypoints_out: Keys to write; None for the key that was read.
        bbox_params: How boxes are written: "coco" (x_min, y_min, width, height, in pixels), "pascal_voc" (x_min, y_min,
            x_max, y_max, in pixels), "albumentations" (pascal_voc as fractions of the image), "yolo" (x_center,
            y_center, width, height, as fractions), or an `albumentations.BboxParams`. Needed for `bbox_in`.
        keypoint_params: How keypoints are written: "xy", "yx", "xya", "xys", "xyas", "xysa" or "xyz" (a: angle in
            degrees, s: scale), or an `albumentations.KeypointParams`. Needed for `keypoints_in`.

    Raises:
        ConfigError: If no image or mask is read, an output has no input, or a format is missing or not known.
    """

    def __init__(
        self,
        func: A.BasicTransform | A.BaseCompose,
        mode: Keys = None,
        ds_id: Keys = None,
        image_in: str | None = None,
        mask_in: str | None = None,
        masks_in: str | None = None,
        bbox_in: str | None = None,
        keypoints_in: str | None = None,
        image_out: str | None = None,
        mask_out: str | None = None,
        masks_out: str | None = None,
        bbox_out: str | None = None,
        keypoints_out: str | None = None,
        bbox_params: BboxFormat = None,
        keypoint_params: KeypointFormat = None,
    ) -> None:
        name = type(self).__name__
        reads = {"image": image_in, "mask": mask_in, "masks": masks_in, "bboxes": bbox_in, "keypoints": keypoints_in}
        writes = {
            "image": image_out,
            "mask": mask_out,
            "masks": masks_out,
            "bboxes": bbox_out,
            "keypoints": keypoints_out,
        }
        self.keys_in = {target: key for target, key in reads.items() if key is not None}
        if not self.keys_in.keys() & {"image", "mask", "masks"}:
            raise ConfigError(f"{name}: image_in, mask_in or masks_in is needed, got {self.keys_in or 'no input'}")
        orphans = [key for target, key in writes.items() if key is not None and target not in self.keys_in]
        if orphans:
            raise ConfigError(f"{name}: outputs {orphans} have no input of their kind; the inputs are {self.keys_in}")
        self.keys_out = {target: writes[target] or key for target, key in self.keys_in.items()}
        super().__init__(
            func,
            list(self.keys_in.values()),
            list(self.keys_out.values()),
            mode,
            ds_id,
            _box_params(bbox_params, "bboxes" in self.keys_in, name),
            _keypoint_params(keypoint_params, "keypoints" in self.keys_in, name),
        )
        self._needs_compose = bool(self.keys_in.keys() - {"image", "mask"})

    def forward(self, data: Sequence[Any], state: dict[str, Any]) -> list[Any]:
        """Transform one sample.

        Args:
            data: The image, mask, masks, boxes and keypoints that are read, in this order.
            state: "mode", "epoch" and "ds_id" of the moment.

        Returns:
            The same things transformed. Masks, boxes and keypoints come back as a list if they came as one.

        Raises:
            ValueError: If image and masks differ in height or width, or a box reaches out of the image.
        """
        targets = dict(zip(self.keys_in, data, strict=True))
        if self._needs_compose:
            return self._forward_composed(targets)
        for target, value in targets.items():
            targets[target] = np.asarray(value)
        if "image" not in targets:
            targets["image"] = targets["mask"]
        elif "mask" in targets and targets["mask"].shape[:2] != targets["image"].shape[:2]:
            raise ValueError(
                f"{type(self).__name__}: image and mask differ in height or width: "
                f"{targets['image'].shape} and {targets['mask'].shape}"
            )
        results = self.transform(**targets)
        return [results[target] for target in self.keys_out]

    def _forward_composed(self, targets: dict[str, Any]) -> list[Any]:
        if "image" not in targets:
            # albumentations takes the size from the image
            targets["image"] = targets["mask"] if "mask" in targets else np.asarray(targets["masks"][0])
        targets["image"] = np.asarray(targets["image"])
        rows = {}
        for target, width in (("bboxes", BOX_SIZE), ("keypoints", self._keypoint_size())):
            if target in targets:
                rows[target] = targets[target]
                targets[target] = _numbered(targets[target], width)
        results = self.func(**targets)
        for target, before in rows.items():
            results[target] = _relabelled(results[target], before)
        return [results[target] for target in self.keys_out]

    def _keypoint_size(self) -> int:
        processor = self.func.processors.get("keypoints")
        return len(processor.params.format) if processor else 0


def _numbered(rows: Any, width: int) -> np.ndarray:
    """The first `width` numbers of each row, and the row's index: what follows may be anything, also text."""
    table = np.zeros((len(rows), width + 1), np.float64)
    for index, row in enumerate(rows):
        table[index, :width] = row[:width]
    table[:, width] = np.arange(len(rows))
    return table


def _relabelled(table: np.ndarray, before: Any) -> Any:
    """Give the rows that are left what followed their numbers, in the container that they came in."""
    width = table.shape[1] - 1
    index = table[:, width].astype(int)
    if isinstance(before, np.ndarray):
        dtype = np.result_type(before.dtype, np.float32)
        return np.concatenate([table[:, :width], before[index, width:]], axis=1).astype(dtype)
    return [(*numbers, *before[i][width:]) for i, numbers in zip(index, table[:, :width].tolist(), strict=True)]


def _box_params(params: BboxFormat, is_needed: bool, name: str) -> A.BboxParams | None:
    kind = import_albumentations().BboxParams
    return _format_params(params, is_needed, name, kind, "bbox", BBOX_FORMATS)


def _keypoint_params(params: KeypointFormat, is_needed: bool, name: str) -> A.KeypointParams | None:
    kind = import_albumentations().KeypointParams
    return _format_params(params, is_needed, name, kind, "keypoint", KEYPOINT_FORMATS)


def _format_params(params: Any, is_needed: bool, name: str, kind: Any, word: str, formats: tuple[str, ...]) -> Any:
    keys = "bbox_in" if word == "bbox" else "keypoints_in"
    if not is_needed:
        return None
    if params is None:
        raise ConfigError(f"{name}: {keys} needs {word}_params, one of {', '.join(map(repr, formats))}")
    if isinstance(params, str):
        params = {"format": params}
    if isinstance(params, dict):
        params = kind(**params)
    if not isinstance(params, kind):
        raise ConfigError(
            f"{name}: {word}_params must be a format, a dict or an albumentations.{kind.__name__}, got {params!r}"
        )
    if params.format not in formats:
        raise ConfigError(
            f"{name}: {word}_params={params.format!r} is not known; use one of "
            f"{', '.join(map(repr, formats))}.{suggest(params.format, formats)}"
        )
    if params.label_fields:
        raise ConfigError(
            f"{name}: {word}_params has label_fields={params.label_fields}, which no key of the op can "
            f"fill; put labels behind the numbers of each row of {keys}"
        )
    return params


class ImageAndMasks(MultiVariateAlbumentation, Declared, shared=True):
    """Base of the declared ops on an image and its masks."""

    _: KW_ONLY
    mode: Keys = None  # type: ignore[assignment]
    ds_id: Keys = None  # type: ignore[assignment]
    image_in: str | None = None
    mask_in: str | None = None
    masks_in: str | None = None
    image_out: str | None = None
    mask_out: str | None = None
    masks_out: str | None = None

    def _start(self, func: Any, **shared: Any) -> None:
        MultiVariateAlbumentation.__init__(self, func, **shared)


class ImageAndTargets(MultiVariateAlbumentation, Declared, shared=True):
    """Base of the declared ops on an image, its masks, boxes and keypoints."""

    _: KW_ONLY
    mode: Keys = None  # type: ignore[assignment]
    ds_id: Keys = None  # type: ignore[assignment]
    image_in: str | None = None
    mask_in: str | None = None
    masks_in: str | None = None
    bbox_in: str | None = None
    keypoints_in: str | None = None
    image_out: str | None = None
    mask_out: str | None = None
    masks_out: str | None = None
    bbox_out: str | None = None
    keypoints_out: str | None = None
    bbox_params: BboxFormat = None
    keypoint_params: KeypointFormat = None

    def _start(self, func: Any, **shared: Any) -> None:
        MultiVariateAlbumentation.__init__(self, func, **shared)
