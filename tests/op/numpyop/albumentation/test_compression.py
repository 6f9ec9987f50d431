"""Codecs and smaller sizes against OpenCV."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from fastestimator_lite.op.numpyop.albumentation.compression import ImageCompressionType
from fastestimator_lite.op.numpyop.univariate import Downscale, ImageCompression
from fastestimator_lite.util.errors import ConfigError

STATE = {"mode": "train", "epoch": 1}


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)


def run(op, image, seed=0):
    op.reseed(seed)
    return op.forward([image], STATE)[0]


def coded(image, suffix, *options):
    return cv2.imdecode(cv2.imencode(suffix, image, options)[1], cv2.IMREAD_UNCHANGED)


@pytest.mark.parametrize("codec", [ImageCompressionType.JPEG, 0, "jpeg", "JPEG"])
def test_jpeg(codec, image):
    op = ImageCompression("x", "y", quality_lower=30, quality_upper=30, compression_type=codec)
    expected = coded(image, ".jpg", cv2.IMWRITE_JPEG_QUALITY, 30)
    np.testing.assert_array_equal(run(op, image), expected)
    np.testing.assert_allclose(run(op, (image / 255).astype(np.float32)), expected / 255, atol=1e-6)


@pytest.mark.parametrize("codec", [ImageCompressionType.WEBP, 1, "webp"])
def test_webp(codec, image):
    op = ImageCompression("x", "y", quality_lower=30, quality_upper=30, compression_type=codec)
    np.testing.assert_array_equal(run(op, image), coded(image, ".webp", cv2.IMWRITE_WEBP_QUALITY, 30))


def test_qualities_are_drawn(image):
    op = ImageCompression("x", "y", quality_lower=10, quality_upper=12)
    wanted = [coded(image, ".jpg", cv2.IMWRITE_JPEG_QUALITY, quality) for quality in (10, 11, 12)]
    found = [next(i for i in range(3) if np.array_equal(run(op, image, seed), wanted[i])) for seed in range(30)]
    assert set(found) == {0, 1, 2}


def test_the_lowest_quality_of_jpeg(image):
    op = ImageCompression("x", "y", quality_lower=0, quality_upper=0)
    np.testing.assert_array_equal(run(op, image), coded(image, ".jpg", cv2.IMWRITE_JPEG_QUALITY, 0))


def test_the_default_is_written_as_in_1x():
    assert repr(ImageCompression("x", "y").compression_type) == "<ImageCompressionType.JPEG: 0>"
    assert ImageCompression("x", "y").transform.quality_range == (99, 100)


@pytest.mark.parametrize("flag", [cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_AREA])
def test_shrunk_and_enlarged(flag, image):
    op = Downscale("x", "y", scale_min=0.5, scale_max=0.5, interpolation=flag)
    for picture in (image, (image / 300).astype(np.float32)):
        small = cv2.resize(picture, (16, 12), interpolation=flag)
        expected = cv2.resize(small, (32, 24), interpolation=flag)
        np.testing.assert_array_equal(run(op, picture), expected)
    assert not op.draws


def test_ways_to_shrink_and_to_enlarge(image):
    flags = {"downscale": cv2.INTER_AREA, "upscale": cv2.INTER_NEAREST}
    found = run(Downscale("x", "y", scale_min=0.25, scale_max=0.25, interpolation=flags), image)
    tiles = image.reshape(6, 4, 8, 4, 3).mean((1, 3))
    np.testing.assert_allclose(found, tiles.repeat(4, 0).repeat(4, 1), atol=0.51)


def test_scales_are_drawn():
    steps = np.tile(np.arange(64, dtype=np.uint8), (8, 1))
    op = Downscale("x", "y", scale_min=0.25, scale_max=0.75)
    assert op.draws
    columns = [len(np.unique(run(op, steps, seed))) for seed in range(200)]
    assert (min(columns), max(columns)) == pytest.approx((16, 48), abs=1)


def test_a_pixel_is_left_of_a_small_image(image):
    op = Downscale("x", "y", scale_min=0.01, scale_max=0.01)
    assert len(np.unique(run(op, image).reshape(-1, 3), axis=0)) == 1


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        (ImageCompression, {"quality_lower": 101}, r"within \[0, 100\], got 101 and 100"),
        (ImageCompression, {"quality_lower": 9, "quality_upper": 5}, "got 9 and 5"),
        (ImageCompression, {"quality_lower": 20.5}, "ints"),
        (ImageCompression, {"quality_lower": 0, "compression_type": "webp"}, r"within \[1, 100\]"),
        (ImageCompression, {"compression_type": "jpg"}, "Did you mean 'jpeg'"),
        (ImageCompression, {"compression_type": 2}, "got 2"),
        (ImageCompression, {"compression_type": None}, "got None"),
        (Downscale, {"scale_min": 0}, r"Downscale\(scale_min, scale_max\) must be above 0 and below 1"),
        (Downscale, {"scale_max": 1}, "below 1"),
        (Downscale, {"scale_min": 0.5}, "got 0.5 and 0.25"),
        (Downscale, {"interpolation": {"down": 1}}, "'downscale' and 'upscale'"),
        (Downscale, {"interpolation": 99}, "Downscale"),
    ],
)
def test_values_are_checked(kind, arguments, message):
    with pytest.raises(ConfigError, match=message):
        kind("x", "y", **arguments)
