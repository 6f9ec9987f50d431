"""Functions on each element agree with numpy, in every framework."""

import numpy as np
import pytest

from fastestimator_lite.backend import elementwise as ew
from fastestimator_lite.backend.convert import to_number
from fastestimator_lite.backend.framework import framework_of

X = np.array([[-2.5, -0.5, 0.0], [0.5, 1.5, 3.25]], dtype="float32")


@pytest.mark.parametrize(
    ("ours", "reference"),
    [
        (ew.abs, np.abs),
        (ew.exp, np.exp),
        (ew.sign, np.sign),
        (ew.tensor_round, np.round),
        (lambda x: ew.tensor_sqrt(ew.abs(x)), lambda x: np.sqrt(np.abs(x))),
        (lambda x: ew.pow(x, 2), lambda x: x**2),
        (lambda x: ew.tensor_pow(x, 3), lambda x: x**3),
    ],
)
def test_as_numpy(framework, make, ours, reference):
    result = ours(make(X))
    assert framework_of(result).NAME == framework
    np.testing.assert_allclose(to_number(result), reference(X), rtol=1e-6)
    assert to_number(result).dtype == np.float32


def test_maximum_broadcasts(framework, make):
    result = ew.maximum(make(X), make([[0.0, 1.0, 2.0]], "float32"))
    np.testing.assert_array_equal(to_number(result), [[0, 1, 2], [0.5, 1.5, 3.25]])


@pytest.mark.parametrize(("low", "high"), [(None, None), (-1, None), (None, 1), (-1, 1), (0.25, 0.75)])
def test_clip_by_value(framework, make, low, high):
    expected = X if low is None and high is None else np.clip(X, low, high)
    np.testing.assert_array_equal(to_number(ew.clip_by_value(make(X), low, high)), expected)


def test_clip_by_value_stops_gradients_outside(tensor_framework, make, gradient_of):
    gradient = gradient_of(lambda x: ew.clip_by_value(x, -1.0, 1.5), make(X))
    np.testing.assert_array_equal(gradient, [[0, 1, 1], [1, 1, 0]])


def test_where_takes_arrays_and_numbers(framework, make):
    x = make(X)
    np.testing.assert_array_equal(to_number(ew.where(x > 0, x, 0.0)), np.where(X > 0, X, 0))
    np.testing.assert_array_equal(to_number(ew.where(x > 0, x, -x)), np.abs(X))


def test_check_nan(framework, make):
    assert ew.check_nan(make(X)) is False
    assert ew.check_nan(make([1, 2], "int32")) is False
    assert ew.check_nan(make([np.inf, 0], "float32")) is False
    assert ew.check_nan(make([1.0, np.nan], "float32")) is True
    assert ew.check_nan({"a": make(X), "b": [make([np.nan])]}) is True


def test_functions_take_python_numbers():
    assert ew.abs(-3) == 3
    assert ew.check_nan(float("nan")) is True


def test_other_values_are_refused():
    with pytest.raises(TypeError, match="expected a numpy array, torch.Tensor or tf.Tensor, got str: 'x'"):
        ew.abs("x")
