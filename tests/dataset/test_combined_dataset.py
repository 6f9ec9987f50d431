import numpy as np
import pytest

from fastestimator_lite.dataset.batch_dataset import BatchDataset
from fastestimator_lite.dataset.combined_dataset import CombinedDataset
from fastestimator_lite.dataset.generator_dataset import GeneratorDataset
from fastestimator_lite.dataset.numpy_dataset import NumpyDataset
from fastestimator_lite.dataset.summary import KeySummary
from fastestimator_lite.util.errors import ConfigError, MissingKeyError


@pytest.fixture
def parts():
    rng = np.random.default_rng(0)
    return [NumpyDataset({"x": rng.random((size, 2)), "y": np.arange(size) + 10 * size}) for size in (3, 1, 4)]


def test_one_data_set_after_the_other(parts):
    data = CombinedDataset(parts)
    assert (len(data), data.cumulative_sizes) == (8, [3, 4, 8])
    assert [int(data[index]["y"]) for index in range(8)] == [30, 31, 32, 10, 40, 41, 42, 43]
    assert data[-1]["y"] == data[np.int64(7)]["y"] == 43


def test_columns_are_gathered_across_the_parts(parts):
    data = CombinedDataset(parts)
    assert data.columnar is True
    indices = np.array([7, 0, 3, 7, 4, 2])
    batch = data.gather(indices)
    np.testing.assert_array_equal(batch["x"], np.concatenate([part["x"] for part in parts])[indices])
    assert batch["y"].tolist() == [43, 30, 10, 43, 40, 32]
    assert set(data.gather(indices, {"y"})) == {"y"}
    assert data.gather(np.array([], dtype=int))["x"].shape == (0, 2)
    assert data.columns["y"].tolist() == [30, 31, 32, 10, 40, 41, 42, 43]
    with pytest.raises(MissingKeyError, match="Did you mean 'x'"):
        data.gather(indices, {"xx"})


def test_gathered_values_may_be_written_to(parts):
    CombinedDataset(parts).gather(np.arange(3))["y"][:] = -1
    assert parts[0]["y"].tolist() == [30, 31, 32]


def test_parts_of_other_types_are_read_one_by_one(parts):
    data = CombinedDataset([parts[0], NumpyDataset({"x": np.zeros((2, 3)), "y": [1, 2]})])
    assert data.columnar is False
    assert data[4]["x"].shape == (3,)
    assert data.summary().keys["x"] == KeySummary("float64", None, (None,))
    assert CombinedDataset([parts[0], [{"x": [1, 2], "y": 3}]]).columnar is False


def test_parts_that_change_length_are_followed(parts):
    data = CombinedDataset(parts)
    parts[0].split([0, 1])
    assert (len(data), int(data[1]["y"]), data.gather(np.array([1]))["y"].tolist()) == (6, 10, [10])


def test_torch_data_sets_may_be_among_the_parts(parts):
    torch = pytest.importorskip("torch")

    class Torch(torch.utils.data.Dataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return {"x": torch.ones(2), "y": index}

    data = CombinedDataset([parts[0], Torch()])
    assert (len(data), data[4]["y"], data.columnar, data.draws) == (5, 1, False, True)
    assert CombinedDataset(parts).draws is False


def test_a_generator_among_the_parts_is_read_in_order(parts):
    endless = GeneratorDataset(lambda: iter([{"x": 0, "y": number} for number in range(9)]), 2)
    data = CombinedDataset([parts[1], endless])
    assert data.sequential is True
    assert [int(data[index]["y"]) for index in (0, 1, 2)] == [10, 0, 1]


def test_the_summary_joins_those_of_the_parts(parts):
    summary = CombinedDataset(parts).summary()
    assert summary.num_instances == 8
    assert summary.keys == {"x": KeySummary("float64", None, (2,)), "y": KeySummary("int64")}
    assert CombinedDataset(parts[:1]).summary().keys["y"].num_unique_values == 3
    assert CombinedDataset(parts[:1]).fe_summary()[0].startswith('CombinedDataset: {"num_instances": 3')


@pytest.mark.parametrize("index", [8, -9])
def test_an_index_outside(index, parts):
    with pytest.raises(IndexError, match="CombinedDataset has 8 samples"):
        CombinedDataset(parts)[index]


def test_what_cannot_be_combined(parts):
    with pytest.raises(ConfigError, match=r"has \['x', 'y'\], data set 1 .*\['x', 'z'\]; they differ in \['y', 'z'\]"):
        CombinedDataset([parts[0], NumpyDataset({"x": [1], "z": [2]})])
    with pytest.raises(ConfigError, match="gives batches"):
        CombinedDataset([BatchDataset(parts, 1), parts[0]])
    with pytest.raises(ConfigError, match="at least 1"):
        CombinedDataset([])
    with pytest.raises(ConfigError, match="a list of data sets"):
        CombinedDataset(parts[0])
