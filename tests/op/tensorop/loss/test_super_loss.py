"""SuperLoss: confidences, its running mean, and what it refuses."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from fastestimator_lite.backend.convert import to_number
from fastestimator_lite.op.tensorop import LambdaOp
from fastestimator_lite.op.tensorop.loss import CrossEntropy, FocalLoss, SuperLoss
from fastestimator_lite.util.errors import ConfigError

STATE = {"mode": "train", "epoch": 1, "warmup": False, "tape": None, "deferred": {}}
P = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4], [0.9, 0.05, 0.05]], "float32")
Y = np.array([0, 1, 2, 1])
LOSSES = -np.log(P[np.arange(4), Y].astype("float64"))


def built(framework, **words):
    op = SuperLoss(CrossEntropy(["p", "t"], "l"), **words)
    op.build(framework)
    return op


def run(op, *values, **state):
    result = op.forward(list(values), {**STATE, **state})
    return [to_number(one) for one in result] if op.out_list else to_number(result)


@pytest.mark.parametrize("strength", [0.25, 1.0, 3.0])
def test_the_confidence_is_the_best_one(tensor_framework, make, strength):
    op = built(tensor_framework, threshold=1.0, regularization=strength, average_loss=False, output_confidence="c")
    total, confidence = run(op, make(P), make(Y))
    for loss, value, sure in zip(LOSSES, total, confidence, strict=True):
        best = minimize_scalar(
            lambda c, loss=loss: c * (loss - 1) + strength * np.log(c) ** 2, bounds=(1e-6, np.e), method="bounded"
        )
        assert abs(sure - best.x) < 2e-3
        assert abs(value - best.fun) < 1e-4


def test_figures_of_1x(tensor_framework, make):
    # its largest confidence is 2.7167 and not e, so the last digits differ
    np.testing.assert_allclose(run(built(tensor_framework), make(P), make(Y)), -0.34108, rtol=5e-4)
    op = built(tensor_framework, threshold=1.0)
    np.testing.assert_allclose(run(op, make(P), make(Y)), -0.139086, rtol=2e-4)
    op = built(tensor_framework, regularization=0.25)
    np.testing.assert_allclose(run(op, make(P), make(Y)), -0.8538, rtol=1e-3)


def test_the_threshold_follows_the_loss(tensor_framework, make):
    op = built(tensor_framework)
    batches = [[[0.7, 0.3], [0.2, 0.8]], [[0.1, 0.9], [0.2, 0.8]], [[0.5, 0.5], [0.5, 0.5]]]
    for batch, expected in zip(batches, [0.9830564, 1.0803519, 1.0416315], strict=True):
        run(op, make(batch, "float32"), make([0, 0]))
        np.testing.assert_allclose(op.state_dict()["train"], expected, rtol=1e-6)
    assert np.isnan(op.state_dict()["eval"])
    run(op, make(batches[1], "float32"), make([0, 0]), warmup=True)
    np.testing.assert_allclose(op.state_dict()["train"], 1.0416315, rtol=1e-6)


def test_its_state_goes_on(tensor_framework, make):
    op, other = built(tensor_framework), built(tensor_framework)
    run(op, make(P), make(Y))
    other.load_state_dict(op.state_dict())
    later = make(P[::-1].copy())
    np.testing.assert_array_equal(run(other, later, make(Y)), run(op, later, make(Y)))


def test_gradient_is_that_of_the_loss_times_confidence(tensor_framework, make, gradient_of):
    op = built(tensor_framework)
    result = gradient_of(lambda p: op.forward([p, make(Y)], STATE), make(P))
    _, confidence = run(built(tensor_framework, output_confidence="c"), make(P), make(Y))
    expected = np.zeros_like(P)
    expected[np.arange(4), Y] = -confidence / P[np.arange(4), Y] / 4
    np.testing.assert_allclose(result, expected, rtol=1e-5)


def test_it_wraps_a_loss_without_changing_it(tensor_framework, make):
    inner = FocalLoss(["p", "t"], "l", mode="train")
    op = SuperLoss(inner, output_confidence="c", average_loss=False)
    op.build(tensor_framework)
    assert inner.average_loss is True
    assert (op.inputs, op.outputs, op.mode) == (["p", "t"], ["l", "c"], {"train"})
    loss, confidence = run(op, make(P), make(np.eye(3, dtype="float32")[Y]))
    assert loss.shape == confidence.shape == (4,)
    assert len(set(confidence)) == 4


def test_what_is_refused():
    for words in ({"threshold": "x"}, {"threshold": -1}, {"regularization": 0}):
        with pytest.raises(ConfigError, match=next(iter(words))):
            SuperLoss(CrossEntropy(["p", "t"], "l"), **words)
    with pytest.raises(ConfigError, match="must be a loss op"):
        SuperLoss(LambdaOp(abs, "a", "b"))
