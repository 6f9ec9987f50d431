from collections import Counter

import numpy as np
import pytest

from fastestimator_lite.dataset.batch_dataset import BatchDataset
from fastestimator_lite.dataset.extend_dataset import ExtendDataset
from fastestimator_lite.dataset.generator_dataset import GeneratorDataset
from fastestimator_lite.dataset.interleave_dataset import InterleaveDataset
from fastestimator_lite.dataset.numpy_dataset import NumpyDataset
from fastestimator_lite.util.errors import ConfigError


def counting(length, start=0):
    return NumpyDataset({"x": np.arange(length) + start})


def values(data):
    return [int(data[index]["x"]) for index in range(len(data))]


def test_what_runs_out_is_gone_through_again():
    data = ExtendDataset(counting(5), 12)
    assert values(data) == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1]
    assert (len(data), data.spoof_length, data[-1]["x"]) == (12, 12, 1)
    assert data.dataset["x"].tolist() == list(range(5))
    assert (data.summary().num_instances, data.summary().keys["x"].num_unique_values) == (12, 5)


def test_gather_equals_rows():
    data = ExtendDataset(counting(5), 12)
    indices = np.array([11, 0, 7])
    for _ in range(2):
        assert data.gather(indices)["x"].tolist() == [int(data[index]["x"]) for index in indices]
        assert data.columns["x"].tolist() == values(data)
        data.fe_reset_ds(shuffle=True, seed=1)
    assert data.columnar is True
    assert ExtendDataset([{"x": 1}], 3).columnar is False


def test_a_random_round_draws_which_samples_come_more_often():
    data = ExtendDataset(counting(5), 13)
    often = set()
    for seed in range(30):
        data.fe_reset_ds(shuffle=True, seed=seed)
        counts = Counter(values(data))
        assert sorted(counts.values()) == [2, 2, 3, 3, 3]
        often |= {value for value, count in counts.items() if count == 3}
    assert often == set(range(5))
    data.fe_reset_ds(shuffle=True, seed=0)
    first = values(data)
    data.fe_reset_ds(shuffle=False)
    assert values(data) == [index % 5 for index in range(13)]
    data.fe_reset_ds(shuffle=True, seed=0)
    assert values(data) == first


def test_a_shorter_length_takes_a_draw_in_each_random_round():
    data = ExtendDataset(counting(100), 3)
    assert values(data) == [0, 1, 2]
    seen = set()
    for seed in range(40):
        data.fe_reset_ds(shuffle=True, seed=seed)
        assert len(set(values(data))) == 3
        seen.update(values(data))
    assert len(seen) > 50


def test_batches_are_extended_in_their_order():
    inner = InterleaveDataset({"a": counting(4), "b": counting(4, 100)})
    data = ExtendDataset(inner, 10)
    data.set_batch_sizes(2)
    assert data.gives_batches is True
    data.fe_reset_ds(shuffle=True, seed=3)
    assert [data.tag_of(index) for index in range(10)] == ["a", "b"] * 5
    assert all((data[index][0]["x"] >= 100) == bool(index % 2) for index in range(10))
    assert [sample["x"] for sample in data[5]] == [sample["x"] for sample in inner[1]]
    plain = ExtendDataset(BatchDataset([counting(4), counting(4)], 1), 9)
    plain.set_batch_sizes(5)  # says nothing to a data set with sizes of its own
    assert (len(plain[8]), plain.tag_of(3)) == (2, "")


def test_a_torch_data_set_and_one_that_is_extended_already():
    torch = pytest.importorskip("torch")

    class Torch(torch.utils.data.Dataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return {"x": torch.tensor(index)}

    data = ExtendDataset(ExtendDataset(Torch(), 3), 7)
    assert values(data) == [0, 1, 0, 0, 1, 0, 0]
    assert (data.columnar, data.draws, data.sequential, data.gives_batches) == (False, True, False, False)


def test_a_generator_stays_in_its_order():
    data = ExtendDataset(GeneratorDataset(lambda: ({"x": x} for x in range(9)), 2), 5)
    assert data.sequential is True
    assert values(data) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("length", [0, -3, 7.0, True, "7", None])
def test_what_is_no_length(length):
    with pytest.raises(ConfigError, match=r"ExtendDataset\(spoof_length\) must be an int >= 1"):
        ExtendDataset(counting(5), length)


@pytest.mark.parametrize("dataset", [5, [], None, np.zeros(3)])
def test_what_is_no_data_set(dataset):
    with pytest.raises(ConfigError, match="the data set of ExtendDataset"):
        ExtendDataset(dataset, 5)
