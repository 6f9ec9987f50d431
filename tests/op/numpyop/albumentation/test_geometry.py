"""Flips, crops, resizes and rotations against numpy and OpenCV."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from fastestimator_lite.op.numpyop.multivariate import (
    CenterCrop,
    HorizontalFlip,
    RandomCrop,
    Resize,
    Rotate,
    VerticalFlip,
)

STATE = {"mode": "train", "epoch": 1}
IMAGES = {"gray": (9, 12), "one channel": (9, 12, 1), "colour": (9, 12, 3)}


@pytest.fixture(
    params=[(shape, dtype) for shape in IMAGES for dtype in (np.uint8, np.float32)],
    ids=lambda param: f"{param[0]} {param[1].__name__}",
)
def image(request):
    shape, dtype = request.param
    return np.random.default_rng(0).integers(0, 256, IMAGES[shape]).astype(dtype)


def run(op, *values):
    results = op.forward(list(values), STATE)
    assert [result.dtype for result in results] == [value.dtype for value in values]
    return results[0] if len(results) == 1 else results


def test_flips_always_flip(image):
    np.testing.assert_array_equal(run(HorizontalFlip(image_in="x"), image), image[:, ::-1])
    np.testing.assert_array_equal(run(VerticalFlip(image_in="x"), image), image[::-1])


def test_center_crop(image):
    np.testing.assert_array_equal(run(CenterCrop(5, 4, image_in="x"), image), image[2:7, 4:8])


def test_crop_of_the_whole_image(image):
    np.testing.assert_array_equal(run(CenterCrop(9, 12, image_in="x"), image), image)


def test_random_crop_is_a_part_and_reaches_every_place(image):
    op = RandomCrop(8, 10, image_in="x")
    parts = {(y, x): image[y : y + 8, x : x + 10] for y in range(2) for x in range(3)}
    places = set()
    for seed in range(60):
        op.reseed(seed)
        crop = run(op, image)
        places |= {place for place, part in parts.items() if np.array_equal(part, crop)}
        assert any(np.array_equal(part, crop) for part in parts.values())
    assert places == set(parts)


def test_a_crop_larger_than_the_image_is_an_error(image):
    for kind in (RandomCrop, CenterCrop):
        with pytest.raises(Exception, match=r"\(20, 20\) vs \(9, 12\)"):
            kind(20, 20, image_in="x").forward([image], STATE)


@pytest.mark.parametrize("interpolation", [cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_AREA])
def test_resize(image, interpolation):
    expected = cv2.resize(image, (7, 4), interpolation=interpolation).reshape(4, 7, *image.shape[2:])
    np.testing.assert_array_equal(run(Resize(4, 7, interpolation, image_in="x"), image), expected)


def test_masks_are_resized_to_the_nearest_pixel(image):
    mask = np.random.default_rng(1).integers(0, 9, (9, 12)).astype(np.uint8)
    _, resized = run(Resize(4, 7, image_in="x", mask_in="m"), image, mask)
    np.testing.assert_array_equal(resized, cv2.resize(mask, (7, 4), interpolation=cv2.INTER_NEAREST))


def warp(image, degrees, border, value):
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2 - 0.5, height / 2 - 0.5), degrees, 1.0)
    return cv2.warpAffine(
        image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=border, borderValue=(value,) * 3
    ).reshape(image.shape)


@pytest.mark.parametrize(("border", "value"), [(cv2.BORDER_CONSTANT, 7), (cv2.BORDER_REFLECT_101, None)])
def test_rotate_by_a_given_angle(image, border, value):
    op = Rotate((30, 30), border_mode=border, value=value, image_in="x")
    expected = warp(image, 30, border, value or 0).astype(float)
    tolerance = 1 if image.dtype == np.uint8 else 1e-2
    np.testing.assert_allclose(run(op, image).astype(float), expected, atol=tolerance)


def test_rotate_fills_image_and_mask_with_their_own_values():
    image, mask = np.zeros((8, 8), np.uint8), np.zeros((8, 8), np.uint8)
    op = Rotate((45, 45), border_mode=cv2.BORDER_CONSTANT, value=7, mask_value=3, image_in="x", mask_in="m")
    turned, turned_mask = run(op, image, mask)
    assert (turned[0, 0], turned_mask[0, 0], turned[4, 4]) == (7, 3, 0)


def test_angles_are_spread_over_the_limit():
    # the place of one bright pixel tells the angle
    op = Rotate(90, border_mode=cv2.BORDER_CONSTANT, image_in="x")
    image = np.zeros((101, 101), np.float32)
    image[50, 90] = 1
    angles = []
    for seed in range(200):
        op.reseed(seed)
        y, x = np.unravel_index(run(op, image).argmax(), image.shape)
        angles.append(np.degrees(np.arctan2(50 - y, x - 50)))
    assert -91.5 < min(angles) < -75
    assert 75 < max(angles) < 91.5
    assert abs(np.mean(angles)) < 12
