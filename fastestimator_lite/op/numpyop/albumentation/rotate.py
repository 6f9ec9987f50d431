"""Rotations by any angle, and ranges to draw from."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any

from fastestimator_lite.op.numpyop.albumentation.declare import fields
from fastestimator_lite.op.numpyop.albumentation.image_and_targets import Fill, ImageAndTargets
from fastestimator_lite.util.errors import ConfigError


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


def both_ways(limit: float | Sequence[float], where: str) -> tuple[float, float]:
    """The range (-n, n) for a number n; a range is returned as it is.

    Raises:
        ConfigError: If it is neither; `where` names the op and its argument.
    """
    if is_number(limit):
        return (-abs(limit), abs(limit))  # type: ignore[arg-type]
    if not isinstance(limit, Sequence) or len(limit) != 2 or not all(map(is_number, limit)) or limit[0] > limit[1]:
        raise ConfigError(f"{where} must be a number or a range (low, high), got {limit!r}")
    return (limit[0], limit[1])


def is_number(value: Any) -> bool:
    """Whether a value is a real number; a bool is none."""
    return isinstance(value, Real) and not isinstance(value, bool)


def factor_range(limit: float | Sequence[float], where: str) -> tuple[float, float]:
    """The factors (1 + low, 1 + high) for a limit as of `both_ways`.

    Raises:
        ConfigError: If the limit is no range, or a factor could be 0 or less.
    """
    low, high = both_ways(limit, where)
    if low <= -1:
        raise ConfigError(f"{where} is added to 1 and must stay above -1, got {limit!r}; 0.1 draws from (0.9, 1.1)")
    return (1 + low, 1 + high)
