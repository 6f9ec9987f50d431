"""Losses give the figures of FastEstimator 1.7, with every parameter."""

import numpy as np
import pytest

from fastestimator_lite.backend.convert import to_number
from fastestimator_lite.op.tensorop.loss import DiceLoss, FocalLoss, Hinge, L1_Loss
from fastestimator_lite.util.errors import ConfigError

STATE = {"mode": "train", "epoch": 1, "warmup": False, "tape": None, "deferred": {}}
KEYS = {"inputs": ["p", "t"], "outputs": "l"}
P = np.array([[0.2, 0.8, 0.5], [0.6, 0.1, 0.3]], "float32")
T = np.array([[0, 1, 1], [1, 0, 0]], "float32")
RNG = np.random.RandomState(0)  # the figures below were made with it
PROBS = RNG.rand(2, 3, 4, 2).astype("float32")
MASKS = (RNG.rand(2, 3, 4, 2) > 0.5).astype("float32")


def run(op, *values):
    return to_number(op.forward(list(values), STATE))


@pytest.mark.parametrize(
    ("words", "mean", "each"),
    [
        ({}, 0.75, [0.833333, 0.666667]),
        ({"loss_type": "Smooth"}, 0.329167, [0.401667, 0.256667]),
        ({"loss_type": "Smooth", "beta": 0.3}, 0.6, [0.683333, 0.516667]),
        ({"loss_type": "Huber"}, 0.329167, [0.401667, 0.256667]),
        ({"loss_type": "Huber", "beta": 0.3}, 0.18, [0.205, 0.155]),
    ],
)
def test_l1(framework, make, words, mean, each):
    np.testing.assert_allclose(run(L1_Loss(**KEYS, **words), make(3 * P), make(T)), mean, rtol=1e-5)
    result = run(L1_Loss(**KEYS, **words, average_loss=False), make(3 * P), make(T))
    np.testing.assert_allclose(result, each, rtol=1e-5)


def test_hinge(framework, make):
    np.testing.assert_allclose(run(Hinge(**KEYS), make(P), make(2 * T - 1)), 0.783333, rtol=1e-5)
    result = run(Hinge(**KEYS, average_loss=False), make(P), make(2 * T - 1))
    np.testing.assert_allclose(result, [0.633333, 0.933333], rtol=1e-5)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({}, 0.035711),
        ({"shape_reduction": "mean"}, 0.011904),
        ({"sample_reduction": "sum"}, 0.071423),
        ({"sample_reduction": "none"}, [0.026124, 0.045299]),
        (
            {"sample_reduction": "none", "shape_reduction": "none"},
            [[0.003347, 0.001116, 0.021661], [0.020433, 0.00079, 0.024076]],
        ),
        ({"normalize": False}, 0.048773),
        ({"from_logits": True}, 0.241217),
        ({"gamma": 1.0}, 0.102436),
    ],
)
def test_focal(framework, make, words, expected):
    np.testing.assert_allclose(run(FocalLoss(**KEYS, **words), make(P), make(T)), expected, rtol=1e-3)


def test_focal_without_weights(framework, make):
    expected = run(FocalLoss(**KEYS, alpha=None), make(P), make(T))
    np.testing.assert_array_equal(run(FocalLoss(**KEYS, alpha=-1), make(P), make(T)), expected)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({}, -0.37046),
        ({"soft_dice": True}, -0.450398),
        ({"average_loss": False}, [-0.313604, -0.427316]),
        ({"channel_average": False}, [-0.531017, -0.209903]),
        ({"epsilon": 1.0}, -0.341524),
        ({"channel_weights": {1: 3.0}}, -0.580363),
        ({"channel_weights": {0: 2.0, 1: 3.0}, "channel_average": False}, [-1.062035, -0.629708]),
    ],
)
def test_dice(framework, make, words, expected):
    values = [np.moveaxis(one, -1, 1) if framework == "torch" else one for one in (PROBS, MASKS)]
    np.testing.assert_allclose(run(DiceLoss(**KEYS, **words), *map(make, values)), expected, rtol=1e-5)


def test_what_is_refused(make, framework):
    for op, words, message in (
        (L1_Loss, {"loss_type": "Hubber"}, "Did you mean 'Huber'"),
        (L1_Loss, {"beta": 0}, "beta"),
        (FocalLoss, {"gamma": -1}, "gamma"),
        (FocalLoss, {"alpha": 2}, "alpha"),
        (FocalLoss, {"sample_reduction": "avg"}, "sample_reduction"),
        (DiceLoss, {"channel_weights": [1.0]}, "must be a dictionary"),
        (Hinge, {"inputs": "p"}, "two keys"),
    ):
        with pytest.raises(ConfigError, match=message):
            op(**{**KEYS, **words})
    if framework != "np":
        with pytest.raises(ConfigError, match=r"names the channels \[7\]"):
            run(DiceLoss(**KEYS, channel_weights={7: 1.0}), make(PROBS), make(PROBS))
