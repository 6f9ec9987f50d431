"""InstanceNormalization gives each channel of each image mean 0 and variance 1, times a scale that is learned."""

import numpy as np
import pytest

from fastestimator_lite import layers
from fastestimator_lite.util.errors import ConfigError

keras = pytest.importorskip("keras")

IMAGES = (1 + 3 * np.random.default_rng(0).standard_normal((2, 4, 5, 3))).astype(np.float32)


@pytest.mark.parametrize("epsilon", [1e-5, 10.0])
def test_is_the_formula(epsilon):
    layer = layers.tensorflow.InstanceNormalization(epsilon)
    layer.build(IMAGES.shape)
    scale, offset = np.array([1.0, -2.0, 0.5]), np.array([0.0, 3.0, 1.0])
    layer.set_weights([scale, offset])
    mean, variance = IMAGES.mean((1, 2), keepdims=True), IMAGES.var((1, 2), keepdims=True)
    wanted = (IMAGES - mean) / np.sqrt(variance + epsilon) * scale + offset
    np.testing.assert_allclose(layer(IMAGES), wanted, rtol=1e-4, atol=1e-5)


def test_constant_channels_give_the_offset():
    layer = layers.tensorflow.InstanceNormalization()
    np.testing.assert_allclose(layer(np.full((1, 3, 3, 2), 7.0)), np.zeros((1, 3, 3, 2)), atol=1e-6)


def test_first_weights():
    keras.utils.set_random_seed(0)
    layer = layers.tensorflow.InstanceNormalization()
    layer.build((None, 4, 4, 20_000))
    scale, offset = layer.get_weights()
    np.testing.assert_allclose([scale.mean(), scale.std()], [0, 0.02], atol=1e-3)  # printed by FastEstimator 1.7
    assert not offset.any()
    assert len(layer.trainable_weights) == 2


def test_keras_stores_it(tmp_path):
    model = keras.Sequential([keras.Input((None, None, 3)), layers.tensorflow.InstanceNormalization(0.1, name="norm")])
    assert model.output_shape == (None, None, None, 3)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.get_layer("norm").epsilon == 0.1
    np.testing.assert_allclose(again(IMAGES), model(IMAGES), rtol=1e-5)


def test_arguments_are_checked():
    with pytest.raises(ConfigError, match=r"InstanceNormalization\(epsilon\) must be > 0, got 0"):
        layers.tensorflow.InstanceNormalization(0)
    with pytest.raises(ConfigError, match=r"takes images of shape \(B, H, W, C\), got \(2, 3\)"):
        layers.tensorflow.InstanceNormalization().build((2, 3))
