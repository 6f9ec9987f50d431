"""RandomShapes: patches of even colour over an image."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from fastestimator_lite.op.numpyop.numpyop import RandomOp
from fastestimator_lite.op.numpyop.univariate.each import EachValue
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError, DataError

MIN_SIZE = 2
RECTANGLE, TRIANGLE, CIRCLE, ELLIPSE = range(4)


class RandomShapes(EachValue, RandomOp):
    """Lay rectangles, triangles, circles and ellipses of random place, size and colour over images.

    Each image gets shapes of its own: 1 to `max_shapes` of them, which may overlap. Inside a shape a pixel becomes
    weight * colour + (1 - weight) * pixel, with one weight for all shapes of an image.

    Args:
        inputs: Key or keys of images of shape (H, W) or (H, W, C), int in [0, 255] or float in [0, 1].
        outputs: Key or keys to write, as many as `inputs`: the same shape and type.
        mode, ds_id: When to run; see `Op`.
        max_shapes: Most shapes on an image, >= 0; 0 leaves it as it is.
        max_size: Longest side of a shape in pixels, >= 2; None for that of the image.
        intensity_range: The least and the greatest value of a colour channel, ints in [0, 255], also for float images.
        transparency_range: Range in [0, 1] that the weight is drawn from; 1 hides the image.

    Raises:
        ConfigError: If an argument is not as described, or there are not as many outputs as inputs.
    """

    draws = True

    def __init__(
        self,
        inputs: str | Sequence[str],
        outputs: str | Sequence[str],
        mode: Keys = None,
        ds_id: Keys = None,
        max_shapes: int = 3,
        max_size: int | None = None,
        intensity_range: tuple[int, int] = (0, 254),
        transparency_range: tuple[float, float] = (0.1, 0.9),
    ) -> None:
        super().__init__(inputs, outputs, mode, ds_id)
        if max_shapes < 0:
            raise ConfigError(f"RandomShapes(max_shapes) must be an int >= 0, got {max_shapes!r}")
        if max_size is not None and max_size < MIN_SIZE:
            raise ConfigError(f"RandomShapes(max_size) must be an int >= {MIN_SIZE} or None, got {max_size!r}")
        for name, ends, top in (("intensity", intensity_range, 255), ("transparency", transparency_range, 1)):
            if len(ends) != 2 or not 0 <= ends[0] <= ends[1] <= top:
                raise ConfigError(f"RandomShapes({name}_range) must be (low, high) in [0, {top}], got {ends!r}")
        self.max_shapes = self.full_max_shapes = max_shapes
        self.max_size = max_size
        self.intensity_range = intensity_range
        self.transparency_range = self.full_transparency_range = transparency_range

    def set_rua_level(self, magnitude_coef: float) -> None:
        """Take fewer and fainter shapes.

        Args:
            magnitude_coef: Level in [0, 1]: share of `max_shapes`, rounded up, and of the width of
                `transparency_range`, its lower end kept.
        """
        low, high = self.full_transparency_range
        self.max_shapes = math.ceil(self.full_max_shapes * magnitude_coef)
        self.transparency_range = (low, low + (high - low) * magnitude_coef)

    def work(self, value: np.ndarray) -> np.ndarray:
        image = np.asarray(value)
        if image.ndim not in (2, 3) or image.dtype.kind not in "iuf":
            raise DataError(
                "RandomShapes takes images of numbers of shape (H, W) or (H, W, C), "
                f"got {image.dtype} of shape {image.shape} for {self.inputs}"
            )
        changed = image.copy()
        num_shapes = int(self.rng.integers(1, self.max_shapes + 1)) if self.max_shapes else 0
        if num_shapes == 0 or min(image.shape[:2]) < MIN_SIZE:
            return changed
        pixels = changed.reshape(*image.shape[:2], -1)
        shapes = self._draw_shapes(pixels.shape[0], pixels.shape[1], num_shapes)
        low, high = self.intensity_range
        colors = self.rng.integers(low, high + 1, (num_shapes, pixels.shape[-1])).astype(np.float64)
        weight = self.rng.uniform(*self.transparency_range)
        covered = shapes > 0
        is_float = image.dtype.kind == "f"
        mixed = weight * (colors / 255 if is_float else colors)[shapes[covered] - 1] + (1 - weight) * pixels[covered]
        pixels[covered] = mixed if is_float else np.rint(mixed)
        return changed

    def _draw_shapes(self, height: int, width: int, num_shapes: int) -> np.ndarray:
        """Which shape covers a pixel: int32 of shape (H, W), 0 for none, else its number, counted from 1."""
        import PIL.Image
        import PIL.ImageDraw

        canvas = PIL.Image.new("I", (width, height))
        pen = PIL.ImageDraw.Draw(canvas)
        longest = self.max_size or max(height, width)
        for number in range(1, num_shapes + 1):
            kind = int(self.rng.integers(4))
            top = int(self.rng.integers(height - MIN_SIZE + 1))
            left = int(self.rng.integers(width - MIN_SIZE + 1))
            # the sizes that fit between the corner and the edges
            rows = int(self.rng.integers(MIN_SIZE, min(height - top, longest) + 1))
            columns = int(self.rng.integers(MIN_SIZE, min(width - left, longest) + 1))
            if kind in (TRIANGLE, CIRCLE):
                rows = columns = min(rows, columns)
            bottom, right = top + rows - 1, left + columns - 1
            if kind == RECTANGLE:
                pen.rectangle((left, top, right, bottom), fill=number)
            elif kind == TRIANGLE:
                pen.polygon([(left, bottom), (right, bottom), ((left + right) / 2, top)], fill=number)
            else:
                pen.ellipse((left, top, right, bottom), fill=number)
        return np.array(canvas)
