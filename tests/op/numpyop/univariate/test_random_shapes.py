"""RandomShapes."""

from __future__ import annotations

import numpy as np
import pytest

from fastestimator_lite.op.numpyop.univariate import RandomShapes
from fastestimator_lite.util.errors import ConfigError, DataError

STATE = {"mode": "train", "epoch": 1}


def run(image, seed=0, **arguments):
    op = RandomShapes("x", "x", **arguments)
    op.reseed(seed)
    result = op.forward([image], STATE)[0]
    assert (result.dtype, result.shape) == (image.dtype, image.shape)
    return result


@pytest.mark.parametrize("shape", [(40, 60), (40, 60, 1), (40, 60, 3), (40, 60, 4)])
def test_colours_lie_over_the_image_with_one_weight(shape):
    arguments = {"max_shapes": 1, "intensity_range": (200, 200)}
    for seed in range(20):
        dark = run(np.zeros(shape, np.uint8), seed, transparency_range=(0.25, 0.25), **arguments)
        assert set(np.unique(dark)) == {0, 50}
        light = run(np.full(shape, 100, np.uint8), seed, transparency_range=(0.25, 0.25), **arguments)
        np.testing.assert_array_equal(light, np.where(dark, 125, 100))
        opaque = run(np.zeros(shape, np.uint8), seed, transparency_range=(1, 1), **arguments)
        np.testing.assert_array_equal(opaque, np.where(dark, 200, 0))


def test_float_images_are_in_0_to_1():
    kinds = [run(np.zeros((40, 60, 3), dtype), 3, max_shapes=5) for dtype in (np.uint8, np.float32, np.float64)]
    np.testing.assert_allclose(kinds[1] * 255, kinds[0], atol=0.51)
    np.testing.assert_allclose(kinds[2] * 255, kinds[0], atol=0.51)
    assert kinds[0].any()


def test_number_of_shapes_and_their_colours():
    seen = set()
    for seed in range(200):
        opaque = run(np.zeros((64, 64), np.uint8), seed, intensity_range=(1, 254), transparency_range=(1, 1))
        values = set(np.unique(opaque)) - {0}
        assert 1 <= len(values) <= 3
        seen |= values
    assert min(seen) < 10 < 245 < max(seen) <= 254


def test_shapes_are_rectangles_triangles_circles_and_ellipses_that_fit():
    shares = []
    for seed in range(400):
        mask = run(np.zeros((48, 64), np.uint8), seed, max_shapes=1, max_size=20, intensity_range=(9, 9)) > 0
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert 2 <= height <= 20
        assert 2 <= width <= 20
        if min(height, width) >= 8:
            shares.append(mask.sum() / (height * width))
    shares = np.array(shares)
    assert (shares == 1).any()  # rectangles
    assert ((shares > 0.7) & (shares < 0.85)).any()  # pi / 4: circles and ellipses
    assert ((shares > 0.45) & (shares < 0.62)).any()  # a half: triangles
    assert ((shares == 1) | ((shares > 0.45) & (shares < 0.62)) | ((shares > 0.7) & (shares < 0.88))).all()


def test_each_image_gets_its_own_shapes():
    op = RandomShapes(["x", "y"], ["x", "y"])
    op.reseed(0)
    one, other = op.forward([np.zeros((40, 60), np.uint8)] * 2, STATE)
    assert (one != other).any()


def test_level():
    op = RandomShapes("x", "x")
    for level, num_shapes, high in ((0.5, 2, 0.5), (0.01, 1, 0.108), (1, 3, 0.9), (0.3, 1, 0.34)):  # FastEstimator 1.7
        op.set_rua_level(level)
        assert op.max_shapes == num_shapes
        assert op.transparency_range == pytest.approx((0.1, high))
    op.set_rua_level(0)
    image = np.zeros((40, 60), np.uint8)
    assert not op.forward([image], STATE)[0].any()


def test_tiny_images():
    for shape in ((1, 1), (1, 30, 3), (2, 2)):
        for seed in range(5):
            run(np.zeros(shape, np.uint8), seed)


@pytest.mark.parametrize(
    "arguments",
    [
        {"max_shapes": -1},
        {"max_size": 1},
        {"intensity_range": (3, 2)},
        {"intensity_range": (0, 256)},
        {"transparency_range": (0.1, 1.1)},
        {"transparency_range": (0.1,)},
    ],
)
def test_arguments_are_checked(arguments):
    with pytest.raises(ConfigError, match=rf"RandomShapes\({next(iter(arguments))}\)"):
        RandomShapes("x", "x", **arguments)


def test_what_is_no_image():
    with pytest.raises(DataError, match=r"RandomShapes .* float64 of shape \(3,\)"):
        run(np.zeros(3))
