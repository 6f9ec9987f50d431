"""MaskDropout: which objects go, and what is put in their place."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from fastestimator_lite.op.numpyop.multivariate import MaskDropout
from fastestimator_lite.util.errors import ConfigError

STATE = {"mode": "train", "epoch": 1}
OBJECTS = {"a": np.s_[1:4, 1:4], "b": np.s_[1:4, 6:9], "c": np.s_[6:9, 1:4], "d": np.s_[6:9, 4:6]}


@pytest.fixture
def mask():
    """Four objects; the last two touch, but differ in value."""
    mask = np.zeros((10, 12), np.uint8)
    for place, value in zip(OBJECTS.values(), (1, 1, 2, 3), strict=True):
        mask[place] = value
    return mask


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(50, 256, (10, 12, 3), dtype=np.uint8)


def dropped(op, image, mask, seed):
    op.reseed(seed)
    result, left = op.forward([image, mask], STATE)
    gone = {name for name, place in OBJECTS.items() if (left[place] != mask[place]).all()}
    expected_image, expected_mask = image.copy(), mask.copy()
    for name in gone:
        expected_image[OBJECTS[name]] = op.image_fill_value
        expected_mask[OBJECTS[name]] = op.mask_fill_value
    np.testing.assert_array_equal(result, expected_image)
    np.testing.assert_array_equal(left, expected_mask)
    return gone


@pytest.mark.parametrize(("limit", "counts"), [(1, {1}), (3, {1, 2, 3}), ((2, 3), {2, 3}), (9, {1, 2, 3, 4})])
def test_as_many_objects_as_drawn_are_overwritten(limit, counts, image, mask):
    op = MaskDropout(limit, 7, 9, image_in="x", mask_in="m")
    found = [dropped(op, image, mask, seed) for seed in range(60)]
    assert {len(gone) for gone in found} == counts
    assert set.union(*found) == set(OBJECTS)


def test_an_empty_mask_leaves_the_image(image):
    result, left = MaskDropout(image_in="x", mask_in="m").forward([image, np.zeros((10, 12), np.uint8)], STATE)
    np.testing.assert_array_equal(result, image)
    assert not left.any()


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float32, bool])
def test_masks_of_any_dtype_and_with_a_channel_axis(image, dtype):
    mask = np.zeros((10, 12, 1), dtype)
    mask[OBJECTS["a"]] = 1
    result, left = MaskDropout(image_in="x", mask_in="m").forward([image, mask], STATE)
    assert left.shape == (10, 12, 1)
    assert left.dtype == dtype
    assert not left.any()
    assert not result[OBJECTS["a"]].any()
    assert result[OBJECTS["b"]].all()


@pytest.mark.parametrize("shape", ["colour", "one channel", "gray"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_inpainting_continues_the_surroundings(shape, dtype, mask):
    image = {"colour": np.zeros((10, 12, 3)), "one channel": np.zeros((10, 12, 1)), "gray": np.zeros((10, 12))}[shape]
    image = (image + 100).astype(dtype)
    place = OBJECTS["b"]
    image[place] = 255
    only = np.zeros_like(mask)
    only[place] = 1
    result, left = MaskDropout(1, "inpaint", image_in="x", mask_in="m").forward([image, only], STATE)
    assert (result.shape, result.dtype) == (image.shape, dtype)
    np.testing.assert_allclose(result, 100, atol=1)
    assert not left.any()


@pytest.mark.parametrize(("size", "radius"), [(2, 1), (12, 3)])
def test_inpainting_is_that_of_opencv(size, radius):
    image = np.random.default_rng(0).integers(0, 256, (20, 24, 3), dtype=np.uint8)
    hole = np.zeros((20, 24), np.uint8)
    hole[4 : 4 + size, 6 : 6 + size] = 1
    result, _ = MaskDropout(1, "inpaint", image_in="x", mask_in="m").forward([image, hole], STATE)
    np.testing.assert_array_equal(result, cv2.inpaint(image, hole, radius, cv2.INPAINT_NS))


def test_further_masks_are_overwritten_too(image, mask):
    op = MaskDropout(9, image_in="x", mask_in="m", masks_in="l")
    op.reseed(0)
    _, left, more = op.forward([image, mask, [np.ones_like(mask)]], STATE)
    np.testing.assert_array_equal(more[0] == 0, (mask != 0) & (left == 0))


def test_a_mask_of_several_channels_is_refused(image):
    with pytest.raises(ValueError, match=r"MaskDropout: .*\(10, 12, 3\)"):
        MaskDropout(image_in="x", mask_in="m").forward([image, image], STATE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mask_in": None}, "mask_in is needed"),
        ({"max_objects": 0}, "max_objects.*got 0"),
        ({"max_objects": (3, 2)}, r"got \(3, 2\)"),
        ({"max_objects": "all"}, "'all'"),
        ({"image_fill_value": "inpant"}, "Did you mean 'inpaint'"),
        ({"image_fill_value": (1, 2, 3)}, "image_fill_value"),
        ({"mask_fill_value": "none"}, "fill_mask"),
    ],
)
def test_impossible_values(arguments, message):
    with pytest.raises(ConfigError, match=f"(?s)MaskDropout.*{message}"):
        MaskDropout(**{"image_in": "x", "mask_in": "m", **arguments})
