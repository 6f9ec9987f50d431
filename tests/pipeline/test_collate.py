"""Samples become batches, and what does not fit is named."""

import numpy as np
import pytest

from fastestimator_lite.pipeline.collate import collate, stacked_or_none
from fastestimator_lite.util.errors import DataError


def test_arrays_numbers_strings_and_dicts():
    rows = [{"x": np.full((2,), i, np.uint8), "y": i, "name": f"s{i}", "box": {"a": np.float64(i)}} for i in range(3)]
    batch = collate(rows)
    np.testing.assert_array_equal(batch["x"], [[0, 0], [1, 1], [2, 2]])
    assert batch["x"].dtype == np.uint8
    assert batch["y"].shape == (3,)
    assert batch["name"] == ["s0", "s1", "s2"]
    assert batch["box"]["a"].dtype == np.float64


def test_padding_fills_up_to_the_largest():
    batch = collate([{"x": np.ones((1, 2))}, {"x": np.ones((2, 1))}], pad_value=-1)
    np.testing.assert_array_equal(batch["x"], [[[1, 1], [-1, -1]], [[1, -1], [1, -1]]])


def test_ragged_shapes_name_key_sample_and_shapes():
    rows = [{"x": np.zeros(4)}, {"x": np.zeros(5)}, {"x": np.zeros(4)}]
    with pytest.raises(
        DataError, match=r"key 'x' of sample 31 has shape \(5,\), others of its batch have \(4,\).*pad_value"
    ):
        collate(rows, names=[30, 31, 32])


def test_none_is_named():
    with pytest.raises(DataError, match="key 'x' of sample 1 is None"):
        collate([{"x": 1}, {"x": None}])


def test_unequal_keys_are_named():
    with pytest.raises(DataError, match=r"differ in \['z'\]"):
        collate([{"x": 1}, {"x": 1, "z": 2}])


def test_stacked_or_none():
    np.testing.assert_array_equal(stacked_or_none([np.zeros(2), np.ones(2)]), [[0, 0], [1, 1]])
    assert stacked_or_none([np.zeros(2), np.ones(3)]) is None
    assert stacked_or_none(["a", "b"]) is None
