"""Brightness and contrast against formulas, OpenCV and Pillow."""

from __future__ import annotations

import cv2
import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest

from fastestimator_lite.op.numpyop.univariate import CLAHE, Equalize, RandomBrightnessContrast, RandomGamma
from fastestimator_lite.util.errors import ConfigError, DataError

STATE = {"mode": "train", "epoch": 1}


@pytest.fixture
def image():
    rng = np.random.default_rng(0)
    return rng.normal((90, 120, 150), 25, (24, 32, 3)).clip(0, 255).astype(np.uint8)


def run(op, image, seed=0):
    op.reseed(seed)
    return op.forward([image], STATE)[0]


def as_floats(image):
    return (image / 255).astype(np.float32)


def test_contrast_multiplies_and_brightness_adds(image):
    for by_max in (True, False):
        limits = {"brightness_limit": (0.1, 0.1), "contrast_limit": (-0.3, -0.3), "brightness_by_max": by_max}
        op = RandomBrightnessContrast("x", "y", **limits)
        added = 25.5 if by_max else 0.1 * (0.7 * image).mean()
        expected = np.clip(0.7 * image + added, 0, 255)
        np.testing.assert_allclose(run(op, image), expected, atol=1)
        np.testing.assert_allclose(run(op, as_floats(image)), expected / 255, atol=1e-5)


def test_brightness_and_contrast_are_drawn_from_their_limits():
    op = RandomBrightnessContrast("x", "y", brightness_limit=0.1, contrast_limit=(0.2, 0.6))
    ends = np.array([[0, 0.5]], np.float32)
    found = np.array([run(op, ends, seed)[0] for seed in range(300)])
    factors = (found[:, 1] - found[:, 0])[found[:, 0] > 0] * 2
    assert (factors.min(), factors.max()) == pytest.approx((1.2, 1.6), abs=0.02)
    assert found[:, 0].max() == pytest.approx(0.1, abs=0.005)
    assert RandomBrightnessContrast("x", "y").transform.brightness_limit == (-0.2, 0.2)


def test_gamma_is_in_percent(image):
    op = RandomGamma("x", "y", gamma_limit=(50, 50))
    floats = as_floats(image)
    np.testing.assert_allclose(run(op, floats), np.sqrt(floats), atol=1e-6)
    np.testing.assert_allclose(run(op, image), np.sqrt(image / 255) * 255, atol=1)
    assert RandomGamma("x", "y", gamma_limit=150).transform.gamma_limit == (1, 150)


def test_clahe_works_on_the_lightness(image):
    op = CLAHE("x", "y", clip_limit=(3, 3), tile_grid_size=[2, 4])
    clahe = cv2.createCLAHE(3, (2, 4))
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    lab[..., 0] = clahe.apply(lab[..., 0])
    expected = cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)
    np.testing.assert_array_equal(run(op, image), expected)
    np.testing.assert_allclose(run(op, as_floats(image)), expected / 255, atol=1e-6)
    np.testing.assert_array_equal(run(op, image[..., 0]), clahe.apply(np.ascontiguousarray(image[..., 0])))
    assert CLAHE("x", "y", clip_limit=6).transform.clip_limit == (1, 6)


def test_the_grid_is_columns_and_rows(image):
    other = image[..., 0].copy()
    other[:, -3:] = 0  # at the right
    for grid, is_reached in (((1, 4), True), ((4, 1), False)):
        op = CLAHE("x", "y", clip_limit=(4, 4), tile_grid_size=grid)
        assert (run(op, image[..., 0])[:, :4] != run(op, other)[:, :4]).any() == is_reached


def test_equalized_by_opencv(image):
    expected = np.stack([cv2.equalizeHist(image[..., i].copy()) for i in range(3)], axis=-1)
    op = Equalize("x", "y")
    assert not op.draws
    np.testing.assert_array_equal(run(op, image), expected)
    np.testing.assert_array_equal(run(op, image[..., 1]), expected[..., 1])
    np.testing.assert_allclose(run(op, as_floats(image)), expected / 255, atol=1e-6)
    parts = cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)
    parts[..., 0] = cv2.equalizeHist(parts[..., 0].copy())
    by_luma = run(Equalize("x", "y", by_channels=False), image)
    np.testing.assert_array_equal(by_luma, cv2.cvtColor(parts, cv2.COLOR_YCrCb2RGB))


def test_equalized_by_pillow(image):
    expected = np.array(PIL.ImageOps.equalize(PIL.Image.fromarray(image)))
    op = Equalize("x", "y", eq_mode="pil")
    np.testing.assert_array_equal(run(op, image), expected)
    np.testing.assert_array_equal(run(op, image[..., 2:]), expected[..., 2:])
    np.testing.assert_allclose(run(op, as_floats(image)), expected / 255, atol=1e-6)
    parts = cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)
    parts[..., 0] = np.array(PIL.ImageOps.equalize(PIL.Image.fromarray(parts[..., 0])))
    by_luma = run(Equalize("x", "y", eq_mode="pil", by_channels=False), image)
    np.testing.assert_array_equal(by_luma, cv2.cvtColor(parts, cv2.COLOR_YCrCb2RGB))


@pytest.mark.parametrize("mode", ["cv", "pil"])
def test_a_mask_says_which_pixels_count(mode, image):
    mask = np.zeros(image.shape[:2], np.uint8)
    mask[:, :20] = 1
    # pixels outside are changed by the table of those inside, so their own values play no part
    other = image.copy()
    other[:, 20:] = 7
    by_array = Equalize("x", "y", eq_mode=mode, mask=mask)
    found = run(by_array, image)
    np.testing.assert_array_equal(run(by_array, other)[:, :20], found[:, :20])
    assert not np.array_equal(found, run(Equalize("x", "y", eq_mode=mode), image))
    for same in (mask[..., np.newaxis], mask > 0, mask * 255, np.repeat(mask[..., np.newaxis], 3, axis=-1)):
        np.testing.assert_array_equal(run(Equalize("x", "y", eq_mode=mode, mask=same), image), found)
    by_function = Equalize("x", "y", eq_mode=mode, mask=lambda image: (image >= 0).all(-1) & (mask > 0))
    np.testing.assert_array_equal(run(by_function, image), found)


@pytest.mark.parametrize("mode", ["cv", "pil"])
def test_gray_images_and_masks_are_not_written_to(mode, image):
    gray = np.ascontiguousarray(image[..., 0])
    gray.flags.writeable = False
    before = gray.copy()
    mask = gray > 80
    found = run(Equalize("x", "y", eq_mode=mode, mask=mask), gray)
    np.testing.assert_array_equal(gray, before)
    assert not np.array_equal(found, gray)


def test_a_mask_of_another_shape_is_named(image):
    for mask, by_channels in ((np.ones((3, 4)), True), (np.ones(image.shape), False)):
        op = Equalize("x", "y", mask=mask, by_channels=by_channels)
        with pytest.raises(
            DataError, match=r"Equalize: the mask of an image of shape \(24, 32, 3\) must be .* \(24, 32\)"
        ):
            op.forward([image], STATE)


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        (CLAHE, {"clip_limit": 0}, r"CLAHE\(clip_limit\)"),
        (CLAHE, {"tile_grid_size": 8}, r"CLAHE\(tile_grid_size\) must be 2 numbers, got 8"),
        (CLAHE, {"tile_grid_size": (0, 8)}, "at least 1"),
        (Equalize, {"eq_mode": "cvv"}, "Did you mean 'cv'"),
        (Equalize, {"mask_params": ("label",)}, r"Equalize\(mask_params\) must be empty"),
        (Equalize, {"mask": "x"}, "mask"),
        (RandomBrightnessContrast, {"contrast_limit": "x"}, r"RandomBrightnessContrast\(contrast_limit\)"),
        (RandomGamma, {"gamma_limit": (0, 100)}, r"RandomGamma\(gamma_limit\) .* at least 1"),
    ],
)
def test_values_are_checked(kind, arguments, message):
    with pytest.raises(ConfigError, match=message):
        kind("x", "y", **arguments)
