"""Reductions agree with numpy, in every framework."""

import numpy as np
import pytest

from fastestimator_lite.backend import reduce as rd
from fastestimator_lite.backend.convert import to_number
from fastestimator_lite.util.errors import ConfigError

X = np.random.default_rng(3).normal(size=(2, 3, 4)).astype("float32")
PAIRS = [
    (rd.reduce_sum, np.sum),
    (rd.reduce_mean, np.mean),
    (rd.reduce_min, np.min),
    (rd.reduce_max, np.max),
    (rd.reduce_std, np.std),
]


@pytest.mark.parametrize(("ours", "reference"), PAIRS)
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), [0, 1, 2]])
@pytest.mark.parametrize("keepdims", [False, True])
def test_as_numpy(framework, make, ours, reference, axis, keepdims):
    result = to_number(ours(make(X), axis, keepdims))
    expected = reference(X, axis=tuple(axis) if isinstance(axis, list) else axis, keepdims=keepdims)
    assert result.shape == expected.shape
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64"])
def test_whole_numbers(framework, make, dtype):
    x = make([[200, 100], [201, 3]], dtype)
    assert to_number(rd.reduce_sum(x)) == 504
    np.testing.assert_allclose(to_number(rd.reduce_mean(x, 0)), [200.5, 51.5])
    np.testing.assert_allclose(to_number(rd.reduce_std(x, 0)), [0.5, 48.5])
    np.testing.assert_array_equal(to_number(rd.reduce_max(x, 1)), [200, 201])
    assert to_number(rd.reduce_min(x)).dtype == dtype


def test_booleans(framework, make):
    x = make([True, False, True, True])
    assert to_number(rd.reduce_sum(x)) == 3
    assert to_number(rd.reduce_mean(x)) == 0.75


def test_argmax(framework, make):
    for axis in (0, 1, -1):
        result = to_number(rd.argmax(make(X), axis))
        np.testing.assert_array_equal(result, np.argmax(X, axis))
        assert result.dtype == np.int64
    np.testing.assert_array_equal(to_number(rd.argmax(make(X))), np.argmax(X, 0))


@pytest.mark.parametrize("axis", [None, 1, -1, (0, 2), [2, 0]])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("wanted", [66, 0, 100.0, [10, 50, 90]])
def test_percentile_is_the_nearest_element(framework, make, axis, keepdims, wanted):
    result = to_number(rd.percentile(make(X), wanted, axis, keepdims))
    axes = tuple(axis) if isinstance(axis, list) else axis
    expected = np.percentile(X, wanted, axis=axes, method="nearest", keepdims=keepdims)
    assert result.shape == expected.shape
    np.testing.assert_array_equal(result, expected)


def test_percentile_outside_the_scale():
    with pytest.raises(ConfigError, match=r"percentiles must lie in \[0, 100\], got 101"):
        rd.percentile(X, 101)
