"""CropAndPad: sides, fills, sizes and what is drawn."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from fastestimator_lite.op.numpyop.multivariate import CropAndPad
from fastestimator_lite.util.errors import ConfigError

STATE = {"mode": "train", "epoch": 1}


@pytest.fixture
def image():
    """Every pixel tells its place: (row, column, 0)."""
    rows, columns = np.mgrid[:20, :30]
    return np.stack([rows, columns, np.zeros_like(rows)], axis=-1).astype(np.uint8)


def draws(op, *values, count=200):
    for seed in range(count):
        op.reseed(seed)
        yield op.forward(list(values), STATE)


def corner(crop):
    """First row and column of a crop that was not resized, and those after the last."""
    return (*crop[0, 0, :2].tolist(), *(crop[-1, -1, :2] + 1).tolist())


def test_sides_are_top_right_bottom_left(image):
    op = CropAndPad((-2, 3, 1, -4), keep_size=False, pad_cval=9, pad_cval_mask=5, image_in="x", mask_in="m")
    result, mask = op.forward([image, image[..., 0]], STATE)
    np.testing.assert_array_equal(result, np.pad(image[2:, 4:], ((0, 1), (0, 3), (0, 0)), constant_values=9))
    np.testing.assert_array_equal(mask, np.pad(image[2:, 4:, 0], ((0, 1), (0, 3)), constant_values=5))
    same = CropAndPad(1, keep_size=False, pad_cval=9, image_in="x", mask_in="m").forward([image, image[..., 0]], STATE)
    np.testing.assert_array_equal(same[1], np.pad(image[..., 0], 1, constant_values=9))


def test_fractions_are_of_the_height_and_the_width(image):
    op = CropAndPad(percent=(-0.1, 0.2, 0.1, -0.1), pad_mode="reflect", keep_size=False, image_in="x")
    expected = np.pad(image[2:, 3:], ((0, 2), (0, 6), (0, 0)), mode="reflect")
    np.testing.assert_array_equal(op.forward([image], STATE)[0], expected)
    assert CropAndPad(percent=1, keep_size=False, image_in="x").forward([image], STATE)[0].shape == (60, 90, 3)


def test_the_size_is_kept_unless_told_otherwise(image):
    result, mask = CropAndPad(-3, image_in="x", mask_in="m").forward([image, image[..., 0]], STATE)
    np.testing.assert_array_equal(result, cv2.resize(image[3:-3, 3:-3], (30, 20), interpolation=cv2.INTER_LINEAR))
    nearest = cv2.resize(image[3:-3, 3:-3, 0], (30, 20), interpolation=cv2.INTER_NEAREST)
    np.testing.assert_array_equal(mask, nearest)
    sharp = CropAndPad(-3, interpolation="nearest_neighbor", image_in="x").forward([image], STATE)[0]
    np.testing.assert_array_equal(sharp[..., 0], nearest)


def test_a_pair_is_drawn_from_for_each_side(image):
    found = {corner(crop) for (crop,) in draws(CropAndPad((-3, 0), keep_size=False, image_in="x"), image)}
    sides = [set(side) for side in zip(*found, strict=True)]
    assert sides == [{1, 2, 3}, {1, 2, 3}, {17, 18, 19}, {27, 28, 29}]
    only_top = CropAndPad(((-3, 0), 0, -1, 0), keep_size=False, image_in="x")
    assert {corner(crop) for (crop,) in draws(only_top, image)} == {(top, 0, 19, 30) for top in (1, 2, 3)}
    fractions = CropAndPad(percent=(-0.2, 0.0), keep_size=False, image_in="x")
    assert {corner(crop)[1] for (crop,) in draws(fractions, image)} == {0, 1, 2, 3, 4, 5}


def test_a_row_and_a_column_are_kept(image):
    assert CropAndPad(-100, keep_size=False, image_in="x").forward([image], STATE)[0].shape == (1, 1, 3)
    half = CropAndPad((-10, 0, -10, 0), keep_size=False, image_in="x").forward([image], STATE)[0]
    np.testing.assert_array_equal(half, image[9:10])
    most = CropAndPad((-30, 0, -10, 0), keep_size=False, image_in="x").forward([image], STATE)[0]
    np.testing.assert_array_equal(most, image[14:15])


def test_fills_may_be_drawn(image):
    ranged = CropAndPad(1, keep_size=False, pad_cval=(3, 5), image_in="x")
    assert {int(crop[0, 0, 0]) for (crop,) in draws(ranged, image)} == {3, 4, 5}
    listed = CropAndPad(1, keep_size=False, pad_cval=[3, 7, 11], image_in="x")
    assert {int(crop[0, 0, 0]) for (crop,) in draws(listed, image)} == {3, 7, 11}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "one of px and percent"),
        ({"px": 1, "percent": 0.1}, "one of px and percent"),
        ({"px": 0.5}, "percent takes fractions"),
        ({"px": (5, 1)}, r"nothing in \(5, 1\)"),
        ({"px": (2, 2)}, "from a to b - 1"),
        ({"px": (1, 2, 3)}, "four of either"),
        ({"px": (1, 2, 3, "4")}, "ranges of two numbers"),
        ({"px": "3"}, r"CropAndPad\(px\)"),
        ({"percent": -1.0}, "above -1"),
        ({"percent": (0.2, 0.1)}, r"nothing in \(0.2, 0.1\)"),
        ({"px": 1, "pad_mode": "mirror"}, r"CropAndPad\(pad_mode\)"),
        ({"px": 1, "pad_cval": (5, 3)}, r"CropAndPad\(pad_cval\)"),
        ({"px": 1, "interpolation": "cubic"}, "Did you mean 'bicubic'"),
    ],
)
def test_impossible_amounts(arguments, message):
    with pytest.raises(ConfigError, match=message):
        CropAndPad(image_in="x", **arguments)
