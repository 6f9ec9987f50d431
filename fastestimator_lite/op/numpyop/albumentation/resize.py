"""Changes of size."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

from fastestimator_lite.op.numpyop.albumentation.declare import fields
from fastestimator_lite.op.numpyop.albumentation.image_and_targets import Fill, ImageAndTargets
from fastestimator_lite.op.numpyop.albumentation.rotate import factor_range, renamed_fill
from fastestimator_lite.util.errors import ConfigError


class LongestMaxSize(ImageAndTargets):
    """Resize so that the longer side has a given length; the shape stays.

    Args:
        max_size: Length in pixels, or lengths to draw one from.
        interpolation: OpenCV interpolation flag for the image; masks take their nearest pixel.
        mode, ds_id: When to run; see `Op`.
        image_in, ..., keypoint_params: What to transform; see `MultiVariateAlbumentation`.

    Image types: uint8, float32.
    """

    max_size: int | Sequence[int] = 1024
    interpolation: int = 1

    def _arguments(self) -> dict[str, Any]:
        return {**fields(self), "max_size": _lengths(self.max_size, "LongestMaxSize(max_size)")}

    def _start(self, func: Any, **shared: Any) -> None:
        super()._start(func, **shared)
        self.draws = not isinstance(self.max_size, Integral)


class PadIfNeeded(ImageAndTargets):
    """Pad what is smaller than a given size, by the same amount on both sides; an odd pixel goes to the end.

    Args:
        min_height: Least height in pixels.
        min_width: Least width in pixels.
        border_mode: OpenCV border constant for the new pixels; 4 mirrors the image.
        value: Fill for the image when `border_mode` is 0 (constant), in image units; None for 0.
        mask_value: The same for masks.
        mode, ds_id: When to run; see `Op`.
        image_in, ..., keypoint_params: What to transform; see `MultiVariateAlbumentation`.

    Image types: uint8, float32.
    """

    draws = False

    min_height: int = 1024
    min_width: int = 1024
    border_mode: int = 4
    value: Fill = None
    mask_value: Fill = None

    def _arguments(self) -> dict[str, Any]:
        return renamed_fill(fields(self))


class RandomScale(ImageAndTargets):
    """Resize by a factor drawn uniformly; the shape stays.

    Args:
        scale_limit: By how much the factor differs from 1, more than -1: 0.1 draws from (0.9, 1.1) and (0, 0.5) from
            (1, 1.5).
        interpolation: OpenCV interpolation flag for the image; masks take their nearest pixel.
        mode, ds_id: When to run; see `Op`.
        image_in, ..., keypoint_params: What to transform; see `MultiVariateAlbumentation`.

    Image types: uint8, float32.
    """

    scale_limit: float | tuple[float, float] = 0.1
    interpolation: int = 1

    def _arguments(self) -> dict[str, Any]:
        factor_range(self.scale_limit, "RandomScale(scale_limit)")
        return fields(self)


class Resize(ImageAndTargets):
    """Resize to a fixed height and width.

    Args:
        height: New height in pixels.
        width: New width in pixels.
        interpolation: OpenCV interpolation flag for the image; masks take their nearest pixel.
        mode, ds_id: When to run; see `Op`.
        image_in, ..., keypoint_params: What to transform; see `MultiVariateAlbumentation`.

    Image types: uint8, float32.
    """

    draws = False

    height: int
    width: int
    interpolation: int = 1


class SmallestMaxSize(ImageAndTargets):
    """Resize so that the shorter side has a given length; the shape stays.

    Args:
        max_size: Length in pixels, or lengths to draw one from.
        interpolation: OpenCV interpolation flag for the image; masks take their nearest pixel.
        mode, ds_id: When to run; see `Op`.
        image_in, ..., keypoint_params: What to transform; see `MultiVariateAlbumentation`.

    Image types: uint8, float32.
    """

    max_size: int | Sequence[int] = 1024
    interpolation: int = 1

    def _arguments(self) -> dict[str, Any]:
        return {**fields(self), "max_size": _lengths(self.max_size, "SmallestMaxSize(max_size)")}

    def _start(self, func: Any, **shared: Any) -> None:
        super()._start(func, **shared)
        self.draws = not isinstance(self.max_size, Integral)


def _lengths(max_size: Any, where: str) -> int | list[int]:
    """Check one length or several."""
    lengths: Any = [max_size] if isinstance(max_size, Integral) else max_size
    is_good = isinstance(lengths, Sequence) and all(isinstance(each, Integral) and int(each) >= 1 for each in lengths)
    if not is_good or not lengths:
        raise ConfigError(f"{where} must be an int >= 1 or several to draw from, got {max_size!r}")
    whole = [int(length) for length in lengths]
    return whole[0] if isinstance(max_size, Integral) else whole
