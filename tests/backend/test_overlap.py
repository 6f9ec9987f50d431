"""dice_score agrees with scikit-learn's F1 score on masks, and with figures of FastEstimator 1.7."""

import numpy as np
import pytest

from fastestimator_lite.backend import overlap
from fastestimator_lite.backend.convert import to_number
from fastestimator_lite.util.errors import ConfigError

RNG = np.random.RandomState(0)  # the figures below were made with it
PROBS = RNG.rand(2, 3, 4, 2).astype("float32")  # (B, H, W, C)
MASKS = (RNG.rand(2, 3, 4, 2) > 0.5).astype("float32")


def fits(framework, x):
    return np.ascontiguousarray(np.moveaxis(x, -1, 1)) if framework == "torch" else x


def score(framework, make, y_pred=PROBS, y_true=MASKS, **words):
    return to_number(overlap.dice_score(make(fits(framework, y_pred)), make(fits(framework, y_true)), **words))


def test_masks_of_zeros_and_ones_have_their_f1_score(framework, make):
    sklearn = pytest.importorskip("sklearn.metrics")
    masks = RNG.rand(2, 3, 4, 2) > 0.4
    expected = [
        [sklearn.f1_score(a[..., k].ravel(), b[..., k].ravel()) for k in range(2)]
        for a, b in zip(MASKS, masks, strict=True)
    ]
    np.testing.assert_allclose(score(framework, make, MASKS, masks), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({}, [[0.627209, 0], [0.434826, 0.419805]]),
        ({"soft_dice": True}, [[0.731812, 0], [0.547298, 0.522481]]),
        ({"sample_average": True}, [0.531017, 0.209903]),
        ({"channel_average": True}, [0.313604, 0.427316]),
        ({"sample_average": True, "channel_average": True}, 0.37046),
        ({"threshold": 0.5}, [[0.571429, 0], [0.4, 0.461538]]),
        ({"mask_overlap": False}, [[0.492425, 0], [0.25598, 0.460631]]),
        ({"mask_overlap": False, "threshold": 0.5}, [[0.545455, 0], [0.25, 0.5]]),
        ({"epsilon": 1.0}, [[0.584384, 0], [0.395343, 0.386368]]),
        ({"channel_weights": [1.0, 3.0]}, [[0.627209, 0], [0.434826, 1.259415]]),
        ({"channel_weights": [1.0, 3.0], "channel_average": True}, [0.313604, 0.847121]),
    ],
)
def test_figures_of_1x(framework, make, words, expected):
    np.testing.assert_allclose(score(framework, make, **words), expected, rtol=1e-5)


def test_an_empty_channel(framework, make):
    y_pred, y_true = PROBS.copy(), MASKS.copy()
    y_pred[0, ..., 0] = y_true[0, ..., 0] = 0
    assert score(framework, make, y_pred, y_true)[0, 0] == 0
    result = score(framework, make, y_pred, y_true, empty_nan=True)
    np.testing.assert_array_equal(np.isnan(result), [[True, False], [False, False]])


def test_it_refuses(framework, make):
    with pytest.raises(ConfigError, match="same shape"):
        score(framework, make, y_true=MASKS[:1])
    with pytest.raises(ConfigError, match="position axes"):
        score(framework, make, PROBS[:, 0, 0], MASKS[:, 0, 0])
    with pytest.raises(ConfigError, match="each of 2 channels"):
        score(framework, make, channel_weights=[1.0])


def test_gradient(tensor_framework, make, gradient_of):
    y_true = make(fits(tensor_framework, MASKS))
    result = gradient_of(lambda x: overlap.dice_score(x, y_true), make(fits(tensor_framework, PROBS)))
    size = (PROBS + MASKS).sum((1, 2), keepdims=True) + 1e-6
    common = (PROBS * MASKS).sum((1, 2), keepdims=True)
    np.testing.assert_allclose(result, fits(tensor_framework, 2 * (MASKS * size - common) / size**2), rtol=1e-4)


def test_a_probability_at_the_threshold_is_no(framework, make):
    half, ones = np.array([[[0.5], [0.51]]], "float32"), np.ones((1, 2, 1), "float32")
    np.testing.assert_allclose(score(framework, make, half, ones, threshold=0.5), [[2 / 3]], rtol=1e-5)
