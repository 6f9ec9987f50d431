"""New arrays in the likeness of another."""

import numpy as np
import pytest

from fastestimator_lite.backend import create
from fastestimator_lite.backend.convert import to_number
from fastestimator_lite.backend.framework import framework_of


@pytest.mark.parametrize(("ours", "value"), [(create.zeros_like, 0), (create.ones_like, 1)])
def test_constants(framework, make, ours, value):
    x = make([[1, 2, 3]], "int32")
    for dtype in (None, "float32", "uint8"):
        result = to_number(ours(x, dtype))
        assert result.dtype == (dtype or "int32")
        np.testing.assert_array_equal(result, np.full((1, 3), value))


def test_random_normal_like(framework, make):
    result = create.random_normal_like(make(np.zeros((200, 100), "uint8")), mean=3.0, std=2.0)
    assert framework_of(result).NAME == framework
    values = to_number(result)
    assert values.shape == (200, 100)
    assert values.dtype == np.float32
    assert abs(values.mean() - 3) < 0.15
    assert abs(values.std() - 2) < 0.15


def test_random_uniform_like(framework, make):
    values = to_number(create.random_uniform_like(make(np.zeros((200, 100), "uint8")), minval=-1, maxval=3))
    assert values.dtype == np.float32
    assert values.min() >= -1
    assert values.max() <= 3
    assert abs(values.mean() - 1) < 0.1
    whole = to_number(create.random_uniform_like(make(np.zeros(1000)), 0, 5, dtype="int32"))
    assert whole.dtype == np.int32
    assert set(whole) == {0, 1, 2, 3, 4}
