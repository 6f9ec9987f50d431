import copy
import pickle

import numpy as np
import pytest

from fastestimator_lite.dataset.batch_dataset import BatchDataset
from fastestimator_lite.dataset.extend_dataset import ExtendDataset
from fastestimator_lite.dataset.interleave_dataset import InterleaveDataset
from fastestimator_lite.dataset.numpy_dataset import NumpyDataset
from fastestimator_lite.dataset.summary import KeySummary
from fastestimator_lite.util.errors import ConfigError


def counting(length, start=0, key="x"):
    return NumpyDataset({key: np.arange(length) + start, "y": np.arange(length) % 2})


def values(data):
    return [[int(sample["x"]) for sample in data[index]] for index in range(len(data))]


# lengths observed in FastEstimator 1.7
@pytest.mark.parametrize(
    ("lengths", "pattern", "batch_sizes", "expected"),
    [
        ((6, 8), None, 1, 12),
        ((6, 8), [0, 1, 1], 1, 12),
        ((6, 8), [0, 1, 1], [2, 3], 3),
        ((6, 8), [0, 1], 2, 6),
        ((60, 8), [0, 1], [4, 4], 4),
        ((60, 8), [0, 0, 1], [4, 4], 6),
        ((60, 8), [1, 0], [4, 3], 4),
        ((7, 9), [0, 1], [2, 2], 6),
        ((3, 50), [0, 1, 1, 1, 1], [2, 2], 5),
        ((10, 10), [0, 1], np.array([3, 4]), 4),
    ],
)
def test_the_length_is_that_of_whole_patterns(lengths, pattern, batch_sizes, expected):
    data = InterleaveDataset([counting(length) for length in lengths], pattern)
    data.set_batch_sizes(batch_sizes)
    assert len(data) == expected


def test_batches_follow_the_pattern():
    data = InterleaveDataset([counting(6), counting(8, 100)], [0, 1, 1])
    assert data.batch_sizes == [1, 1]
    data.set_batch_sizes(2)
    assert values(data) == [[0, 1], [100, 101], [102, 103], [2, 3], [104, 105], [106, 107]]
    data.set_batch_sizes([1, 2])
    data.fe_reset_ds(shuffle=False, seed=3)
    assert values(data) == [[0], [100, 101], [102, 103], [1], [104, 105], [106, 107]]


def test_a_random_round_follows_from_the_seed():
    data = InterleaveDataset([counting(60), counting(80, 100)], [0, 1, 1])
    data.set_batch_sizes(10)
    data.fe_reset_ds(shuffle=True, seed=4)
    batches = values(data)
    assert [batch[0] >= 100 for batch in batches] == [False, True, True] * 4
    read = [value for batch in batches for value in batch]
    assert len(set(read)) == 120
    assert sorted(value for value in read if value >= 100) == list(range(100, 180))
    assert read != sorted(read)
    other = InterleaveDataset([counting(60), counting(80, 100)], [0, 1, 1])
    other.set_batch_sizes(10)
    other.fe_reset_ds(seed=4)
    assert [int(sample["x"]) for sample in other[7]] == batches[7]
    assert values(pickle.loads(pickle.dumps(data))) == values(copy.deepcopy(data)) == batches
    other.fe_reset_ds(seed=5)
    assert values(other) != batches


def test_data_sets_by_name():
    data = InterleaveDataset({"a": counting(6), "b": counting(8, 100)}, ["a", "b", "b"])
    assert (data.pattern, data.tags) == ([0, 1, 1], ["a", "b"])
    assert [data.tag_of(index) for index in (0, 1, 2, 3, -1)] == ["a", "b", "b", "a", "b"]
    assert isinstance(data.datasets, list)
    assert InterleaveDataset({"a": counting(6), "b": counting(8)}).pattern == [0, 1]
    assert InterleaveDataset([counting(6), counting(8)]).tag_of(1) == ""


def test_keys_may_differ():
    data = InterleaveDataset([NumpyDataset({"a": [1, 2]}), NumpyDataset({"b": [[3.0], [4.0]]})])
    assert (data[0], data[1]) == ([{"a": 1}], [{"b": 3.0}])
    assert data.summary().keys == {"a": KeySummary("int64", 2), "b": KeySummary("float64", None, (1,))}
    assert data.summary().num_instances == 4


def test_interleaved_batches_and_extended_data_sets():
    inner = BatchDataset([counting(4), counting(4, 100)], 1)
    data = InterleaveDataset([inner, ExtendDataset(counting(2, 1000), 8)])
    data.fe_reset_ds(shuffle=False)
    data.set_batch_sizes([1, 2])
    assert values(data)[:4] == [[0, 100], [1000, 1001], [1, 101], [1000, 1001]]
    assert len(data) == 8


def test_a_copy_has_batch_sizes_of_its_own():
    data = InterleaveDataset([counting(6), counting(8)])
    other = copy.copy(data)
    other.set_batch_sizes(3)
    assert (data.batch_sizes, len(data), len(other)) == ([1, 1], 12, 4)


def test_a_split_splits_every_data_set_and_keeps_the_pattern():
    data = InterleaveDataset({"a": counting(10), "b": counting(20, 100)}, ["b", "a"])
    first, second = data.split(0.5, 0.1, seed=0)
    assert first.datasets[0]["x"].tolist() == [6, 9, 0, 2, 4]  # as FastEstimator 1.7
    assert second.datasets[0]["x"].tolist() == [3]
    assert second.datasets[1]["x"].tolist() == [109, 103]
    assert data.datasets[0]["x"].tolist() == [1, 5, 7, 8]
    assert (first.pattern, first.tags, len(first), len(data)) == ([1, 0], ["a", "b"], 10, 8)


def test_a_data_set_too_small_for_the_pattern():
    data = InterleaveDataset({"few": counting(3), "many": counting(90)}, ["few", "few", "many"])
    with pytest.raises(ConfigError, match=r"'few' has 3 samples.*takes 4 \(batch size 2\); make it longer"):
        data.set_batch_sizes(2)
    assert (data.batch_sizes, len(data)) == ([1, 1], 3)


@pytest.mark.parametrize("batch_sizes", [0, [1], [1, 2, 3], [1, 0], "ab", None, 1.5, {"a": 1}])
def test_batch_sizes_that_do_not_fit(batch_sizes):
    with pytest.raises(ConfigError, match="takes an int >= 1, or a list of 2"):
        InterleaveDataset([counting(6), counting(8)]).set_batch_sizes(batch_sizes)


@pytest.mark.parametrize(
    ("datasets", "pattern", "match"),
    [
        (7, None, "a list of data sets, got int"),
        ([counting(4)], None, "at least 2 data sets"),
        ([counting(4), counting(4)], [0], "at least two data sets"),
        ([counting(4), counting(4)], "01", "a list of at least two"),
        ([counting(4), counting(4)], [0, 2], r"2 is none of the data sets, they are \[0, 1\]"),
        ([counting(4), counting(4)], [0, True], "True is none of the data sets"),
        ([counting(4), counting(4)], [0, 0], r"\[0, 0\] never takes data set 1"),
        ({"left": counting(4), "right": counting(4)}, ["left", "rigt"], "Did you mean 'right'"),
        ({"left": counting(4), "right": counting(4)}, [0, 1], "0 is none of the data sets"),
        ([counting(1), counting(9)], [0, 0, 1], "data set 0 has 1 samples"),
    ],
)
def test_what_does_not_fit_is_refused(datasets, pattern, match):
    with pytest.raises(ConfigError, match=match):
        InterleaveDataset(datasets, pattern)
