"""Gradients that UpdateOp clips, against figures worked out in numpy."""

import numpy as np
import pytest

import fastestimator_lite as fe
from fastestimator_lite.backend.convert import to_tensor
from fastestimator_lite.component import When
from fastestimator_lite.op.tensorop import LambdaOp
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp
from fastestimator_lite.util.errors import ConfigError

TRAIN = When("train", 1, "")


def two_weights(framework, name="net"):
    """w * x + b with w = (1, 1), b = 0 and plain gradient descent at rate 1."""
    if framework == "torch":
        import torch

        def make():
            layer = torch.nn.Linear(2, 1)
            torch.nn.init.ones_(layer.weight)
            torch.nn.init.zeros_(layer.bias)
            return layer

        return fe.build(make, lambda parameters: torch.optim.SGD(parameters, lr=1.0), model_name=name)
    import keras

    return fe.build(
        lambda: keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1, kernel_initializer="ones")]),
        lambda: keras.optimizers.SGD(1.0),
        model_name=name,
    )


def moved(model):
    values = [
        np.asarray(to_tensor(value, "np")).ravel()
        for value in (model.parameters() if _is_torch(model) else model.trainable_variables)
    ]
    return np.concatenate(values) - [1.0, 1.0, 0.0]


def _is_torch(model):
    return hasattr(model, "named_parameters")


def network_of(*models, **update):
    """The loss is the mean of w * x + b, so the gradient is the mean of x, and 1 for b."""
    ops = [
        op
        for k, model in enumerate(models)
        for op in (ModelOp(model, "x", f"p{k}"), UpdateOp(model, f"p{k}", **update))
    ]
    return fe.Network(ops)


def gradient(x):
    return np.append(x.mean(0), 1.0)


X = np.array([[3.0, -8.0], [1.0, -4.0]], np.float32)  # gradient 2, -6, 1: norm sqrt(41)


@pytest.mark.parametrize(
    "clip, expected",
    [
        ({"clip_norm": 2.0}, gradient(X) * 2 / np.sqrt(41)),
        ({"clip_norm": 6.5}, gradient(X)),  # it is shorter than that
        ({"clip_value": 1.5}, [1.5, -1.5, 1.0]),
        ({"clip_value": 1.5, "clip_norm": 1.0}, np.array([1.5, -1.5, 1.0]) / np.sqrt(5.5)),
    ],
)
@pytest.mark.parametrize("nan", ["raise", "ignore"])
def test_clipped_gradients(tensor_framework, clip, expected, nan):
    model = two_weights(tensor_framework)
    network_of(model, nan=nan, **clip).load(TRAIN)({"x": X})
    np.testing.assert_allclose(moved(model), -np.array(expected), rtol=1e-5)


def test_the_norm_is_that_of_each_model(tensor_framework):
    models = [two_weights(tensor_framework, name) for name in "ab"]
    network_of(*models, clip_norm=2.0).load(TRAIN)({"x": X})
    for model in models:
        assert np.linalg.norm(moved(model)) == pytest.approx(2.0, rel=1e-5)


def test_merged_gradients_are_clipped_once(tensor_framework):
    """Clipped one by one, the two steps would have cancelled; clipped together, the longer one is left."""
    model = two_weights(tensor_framework)
    step = network_of(model, clip_value=1.5, merge_grad=2).load(TRAIN)
    step({"x": np.array([[10.0, 2.0]], np.float32)})
    step({"x": np.array([[-4.0, -2.0]], np.float32)})
    np.testing.assert_allclose(moved(model), [-1.5, 0.0, -1.0], rtol=1e-5)


def test_what_is_left_to_merge_is_clipped(tensor_framework):
    model = two_weights(tensor_framework)
    network = network_of(model, clip_norm=2.0, merge_grad=3)
    network.load(TRAIN)({"x": X})
    network.end_epoch()
    np.testing.assert_allclose(moved(model), -gradient(X) * 2 / np.sqrt(41), rtol=1e-5)


def test_gradients_of_another_op_are_clipped(tensor_framework):
    model = two_weights(tensor_framework)

    def gradients(x):
        row = fe.backend.reduce_mean(x, 0, keepdims=True)
        kernel = row if tensor_framework == "torch" else fe.backend.transpose(row)
        return [[kernel, fe.backend.ones_like(row)[0, :1]]]

    network = fe.Network(
        [ModelOp(model, "x", "p"), LambdaOp(gradients, "x", ["g"]), UpdateOp(model, "p", gradients="g", clip_norm=2.0)]
    )
    network.load(TRAIN)({"x": X})
    np.testing.assert_allclose(moved(model), -gradient(X) * 2 / np.sqrt(41), rtol=1e-5)


def test_a_zero_gradient_stays_zero(tensor_framework):
    model = two_weights(tensor_framework)
    network = fe.Network(
        [ModelOp(model, "x", "p"), LambdaOp(lambda p: p * 0.0, "p", "zero"), UpdateOp(model, "zero", clip_norm=1.0)]
    )
    network.load(TRAIN)({"x": X})
    np.testing.assert_array_equal(moved(model), [0, 0, 0])


@pytest.mark.parametrize("argument", ["clip_norm", "clip_value"])
@pytest.mark.parametrize("value", [0, -1.0, float("inf"), float("nan"), True, "1"])
def test_limits_are_positive_numbers(tensor_framework, argument, value):
    with pytest.raises(ConfigError, match=rf"UpdateOp\({argument}\) must be a number > 0 or None, got"):
        UpdateOp(two_weights(tensor_framework), "loss", **{argument: value})
