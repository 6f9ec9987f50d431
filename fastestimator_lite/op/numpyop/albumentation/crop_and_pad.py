"""CropAndPad: pixels cut off or added at each side."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

from fastestimator_lite.op.numpyop.albumentation.image_and_targets import Fill, ImageAndMasks
from fastestimator_lite.op.numpyop.albumentation.rotate import is_number
from fastestimator_lite.op.numpyop.albumentation.words import border_flag, interpolation_flag
from fastestimator_lite.util.errors import ConfigError


class CropAndPadMethods:
    """Stand before `albumentations.CropAndPad`: a pixel is kept whatever is cut off."""

    py_random: Any
    px: tuple[tuple[int, int], ...] | None
    percent: tuple[tuple[float, float], ...] | None
    image_fills: Any
    mask_fills: Any

    def get_params_dependent_on_data(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        """Draw what is cut off and added."""
        height, width = params["shape"][:2]
        if self.px is not None:
            amounts = [self.py_random.randrange(low, high) for low, high in self.px]
        else:
            sizes = (height, width, height, width)
            ranges = self.percent or ()
            drawn = [self.py_random.uniform(low, high) for low, high in ranges]
            amounts = [int(part * size) for part, size in zip(drawn, sizes, strict=True)]
        top, right, bottom, left = (max(-amount, 0) for amount in amounts)
        top, bottom = _within(top, bottom, height)
        left, right = _within(left, right, width)
        more_top, more_right, more_bottom, more_left = (max(amount, 0) for amount in amounts)
        crop = (left, top, width - right, height - bottom)
        pad = (more_top, more_bottom, more_left, more_right)
        return {
            "crop_params": crop if any((left, top, right, bottom)) else None,
            "pad_params": pad if any(pad) else None,
            "fill": self._draw(self.image_fills),
            "fill_mask": self._draw(self.mask_fills),
            "result_shape": (crop[3] - crop[1] + more_top + more_bottom, crop[2] - crop[0] + more_left + more_right),
        }

    def _draw(self, fills: Any) -> float:
        # albumentations fills all channels with a float, but only the first one with an int
        if is_number(fills):
            return float(fills)
        if len(fills) > 2:
            return float(self.py_random.choice(fills))
        is_whole = all(isinstance(end, Integral) for end in fills)
        return float(self.py_random.randint(*fills) if is_whole else self.py_random.uniform(*fills))


class CropAndPad(ImageAndMasks):
    """Cut off or add pixels at each side. At least one row and one column are kept.

    One amount is used for all sides. A pair (a, b) draws an amount for each side, `px` from a to b - 1. Four amounts
    are for top, right, bottom and left; each of them may be a pair (a, b) to draw from.

    Args:
        px: Pixels, ints; more than 0 adds, less than 0 cuts off.
        percent: The same as fractions of the height (top, bottom) and width. One of `px` and `percent` is needed.
        pad_mode: What is added: "constant", "reflect", "replicate", "wrap" or an OpenCV border constant.
        pad_cval: Fill for the image with "constant", in image units: a number, a range (low, high) to draw from, or
            more than two numbers to draw one of.
        pad_cval_mask: The same for masks; None for `pad_cval`.
        keep_size: Whether the result is resized to the size of the image.
        interpolation: How to resize the image, a word or flag as for `Affine`; masks take their nearest pixel.
        mode, ds_id: When to run; see `Op`.
        image_in, ..., masks_out: What to transform; see `MultiVariateAlbumentation`.

    Raises:
        ConfigError: If a value cannot work.

    Image types: uint8, float32.
    """

    methods = CropAndPadMethods

    px: int | Sequence[int] | Sequence[Sequence[int]] | None = None
    percent: float | Sequence[float] | Sequence[Sequence[float]] | None = None
    pad_mode: int | str = "constant"
    pad_cval: Fill = 0
    pad_cval_mask: Fill = None
    keep_size: bool = True
    interpolation: int | str = "bilinear"

    def _arguments(self) -> dict[str, Any]:
        return {
            **{name: sides for name, sides in self._sides().items() if sides is not None},
            "border_mode": border_flag(self.pad_mode, "CropAndPad(pad_mode)"),
            "keep_size": self.keep_size,
            "interpolation": interpolation_flag(self.interpolation, "CropAndPad(interpolation)"),
        }

    def _settings(self) -> dict[str, Any]:
        fill = _fill(0 if self.pad_cval is None else self.pad_cval, "CropAndPad(pad_cval)")
        fill_mask = fill if self.pad_cval_mask is None else _fill(self.pad_cval_mask, "CropAndPad(pad_cval_mask)")
        return {"image_fills": fill, "mask_fills": fill_mask}

    def _sides(self) -> dict[str, Any]:
        if (self.px is None) == (self.percent is None):
            raise ConfigError(f"CropAndPad needs one of px and percent, got px={self.px!r}, percent={self.percent!r}")
        return {
            "px": None if self.px is None else _ranges(self.px, _pixels, "CropAndPad(px)"),
            "percent": None if self.percent is None else _ranges(self.percent, _fraction, "CropAndPad(percent)"),
        }


def _within(first: int, second: int, size: int) -> tuple[int, int]:
    """Cut off less in proportion, where nothing would be left."""
    if first + second < size:
        return first, second
    first = (size - 1) * first // (first + second)
    return first, size - 1 - first


def _ranges(amount: Any, number: Any, where: str) -> tuple[Any, ...]:
    """A range to draw from for each side."""
    if is_number(amount):
        return (_range(amount, number, where),) * 4
    if isinstance(amount, Sequence) and not isinstance(amount, str):
        if len(amount) == 2:
            return (_range(amount, number, where),) * 4
        if len(amount) == 4:
            return tuple(_range(side, number, where) for side in amount)
    raise ConfigError(f"{where} must be one amount, a range (a, b), or four of either for the sides, got {amount!r}")


def _range(amount: Any, number: Any, where: str) -> tuple[float, float]:
    is_px = number is _pixels
    if is_number(amount):
        low = number(amount, where)
        return (low, low + 1) if is_px else (low, low)
    if not isinstance(amount, Sequence) or len(amount) != 2 or not all(map(is_number, amount)):
        raise ConfigError(f"{where} needs numbers or ranges of two numbers (a, b), got {amount!r}")
    low, high = number(amount[0], where), number(amount[1], where)
    if low > high or (is_px and low == high):
        raise ConfigError(f"{where} draws from a to b{' - 1' if is_px else ''}, and there is nothing in {amount!r}")
    return (low, high)


def _pixels(amount: Any, where: str) -> int:
    if not isinstance(amount, Integral):
        raise ConfigError(f"{where} must be ints, got {amount!r}; percent takes fractions")
    return int(amount)


def _fraction(amount: Any, where: str) -> float:
    if amount <= -1:
        raise ConfigError(f"{where} must be above -1, which cuts off everything, got {amount!r}")
    return float(amount)


def _fill(fill: Any, where: str) -> Any:
    is_list = isinstance(fill, Sequence) and len(fill) >= 2 and all(map(is_number, fill))
    if not is_number(fill) and (not is_list or (len(fill) == 2 and fill[0] > fill[1])):
        raise ConfigError(f"{where} must be a number, a range (low, high) or numbers to draw one of, got {fill!r}")
    return fill
