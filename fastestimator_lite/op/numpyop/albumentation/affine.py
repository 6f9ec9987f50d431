"""Affine maps: rotation, scale, shear and translation in one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any, TypeAlias

import numpy as np

from fastestimator_lite.op.numpyop.albumentation.declare import fields
from fastestimator_lite.op.numpyop.albumentation.image_and_targets import Fill, ImageAndTargets
from fastestimator_lite.op.numpyop.albumentation.originals import BORDER_CONSTANT
from fastestimator_lite.op.numpyop.albumentation.rotate import both_ways, factor_range, is_number, renamed_fill
from fastestimator_lite.op.numpyop.albumentation.words import border_flag, interpolation_flag
from fastestimator_lite.util.errors import ConfigError

Range: TypeAlias = float | tuple[float, float]
AxisRange: TypeAlias = Range | Mapping[str, Range]

# what is done when nothing is asked for, as in FastEstimator 1.7
DEFAULTS: dict[str, Any] = {"scale": (0.9, 1.1), "rotate": (-15.0, 15.0), "shear": (-10.0, 10.0)}
DEFAULT_TRANSLATION = (-0.1, 0.1)


class AffineMethods:
    """Stand before `albumentations.Affine`: the order and the signs of version 1, and moves by parts of a pixel."""

    py_random: Any
    rotate: tuple[float, float]
    scale: dict[str, tuple[float, float]]
    shear: dict[str, tuple[float, float]]
    translate_px: dict[str, tuple[int, int]] | None
    translate_percent: dict[str, tuple[float, float]] | None
    keep_ratio: bool
    fit_output: bool
    interpolation: int
    border_mode: int

    def get_params_dependent_on_data(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        """Draw the map: shear along y, scale, shear along x, rotation and translation, in this order."""
        height, width = params["shape"][:2]
        uniform = self.py_random.uniform
        # plain floats: arrays of two or four numbers would take longer than the picture
        if self.translate_percent is None:
            low_high = self.translate_px or {"x": (0, 0), "y": (0, 0)}
            right, down = (float(self.py_random.randint(int(low), int(high))) for low, high in _xy(low_high))
        else:
            right, down = (uniform(low, high) for low, high in _xy(self.translate_percent))
            right, down = right * width, down * height
        lean_x, lean_y = (math.tan(math.radians(uniform(low, high))) for low, high in _xy(self.shear))
        scale_x, scale_y = (uniform(low, high) for low, high in _xy(self.scale))
        if self.keep_ratio:
            scale_y = scale_x
        angle = uniform(*self.rotate)
        linear = _linear(math.radians(angle), lean_x, lean_y, scale_x, scale_y)
        (a, b), (c, d) = linear
        middle_x, middle_y = (width - 1) / 2, (height - 1) / 2  # of the first and last pixel's centres
        matrix = _affine(
            linear, middle_x + right - (a * middle_x + b * middle_y), middle_y + down - (c * middle_x + d * middle_y)
        )
        shape = (height, width)
        if self.fit_output:
            corners = np.array(linear) @ [[0, width - 1, width - 1, 0], [0, 0, height - 1, height - 1]]
            low, high = corners.min(axis=1), corners.max(axis=1)
            matrix = _affine(linear, -low[0], -low[1])
            shape = (int(np.ceil(high[1] - low[1] + 1 - 1e-6)), int(np.ceil(high[0] - low[0] + 1 - 1e-6)))
        # boxes count from the corner of the first pixel, half a pixel before its centre
        box_matrix = _affine(linear, matrix[0, 2] + 0.5 - 0.5 * (a + b), matrix[1, 2] + 0.5 - 0.5 * (c + d))
        return {
            "rotate": angle,
            "scale": {"x": scale_x, "y": scale_y},
            "matrix": matrix,
            "bbox_matrix": box_matrix,
            "output_shape": shape,
        }

    def apply(self, img: np.ndarray, matrix: np.ndarray, output_shape: tuple[int, int], **params: Any) -> np.ndarray:
        """Warp an image; one of three channels without the detours that others need."""
        if img.ndim != 3 or img.shape[2] != 3 or self.border_mode == BORDER_CONSTANT:
            warped: np.ndarray = super().apply(img, matrix=matrix, output_shape=output_shape, **params)  # type: ignore[misc]
            return warped
        import cv2

        height, width = output_shape
        return cv2.warpAffine(img, matrix[:2], (width, height), flags=self.interpolation, borderMode=self.border_mode)


class Affine(ImageAndTargets):
    """Rotate, scale, shear and move around the middle of the image, by amounts drawn uniformly.

    A number is always used as it is, a range (low, high) is drawn from. A dictionary {"x": ..., "y": ...} of either
    tells the axes apart; one that is not named stays as it is. With all four amounts None, a little of each is drawn:
    scale (0.9, 1.1), rotation (-15, 15), shear (-10, 10) and translation (-0.1, 0.1).

    Args:
        rotate: Degrees, counter-clockwise; None for 0.
        scale: Factor, above 0; None for 1. The axes are drawn apart unless `keep_ratio`.
        shear: Degrees between -90 and 90; None for 0. The axes are drawn apart, also from one range.
        translate: Pixels if all numbers are ints, else fractions of the width and height; None for 0. The axes are
            drawn apart, also from one range.
        border_handling: What comes into view: "constant", "reflect", "replicate", "wrap" or an OpenCV border constant.
        fill_value: Fill for the image with "constant", in image units.
        fill_value_mask: The same for masks; None for `fill_value`.
        interpolation: "nearest_neighbor", "bilinear", "bicubic", "biquartic", "biquintic" (the last two are OpenCV's
            Lanczos filter over 8 x 8 pixels) or an OpenCV interpolation flag.
        mask_interpolation: The same for masks.
        fit_output: Whether the size is changed to hold the whole image; the translation then has no effect.
        keep_ratio: Whether both axes get the same scale.
        rotate_method: "largest_box" draws the new box around the four turned corners of the old one, "ellipse" around
            the turned ellipse inside it.
        mode, ds_id: When to run; see `Op`.
        image_in, ..., keypoint_params: What to transform; see `MultiVariateAlbumentation`.

    Raises:
        ConfigError: If a value cannot work.

    Image types: uint8, float32.
    """

    methods = AffineMethods

    rotate: Range | None = None
    scale: AxisRange | None = None
    shear: AxisRange | None = None
    translate: AxisRange | None = None
    border_handling: int | str = "constant"
    fill_value: Fill = 0
    fill_value_mask: Fill = None
    interpolation: int | str = "bilinear"
    mask_interpolation: int | str = "nearest_neighbor"
    fit_output: bool = False
    keep_ratio: bool = False
    rotate_method: str = "largest_box"

    def _arguments(self) -> dict[str, Any]:
        amounts = {name: getattr(self, name) for name in ("rotate", "scale", "shear", "translate")}
        if all(amount is None for amount in amounts.values()):
            amounts = {**DEFAULTS, "translate": DEFAULT_TRANSLATION}
        scale = _by_axis(amounts["scale"], 1.0, "Affine(scale)")
        if min(low for low, _ in scale.values()) <= 0:
            raise ConfigError(f"Affine(scale) must be above 0, got {self.scale!r}")
        shear = _by_axis(amounts["shear"], 0.0, "Affine(shear)")
        if max(abs(angle) for pair in shear.values() for angle in pair) >= 90:
            raise ConfigError(f"Affine(shear) must be degrees between -90 and 90, got {self.shear!r}")
        rotation = 0.0 if amounts["rotate"] is None else amounts["rotate"]
        fill_mask = self.fill_value if self.fill_value_mask is None else self.fill_value_mask
        return {
            "rotate": _pair(rotation, "Affine(rotate)"),
            "scale": scale,
            "shear": shear,
            **_translation(amounts["translate"]),
            "border_mode": border_flag(self.border_handling, "Affine(border_handling)"),
            "fill": 0 if self.fill_value is None else self.fill_value,
            "fill_mask": 0 if fill_mask is None else fill_mask,
            "interpolation": interpolation_flag(self.interpolation, "Affine(interpolation)"),
            "mask_interpolation": interpolation_flag(self.mask_interpolation, "Affine(mask_interpolation)"),
            "fit_output": self.fit_output,
            "keep_ratio": self.keep_ratio,
            "rotate_method": self.rotate_method,
        }


class ShiftScaleRotate(ImageAndTargets):
    """Move, scale and rotate around the middle of the image, by amounts drawn uniformly.

    Args:
        shift_limit: Fractions of the width and height, drawn apart; a single n means (-n, n).
        scale_limit: By how much the factor differs from 1, more than -1: 0.1 draws from (0.9, 1.1) and (0, 0.5) from
            (1, 1.5). Both axes get the same factor.
        rotate_limit: Degrees, counter-clockwise; a single n means (-n, n).
        interpolation: OpenCV interpolation flag for the image; masks take their nearest pixel.
        border_mode: OpenCV border constant for the pixels that come into view; 4 mirrors the image.
        value: Fill for the image when `border_mode` is 0 (constant), in image units; None for 0.
        mask_value: The same for masks.
        mode, ds_id: When to run; see `Op`.
        image_in, ..., keypoint_params: What to transform; see `MultiVariateAlbumentation`.

    Image types: uint8, float32.
    """

    albumentation = "Affine"
    methods = AffineMethods

    shift_limit: Range = 0.0625
    scale_limit: Range = 0.1
    rotate_limit: Range = 45
    interpolation: int = 1
    border_mode: int = 4
    value: Fill = 0
    mask_value: Fill = 0

    def _arguments(self) -> dict[str, Any]:
        arguments = renamed_fill(fields(self))
        shift = both_ways(arguments.pop("shift_limit"), "ShiftScaleRotate(shift_limit)")
        scale = factor_range(arguments.pop("scale_limit"), "ShiftScaleRotate(scale_limit)")
        angle = both_ways(arguments.pop("rotate_limit"), "ShiftScaleRotate(rotate_limit)")
        return {
            **arguments,
            "rotate": angle,
            "scale": {"x": scale, "y": scale},
            "translate_percent": {"x": shift, "y": shift},
            "keep_ratio": True,
        }


Linear = tuple[tuple[float, float], tuple[float, float]]


def _linear(angle: float, lean_x: float, lean_y: float, scale_x: float, scale_y: float) -> Linear:
    """Rotation (counter-clockwise to the eye, as y points down) @ shear along x @ scale @ shear along y."""
    cos, sin = math.cos(angle), math.sin(angle)
    a, b = cos * scale_x, (cos * lean_x + sin) * scale_y
    c, d = -sin * scale_x, (cos - sin * lean_x) * scale_y
    return (a - b * lean_y, b), (c - d * lean_y, d)


def _affine(linear: Linear, right: float, down: float) -> np.ndarray:
    (a, b), (c, d) = linear
    return np.array([[a, b, right], [c, d, down], [0.0, 0.0, 1.0]])


def _xy(by_axis: Mapping[str, Any]) -> tuple[Any, Any]:
    return by_axis["x"], by_axis["y"]


def _pair(amount: Any, where: str) -> tuple[float, float]:
    if is_number(amount):
        return (amount, amount)
    return both_ways(amount, where)


def _by_axis(amount: AxisRange | None, neutral: float, where: str) -> dict[str, tuple[float, float]]:
    """A range for each axis."""
    if amount is None:
        amount = neutral
    if not isinstance(amount, Mapping):
        return {"x": _pair(amount, where), "y": _pair(amount, where)}
    if not amount or not amount.keys() <= {"x", "y"}:
        raise ConfigError(f"{where} as a dictionary has the keys 'x', 'y' or both, got {amount!r}")
    return {axis: _pair(amount.get(axis, neutral), f"{where}[{axis!r}]") for axis in ("x", "y")}


def _translation(amount: AxisRange | None) -> dict[str, Any]:
    ranges = _by_axis(amount, 0, "Affine(translate)")
    numbers: Sequence[float] = [number for pair in ranges.values() for number in pair]
    if all(isinstance(number, Integral) for number in numbers):
        return {"translate_px": ranges}
    if any(isinstance(number, Integral) and abs(number) > 1 for number in numbers):
        raise ConfigError(
            f"Affine(translate) mixes pixels (ints) and fractions of the image (floats): {amount!r}; use one of them"
        )
    return {"translate_percent": ranges}
