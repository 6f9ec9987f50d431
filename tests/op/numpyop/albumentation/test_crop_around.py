"""Crops that hold boxes, lie near a box or hold a marked pixel."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from fastestimator_lite.op.numpyop.multivariate import (
    BBoxSafeRandomCrop,
    CropNonEmptyMaskIfExists,
    RandomCropNearBBox,
    RandomSizedBBoxSafeCrop,
)
from fastestimator_lite.util.errors import ConfigError

STATE = {"mode": "train", "epoch": 1}
BOXES = {"bbox_in": "b", "bbox_params": "pascal_voc"}


@pytest.fixture
def image():
    """Every pixel tells its place: (row, column, 0)."""
    rows, columns = np.mgrid[:20, :30]
    return np.stack([rows, columns, np.zeros_like(rows)], axis=-1).astype(np.uint8)


def draws(op, *values, count=300):
    for seed in range(count):
        op.reseed(seed)
        yield op.forward(list(values), STATE)


def corner(crop):
    """First column and row of a crop that was not resized, and those after the last, as in a box."""
    return (*crop[0, 0, 1::-1].tolist(), *(crop[-1, -1, 1::-1] + 1).tolist())


def test_no_pixel_of_a_box_is_lost_and_all_places_around_are_drawn(image):
    boxes = [(7, 5, 13, 9, 0), (11, 8, 21, 14, 1)]
    found = []
    for crop, left in draws(BBoxSafeRandomCrop(image_in="x", **BOXES), image, boxes):
        x_min, y_min, x_max, y_max = corner(crop)
        found.append((x_min, y_min, x_max, y_max))
        assert x_min <= 7
        assert y_min <= 5
        assert x_max >= 21
        assert y_max >= 14
        moved = [(x1 - x_min, y1 - y_min, x2 - x_min, y2 - y_min, label) for x1, y1, x2, y2, label in boxes]
        np.testing.assert_allclose(left, moved, atol=1e-3)
    lefts, tops, rights, bottoms = map(set, zip(*found, strict=True))
    assert (lefts, tops) == (set(range(7)), set(range(5)))
    assert (rights, bottoms) == (set(range(22, 31)), set(range(15, 21)))


def test_boxes_at_the_border_leave_no_choice(image):
    for crop, _ in draws(BBoxSafeRandomCrop(image_in="x", **BOXES), image, [(0, 0, 30, 20)], count=5):
        np.testing.assert_array_equal(crop, image)


def test_each_box_may_lose_the_eroded_part_at_each_side(image):
    op = BBoxSafeRandomCrop(0.25, image_in="x", **BOXES)
    corners = [corner(crop) for crop, _ in draws(op, image, [(0, 0, 20, 20)])]
    lefts, tops, rights, bottoms = map(set, zip(*corners, strict=True))
    assert (max(lefts), max(tops)) == (4, 4)  # up to 5, a quarter of 20
    assert (min(rights), min(bottoms)) == (16, 16)


@pytest.mark.parametrize("rate", [0.7, 1.0])
def test_full_erosion_leaves_at_least_a_pixel(image, rate):
    op = BBoxSafeRandomCrop(rate, image_in="x", **BOXES)
    for boxes in ([(4, 4, 6, 6)], [(0, 0, 1, 1), (29, 19, 30, 20)], []):
        for crop, _ in draws(op, image, boxes, count=100):
            assert min(crop.shape[:2]) >= 1


def test_without_boxes_the_shape_of_the_image_is_kept(image):
    for crop, _ in draws(BBoxSafeRandomCrop(image_in="x", **BOXES), image, [], count=3):
        np.testing.assert_array_equal(crop, image)
    shapes = {crop.shape[:2] for crop, _ in draws(BBoxSafeRandomCrop(0.5, image_in="x", **BOXES), image, [])}
    assert shapes == {(height, height * 3 // 2) for height in range(10, 21)}


def test_sized_crop_resizes_what_it_holds(image):
    op = RandomSizedBBoxSafeCrop(40, 60, interpolation=cv2.INTER_NEAREST, image_in="x", mask_in="m", **BOXES)
    for crop, mask, boxes in draws(op, image, image[..., 0], [(7, 5, 21, 14, 0)], count=50):
        assert crop.shape == (40, 60, 3)
        np.testing.assert_array_equal(mask, crop[..., 0])
        x_min, y_min, x_max, y_max = corner(crop)
        scale = np.array([60 / (x_max - x_min), 40 / (y_max - y_min)] * 2)
        expected = (np.array([7, 5, 21, 14]) - [x_min, y_min, x_min, y_min]) * scale
        np.testing.assert_allclose(boxes[0][:4], expected, atol=1e-2)


@pytest.mark.parametrize("kind", [BBoxSafeRandomCrop, RandomSizedBBoxSafeCrop])
def test_boxes_are_needed(kind):
    size = {} if kind is BBoxSafeRandomCrop else {"height": 3, "width": 4}
    with pytest.raises(ConfigError, match=f"{kind.__name__}: bbox_in is needed"):
        kind(image_in="x", **size)
    with pytest.raises(ConfigError, match="erosion_rate"):
        kind(erosion_rate=1.5, image_in="x", **size, **BOXES)


def test_a_marked_pixel_is_in_the_crop_at_every_place(image):
    mask = np.zeros((20, 30), np.uint8)
    mask[9, 14] = 3
    op = CropNonEmptyMaskIfExists(4, 5, image_in="x", mask_in="m")
    places = set()
    for crop, cropped in draws(op, image, mask):
        assert crop.shape == (4, 5, 3)
        assert cropped.sum() == 3
        places.add(corner(crop)[:2])
    assert places == {(x, y) for x in range(10, 15) for y in range(6, 10)}


def test_all_marked_pixels_are_drawn(image):
    mask = np.zeros((20, 30), np.uint8)
    mask[2, 3] = mask[17, 27] = 1
    op = CropNonEmptyMaskIfExists(3, 3, image_in="x", mask_in="m")
    tops = [corner(crop)[1] for crop, _ in draws(op, image, mask)]
    assert 100 < sum(top < 10 for top in tops) < 200


def test_an_empty_mask_lets_the_crop_lie_anywhere(image):
    op = CropNonEmptyMaskIfExists(17, 28, image_in="x", mask_in="m")
    places = {corner(crop)[:2] for crop, _ in draws(op, image, np.zeros((20, 30)))}
    assert places == {(x, y) for x in range(3) for y in range(4)}


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float32, bool])
def test_masks_mark_together_whatever_their_dtype(image, dtype):
    one, other = np.zeros((20, 30), dtype), np.zeros((20, 30), dtype)
    one[2, 3] = other[17, 27] = 1
    op = CropNonEmptyMaskIfExists(3, 3, image_in="x", masks_in="l")
    marked = [[mask.any() for mask in masks] for _, masks in draws(op, image, [one, other], count=100)]
    assert all(sum(both) == 1 for both in marked)
    assert {tuple(map(bool, both)) for both in marked} == {(True, False), (False, True)}


def test_values_and_channels_may_be_ignored(image):
    mask = np.full((20, 30, 2), 5, np.uint8)
    mask[..., 1] = 0
    mask[9, 14, 1] = 2
    by_channel = CropNonEmptyMaskIfExists(4, 5, ignore_channels=[0], image_in="x", mask_in="m")
    by_value = CropNonEmptyMaskIfExists(4, 5, ignore_values=(5,), image_in="x", mask_in="m")
    for op in (by_channel, by_value):
        assert all((cropped[..., 1] == 2).any() for _, cropped in draws(op, image, mask, count=50))


def test_a_crop_larger_than_the_image_names_both(image):
    op = CropNonEmptyMaskIfExists(21, 5, image_in="x", mask_in="m")
    with pytest.raises(ValueError, match="21 x 5 does not fit into the image of 20 x 30"):
        op.forward([image, image[..., 0]], STATE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"height": 3, "width": 4, "image_in": "x"}, "mask_in or masks_in is needed"),
        ({"height": 0, "width": 4, "mask_in": "m"}, "height"),
        ({"height": 3, "width": 4, "mask_in": "m", "ignore_values": ["a"]}, "ignore_values"),
    ],
)
def test_non_empty_crop_checks_its_values(arguments, message):
    with pytest.raises(ConfigError, match=message):
        CropNonEmptyMaskIfExists(**arguments)


def test_near_a_box_the_sides_move_by_up_to_a_part_of_its_size(image):
    op = RandomCropNearBBox("c", 0.25, image_in="x", mask_in="m")
    assert op.inputs == ["x", "m", "c"]
    assert op.outputs == ["x", "m"]
    corners = []
    for crop, mask in draws(op, image, image[..., 0], [10, 6, 18, 14]):
        np.testing.assert_array_equal(mask, crop[..., 0])
        corners.append(corner(crop))
    lefts, tops, rights, bottoms = map(set, zip(*corners, strict=True))
    assert (lefts, rights) == (set(range(8, 13)), set(range(16, 21)))  # by up to 2 of 8
    assert (tops, bottoms) == (set(range(4, 9)), set(range(12, 17)))


@pytest.mark.parametrize("box", [np.array([2, 3, 30, 20]), (2.0, 3.0, 30.0, 20.0), [2.4, 3.7, 29.2, 19.1]])
def test_without_a_shift_the_box_itself_is_cut_out(image, box):
    op = RandomCropNearBBox("c", 0, image_in="x", keypoints_in="k", keypoint_params="xy", **BOXES)
    crop, boxes, points = op.forward([image, [(4, 5, 40 - 10, 9, "label")], [(5, 5), (1, 1)], box], STATE)
    np.testing.assert_array_equal(crop, image[3:20, 2:30])
    np.testing.assert_allclose(boxes[0][:4], (2, 2, 28, 6), atol=1e-4)
    assert points == [(3, 2)]


def test_what_reaches_out_of_the_image_is_cut_off(image):
    crop = RandomCropNearBBox("c", 0, image_in="x").forward([image, (-5, 10, 8, 50)], STATE)[0]
    np.testing.assert_array_equal(crop, image[10:, :8])


@pytest.mark.parametrize("box", [(5, 5, 5, 9), (5, 9, 8, 5), (1, 2, 3), [[1, 2, 3, 4]]])
def test_a_box_without_an_inside(image, box):
    with pytest.raises(ValueError, match="RandomCropNearBBox: 'c' must be"):
        RandomCropNearBBox("c", image_in="x").forward([image, box], STATE)


@pytest.mark.parametrize("shift", [-0.1, 1.5, "far"])
def test_shift_is_a_fraction(shift):
    with pytest.raises(ConfigError, match="RandomCropNearBBox.*max_part_shift"):
        RandomCropNearBBox("c", shift, image_in="x")


def test_the_key_of_the_box_is_needed():
    with pytest.raises(TypeError, match="cropping_bbox_in"):
        RandomCropNearBBox(image_in="x")
