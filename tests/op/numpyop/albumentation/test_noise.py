"""Noise: its moments are those that the parameters say."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest

from fastestimator_lite.op.numpyop.univariate import GaussianNoise, ISONoise, MultiplicativeNoise
from fastestimator_lite.util.errors import ConfigError, DataError

STATE = {"mode": "train", "epoch": 1}
GRAY = np.full((150, 160, 3), 100, np.uint8)


def noise(op, image, seed=0):
    op.reseed(seed)
    return op.forward([image], STATE)[0].astype(np.float64) - image


def test_variance_is_in_grey_levels():
    added = noise(GaussianNoise("x", "y", var_limit=(400, 400)), GRAY)
    assert added.var() == pytest.approx(400, rel=0.02)
    assert added.mean() == pytest.approx(0, abs=0.3)
    assert added[..., 0].std() == pytest.approx(20, rel=0.02)
    assert abs(np.corrcoef(added[..., 0].ravel(), added[..., 1].ravel())[0, 1]) < 0.03  # each value for itself


def test_float_images_get_the_noise_of_the_bytes_that_they_stand_for():
    floats = (GRAY / 255).astype(np.float32)
    assert (noise(GaussianNoise("x", "y", var_limit=(400, 400)), floats) * 255).var() == pytest.approx(400, rel=0.02)
    added = noise(GaussianNoise("x", "y", var_limit=(400, 400), mean=30), floats)
    assert added.mean() * 255 == pytest.approx(30, abs=0.3)


def test_small_variances_are_in_units_of_float_images():
    floats = np.full((150, 160), 0.5, np.float32)
    added = noise(GaussianNoise("x", "y", var_limit=(0.01, 0.01), mean=0.1), floats)
    assert added.var() == pytest.approx(0.01, rel=0.02)
    assert added.mean() == pytest.approx(0.1, abs=0.002)
    # of a byte image it is a hundredth of a level
    assert not noise(GaussianNoise("x", "y", var_limit=(0.01, 0.01)), GRAY).any()


def test_mean_is_added_and_the_result_cut():
    assert noise(GaussianNoise("x", "y", var_limit=0, mean=7.4), GRAY).tolist() == np.full(GRAY.shape, 7).tolist()
    for value in (-300, 300):
        image = GRAY + noise(GaussianNoise("x", "y", mean=value), GRAY)
        assert set(np.unique(image)) == {max(0.0, min(255.0, value))}


def test_the_variance_is_what_is_drawn_uniformly():
    op = GaussianNoise("x", "y", var_limit=(0, 900))
    variances = [noise(op, GRAY[:60, :60], seed).var() for seed in range(300)]
    assert np.mean(variances) == pytest.approx(450, rel=0.08)
    assert np.quantile(variances, 0.25) == pytest.approx(225, rel=0.25)
    assert GaussianNoise("x", "y", var_limit=900).transform.variance == (0, 900)
    assert GaussianNoise("x", "y").transform.variance == (10.0, 50.0)


def hls(image):
    return np.array([colorsys.rgb_to_hls(*pixel) for pixel in image.reshape(-1, 3)])


def test_sensor_noise_in_hue_and_lightness():
    image = np.random.default_rng(1).uniform(0.2, 0.6, (60, 60, 3)).astype(np.float32)
    image[..., 0] += 0.3  # some colour, so that the hue is well defined
    op = ISONoise("x", "y", color_shift=(0.05, 0.05), intensity=(0.4, 0.4))
    op.reseed(0)
    before, after = hls(image), hls(op.forward([image], STATE)[0])
    turned = (after[:, 0] - before[:, 0] + 0.5) % 1 - 0.5
    assert turned.std() == pytest.approx(0.05 * 0.4, rel=0.05)  # in turns
    room = (after[:, 1] - before[:, 1]) / (1 - before[:, 1])
    rate = 255 * 0.4 * before[:, 1].std()
    assert room.mean() == pytest.approx(rate / 255, rel=0.02)
    assert room.var() == pytest.approx(rate / 255**2, rel=0.1)


def test_sensor_noise_is_alike_on_bytes_and_floats():
    image = np.random.default_rng(1).integers(50, 200, (40, 40, 3), dtype=np.uint8)
    op = ISONoise("x", "y")
    op.reseed(2)
    levels = op.forward([image], STATE)[0]
    op.reseed(2)
    floats = op.forward([(image / 255).astype(np.float32)], STATE)[0]
    np.testing.assert_allclose(floats * 255, levels, atol=0.51)


def factors(op, image, seed=0):
    op.reseed(seed)
    return op.forward([image], STATE)[0] / image


@pytest.mark.parametrize(
    ("options", "axes"),
    [
        ({}, (0, 1, 2)),
        ({"per_channel": True}, (0, 1)),
        ({"elementwise": True}, (2,)),
        ({"per_channel": True, "elementwise": True}, ()),
    ],
)
def test_multipliers_are_shared_as_asked_for(options, axes):
    image = np.full((20, 30, 3), 0.5, np.float32)
    found = factors(MultiplicativeNoise("x", "y", multiplier=(0.5, 1.5), **options), image)
    same = [np.ptp(found, axis).max() < 1e-6 for axis in range(3)]
    assert same == [axis in axes for axis in range(3)]
    many = [
        factors(MultiplicativeNoise("x", "y", multiplier=(0.5, 1.5), **options), image, seed).flat[0]
        for seed in range(300)
    ]
    assert (min(many), max(many)) == pytest.approx((0.5, 1.5), abs=0.03)
    assert np.mean(many) == pytest.approx(1, abs=0.06)


def test_one_multiplier_is_no_draw():
    op = MultiplicativeNoise("x", "y", multiplier=1.5)
    assert not op.draws
    np.testing.assert_array_equal(op.forward([GRAY], STATE)[0], np.full_like(GRAY, 150))
    assert MultiplicativeNoise("x", "y").draws


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        (GaussianNoise, {"var_limit": (-1, 2)}, r"GaussianNoise\(var_limit\) .* at least 0, got \(-1, 2\)"),
        (GaussianNoise, {"var_limit": (3, 2)}, r"\(3, 2\)"),
        (GaussianNoise, {"mean": None}, r"GaussianNoise\(mean\)"),
        (ISONoise, {"color_shift": (0, 2)}, r"ISONoise\(color_shift\) .* within \[0, 1\]"),
        (ISONoise, {"intensity": (-1, 2)}, r"ISONoise\(intensity\)"),
        (MultiplicativeNoise, {"multiplier": -1}, r"MultiplicativeNoise\(multiplier\)"),
    ],
)
def test_values_are_checked(kind, arguments, message):
    with pytest.raises(ConfigError, match=message):
        kind("x", "y", **arguments)


def test_sensor_noise_needs_colours():
    with pytest.raises(DataError, match=r"ISONoise takes images with 3 channels.*got uint8 of shape \(150, 160\)"):
        ISONoise("x", "y").forward([GRAY[..., 0]], STATE)
