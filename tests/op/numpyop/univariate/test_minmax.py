"""Minmax."""

from __future__ import annotations

import numpy as np
import pytest

from fastestimator_lite.op.numpyop.univariate import Minmax

STATE = {"mode": "train", "epoch": 1}


def run(values, **arguments):
    result = Minmax("x", "x", **arguments).forward([np.asarray(values)], STATE)[0]
    assert result.dtype == np.float32
    return result


@pytest.mark.parametrize(
    "dtype", ["bool", "uint8", "int8", "uint16", "int32", "int64", "float16", "float32", "float64"]
)
def test_range_becomes_zero_to_one(dtype):
    values = np.array([0, 1, 1, 0], dtype) if dtype == "bool" else np.array([10, 20, 110, 60], dtype)
    expected = [0, 1, 1, 0] if dtype == "bool" else np.array([0, 0.1, 1, 0.5], np.float32)
    np.testing.assert_array_equal(run(values), expected)


def test_signed_bytes_do_not_overflow():
    np.testing.assert_array_equal(run(np.array([-128, 127], np.int8)), [0, 1])


def test_large_ints_and_doubles_keep_their_differences():
    np.testing.assert_array_equal(run(np.array([2**40, 2**40 + 1, 2**40 + 4])), [0, 0.25, 1])
    np.testing.assert_array_equal(run(np.array([1e9, 1e9 + 1, 1e9 + 4])), [0, 0.25, 1])


def test_new_range():
    np.testing.assert_array_equal(run(np.array([0, 1, 2], np.uint8), new_min=-1, new_max=1), [-1, 0, 1])
    np.testing.assert_array_equal(run(np.array([0, 1, 2], np.uint8), new_min=3, new_max=4), [3, 3.5, 4])


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_equal_values_become_the_new_minimum(dtype):
    np.testing.assert_array_equal(run(np.full(3, 7, dtype)), [0, 0, 0])
    np.testing.assert_array_equal(run(np.full(3, 7, dtype), new_min=-1), [-1, -1, -1])


def test_epsilon_is_the_smallest_divisor():
    np.testing.assert_allclose(run(np.array([0, 1, 2], np.uint8), epsilon=5), [0, 0.2, 0.4], rtol=1e-6)


def test_each_sample_of_a_batch_has_its_own_range():
    batch = np.array([[0, 1, 2], [10, 20, 40]], np.uint8)
    result = Minmax("x", "x").forward_batch([batch], STATE)[0]
    np.testing.assert_allclose(result, [[0, 0.5, 1], [0, 1 / 3, 1]], rtol=1e-6)


def test_a_number_alone_is_its_own_range():
    assert run(3) == 0
