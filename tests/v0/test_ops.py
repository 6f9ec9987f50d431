"""Resize, Scale and the loss as FastEstimator 0.x spelled them."""

import numpy as np
import pytest

from fastestimator_lite.util.errors import ConfigError
from fastestimator_lite.v0.op.tensorop import Minmax, Resize, Scale
from fastestimator_lite.v0.op.tensorop.loss import SparseCategoricalCrossentropy

STATE = {"mode": "train", "epoch": 1, "ds_id": ""}


def bilinear(image, height, width):
    """Bilinear interpolation between pixel centres, written down."""

    def places(new, old):
        place = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
        low = np.floor(place).astype(int)
        return low, np.minimum(low + 1, old - 1), place - low

    top, bottom, down = places(height, image.shape[0])
    left, right, across = places(width, image.shape[1])
    down, across = down[:, None, None], across[None, :, None]
    upper = image[top][:, left] * (1 - across) + image[top][:, right] * across
    lower = image[bottom][:, left] * (1 - across) + image[bottom][:, right] * across
    return upper * (1 - down) + lower * down


@pytest.mark.parametrize("shape", [(28, 28, 1), (20, 28, 3), (40, 10, 5)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_resize_interpolates_between_pixel_centres(shape, dtype):
    image = np.random.default_rng(0).integers(0, 256, shape).astype(dtype)
    (resized,) = Resize(inputs="x", size=(30, 16), outputs="x").forward([image], STATE)
    assert resized.dtype == np.float32
    np.testing.assert_allclose(resized, bilinear(image.astype(float), 30, 16), rtol=1e-4, atol=1e-3)


def test_resize_takes_batches_and_images_without_channels():
    batch = np.random.default_rng(0).random((3, 8, 8), dtype=np.float32)
    op = Resize(inputs="x", size=(4, 6), outputs="x")
    (many,) = op.forward_batch([batch], STATE)
    assert many.shape == (3, 4, 6)
    np.testing.assert_array_equal(many[2], op.forward([batch[2]], STATE)[0])


def test_resize_leaves_its_input_alone():
    image = np.arange(64, dtype=np.float32).reshape(8, 8)
    image.flags.writeable = False
    (same,) = Resize(inputs="x", size=(8, 8), outputs="x").forward([image], STATE)
    np.testing.assert_array_equal(same, image)
    assert not np.shares_memory(same, image)


@pytest.mark.parametrize("size", [30, (30,), (30, 0), (30, 30.0), (True, 30), "30"])
def test_resize_refuses_a_size_that_is_none(size):
    with pytest.raises(ConfigError, match=r"Resize\(size\) must be \(height, width\)"):
        Resize(inputs="x", size=size, outputs="x")


def test_resize_refuses_what_is_no_image():
    with pytest.raises(ConfigError, match=r"needs images of shape .* got \(7,\)"):
        Resize(inputs="x", size=(4, 4), outputs="x").forward([np.zeros(7)], STATE)


def test_scale_multiplies():
    image = np.array([[0, 51], [102, 255]], np.uint8)
    (scaled,) = Scale(inputs="x", scalar=1.0 / 255, outputs="x").forward([image], STATE)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled, [[0, 0.2], [0.4, 1]], rtol=1e-6)
    with pytest.raises(ConfigError, match=r"Scale\(scalar\) must be a number, got '2'"):
        Scale(inputs="x", scalar="2", outputs="x")


def test_minmax_fills_the_range():
    (rescaled,) = Minmax(inputs="x", outputs="x").forward([np.array([[10.0, 20.0], [15.0, 12.5]])], STATE)
    np.testing.assert_allclose(rescaled, [[0, 1], [0.5, 0.25]])


def test_the_loss_takes_the_truth_first(tensor_framework, make):
    loss = SparseCategoricalCrossentropy(inputs=("y", "y_pred"), outputs="loss")
    assert (loss.true_key, loss.pred_key) == ("y", "y_pred")
    value = loss.forward([make([1, 0], np.uint8), make([[0.2, 0.8], [0.5, 0.5]], np.float32)], STATE)
    assert float(value) == pytest.approx(-(np.log(0.8) + np.log(0.5)) / 2, rel=1e-5)


def test_the_loss_takes_logits(tensor_framework, make):
    loss = SparseCategoricalCrossentropy(inputs=("y", "y_pred"), outputs=["loss"], from_logits=True)
    (value,) = loss.forward([make([2]), make([[0.0, 0.0, np.log(2.0)]], np.float32)], STATE)
    assert float(value) == pytest.approx(np.log(2), rel=1e-5)
    with pytest.raises(ConfigError, match="needs inputs"):
        SparseCategoricalCrossentropy(inputs="y", outputs="loss")
