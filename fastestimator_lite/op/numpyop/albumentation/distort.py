"""Distortions: elastic, in a grid, as of a lens; and a shuffled grid."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from fastestimator_lite.op.numpyop.albumentation.declare import fields
from fastestimator_lite.op.numpyop.albumentation.image_and_targets import Fill, ImageAndMasks
from fastestimator_lite.op.numpyop.albumentation.rotate import both_ways, is_number, renamed_fill
from fastestimator_lite.util.errors import ConfigError

Range: TypeAlias = float | tuple[float, float]

NUM_FILLED = 4  # channels that OpenCV fills at once
SMALL_KERNEL = (17, 17)  # pixels, of `ElasticTransform(approximate=True)`
FITTING_KERNEL = (0, 0)  # OpenCV takes four standard deviations to each side


class ElasticMethods:
    """Stand before `albumentations.ElasticTransform`: the affine map of version 1 and its uniform noise."""

    random_generator: np.random.Generator
    alpha: float
    sigma: float
    alpha_affine: float
    approximate: bool
    same_dxdy: bool

    def get_params_dependent_on_data(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        """Draw where each pixel comes from; both maps in one, so that pixels are interpolated once."""
        height, width = params["shape"][:2]
        inverse = self._inverse_affine(height, width)
        move_x = self._field(height, width)
        move_y = move_x if self.same_dxdy else self._field(height, width)
        x, y = np.arange(width) + move_x, np.arange(height)[:, np.newaxis] + move_y
        maps = [row[0] * x + row[1] * y + row[2] for row in inverse]
        return {"map_x": maps[0].astype(np.float32), "map_y": maps[1].astype(np.float32)}

    def _inverse_affine(self, height: int, width: int) -> np.ndarray:
        import cv2

        x, y, arm = width // 2, height // 2, max(1, min(height, width) // 3)
        points = np.array([[x + arm, y + arm], [x + arm, y - arm], [x - arm, y - arm]], np.float32)
        moves = self.random_generator.uniform(-self.alpha_affine, self.alpha_affine, points.shape)
        return cv2.invertAffineTransform(cv2.getAffineTransform(points, points + moves.astype(np.float32)))

    def _field(self, height: int, width: int) -> np.ndarray:
        import cv2

        noise = self.random_generator.uniform(-1, 1, (height, width)).astype(np.float32)
        kernel = SMALL_KERNEL if self.approximate else FITTING_KERNEL
        return cv2.GaussianBlur(noise, kernel, self.sigma, borderType=cv2.BORDER_REFLECT) * np.float32(self.alpha)


class GridMethods:
    """Stand before `albumentations.GridDistortion`: equal cells whatever the size, and no move where the factor is 1."""

    py_random: Any
    num_steps: int
    distort_limit: tuple[float, float]

    def get_params_dependent_on_data(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        """Draw where each column and row comes from."""
        height, width = params["shape"][:2]
        map_x, map_y = np.meshgrid(self._line(width), self._line(height))
        return {"map_x": map_x, "map_y": map_y}

    def _line(self, size: int) -> np.ndarray:
        """Where the pixels along one axis come from."""
        edges = np.linspace(0, size, self.num_steps + 1)
        factors = [1 + self.py_random.uniform(*self.distort_limit) for _ in range(self.num_steps)]
        sources = np.concatenate([[0], np.cumsum(np.diff(edges) * factors)])
        middles = np.arange(size) + 0.5
        return (np.interp(middles, edges, sources) - 0.5).astype(np.float32)


class OpticalMethods:
    """Stand before `albumentations.OpticalDistortion`: the shift of version 1, and no move without a strength."""

    py_random: Any
    distort_limit: tuple[float, float]
    shift_limit: tuple[float, float]

    def get_params_dependent_on_data(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        """Draw where each pixel comes from."""
        import cv2

        height, width = params["shape"][:2]
        strength = self.py_random.uniform(*self.distort_limit)
        shift_x, shift_y = (round(self.py_random.uniform(*self.shift_limit)) for _ in range(2))
        lens = np.array([[width, 0, (width - 1) / 2], [0, height, (height - 1) / 2], [0, 0, 1]], np.float32)
        radial = np.array([strength, strength, 0, 0, 0], np.float32)
        map_x, map_y = cv2.initUndistortRectifyMap(lens, radial, np.eye(3), lens, (width, height), cv2.CV_32FC1)
        return {"map_x": map_x + np.float32(shift_x), "map_y": map_y + np.float32(shift_y)}


class ElasticTransform(ImageAndMasks):
    """Move each pixel by a smooth random field, after a random affine map.

    Args:
        alpha: Factor of the field, >= 0: noise in (-1, 1), smoothed, times `alpha` is the move in pixels.
        sigma: Standard deviation of the Gaussian that smooths the field, in pixels, >= 1.
        alpha_affine: Three points around the middle are moved along each axis by up to this many pixels, >= 0, which
            gives the affine map; 0 for none.
        interpolation: OpenCV interpolation flag for the image; masks take their nearest pixel.
        border_mode: OpenCV border constant for the pixels that come into view; 4 mirrors the image.
        value: Fill for the image when `border_mode` is 0 (constant), in image units; None for 0.
        mask_value: The same for masks.
        approximate: Whether the field is smoothed over 17 x 17 pixels whatever `sigma` is, which is faster.
        same_dxdy: Whether one field serves for both axes.
        mode, ds_id: When to run; see `Op`.
        image_in, ..., masks_out: What to transform; see `MultiVariateAlbumentation`.

    Image types: uint8, float32.

    Source: Simard, Steinkraus and Platt 2003, "Best Practices for Convolutional Neural Networks Applied to Visual
        Document Analysis", section 2.
    """

    methods = ElasticMethods

    alpha: float = 34.0
    sigma: float = 4.0
    alpha_affine: float = 50.0
    interpolation: int = 1
    border_mode: int = 4
    value: Fill = None
    mask_value: Fill = None
    approximate: bool = False
    same_dxdy: bool = False

    def _arguments(self) -> dict[str, Any]:
        arguments = _all_filled(fields(self))
        move = arguments.pop("alpha_affine")
        if not is_number(move) or move < 0:
            raise ConfigError(f"ElasticTransform(alpha_affine) must be pixels >= 0, got {move!r}")
        return arguments

    def _settings(self) -> dict[str, Any]:
        return {"alpha_affine": float(self.alpha_affine)}


class GridDistortion(ImageAndMasks):
    """Stretch and squeeze the columns and rows of a grid, each by a factor drawn uniformly.

    Args:
        num_steps: Columns of the grid, and rows, >= 1.
        distort_limit: By how much a factor differs from 1, between -1 and 1; a single n means (-n, n).
        interpolation: OpenCV interpolation flag for the image; masks take their nearest pixel.
        border_mode: OpenCV border constant for the pixels that come into view; 4 mirrors the image.
        value: Fill for the image when `border_mode` is 0 (constant), in image units; None for 0.
        mask_value: The same for masks.
        mode, ds_id: When to run; see `Op`.
        image_in, ..., masks_out: What to transform; see `MultiVariateAlbumentation`.

    Image types: uint8, float32.
    """

    methods = GridMethods

    num_steps: int = 5
    distort_limit: Range = 0.3
    interpolation: int = 1
    border_mode: int = 4
    value: Fill = None
    mask_value: Fill = None

    def _arguments(self) -> dict[str, Any]:
        return _all_filled(fields(self))


class OpticalDistortion(ImageAndMasks):
    """Distort as a lens does, by a strength drawn uniformly.

    Args:
        distort_limit: Both coefficients k1 = k2 of the radial distortion; a single n means (-n, n). More than 0 pulls
            the outside inwards.
        shift_limit: Pixels that the image is moved by to the left and, drawn apart, upwards; rounded to whole ones. A
            single n means (-n, n).
        interpolation: OpenCV interpolation flag for the image; masks take their nearest pixel.
        border_mode: OpenCV border constant for the pixels that come into view; 4 mirrors the image.
        value: Fill for the image when `border_mode` is 0 (constant), in image units; None for 0.
        mask_value: The same for masks.
        mode, ds_id: When to run; see `Op`.
        image_in, ..., masks_out: What to transform; see `MultiVariateAlbumentation`.

    Image types: uint8, float32.
    """

    methods = OpticalMethods

    distort_limit: Range = 0.05
    shift_limit: Range = 0.05
    interpolation: int = 1
    border_mode: int = 4
    value: Fill = None
    mask_value: Fill = None

    def _arguments(self) -> dict[str, Any]:
        arguments = _all_filled(fields(self))
        arguments.pop("shift_limit")
        return arguments

    def _settings(self) -> dict[str, Any]:
        return {"shift_limit": both_ways(self.shift_limit, "OpticalDistortion(shift_limit)")}


class RandomGridShuffle(ImageAndMasks):
    """Cut the image by a grid and put the tiles together in another order; tiles only swap with those of their size.

    Args:
        grid: Rows and columns, each >= 1 and at most the height or width in pixels.
        mode, ds_id: When to run; see `Op`.
        image_in, ..., masks_out: What to transform; see `MultiVariateAlbumentation`.

    Image types: uint8, float32.
    """

    grid: tuple[int, int] = (3, 3)


def _all_filled(arguments: dict[str, Any]) -> dict[str, Any]:
    """Rename the fills, and make single numbers fill every channel: OpenCV would fill the first one."""
    arguments = renamed_fill(arguments)
    for name in ("fill", "fill_mask"):
        if is_number(arguments[name]):
            arguments[name] = (arguments[name],) * NUM_FILLED
    return arguments
