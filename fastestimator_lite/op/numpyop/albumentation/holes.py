"""CoarseDropout: rectangles cut out of images."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np

from fastestimator_lite.op.numpyop.albumentation.image_only import ImageOnly
from fastestimator_lite.op.numpyop.albumentation.ranges import ends_of
from fastestimator_lite.util.errors import ConfigError


class CoarseDropout(ImageOnly):
    """Overwrite rectangles, at places that are drawn.

    Sizes are in pixels where they are ints, and parts of the image where they are floats in (0, 1); all four alike.

    Args:
        inputs: Key or keys of images.
        outputs: Key or keys to write, as many as `inputs`.
        mode, ds_id: When to run; see `Op`.
        max_holes: How many rectangles at most, >= 1.
        max_height: Their largest height.
        max_width: Their largest width.
        min_holes: How many rectangles at least, >= 1; None for `max_holes`. Their number and sizes are drawn.
        min_height: Their smallest height; None for `max_height`.
        min_width: Their smallest width; None for `max_width`.
        fill_value: What they are overwritten with, in image units; a number, or one for each channel.

    Raises:
        ConfigError: If a size or number is not possible, or ints and floats are mixed.

    Image types: uint8, float32.
    """

    max_holes: int = 8
    max_height: int | float = 8
    max_width: int | float = 8
    min_holes: int | None = None
    min_height: int | float | None = None
    min_width: int | float | None = None
    fill_value: float | Sequence[float] = 0

    def _arguments(self) -> dict[str, Any]:
        ranges = {name: self._range(name) for name in ("height", "width")}
        sizes = (*ranges["height"], *ranges["width"])
        is_pixels = all(isinstance(size, Integral) for size in sizes) and min(sizes) >= 1
        is_part = all(isinstance(size, float) and 0 < size < 1 for size in sizes)
        if not is_pixels and not is_part:
            raise ConfigError(
                "CoarseDropout: heights and widths must be ints >= 1 (pixels), or all of them floats in (0, 1) (parts "
                f"of the image), got {ranges['height']} and {ranges['width']}"
            )
        fill = self.fill_value
        return {
            "num_holes_range": self._range("holes", 1, whole=True),
            "hole_height_range": ranges["height"],
            "hole_width_range": ranges["width"],
            "fill": tuple(fill) if isinstance(fill, Sequence) and not isinstance(fill, str) else fill,
        }

    def check(self, image: np.ndarray) -> None:
        super().check(image)
        smallest = (self.transform.hole_height_range[0], self.transform.hole_width_range[0])
        if smallest[0] > image.shape[0] or smallest[1] > image.shape[1]:
            raise self.refusal(image, f"images of at least {smallest[0]} x {smallest[1]} pixels, the smallest hole")

    def _range(self, name: str, least: int = 0, whole: bool = False) -> Any:
        low, high = getattr(self, f"min_{name}"), getattr(self, f"max_{name}")
        names = f"CoarseDropout(min_{name}, max_{name})"
        return ends_of(high if low is None else low, high, names, least, whole=whole)
