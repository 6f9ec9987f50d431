"""Watch, FGSM and GradientOp in whole steps, by hand: p = x1 - 2 x2, loss (p - 1)^2, so dl/dx = (p - 1) (1, -2)."""

import numpy as np
import pytest

from fastestimator_lite.backend.convert import to_number
from fastestimator_lite.op.tensorop import Average, Delete, LambdaOp
from fastestimator_lite.op.tensorop.gradient import FGSM, GradientOp, Watch
from fastestimator_lite.op.tensorop.loss import MeanSquaredError
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp
from fastestimator_lite.util.errors import ConfigError

BATCH = {"x": np.array([[1, 2], [3, 4]], "float32"), "y": np.ones((2, 1), "float32")}  # p = -3, -5
X_GRADIENT = [[-4.0, 8.0], [-6.0, 12.0]]  # of the mean of both losses
W_GRADIENT = [-22.0, -32.0]


def forward(model, average=True):
    return [ModelOp(model, "x", "p"), MeanSquaredError(("p", "y"), "l", average_loss=average)]


def test_fgsm_then_update_on_the_adversarial_loss(linear, step, weights):
    again = [ModelOp(linear, "xa", "pa"), MeanSquaredError(("pa", "y"), "la"), UpdateOp(linear, "la")]
    result = step([Watch("x"), *forward(linear), FGSM("x", "l", "xa", epsilon=0.5), *again], BATCH)
    np.testing.assert_array_equal(to_number(result["xa"]), [[1, 2.5], [2.5, 4]])  # clipped to what the batch holds
    assert float(result["l"]) == 26
    assert float(result["la"]) == 33.625
    moved = np.array([1.0, -2.0]) - 0.1 * np.array([(1 * -5 + 2.5 * -6.5), (2.5 * -5 + 4 * -6.5)])
    np.testing.assert_allclose(weights(linear), moved, rtol=1e-5)


def test_fgsm_then_update_on_both_losses(linear, step, weights):
    again = [ModelOp(linear, "xa", "pa"), MeanSquaredError(("pa", "y"), "la"), Average(["l", "la"], "all")]
    step([Watch("x"), *forward(linear), FGSM("x", "l", "xa", epsilon=0.5), *again, UpdateOp(linear, "all")], BATCH)
    both = (np.array(W_GRADIENT) + [-21.25, -38.5]) / 2
    np.testing.assert_allclose(weights(linear), np.array([1.0, -2.0]) - 0.1 * both, rtol=1e-5)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"epsilon": 5}, [[1, 4], [1, 4]]),
        ({"epsilon": 5, "clip_low": 2}, [[2, 4], [2, 4]]),
        ({"epsilon": 0.5, "clip_low": 0, "clip_high": 3.0}, [[0.5, 2.5], [2.5, 3]]),
    ],
)
def test_fgsm_clips(linear, step, words, expected):
    for average in (True, False):
        result = step([Watch("x"), *forward(linear, average), FGSM("x", "l", "xa", **words)], BATCH, "eval")
        np.testing.assert_array_equal(to_number(result["xa"]), expected)


def test_gradient_by_an_input_then_update(linear, step, weights):
    result = step([Watch("x"), *forward(linear), GradientOp("l", "g", inputs="x"), UpdateOp(linear, "l")], BATCH)
    np.testing.assert_allclose(to_number(result["g"]), X_GRADIENT, rtol=1e-6)
    np.testing.assert_allclose(weights(linear), [3.2, 1.2], rtol=1e-6)


def test_several_gradients(linear, step):
    twice = LambdaOp(lambda loss: loss * 2, "l", "l2")
    ops = [Watch("x"), *forward(linear), twice, GradientOp(["l", "l2"], ["g", "h"], inputs=["x", "x"])]
    result = step(ops, BATCH, "eval")
    np.testing.assert_allclose(to_number(result["g"]), X_GRADIENT, rtol=1e-6)
    np.testing.assert_allclose(to_number(result["h"]), 2 * np.array(X_GRADIENT), rtol=1e-6)


def test_gradient_by_a_model_feeds_an_update(linear, step, weights):
    ops = [*forward(linear), GradientOp("l", "g", model=linear), UpdateOp(linear, "l", gradients="g"), Delete("g")]
    step(ops, BATCH)
    np.testing.assert_allclose(weights(linear), [3.2, 1.2], rtol=1e-6)


def test_the_batch_is_left_alone(linear, tensor_framework):
    if tensor_framework != "torch":
        pytest.skip("tensors of TensorFlow have no such flag")
    import torch

    import fastestimator_lite as fe

    x = torch.tensor(BATCH["x"])
    batch = {"x": x, "y": torch.tensor(BATCH["y"])}
    result = fe.Network([Watch("x"), *forward(linear), FGSM("x", "l", "xa")]).transform(batch, "eval")
    assert not x.requires_grad
    assert not any(result[key].requires_grad for key in ("x", "xa", "l"))


def test_a_gradient_that_was_not_watched(linear, step):
    for op in (FGSM("x", "l", "xa"), GradientOp("l", "g", inputs="x")):
        with pytest.raises(ConfigError, match=r"'l' does not depend on 'x' .*Watch\('x'\) before"):
            step([*forward(linear), op], BATCH)
    with pytest.raises(ConfigError, match="'l' does not depend on 'z'"):
        watched = Watch(["x", "z"])
        step([watched, *forward(linear), GradientOp("l", "g", inputs="z")], {**BATCH, "z": BATCH["x"]})


def test_only_floats_are_watched(linear, step):
    with pytest.raises(ConfigError, match="key 'x' is int64"):
        step([Watch("x"), *forward(linear)], {**BATCH, "x": np.ones((2, 2), "int64")})


def test_wrong_numbers_of_keys(linear):
    for words in ({}, {"inputs": "x", "model": linear}):
        with pytest.raises(ConfigError, match="either inputs or a model"):
            GradientOp("l", "g", **words)
    for finals, outputs, inputs in (("l", ["g", "h"], "x"), (["l", "k"], ["g", "h"], "x"), ("l", "g", ["x", "z"])):
        with pytest.raises(ConfigError, match="as many finals"):
            GradientOp(finals, outputs, inputs=inputs)
    with pytest.raises(ConfigError, match="FGSM needs one key"):
        FGSM("x", ["l", "k"], "xa")
