"""Crops by size and side: which part is cut out, and what boxes, keypoints and masks become."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from fastestimator_lite.op.numpyop.multivariate import (
    Crop,
    RandomCropFromBorders,
    RandomResizedCrop,
    RandomSizedCrop,
)
from fastestimator_lite.util.errors import ConfigError

STATE = {"mode": "train", "epoch": 1}
FORMATS = {"bbox_in": "b", "bbox_params": "pascal_voc", "keypoints_in": "k", "keypoint_params": "xy"}


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


def test_crop_cuts_from_the_first_to_before_the_last(image):
    op = Crop(3, 4, 13, 19, image_in="x", mask_in="m", **FORMATS)
    part, mask, boxes, points = op.forward([image, image[..., 0], [(0, 5, 8, 20, 7)], [(4, 4), (20, 4)]], STATE)
    np.testing.assert_array_equal(part, image[4:19, 3:13])
    np.testing.assert_array_equal(mask, image[4:19, 3:13, 0])
    # what is in view goes from x = 3 to 8 and from y = 5 to 19
    np.testing.assert_allclose(boxes, [(0, 1, 5, 15, 7)], atol=1e-4)
    np.testing.assert_allclose(points, [(1, 0)])


def test_a_crop_beyond_the_image_names_both(image):
    with pytest.raises(ValueError, match=r"x_max = 1024.*height = 20, width = 30"):
        Crop(image_in="x").forward([image], STATE)


@pytest.mark.parametrize("corners", [(5, 0, 5, 4), (0, 6, 4, 3), (-1, 0, 4, 4)])
def test_crop_without_an_inside(corners):
    with pytest.raises(ConfigError, match="Crop: "):
        Crop(*corners, image_in="x")


def test_borders_are_cut_by_up_to_their_fraction(image):
    op = RandomCropFromBorders(0.2, 0.5, 0.0, 0.4, image_in="x")
    tops, lefts, bottoms, rights = zip(*(corner(crop) for (crop,) in draws(op, image)), strict=True)
    assert set(tops) == {0}
    assert set(lefts) == set(range(7))  # up to 0.2 * 30
    assert set(bottoms) == set(range(12, 21))
    assert set(rights) == set(range(15, 31))


@pytest.mark.parametrize("arguments", [{"crop_left": 0.6, "crop_right": 0.5}, {"crop_top": -0.1}, {"crop_bottom": 1.1}])
def test_borders_that_leave_nothing(arguments):
    with pytest.raises(ConfigError, match=f"RandomCropFromBorders.*{next(iter(arguments))}"):
        RandomCropFromBorders(image_in="x", **arguments)


def test_resized_crop_has_the_area_and_shape_it_was_given(image):
    op = RandomResizedCrop(20, 30, scale=(0.25, 0.25), ratio=(1.5, 1.5), interpolation=0, image_in="x")
    places = set()
    for (crop,) in draws(op, image):
        assert crop.shape == (20, 30, 3)
        top, left, bottom, right = corner(crop)
        assert (bottom - top, right - left) == (10, 15)
        places.add((top, left))
    assert {min(place) for place in zip(*places, strict=True)} == {0}
    assert tuple(max(place) for place in zip(*places, strict=True)) == (10, 15)


def test_ratio_is_width_by_height(image):
    areas = []
    for (crop,) in draws(RandomResizedCrop(20, 30, (0.2, 0.6), (2, 3), 0, image_in="x"), image):
        top, left, bottom, right = corner(crop)
        assert 1.7 < (right - left) / (bottom - top) < 3.5
        areas.append((bottom - top) * (right - left) / 600)
    assert (min(areas), max(areas)) == pytest.approx((0.2, 0.6), abs=0.05)


def test_boxes_keypoints_and_masks_are_resized_with_the_crop(image):
    op = RandomResizedCrop(40, 15, (1, 1), (1.5, 1.5), image_in="x", mask_in="m", **FORMATS)
    crop, mask, boxes, points = op.forward([image, image[..., 0], [(4, 5, 16, 10, 7)], [(10, 6)]], STATE)
    np.testing.assert_array_equal(crop, cv2.resize(image, (15, 40)))
    np.testing.assert_array_equal(mask, cv2.resize(image[..., 0], (15, 40), interpolation=cv2.INTER_NEAREST))
    np.testing.assert_allclose(boxes, [(2, 10, 8, 20, 7)], atol=1e-4)
    np.testing.assert_allclose(points, [(5, 12)], atol=1e-4)


def test_sized_crop_draws_its_height(image):
    op = RandomSizedCrop((5, 9), 20, 30, w2h_ratio=2.0, interpolation=0, image_in="x", **FORMATS)
    heights = set()
    for crop, _, points in draws(op, image, [], [(15, 10)]):
        top, left, bottom, right = corner(crop)
        assert crop.shape == (20, 30, 3)
        assert right - left == 2 * (bottom - top)
        heights.add(bottom - top)
        is_inside = left <= 15 < right and top <= 10 < bottom
        scale = 20 / (bottom - top)
        expected = [((15 - left) * 30 / (right - left), (10 - top) * scale)] if is_inside else []
        np.testing.assert_allclose(np.reshape(points, (-1, 2)), np.reshape(expected, (-1, 2)), atol=1e-3)
    assert heights == {5, 6, 7, 8, 9}


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        (RandomResizedCrop, {"height": 0, "width": 3}, r"RandomResizedCrop: .*\(0, 3\)"),
        (RandomResizedCrop, {"height": 3, "width": 3, "scale": (0.5, 1.5)}, "scale"),
        (RandomResizedCrop, {"height": 3, "width": 3, "scale": (0.5, 0.2)}, "scale"),
        (RandomResizedCrop, {"height": 3, "width": 3, "ratio": (2, 1)}, "ratio"),
        (RandomSizedCrop, {"min_max_height": (9, 5), "height": 3, "width": 3}, r"min_max_height.*\(9, 5\)"),
        (RandomSizedCrop, {"min_max_height": (0, 5), "height": 3, "width": 3}, "low >= 1"),
        (RandomSizedCrop, {"min_max_height": 5, "height": 3, "width": 3}, "min_max_height"),
        (RandomSizedCrop, {"min_max_height": (3, 5), "height": 3, "width": 3, "w2h_ratio": 0}, "w2h_ratio"),
    ],
)
def test_impossible_sizes(kind, arguments, message):
    with pytest.raises(ConfigError, match=message):
        kind(image_in="x", **arguments)
