"""Blurs against OpenCV, scipy and weights worked out by hand."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy import ndimage

from fastestimator_lite.op.numpyop.univariate import Blur, Defocus, GaussianBlur, MedianBlur, MotionBlur, ZoomBlur
from fastestimator_lite.util.errors import ConfigError

STATE = {"mode": "train", "epoch": 1}


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (21, 31, 3), dtype=np.uint8)


def run(op, image, seed=0):
    op.reseed(seed)
    return op.forward([image], STATE)[0]


def spot(size=31):
    """One bright pixel in the middle: what comes out is the kernel."""
    dark = np.zeros((size, size), np.float32)
    dark[size // 2, size // 2] = 1
    return dark


def widths(op, count=200):
    """The sides of the kernels that are drawn, from the pixels that a spot spreads to."""
    sides = []
    for seed in range(count):
        rows, columns = np.nonzero(run(op, spot(), seed))
        sides.append(max(np.ptp(rows), np.ptp(columns)) + 1)
    return sides


@pytest.mark.parametrize(
    ("limit", "sizes"), [(7, {3, 5, 7}), (8, {3, 5, 7}), ((5, 5), {5}), ([4, 8], {4, 6, 8}), ((1, 3), {1, 3})]
)
def test_sides_of_the_square_are_two_apart_from_the_lower_end(limit, sizes):
    assert set(widths(Blur("x", "y", blur_limit=limit))) == sizes


def test_blur_is_the_mean_of_the_square(image):
    inner = ndimage.uniform_filter(image.astype(float), (5, 5, 0))[2:-2, 2:-2]
    np.testing.assert_allclose(run(Blur("x", "y", blur_limit=(5, 5)), image)[2:-2, 2:-2], inner, atol=0.51)
    blurred = run(Blur("x", "y", blur_limit=(5, 5)), image.astype(np.float32))
    np.testing.assert_allclose(blurred[2:-2, 2:-2], inner, rtol=1e-5)


def test_advanced_blur_is_the_bell_that_its_parameters_say():
    bell = {"sigmaX_limit": (1, 1), "sigmaY_limit": (2, 2), "rotate_limit": (30, 30), "noise_limit": (1, 1)}
    op = Blur("x", "y", blur_limit=(9, 9), advanced=True, beta_limit=(1 - 1e-9, 1 + 1e-9), **bell)
    grid = np.stack(np.meshgrid(np.arange(-4, 5), np.arange(-4, 5)), axis=-1)
    turn = np.array([[np.cos(np.pi / 6), -np.sin(np.pi / 6)], [np.sin(np.pi / 6), np.cos(np.pi / 6)]])
    inverse = np.linalg.inv(turn @ np.diag([1, 4]) @ turn.T)
    weights = np.exp(-0.5 * np.einsum("hwi,ij,hwj->hw", grid, inverse, grid))
    found = run(op, spot())[11:20, 11:20]
    # a filter turns what it is given a spot of by half a circle, which a bell does not show
    np.testing.assert_allclose(found, weights / weights.sum(), atol=1e-6)


def test_single_numbers_of_the_bell_are_upper_ends():
    transform = Blur("x", "y", advanced=True, sigmaX_limit=2, noise_limit=4).transform
    assert transform.sigma_x_limit == (0, 2)
    assert transform.sigma_y_limit == (0.2, 1.0)
    assert transform.rotate_limit == (-90, 90)
    assert transform.noise_limit == (0, 4)
    assert transform.blur_limit == (3, 7)


@pytest.mark.parametrize("size", [3, 5, 7])
def test_median_of_the_square(size, image):
    expected = ndimage.median_filter(image, (size, size, 1), mode="nearest")
    np.testing.assert_array_equal(run(MedianBlur("x", "y", blur_limit=(size, size)), image), expected)
    many = np.concatenate([image, image], axis=-1)
    np.testing.assert_array_equal(
        run(MedianBlur("x", "y", blur_limit=(size, size)), many), np.concatenate([expected, expected], axis=-1)
    )


def test_median_of_floats_keeps_them_up_to_five_pixels():
    floats = np.random.default_rng(0).random((21, 31), np.float32)
    for size, error in ((3, 0), (5, 0), (7, 0.5 / 255 + 1e-6)):
        expected = ndimage.median_filter(floats, size, mode="nearest")
        found = run(MedianBlur("x", "y", blur_limit=(size, size)), floats)
        assert np.abs(found - expected).max() <= error


def test_median_sides_are_drawn():
    assert set(MedianBlur("x", "y", blur_limit=7).transform.sizes) == {3, 5, 7}
    assert set(MedianBlur("x", "y").transform.sizes) == {3, 5}


def test_motion_blur_is_a_line():
    for seed in range(30):
        kernel = run(MotionBlur("x", "y", blur_limit=(9, 9)), spot(), seed)
        weights = kernel[kernel > 0]
        assert weights.sum() == pytest.approx(1, abs=1e-5)
        assert len(weights) <= 9
        np.testing.assert_allclose(weights, weights[0], rtol=1e-5)
        rows, columns = np.nonzero(kernel)
        assert np.ptp(rows) < 9
        assert np.ptp(columns) < 9


def test_gaussian_sigma_follows_from_the_side():
    op = GaussianBlur("x", "y", blur_limit=(11, 11))
    assert not op.draws
    weights = np.exp(-0.5 * (np.arange(-5, 6) / 2.0) ** 2)  # 0.3 * (5 - 1) + 0.8
    kernel = np.outer(weights, weights) / weights.sum() ** 2
    np.testing.assert_allclose(run(op, spot())[10:21, 10:21], kernel, atol=1e-6)
    # the smallest ones have round weights in OpenCV
    kernel = np.outer([1, 2, 1], [1, 2, 1]) / 16
    np.testing.assert_allclose(run(GaussianBlur("x", "y"), spot())[14:17, 14:17], kernel, atol=1e-6)


def test_gaussian_side_follows_from_sigma():
    op = GaussianBlur("x", "y", blur_limit=(0, 0), sigma_limit=(1.5, 1.5))
    expected = ndimage.gaussian_filter(spot(41).astype(float), 1.5, radius=6)  # 1.5 * 8 + 1 rounded, of floats
    np.testing.assert_allclose(run(op, spot(41)), expected, atol=1e-6)


def test_gaussian_sides_are_odd_and_sigma_is_in_its_range():
    op = GaussianBlur("x", "y", blur_limit=(3, 7), sigma_limit=(1, 2))
    assert set(widths(op)) == {3, 5, 7}
    op = GaussianBlur("x", "y", blur_limit=5, sigma_limit=2.0)
    assert (op.transform.blur_limit, op.transform.sigma_limit) == ((3, 5), (0, 2.0))
    assert op.draws
    op = GaussianBlur("x", "y", blur_limit=5, sigma_limit=(1, 2))
    assert op.transform.blur_limit == (0, 5)


def test_defocus_is_a_disk():
    kernel = run(Defocus("x", "y", radius=(6, 6), alias_blur=(1e-3, 1e-3)), spot())
    offset = np.arange(-15, 16)
    disk = offset[:, np.newaxis] ** 2 + offset**2 <= 36
    np.testing.assert_allclose(kernel, disk / disk.sum(), atol=1e-6)
    assert Defocus("x", "y", radius=4, alias_blur=0.5).transform.radius == (1, 4)
    assert Defocus("x", "y", radius=4, alias_blur=0.5).transform.alias_blur == (0, 0.5)


def test_zoom_blur_is_the_mean_of_enlarged_images(image):
    op = ZoomBlur("x", "y", max_factor=(1.45, 1.45), step_factor=0.2)
    floats = image.astype(np.float32) / 255
    zoomed = [floats, floats]  # the image itself, and the factor 1
    for factor in (1.2, 1.4):
        height, width = (int(np.ceil(side / factor)) for side in floats.shape[:2])
        top, left = (21 - height) // 2, (31 - width) // 2
        part = floats[top : top + height, left : left + width]
        large = cv2.resize(part, (int(width * factor), int(height * factor)))
        top, left = (large.shape[0] - 21) // 2, (large.shape[1] - 31) // 2
        zoomed.append(large[top : top + 21, left : left + 31])
    np.testing.assert_allclose(run(op, floats), np.mean(zoomed, axis=0), atol=1e-5)


def test_zoom_limits():
    transform = ZoomBlur("x", "y", max_factor=1.5, step_factor=0.02).transform
    assert transform.max_factor == (1, 1.5)
    assert transform.step_factor == (0.02, 0.02)


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        (Blur, {"blur_limit": 1}, r"Blur\(blur_limit\) must be a number n for \(3, n\) .* got 1"),
        (Blur, {"blur_limit": 3.5}, "ints"),
        (Blur, {"blur_limit": (0, 3)}, "at least 1"),
        (Blur, {"blur_limit": 6, "advanced": True}, "odd"),
        (Blur, {"advanced": True, "sigmaX_limit": 0}, "above 0"),
        (Blur, {"advanced": True, "beta_limit": (2, 3)}, "1.0"),
        (MedianBlur, {"blur_limit": 4}, r"MedianBlur\(blur_limit\) must have odd ends"),
        (MedianBlur, {"blur_limit": (1, 3)}, "at least 3"),
        (MotionBlur, {"blur_limit": (3, 6)}, r"MotionBlur\(blur_limit\).*\(3, 6\)"),
        (GaussianBlur, {"blur_limit": 4}, "odd"),
        (GaussianBlur, {"sigma_limit": -1}, "at least 0"),
        (Defocus, {"radius": 0}, r"Defocus\(radius\)"),
        (ZoomBlur, {"step_factor": 0}, r"ZoomBlur\(step_factor\) must be above 0"),
        (ZoomBlur, {"max_factor": 0.5}, "at least 1"),
    ],
)
def test_values_are_checked(kind, arguments, message):
    with pytest.raises(ConfigError, match=message):
        kind("x", "y", **arguments)
