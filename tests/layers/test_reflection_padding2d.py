"""ReflectionPadding2D is numpy's reflection, by width and height."""

import numpy as np
import pytest

from fastestimator_lite import layers
from fastestimator_lite.util.errors import ConfigError

keras = pytest.importorskip("keras")

IMAGES = np.arange(2 * 4 * 5 * 3, dtype=np.float32).reshape(2, 4, 5, 3)


@pytest.mark.parametrize("padding", [(1, 1), (2, 1), [1, 2], (0, 0), (4, 3)])
def test_is_the_reflection_of_numpy(padding):
    width, height = padding
    layer = layers.tensorflow.ReflectionPadding2D(padding)
    wanted = np.pad(IMAGES, ((0, 0), (height, height), (width, width), (0, 0)), mode="reflect")
    np.testing.assert_array_equal(layer(IMAGES), wanted)
    assert layer.compute_output_shape(IMAGES.shape) == wanted.shape
    assert layer.compute_output_shape((None, None, 5, 3)) == (None, None, 5 + 2 * width, 3)


def test_default():
    assert layers.tensorflow.ReflectionPadding2D()(IMAGES).shape == (2, 6, 7, 3)


def test_keras_stores_it(tmp_path):
    model = keras.Sequential([keras.Input((4, None, 3)), layers.tensorflow.ReflectionPadding2D((2, 1))])
    assert model.output_shape == (None, 6, None, 3)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(IMAGES), model(IMAGES))


@pytest.mark.parametrize("padding", [1, (1,), (1, 2, 3), (-1, 0), (1.5, 1), ((1, 2), (0, 1)), (True, 1)])
def test_arguments_are_checked(padding):
    with pytest.raises(ConfigError, match=r"ReflectionPadding2D\(padding\) must be \(width, height\), two ints >= 0"):
        layers.tensorflow.ReflectionPadding2D(padding)


@pytest.mark.parametrize("padding", [(5, 0), (0, 4)])
def test_images_too_small_for_a_mirror(padding):
    with pytest.raises(ConfigError, match=r"wider than .* and higher than .* pixels, got \(2, 4, 5, 3\)"):
        layers.tensorflow.ReflectionPadding2D(padding)(IMAGES)
