"""MultiVariateAlbumentation: images, masks, boxes and keypoints together."""

from __future__ import annotations

import pickle

import albumentations as A
import numpy as np
import pytest

from fastestimator_lite.op.numpyop.multivariate import (
    CenterCrop,
    HorizontalFlip,
    MultiVariateAlbumentation,
    RandomCrop,
    Rotate,
    VerticalFlip,
)
from fastestimator_lite.util.errors import ConfigError

STATE = {"mode": "train", "epoch": 1}


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (8, 10, 3), dtype=np.uint8)


@pytest.fixture
def mask(image):
    return (image[..., 0] > 100).astype(np.uint8)


def test_outputs_are_the_inputs_unless_given():
    op = HorizontalFlip(image_in="x", mask_in="m", mask_out="n", masks_in="l", bbox_in="b", bbox_params="coco")
    assert op.inputs == ["x", "m", "l", "b"]
    assert op.outputs == ["x", "n", "l", "b"]


def test_image_and_mask_get_the_same_draw(image):
    op = RandomCrop(4, 5, image_in="x", mask_in="m")
    for seed in range(10):
        op.reseed(seed)
        cropped, cropped_mask = op.forward([image, image[..., 0]], STATE)
        np.testing.assert_array_equal(cropped[..., 0], cropped_mask)


@pytest.mark.parametrize("keys", [{"mask_in": "m"}, {"masks_in": "m"}])
def test_a_mask_needs_no_image(mask, keys):
    value = mask if "mask_in" in keys else [mask]
    result = HorizontalFlip(**keys).forward([value], STATE)[0]
    np.testing.assert_array_equal(result, np.asarray(value)[..., ::-1])


def test_masks_come_back_in_the_container_they_came_in(image, mask):
    op = VerticalFlip(image_in="x", masks_in="m")
    _, listed = op.forward([image, [mask, 1 - mask]], STATE)
    assert isinstance(listed, list)
    np.testing.assert_array_equal(listed, [mask[::-1], 1 - mask[::-1]])
    _, stacked = op.forward([image, np.stack([mask, 1 - mask])], STATE)
    assert isinstance(stacked, np.ndarray)
    np.testing.assert_array_equal(stacked, listed)


def test_boxes_keep_what_follows_their_numbers(image):
    op = HorizontalFlip(image_in="x", bbox_in="b", bbox_params="coco")
    _, boxes = op.forward([image, [(1, 2, 3, 4, "cat", 7), [0, 0, 10, 8, None, 8]]], STATE)
    assert [box[4:] for box in boxes] == [("cat", 7), (None, 8)]
    np.testing.assert_allclose([box[:4] for box in boxes], [[6, 2, 3, 4], [0, 0, 10, 8]], atol=1e-5)


@pytest.mark.parametrize(
    ("boxes_format", "before", "after"),
    [
        ("coco", [1, 2, 3, 4], [6, 2, 3, 4]),
        ("pascal_voc", [1, 2, 4, 6], [6, 2, 9, 6]),
        ("albumentations", [0.1, 0.25, 0.4, 0.75], [0.6, 0.25, 0.9, 0.75]),
        ("yolo", [0.25, 0.5, 0.3, 0.5], [0.75, 0.5, 0.3, 0.5]),
    ],
)
def test_boxes_may_be_written_in_four_ways(image, boxes_format, before, after):
    op = HorizontalFlip(image_in="x", bbox_in="b", bbox_params=boxes_format)
    _, boxes = op.forward([image, np.array([[*before, 5]], np.float32)], STATE)
    assert boxes.dtype == np.float32
    np.testing.assert_allclose(boxes, [[*after, 5]], atol=1e-5)


def test_boxes_and_keypoints_outside_a_crop_are_dropped(image):
    op = CenterCrop(4, 4, image_in="x", bbox_in="b", bbox_params="coco", keypoints_in="k", keypoint_params="xy")
    boxes = [(0, 0, 2, 2, 7), (4, 4, 3, 3, 8), (2, 2, 4, 4, 9)]
    _, kept, points = op.forward([image, boxes, [(1, 1), (4, 4)]], STATE)
    assert [box[4] for box in kept] == [8, 9]
    np.testing.assert_allclose([box[:4] for box in kept], [[1, 2, 3, 2], [0, 0, 3, 4]], atol=1e-5)
    np.testing.assert_allclose(points, [(1, 2)])


@pytest.mark.parametrize(("empty", "shape"), [([], (0,)), (np.zeros((0, 5)), (0, 5))])
def test_an_image_may_have_no_boxes(image, empty, shape):
    _, boxes = HorizontalFlip(image_in="x", bbox_in="b", bbox_params="coco").forward([image, empty], STATE)
    assert type(boxes) is type(empty)
    assert np.shape(boxes) == shape


def test_keypoints_move_with_the_image(image):
    op = HorizontalFlip(image_in="x", keypoints_in="k", keypoint_params="xy")
    _, points = op.forward([image, [(1, 2, "nose"), (3, 4, "ear")]], STATE)
    assert points == [(8.0, 2.0, "nose"), (6.0, 4.0, "ear")]
    _, points = op.forward([image, np.array([[1, 2], [3, 4]])], STATE)
    np.testing.assert_array_equal(points, [[8, 2], [6, 4]])


def test_a_mirrored_border_brings_no_more_boxes_or_keypoints(image):
    op = Rotate((45, 45), image_in="x", bbox_in="b", bbox_params="coco", keypoints_in="k", keypoint_params="xy")
    turned, boxes, points = op.forward([image, [(3, 3, 4, 2, 1), (2, 3, 2, 2, 2)], [(5, 4), (0, 0)]], STATE)
    assert [box[4] for box in boxes] == [1, 2]
    assert len(points) == 1
    assert op.transform.border_mode == 4
    constant = Rotate((45, 45), border_mode=0, image_in="x")
    assert not np.array_equal(turned, constant.forward([image], STATE)[0])


def test_mirrored_border_survives_pickling(image):
    op = Rotate((45, 45), image_in="x", bbox_in="b", bbox_params="coco")
    twin = pickle.loads(pickle.dumps(op))
    data = [image, [(3, 3, 4, 2, 1), (2, 3, 2, 2, 2)]]
    assert twin.forward(data, STATE)[1] == op.forward(data, STATE)[1]


def test_user_op_runs_its_transform(image, mask):
    class Flip(MultiVariateAlbumentation):
        def __init__(self):
            super().__init__(A.HorizontalFlip(p=0.5), image_in="x", mask_in="m", mode="train")

    op = Flip()
    flipped = 0
    for seed in range(40):
        op.reseed(seed)
        result, result_mask = op.forward([image, mask], STATE)
        is_flipped = np.array_equal(result, image[:, ::-1])
        np.testing.assert_array_equal(result_mask, mask[:, ::-1] if is_flipped else mask)
        flipped += is_flipped
    assert 8 < flipped < 32


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "got no input"),
        ({"bbox_in": "b", "bbox_params": "coco"}, "image_in, mask_in or masks_in is needed"),
        ({"image_in": "x", "mask_out": "m"}, r"outputs \['m'\] have no input"),
        ({"image_in": "x", "bbox_in": "b"}, "bbox_in needs bbox_params"),
        ({"image_in": "x", "keypoints_in": "k"}, "keypoints_in needs keypoint_params"),
        ({"image_in": "x", "bbox_in": "b", "bbox_params": "cocco"}, "Did you mean 'coco'"),
        ({"image_in": "x", "bbox_in": "b", "bbox_params": 3}, "albumentations.BboxParams, got 3"),
        ({"image_in": "x", "bbox_in": "b", "bbox_params": A.BboxParams("coco", label_fields=["l"])}, "label_fields"),
        ({"image_in": "x", "keypoints_in": "k", "keypoint_params": "xyzzy"}, "keypoint_params='xyzzy'"),
    ],
)
def test_keys_and_formats_are_checked(arguments, message):
    with pytest.raises(ConfigError, match=message):
        HorizontalFlip(**arguments)


def test_formats_may_be_dicts_or_albumentations_objects(image):
    for params in ({"format": "coco", "min_area": 7}, A.BboxParams("coco", min_area=7)):
        op = HorizontalFlip(image_in="x", bbox_in="b", bbox_params=params)
        _, boxes = op.forward([image, [(0, 0, 2, 3, "small"), (0, 0, 3, 3, "large")]], STATE)
        assert [box[4] for box in boxes] == ["large"]


@pytest.mark.parametrize("extra", [{}, {"bbox_in": "b", "bbox_params": "coco"}])
def test_image_and_mask_must_have_one_size(image, mask, extra):
    op = HorizontalFlip(image_in="x", mask_in="m", **extra)
    with pytest.raises(ValueError, match=r"(?i)height"):
        op.forward([image, mask[:4], *([[]] if extra else [])], STATE)


def test_box_outside_the_image_is_an_error(image):
    with pytest.raises(ValueError, match="x_max"):
        HorizontalFlip(image_in="x", bbox_in="b", bbox_params="coco").forward([image, [(8, 2, 30, 4, 1)]], STATE)
