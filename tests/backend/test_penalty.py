"""l2_regularization charges for what is trained, biases and the scales of norms included."""

import numpy as np
import pytest

import fastestimator_lite as fe
from fastestimator_lite.backend.convert import to_number
from fastestimator_lite.backend.penalty import l2_regularization
from fastestimator_lite.util.errors import ConfigError


def model(framework):
    if framework == "torch":
        import torch

        made = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
        with torch.no_grad():
            made[0].weight.copy_(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
            made[0].bias.copy_(torch.tensor([10.0, 0.0]))
    else:
        import keras

        made = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(2), keras.layers.BatchNormalization()])
        made.layers[0].set_weights([np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([10.0, 0.0])])
    return fe.build(lambda: made, "sgd")


def test_half_the_sum_of_squares(tensor_framework):
    result = to_number(l2_regularization(model(tensor_framework), beta=0.1))
    np.testing.assert_allclose(result, 0.1 * (1 + 4 + 9 + 16 + 100 + 1 + 1) / 2, rtol=1e-6)


def test_what_is_frozen_is_free(tensor_framework):
    made = model(tensor_framework)
    if tensor_framework == "torch":
        made[0].weight.requires_grad_(False)
        made[0].bias.requires_grad_(False)
    else:
        made.layers[0].trainable = False
    np.testing.assert_allclose(to_number(l2_regularization(made, beta=0.1)), 0.1, rtol=1e-6)


def test_gradient(tensor_framework):
    made = model(tensor_framework)
    if tensor_framework == "torch":
        l2_regularization(made, beta=0.1).backward()
        gradient = made[0].weight.grad.numpy()
    else:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            total = l2_regularization(made, beta=0.1)
        gradient = tape.gradient(total, made.layers[0].kernel.value).numpy()
    np.testing.assert_allclose(gradient, [[0.1, 0.2], [0.3, 0.4]], rtol=1e-6)


def test_only_built_models(tensor_framework):
    if tensor_framework == "torch":
        import torch

        with pytest.raises(ConfigError, match=r"fe\.build"):
            l2_regularization(torch.nn.Linear(1, 1))
