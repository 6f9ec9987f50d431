"""MeanSquaredError: one number for the batch, or one for each sample."""

import numpy as np
import pytest

from fastestimator_lite.backend.convert import to_number
from fastestimator_lite.op.tensorop.loss import MeanSquaredError
from fastestimator_lite.util.errors import ConfigError

STATE = {"mode": "eval", "epoch": 1, "warmup": False, "tape": None, "deferred": {}}
PRED = np.array([[0.0, 2.0], [1.0, 5.0]], dtype="float32")
TRUE = np.array([[0, 0], [1, 2]])


@pytest.mark.parametrize(("average", "expected"), [(True, 3.25), (False, [2.0, 4.5])])
def test_value(framework, make, average, expected):
    op = MeanSquaredError(inputs=("pred", "true"), outputs="mse", average_loss=average)
    result = to_number(op.forward([make(PRED), make(TRUE)], STATE))
    assert result.shape == np.shape(expected)
    np.testing.assert_allclose(result, expected)


def test_needs_two_inputs():
    with pytest.raises(ConfigError, match=r"MeanSquaredError needs inputs=\(y_pred, y_true\)"):
        MeanSquaredError(inputs="pred", outputs="mse")
