"""Changes of colour against colorsys and formulas."""

from __future__ import annotations

import colorsys
import itertools

import numpy as np
import pytest

from fastestimator_lite.op.numpyop.univariate import (
    ChannelDropout,
    ChannelShuffle,
    ColorJitter,
    HueSaturationValue,
    RGBShift,
    ToGray,
    ToSepia,
)
from fastestimator_lite.util.errors import ConfigError, DataError

STATE = {"mode": "train", "epoch": 1}


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)


def run(op, image, seed=0):
    op.reseed(seed)
    return op.forward([image], STATE)[0]


def as_floats(image):
    return (image / 255).astype(np.float32)


def test_dropped_channels_are_filled_and_the_others_stay(image):
    image = np.concatenate([image, image], axis=-1)
    op = ChannelDropout("x", "y", channel_drop_range=(2, 4), fill_value=9)
    counts, dropped = set(), set()
    for seed in range(60):
        found = run(op, image, seed)
        filled = [i for i in range(6) if (found[..., i] == 9).all()]
        kept = [i for i in range(6) if i not in filled]
        np.testing.assert_array_equal(found[..., kept], image[..., kept])
        counts.add(len(filled))
        dropped.update(filled)
    assert (counts, dropped) == ({2, 3, 4}, set(range(6)))


def test_one_channel_must_be_left(image):
    op = ChannelDropout("x", "y", channel_drop_range=(1, 3))
    with pytest.raises(DataError, match=r"ChannelDropout takes images of more than 3 channels.*\(12, 16, 3\)"):
        op.forward([image], STATE)


def test_every_order_of_channels_comes_up(image):
    op = ChannelShuffle("x", "y")
    orders = {
        next(o for o in itertools.permutations(range(3)) if np.array_equal(run(op, image, seed), image[..., list(o)]))
        for seed in range(60)
    }
    assert len(orders) == 6


OFF = {"brightness": 0, "contrast": 0, "saturation": 0, "hue": 0}


def jittered(image, **arguments):
    return run(ColorJitter("x", "y", **{**OFF, **arguments}), image)


def test_jitter_mixes_with_black_mean_and_gray(image):
    floats = as_floats(image)
    gray = floats @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(jittered(floats, brightness=(0.7, 0.7)), 0.7 * floats, atol=1e-5)
    for others, name in ((gray.mean(), "contrast"), (gray[..., np.newaxis], "saturation")):
        expected = np.clip(others + 1.5 * (floats - others), 0, 1)
        np.testing.assert_allclose(jittered(floats, **{name: (1.5, 1.5)}), expected, atol=0.004)
        np.testing.assert_allclose(jittered(image, **{name: (1.5, 1.5)}), expected * 255, atol=2)


def test_jitter_turns_the_hue(image):
    floats = as_floats(image)
    hsv = np.array([colorsys.rgb_to_hsv(*pixel) for pixel in floats.reshape(-1, 3)])
    expected = np.array([colorsys.hsv_to_rgb(h + 0.2, s, v) for h, s, v in hsv]).reshape(floats.shape)
    np.testing.assert_allclose(jittered(floats, hue=(0.2, 0.2)), expected, atol=1e-4)


def test_jitter_of_a_number_is_a_range_around_one():
    transform = ColorJitter("x", "y", brightness=0.3, contrast=1.5, saturation=[0.5, 2], hue=0.1).transform
    assert transform.brightness == (0.7, 1.3)
    assert transform.contrast == (0, 2.5)
    assert transform.saturation == (0.5, 2)
    assert transform.hue == (-0.1, 0.1)


def shifted(image, hue, saturation, value):
    hsv = np.array([colorsys.rgb_to_hsv(*pixel) for pixel in image.reshape(-1, 3)])
    changed = [
        colorsys.hsv_to_rgb((h + hue) % 1, np.clip(s + saturation, 0, 1) if s else 0, np.clip(v + value, 0, 1))
        for h, s, v in hsv
    ]
    return np.array(changed).reshape(image.shape)


def fixed(hue, saturation, value):
    return HueSaturationValue(
        "x",
        "y",
        hue_shift_limit=(hue, hue),
        sat_shift_limit=(saturation, saturation),
        val_shift_limit=(value, value),
    )


def test_hsv_of_bytes_in_opencv_units(image):
    expected = shifted(as_floats(image), 18 / 180, -30 / 255, 20 / 255) * 255
    found = run(fixed(18, -30, 20), image)
    # levels of hue are two degrees apart
    assert np.abs(found - expected).max() < 7
    assert np.abs(found - expected).mean() < 1.5


def test_hsv_of_floats_in_degrees_and_parts(image):
    floats = as_floats(image)
    np.testing.assert_allclose(run(fixed(36, -0.1, 0.2), floats), shifted(floats, 0.1, -0.1, 0.2), atol=1e-4)


def test_hsv_of_floats_in_levels(image):
    floats = as_floats(image)
    expected = shifted(floats, 18 / 180, -30 / 255, 20 / 255)
    np.testing.assert_allclose(run(fixed(18, -30, 20), floats), expected, atol=1e-4)


@pytest.mark.parametrize("shape", [(12, 16), (12, 16, 1)])
def test_hsv_of_gray_images_is_their_value(shape):
    gray = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    expected = np.clip(gray + 20.0, 0, 255)
    np.testing.assert_array_equal(run(fixed(18, -30, 20), gray), expected)
    np.testing.assert_allclose(run(fixed(18, -30, 20), as_floats(gray)), expected / 255, atol=1e-6)


def test_gray_pixels_stay_gray(image):
    gray = np.repeat(image[..., :1], 3, axis=-1)
    for picture in (gray, as_floats(gray)):
        found = run(fixed(18, 30, -5), picture)
        assert np.ptp(found, axis=-1).max() == 0


def test_hsv_defaults():
    transform = HueSaturationValue("x", "y").transform
    limits = (transform.hue_shift_limit, transform.sat_shift_limit, transform.val_shift_limit)
    assert limits == ((-20, 20), (-30, 30), (-20, 20))


def shift_of(red, green, blue):
    return RGBShift("x", "y", r_shift_limit=(red, red), g_shift_limit=(green, green), b_shift_limit=(blue, blue))


@pytest.mark.parametrize("levels", [(20, -30, 1), (1, 0, -1), (0.4, 0.6, 0)])
def test_bytes_are_shifted_by_levels(levels, image):
    expected = np.clip(np.rint(image + np.array(levels)), 0, 255)
    np.testing.assert_array_equal(run(shift_of(*levels), image), expected)


def test_floats_are_shifted_by_levels_or_parts(image):
    floats = as_floats(image)
    for levels, parts in (((20, -30, 1), (20 / 255, -30 / 255, 1 / 255)), ((0.2, -0.1, 1), (0.2, -0.1, 1))):
        expected = np.clip(floats + np.array(parts), 0, 1)
        np.testing.assert_allclose(run(shift_of(*levels), floats), expected, atol=1e-6)


def test_shifts_are_drawn_for_each_channel():
    gray = np.full((4, 5, 3), 100, np.uint8)
    op = RGBShift("x", "y", r_shift_limit=10, g_shift_limit=(20, 30), b_shift_limit=(-5, 0))
    drawn = np.array([run(op, gray, seed)[0, 0] for seed in range(300)]) - 100.0
    np.testing.assert_allclose(drawn.min(0), [-10, 20, -5], atol=1)
    np.testing.assert_allclose(drawn.max(0), [10, 30, 0], atol=1)
    assert abs(np.corrcoef(drawn.T)[0, 1]) < 0.2


def test_gray_weights(image):
    expected = np.repeat(image @ np.array([[0.299], [0.587], [0.114]]), 3, axis=-1)
    np.testing.assert_allclose(run(ToGray("x", "y"), image), expected, atol=0.51)
    np.testing.assert_allclose(run(ToGray("x", "y"), as_floats(image)), expected / 255, atol=1e-5)


def test_sepia_weights(image):
    weights = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]])
    expected = np.clip(image @ weights.T, 0, 255)
    np.testing.assert_allclose(run(ToSepia("x", "y"), image), expected, atol=1.01)
    np.testing.assert_allclose(run(ToSepia("x", "y"), as_floats(image)), expected / 255, atol=1e-5)


@pytest.mark.parametrize("kind", [ToGray, ToSepia, ChannelShuffle])
def test_gray_images_stay_as_they_are(kind, image):
    for gray in (image[..., 0], image[..., :1]):
        np.testing.assert_array_equal(run(kind("x", "y"), gray), gray)


def test_what_draws_nothing_says_so():
    assert not ToGray("x", "y").draws
    assert not ToSepia("x", "y").draws


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        (ChannelDropout, {"channel_drop_range": (0, 1)}, r"ChannelDropout\(channel_drop_range\) .* at least 1"),
        (ColorJitter, {"brightness": -1}, r"ColorJitter\(brightness\) must be a number n >= 0 for \(1 - n, 1 \+ n\)"),
        (ColorJitter, {"contrast": (2, 1)}, r"ColorJitter\(contrast\)"),
        (ColorJitter, {"hue": 0.7}, r"ColorJitter\(hue\) .* within \[-0.5, 0.5\]"),
        (HueSaturationValue, {"sat_shift_limit": None}, r"HueSaturationValue\(sat_shift_limit\)"),
        (RGBShift, {"g_shift_limit": (3, 1)}, r"RGBShift\(g_shift_limit\) .* \(3, 1\)"),
    ],
)
def test_values_are_checked(kind, arguments, message):
    with pytest.raises(ConfigError, match=message):
        kind("x", "y", **arguments)


@pytest.mark.parametrize("kind", [ColorJitter, HueSaturationValue, RGBShift, ToGray, ToSepia])
def test_channels_are_checked(kind, image):
    with pytest.raises(DataError, match=rf"{kind.__name__} takes images with .*3 channels.* \(12, 16, 2\) for \['x'\]"):
        kind("x", "y").forward([image[..., :2]], STATE)
