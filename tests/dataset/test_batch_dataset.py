import copy
import pickle
from collections import Counter

import numpy as np
import pytest

from fastestimator_lite.dataset.batch_dataset import BatchDataset
from fastestimator_lite.dataset.combined_dataset import CombinedDataset
from fastestimator_lite.dataset.generator_dataset import GeneratorDataset
from fastestimator_lite.dataset.numpy_dataset import NumpyDataset
from fastestimator_lite.dataset.summary import KeySummary
from fastestimator_lite.util.errors import ConfigError


def counting(length, start=0, key="x"):
    return NumpyDataset({key: np.arange(length) + start, "y": np.arange(length) % 2})


def horses_and_zebras(horses=10, zebras=7):
    return [NumpyDataset({"a": np.arange(horses)}), NumpyDataset({"b": np.arange(zebras) + 100})]


def values(data, key="x"):
    return [[int(sample[key]) for sample in data[index]] for index in range(len(data))]


# lengths observed in FastEstimator 1.7
@pytest.mark.parametrize(
    ("lengths", "num_samples", "probability", "expected"),
    [
        ((10, 7), [3, 1], None, 7),
        ((10, 70), [3, 5], None, 14),
        ((10, 70), [1, 10], None, 10),
        ((10, 70), [3, 70], None, 4),
        ((9, 9, 30), [2, 3, 4], None, 8),
        ((10, 7), 3, [0.3, 0.7], 12),
        ((10, 70), 3, [0.9, 0.1], 234),
        ((10, 70), 5, [0.1, 0.9], 20),
        ((10, 70), 3, [0.5, 0.5], 47),
        ((10, 100), 4, [0.5, 0.5], 50),
        ((100, 10), 4, [0.2, 0.8], 125),
        ((9, 1), 3, [0.3, 0.7], 10),
    ],
)
def test_the_longest_lasting_data_set_is_gone_through_once(lengths, num_samples, probability, expected):
    assert len(BatchDataset([counting(length) for length in lengths], num_samples, probability)) == expected


def test_a_round_in_order():
    data = BatchDataset([counting(5), counting(3, 100)], [2, 1])
    data.fe_reset_ds(shuffle=False, seed=9)
    assert values(data) == [[0, 1, 100], [2, 3, 101], [4, 0, 102]]
    assert [int(sample["y"]) for sample in data[-1]] == [0, 0, 0]


def test_a_round_in_random_order_holds_every_sample():
    data = BatchDataset([counting(40), counting(5, 100)], [4, 1])
    data.fe_reset_ds(shuffle=True, seed=1)
    batches = values(data)
    left = [value for batch in batches for value in batch if value < 100]
    right = [value for batch in batches for value in batch if value >= 100]
    assert sorted(left) == list(range(40))
    assert left != sorted(left)
    assert Counter(right) == dict.fromkeys(range(100, 105), 2)
    assert all(sum(value >= 100 for value in batch) == 1 for batch in batches)
    assert len({[value >= 100 for value in batch].index(True) for batch in batches}) > 1  # mixed within the batch


def test_rounds_follow_from_the_seed_and_batches_can_be_read_in_any_order():
    data, other = (BatchDataset([counting(40), counting(50, 100)], [4, 3]) for _ in range(2))
    data.fe_reset_ds(shuffle=True, seed=5)
    other.fe_reset_ds(shuffle=True, seed=6)
    expected = values(data)
    assert values(other) != expected
    other.fe_reset_ds(shuffle=True, seed=5)
    assert [int(sample["x"]) for sample in other[3]] == expected[3]
    assert values(other) == expected
    assert values(pickle.loads(pickle.dumps(data))) == expected
    assert values(copy.deepcopy(data)) == expected


def test_one_number_is_that_of_each_data_set():
    data = BatchDataset([counting(4), counting(4, 100), counting(4, 200)], 2)
    data.fe_reset_ds(shuffle=False)
    assert data.num_samples == [2, 2, 2]
    assert values(data) == [[0, 1, 100, 101, 200, 201], [2, 3, 102, 103, 202, 203]]


@pytest.mark.parametrize("shuffle", [True, False])
def test_a_drawn_share(shuffle):
    data = BatchDataset([counting(30), counting(2000, 1000)], 8, [0.25, 0.75])
    data.fe_reset_ds(shuffle=shuffle, seed=2)
    batches = values(data)
    share = np.mean([value < 1000 for batch in batches for value in batch])
    assert abs(share - 0.25) < 4 * np.sqrt(0.25 * 0.75 / (8 * len(data)))
    assert len({sum(value < 1000 for value in batch) for batch in batches}) > 2  # drawn for each sample
    rare = [value for batch in batches for value in batch if value < 1000]
    assert sorted(rare[:30]) == list(range(30))
    assert rare[:30] == rare[30:60]
    assert (rare[:30] == list(range(30))) is not shuffle
    assert [int(sample["x"]) for sample in data[100]] == batches[100]


def test_a_drawn_share_follows_from_the_seed():
    data, other = (BatchDataset([counting(30), counting(30, 100)], 4, [0.5, 0.5]) for _ in range(2))
    for seed in (3, 4):
        data.fe_reset_ds(seed=seed)
        other.fe_reset_ds(seed=seed)
        assert [int(sample["x"]) for sample in other[-1]] == values(data)[-1]
    other.fe_reset_ds(seed=3)
    assert values(other) != values(data)


def test_the_indices_of_a_batch():
    data = BatchDataset([counting(5), counting(3, 100)], [2, 1])
    data.fe_reset_ds(shuffle=False)
    assert [data.fe_batch_indices(index) for index in range(3)] == [[[0, 1], [0]], [[2, 3], [1]], [[4, 0], [2]]]
    data.fe_reset_ds(shuffle=True, seed=1)
    left, right = data.fe_batch_indices(1)
    assert sorted(left + [value + 100 for value in right]) == sorted(values(data)[1])
    with pytest.raises(IndexError, match="index 3 does not exist, BatchDataset has 3 batches"):
        data.fe_batch_indices(3)


# ------------------------------------------------------------------------------------------------------------ unpaired
def test_data_sets_without_common_keys_are_joined():
    data = BatchDataset(horses_and_zebras(), [3, 3])
    data.fe_reset_ds(shuffle=False)
    assert len(data) == 4
    assert data[2] == [{"a": 6, "b": 106}, {"a": 7, "b": 100}, {"a": 8, "b": 101}]
    data.fe_reset_ds(shuffle=True, seed=1)
    assert {sample["a"] for index in range(4) for sample in data[index]} == set(range(10))
    assert data.summary().keys == {"a": KeySummary("int64", 10), "b": KeySummary("int64", 7)}


def test_a_batch_of_batches():
    inner = BatchDataset([counting(4), counting(4, 100)], 1)
    data = BatchDataset([inner, counting(8, 1000)], [1, 2])
    data.fe_reset_ds(shuffle=False)
    assert values(data) == [[i, 100 + i, 1000 + 2 * i, 1001 + 2 * i] for i in range(4)]


# --------------------------------------------------------------------------------------------------------------- split
def test_a_split_splits_every_data_set():
    data = BatchDataset([counting(10), counting(20, 100)], [3, 2])
    part = data.split(0.5, seed=0)
    assert type(part) is BatchDataset
    assert part.datasets[0]["x"].tolist() == [6, 9, 0, 2, 4]  # as FastEstimator 1.7
    assert part.datasets[1]["x"].tolist() == [112, 113, 101, 108, 115, 106, 119, 104, 107, 105]
    assert data.datasets[0]["x"].tolist() == [1, 3, 5, 7, 8]
    assert (len(part), len(data), part.num_samples) == (5, 5, [3, 2])


def test_a_split_by_index_and_one_in_several():
    data = BatchDataset([counting(10), counting(20, 100)], [3, 2])
    parts = data.split(iter([1, 2]), iter([0]))
    assert [[list(one["x"]) for one in part.datasets] for part in parts] == [[[1, 2], [101, 102]], [[0], [100]]]
    assert [len(one) for one in data.datasets] == [7, 17]


def test_a_stratified_split():
    data = BatchDataset([counting(10), counting(20, 100)], [3, 2])
    part = data.split(0.4, seed=1, stratify="y")
    assert [np.bincount(one["y"]).tolist() for one in part.datasets] == [[2, 2], [4, 4]]


def test_a_split_that_does_not_fit_one_data_set_changes_none():
    data = BatchDataset([counting(20), counting(10, 100)], [3, 2])
    with pytest.raises(ConfigError, match="12 of 10"):
        data.split(12)
    assert [len(one) for one in data.datasets] == [20, 10]


def test_a_data_set_that_occurs_twice_is_split_once():
    same = counting(10)
    data = BatchDataset([same, same], 1)
    part = data.split([0, 1])
    assert part.datasets[0] is part.datasets[1]
    assert len(same) == 8


def test_what_cannot_be_split_stays_whole():
    whole = counting(10)
    data = BatchDataset([whole, CombinedDataset([counting(5)])], 1)
    with pytest.raises(NotImplementedError, match="CombinedDataset cannot be split"):
        data.split(0.5)
    with pytest.raises(NotImplementedError, match="its data set 1 is a list, which has no split"):
        BatchDataset([whole, [{"x": 1, "y": 1}]], 1).split(0.5)
    assert len(whole) == 10


def test_the_summary_counts_batches():
    summary = BatchDataset([counting(10), counting(7, 100)], [3, 1]).summary()
    assert summary.num_instances == 7
    assert summary.keys == {"x": KeySummary("int64"), "y": KeySummary("int64")}


# ---------------------------------------------------------------------------------------------------------- what fails
@pytest.mark.parametrize(
    ("datasets", "num_samples", "probability", "match"),
    [
        (counting(4), 1, None, "a list of data sets, got NumpyDataset"),
        ([counting(4)], 1, None, "at least 2 data sets, got 1"),
        ([counting(4), counting(4)], 0, None, "num_samples.*must be an int >= 1, or a list of 2.*got 0"),
        ([counting(4), counting(4)], [1, 2, 3], None, r"a list of 2.*got \[1, 2, 3\]"),
        ([counting(4), counting(4)], [1, 1.5], None, "num_samples"),
        ([counting(4), counting(4)], [True, 1], None, "num_samples"),
        ([counting(4), counting(4)], [3, 2], [0.3, 0.7], "one int >= 1, the size of a batch"),
        ([counting(4), counting(4)], 3, [0.3, 0.8], "must add up to 1.*adds up to 1.1"),
        ([counting(4), counting(4)], 3, [1.0, 0.0], "must hold numbers > 0"),
        ([counting(4), counting(4)], 3, ["a", 1.0], "must hold numbers > 0"),
        ([counting(4), counting(4)], 3, [1.0], "one number per data set, 2"),
        ([counting(4), counting(4, key="z")], 1, None, r"the same keys, or none in common.*share \['y'\]"),
        (horses_and_zebras(), [3, 2], None, r"equal numbers, got \[3, 2\]"),
        (horses_and_zebras(), 3, [0.5, 0.5], "needs data sets with the same keys"),
        ([counting(4), GeneratorDataset(lambda: iter([{"x": 1, "y": 2}]), 3)], 1, None, "in an order of its own"),
        (
            [BatchDataset([counting(4), counting(4)], 1), NumpyDataset({"a": [1]})],
            1,
            None,
            "must give samples, not batches",
        ),
    ],
)
def test_what_does_not_fit_is_refused(datasets, num_samples, probability, match):
    with pytest.raises(ConfigError, match=match):
        BatchDataset(datasets, num_samples, probability)
