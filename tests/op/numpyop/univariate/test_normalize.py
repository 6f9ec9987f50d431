"""Normalize."""

from __future__ import annotations

import numpy as np
import pytest

from fastestimator_lite.op.numpyop.univariate import Normalize
from fastestimator_lite.util.errors import ConfigError

STATE = {"mode": "train", "epoch": 1}
MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def run(values, **arguments):
    result = Normalize("x", "x", **arguments).forward([values], STATE)[0]
    assert result.dtype == np.float32
    assert result.shape == values.shape
    return result


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(3,), (5, 3), (7, 5, 3), (60, 70, 3), (40, 90, 3), (300, 80, 3)], ids=str)
def test_channels_are_shifted_and_scaled(shape, dtype):
    image = np.random.default_rng(0).integers(0, 256, shape).astype(dtype)
    np.testing.assert_allclose(run(image), (image / 255 - MEAN) / STD, atol=1e-6)


@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 1), (6, 5, 4)], ids=str)
@pytest.mark.parametrize(("mean", "std"), [(0.5, 0.25), ((0.5,), (0.25,)), (0.5, [0.25])])
def test_one_number_is_for_all_channels(shape, mean, std):
    image = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    np.testing.assert_allclose(run(image, mean=mean, std=std), (image / 255 - 0.5) / 0.25, atol=1e-6)


def test_one_of_both_may_be_for_all_channels():
    image = np.random.default_rng(0).integers(0, 256, (6, 5, 3)).astype(np.uint8)
    np.testing.assert_allclose(run(image, std=0.5), (image / 255 - MEAN) / 0.5, atol=1e-6)


def test_images_may_change_their_size():
    op = Normalize("x", "x")
    for shape in [(6, 5, 3), (60, 70, 3), (6, 5, 3)]:
        image = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
        np.testing.assert_allclose(op.forward([image], STATE)[0], (image / 255 - MEAN) / STD, atol=1e-6)


def test_images_may_be_fractions():
    image = np.random.default_rng(0).random((6, 5, 3), np.float32)
    np.testing.assert_allclose(run(image, max_pixel_value=1.0), (image - MEAN) / STD, atol=1e-6)


@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 1), (6, 3, 5)], ids=str)
def test_images_of_another_number_of_channels_are_refused(shape):
    with pytest.raises(ValueError, match="for 3 channels, got an image of shape"):
        run(np.zeros(shape, np.uint8))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mean": (1, 2), "std": (1, 2, 3)}, "one for each channel"),
        ({"mean": None}, "mean=None"),
        ({"mean": "tf"}, "mean='tf'"),
        ({"max_pixel_value": None}, "max_pixel_value=None"),
        ({"std": (1, 0, 1)}, "may be 0"),
        ({"max_pixel_value": 0}, "may be 0"),
    ],
)
def test_values_are_checked(arguments, message):
    with pytest.raises(ConfigError, match=message):
        Normalize("x", "x", **arguments)
