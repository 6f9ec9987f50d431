"""Sizes after LongestMaxSize, SmallestMaxSize, RandomScale and PadIfNeeded."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from fastestimator_lite.op.numpyop.multivariate import LongestMaxSize, PadIfNeeded, RandomScale, SmallestMaxSize
from fastestimator_lite.util.errors import ConfigError

STATE = {"mode": "train", "epoch": 1}
FORMATS = {"bbox_in": "b", "bbox_params": "pascal_voc", "keypoints_in": "k", "keypoint_params": "xy"}


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (20, 40, 3), dtype=np.uint8)


def size(op, image):
    return op.forward([image], STATE)[0].shape[:2]


@pytest.mark.parametrize(("kind", "expected"), [(LongestMaxSize, (15, 30)), (SmallestMaxSize, (30, 60))])
def test_one_side_gets_the_size_and_the_shape_stays(kind, expected, image):
    op = kind(30, image_in="x", mask_in="m", **FORMATS)
    result, mask, boxes, points = op.forward([image, image[..., 0], [(4, 8, 16, 20, 1)], [(10, 6)]], STATE)
    factor = expected[0] / 20
    np.testing.assert_array_equal(result, cv2.resize(image, expected[::-1], interpolation=cv2.INTER_LINEAR))
    nearest = cv2.resize(image[..., 0], expected[::-1], interpolation=cv2.INTER_NEAREST)
    np.testing.assert_array_equal(mask, nearest)
    np.testing.assert_allclose(boxes[0], [4 * factor, 8 * factor, 16 * factor, 20 * factor, 1], atol=1e-4)
    np.testing.assert_allclose(points, [(10 * factor, 6 * factor)], atol=1e-4)
    assert kind(image_in="x").max_size == 1024
    cubic = kind(30, cv2.INTER_CUBIC, image_in="x").forward([image], STATE)[0]
    np.testing.assert_array_equal(cubic, cv2.resize(image, expected[::-1], interpolation=cv2.INTER_CUBIC))


@pytest.mark.parametrize(("kind", "side"), [(LongestMaxSize, 1), (SmallestMaxSize, 0)])
def test_one_of_several_sizes_is_drawn(kind, side, image):
    op = kind([10, 20, 30], image_in="x")
    assert op.draws
    assert not kind(10, image_in="x").draws
    sizes = []
    for seed in range(40):
        op.reseed(seed)
        sizes.append(size(op, image)[side])
    assert set(sizes) == {10, 20, 30}


@pytest.mark.parametrize("kind", [LongestMaxSize, SmallestMaxSize])
@pytest.mark.parametrize("value", [0, -3, None, [], 2.5])
def test_impossible_sizes(kind, value):
    with pytest.raises(ConfigError, match=f"{kind.__name__}.*max_size"):
        kind(value, image_in="x")


@pytest.mark.parametrize(("limit", "low", "high"), [(0.5, 0.5, 1.5), ((0, 0.5), 1, 1.5), ((-0.5, -0.25), 0.5, 0.75)])
def test_the_scale_is_added_to_one(limit, low, high):
    image = np.zeros((100, 200), np.uint8)
    op = RandomScale(limit, image_in="x")
    heights = []
    for seed in range(200):
        op.reseed(seed)
        height, width = size(op, image)
        assert abs(width - 2 * height) <= 1
        heights.append(height)
    assert (min(heights), max(heights)) == pytest.approx((100 * low, 100 * high), abs=3)


def test_boxes_and_keypoints_are_scaled(image):
    op = RandomScale((0.5, 0.5), image_in="x", **FORMATS)
    _, boxes, points = op.forward([image, [(4, 8, 16, 20, 1)], [(10, 6)]], STATE)
    np.testing.assert_allclose(boxes[0], [6, 12, 24, 30, 1], atol=1e-4)
    np.testing.assert_allclose(points, [(15, 9)], atol=1e-4)


@pytest.mark.parametrize("limit", [-1, (-1, 0), 1.0, (0.5, 0.1), "big", None])
def test_impossible_scales(limit):
    with pytest.raises(ConfigError, match=r"RandomScale\(scale_limit\)"):
        RandomScale(limit, image_in="x")


def test_padding_mirrors_and_leaves_large_images_alone(image):
    op = PadIfNeeded(25, 30, image_in="x", mask_in="m", **FORMATS)
    result, mask, boxes, points = op.forward([image, image[..., 0], [(4, 8, 16, 20, 1)], [(10, 6)]], STATE)
    expected = np.pad(image, ((2, 3), (0, 0), (0, 0)), mode="reflect")  # the odd row below
    np.testing.assert_array_equal(result, expected)
    np.testing.assert_array_equal(mask, expected[..., 0])
    np.testing.assert_allclose(boxes, [(4, 10, 16, 22, 1)], atol=1e-4)
    np.testing.assert_allclose(points, [(10, 8)])
    assert (op.min_height, PadIfNeeded(image_in="x").min_height, PadIfNeeded(image_in="x").min_width) == (
        25,
        1024,
        1024,
    )
    np.testing.assert_array_equal(PadIfNeeded(9, 9, image_in="x").forward([image], STATE)[0], image)


def test_constant_padding_has_a_value_for_images_and_one_for_masks():
    image, mask = np.full((3, 4, 3), 9, np.uint8), np.ones((3, 4), np.uint8)
    op = PadIfNeeded(5, 6, border_mode=0, value=(1, 2, 3), mask_value=7, image_in="x", mask_in="m")
    result, padded = op.forward([image, mask], STATE)
    np.testing.assert_array_equal(result[0, 0], [1, 2, 3])
    np.testing.assert_array_equal(padded, np.pad(mask, 1, constant_values=7))


@pytest.mark.parametrize("arguments", [{"min_height": 0}, {"min_width": -1}, {"min_height": None}, {"border_mode": 9}])
def test_impossible_paddings(arguments):
    with pytest.raises(ConfigError, match=f"PadIfNeeded.*{next(iter(arguments))}"):
        PadIfNeeded(image_in="x", **arguments)
