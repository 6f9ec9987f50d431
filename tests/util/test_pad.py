"""Arrays are padded at their ends, in their own dtype."""

import numpy as np
import pytest

from fastestimator_lite.util.errors import ConfigError
from fastestimator_lite.util.pad import pad_batch, pad_data


def test_pad_data():
    data = np.array([[1, 2], [3, 4]], dtype=np.uint8)
    padded = pad_data(data, (3, 4), 9)
    np.testing.assert_array_equal(padded, [[1, 2, 9, 9], [3, 4, 9, 9], [9, 9, 9, 9]])
    assert padded.dtype == np.uint8
    same = pad_data(data, [2, 2], 9)
    same[0, 0] = 7
    assert data[0, 0] == 1


@pytest.mark.parametrize("target", [(1, 4), (4,), (2, 2, 2), ()])
def test_pad_data_names_the_shapes(target):
    with pytest.raises(ConfigError, match=r"must have 2 sizes, none below those of the data, \(2, 3\)") as caught:
        pad_data(np.ones((2, 3)), target, 0)
    assert f"target_shape={target}" in str(caught.value)


def test_pad_batch():
    batch = [
        {"x": np.ones((2, 2)), "y": np.array([1, 2, 3]), "s": "abc", "n": 1},
        {"x": np.ones((3, 1), dtype=np.float32), "y": np.array([4]), "s": "d", "n": 2},
    ]
    full = batch[0]["y"]
    assert pad_batch(batch, -1) is None
    np.testing.assert_array_equal(batch[0]["x"], [[1, 1], [1, 1], [-1, -1]])
    np.testing.assert_array_equal(batch[1]["x"], [[1, -1], [1, -1], [1, -1]])
    assert batch[1]["x"].dtype == np.float32
    assert batch[0]["y"] is full
    np.testing.assert_array_equal(batch[1]["y"], [4, -1, -1])
    assert [sample["s"] for sample in batch] == ["abc", "d"]
    assert [sample["n"] for sample in batch] == [1, 2]
    pad_batch([], 0)


def test_pad_batch_refuses_what_cannot_be_equal():
    with pytest.raises(ConfigError, match=r"samples 0 and 1 differ in \['x', 'y'\]"):
        pad_batch([{"x": np.ones(2)}, {"y": np.ones(2)}], 0)
    with pytest.raises(ConfigError, match=r"key 'x' has arrays of shapes \[\(2, 2\), \(3,\)\]"):
        pad_batch([{"x": np.ones((2, 2))}, {"x": np.ones(3)}], 0)
