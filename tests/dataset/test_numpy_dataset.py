import numpy as np
import pytest

from fastestimator_lite.dataset.numpy_dataset import NumpyDataset
from fastestimator_lite.util.errors import ConfigError


def test_arrays_are_taken_and_not_copied():
    images, words = np.zeros((3, 2)), np.array(["a", "b", "c"])
    data = NumpyDataset({"x": images, "w": words})
    assert data["x"] is images
    assert data.columns["w"] is words
    assert len(data) == 3


@pytest.mark.parametrize(
    ("values", "dtype", "shape"),
    [
        ([1, 2], np.int64, (2,)),
        ((1.5, 2), np.float64, (2,)),
        ([True, False], np.bool_, (2,)),
        ([[1, 2, 3], [4, 5, 6]], np.int64, (2, 3)),
        ([np.zeros((4, 4), np.uint8), np.ones((4, 4), np.uint8)], np.uint8, (2, 4, 4)),
        (range(2), np.int64, (2,)),
    ],
)
def test_lists_of_equal_shape_become_one_array(values, dtype, shape):
    column = NumpyDataset({"x": values})["x"]
    assert column.dtype == dtype
    assert column.shape == shape
    np.testing.assert_array_equal(column, np.array(values))


@pytest.mark.parametrize(
    "values",
    [
        ["a", "bb"],
        [1, "a"],
        [[1, 2], [3]],
        [["a", "b"], ["c", "d"]],
        [None, 1],
        [{"k": 1}, {"k": 2}],
        [2**70, 1],
        [b"a", b"b"],
    ],
)
def test_other_lists_keep_their_values(values):
    data = NumpyDataset({"x": values})
    assert data["x"].dtype == object
    assert data["x"].shape == (2,)
    assert [sample["x"] for sample in data] == values
    assert [type(sample["x"]) for sample in data] == [type(value) for value in values]


def test_unequal_lengths_are_listed():
    with pytest.raises(ConfigError, match="equal length.*got 'x': 3, 'y': 4"):
        NumpyDataset({"x": np.zeros(3), "y": [0, 1, 2, 3]})


@pytest.mark.parametrize(
    ("data", "match"),
    [
        ({}, "at least one key"),
        ([1, 2], "a dictionary of arrays.*got list"),
        ({"x": 3}, "key 'x' needs an array or a list"),
        ({"x": "abc"}, "key 'x' .* got str"),
        ({"x": None}, "key 'x' .* got NoneType"),
        ({"x": np.array(3)}, "key 'x' needs an array"),
    ],
)
def test_what_is_no_table_is_refused(data, match):
    with pytest.raises(ConfigError, match=match):
        NumpyDataset(data)
