import pickle

import numpy as np
import pytest

from fastestimator_lite import _settings
from fastestimator_lite.dataset.dataset import FEDataset, InMemoryDataset
from fastestimator_lite.dataset.numpy_dataset import NumpyDataset
from fastestimator_lite.dataset.summary import KeySummary
from fastestimator_lite.types import MapDataset
from fastestimator_lite.util.errors import ConfigError, MissingKeyError


@pytest.fixture
def data():
    return NumpyDataset(
        {
            "x": np.arange(40, dtype=np.float32).reshape(10, 2, 2),
            "y": np.repeat([0, 1], 5).astype(np.uint8),
            "name": list("abcdefghij"),
        }
    )


class Squares(FEDataset):
    """A data set that computes its samples."""

    def __init__(self, rows):
        self.rows = list(rows)

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        return {"x": np.full(3, self.rows[index] ** 2), "odd": self.rows[index] % 2}

    def _do_split(self, splits):
        parts = [[self.rows[row] for row in split] for split in splits]
        taken = {row for part in parts for row in part}
        self.rows = [row for row in self.rows if row not in taken]
        return [Squares(part) for part in parts]


# ------------------------------------------------------------------------------------------------------------ any kind
def test_a_subclass_with_length_and_items_is_a_map_dataset_and_not_columnar():
    squares = Squares(range(4))
    assert isinstance(squares, MapDataset)
    assert squares.columnar is False
    assert str(squares) == (
        '{"num_instances": 4, "keys": {"x": {"shape": [3], "dtype": "int64"}, "odd": {"shape": [], "dtype": "int"}}}'
    )


def test_a_subclass_says_how_it_is_split():
    squares = Squares(range(10))
    part = squares.split([1, 3])
    assert (part.rows, squares.rows) == ([1, 3], [0, 2, 4, 5, 6, 7, 8, 9])


def test_a_subclass_can_be_split_by_class():
    part = Squares(range(10)).split(0.4, seed=0, stratify="odd")
    assert sorted(row % 2 for row in part.rows) == [0, 0, 1, 1]


def test_an_unknown_class_key_of_a_subclass_gets_a_hint():
    with pytest.raises(ConfigError, match="Squares has no key 'od'.*Did you mean 'odd'"):
        Squares(range(10)).split(0.4, stratify="od")


def test_what_cannot_be_split_says_so():
    class Fixed(FEDataset):
        def __len__(self):
            return 3

    with pytest.raises(NotImplementedError, match="Fixed cannot be split"):
        Fixed().split(0.5)
    with pytest.raises(NotImplementedError, match="Fixed must define __getitem__"):
        Fixed()[0]


# ----------------------------------------------------------------------------------------------------------- in memory
def test_rows_become_columns():
    data = InMemoryDataset({0: {"x": 1, "name": "a"}, 1: {"x": 2, "name": "b"}})
    assert data.columnar is True
    assert data.keys() == ["x", "name"]
    assert data.columns["x"].tolist() == [1, 2]
    assert data.columns["x"].dtype == np.int64
    assert data.columns["name"].dtype == object
    assert data[1] == {"x": 2, "name": "b"}


def test_arrays_of_different_shapes_are_kept_apart():
    images = [np.zeros((2, 3)), np.ones((2, 4))]
    data = InMemoryDataset({index: {"x": image} for index, image in enumerate(images)})
    assert data["x"].dtype == object
    assert data[1]["x"] is images[1]


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        ({}, "at least one sample"),
        ({1: {"x": 1}}, "number 0 is missing"),
        ({0: {"x": 1}, 2: {"x": 1}}, "number 1 is missing"),
        ({0: {"x": 1}, 1: {"y": 1}}, r"sample 1 has the keys \['y'\], sample 0 has \['x'\]"),
        ({0: {}}, "no keys"),
    ],
)
def test_rows_that_are_no_table_are_refused(rows, match):
    with pytest.raises(ConfigError, match=match):
        InMemoryDataset(rows)


def test_an_index_gives_a_sample_and_a_negative_one_counts_from_the_end(data):
    assert len(data) == 10
    sample = data[3]
    np.testing.assert_array_equal(sample["x"], [[12, 13], [14, 15]])
    assert (sample["y"], sample["name"]) == (0, "d")
    assert data[-1]["name"] == data[np.int64(9)]["name"] == "j"


def test_iteration_ends(data):
    assert "".join(sample["name"] for sample in data) == "abcdefghij"


@pytest.mark.parametrize("index", [10, -11])
def test_an_index_outside_is_an_index_error(index, data):
    with pytest.raises(IndexError, match=f"index {index} does not exist, NumpyDataset has 10 samples"):
        data[index]


@pytest.mark.parametrize("index", [1.0, None, True, [1, 2]])
def test_other_indices_are_a_type_error(index, data):
    with pytest.raises(TypeError, match="an index, a key or a slice"):
        data[index]


def test_a_slice_gives_arrays(data):
    part = data[2:8:3]
    assert part["name"].tolist() == ["c", "f"]
    assert part["x"].shape == (2, 2, 2)
    assert data[8:100]["y"].tolist() == [1, 1]


def test_a_key_gives_a_column_and_a_wrong_one_a_hint(data):
    assert data["y"].tolist() == [0] * 5 + [1] * 5
    with pytest.raises(MissingKeyError, match="NumpyDataset has no key 'nam'; it has .*Did you mean 'name'"):
        data["nam"]


def test_a_column_can_be_set_and_added(data):
    data["y"] = np.arange(10) * 2
    data["z"] = [str(number) for number in range(10)]
    assert data[3]["y"] == 6
    assert data[3]["z"] == "3"
    assert data.keys() == ["x", "y", "name", "z"]


def test_a_column_of_another_length_is_refused(data):
    with pytest.raises(ConfigError, match=r"\['y'\] must be set to 10 values, one per sample; got 3"):
        data["y"] = np.arange(3)
    with pytest.raises(AssertionError):  # what FastEstimator 1.x raises
        data["y"] = np.arange(3)


# ------------------------------------------------------------------------------------------------------------- gather
def test_gather_collects_the_wanted_keys_of_the_wanted_rows(data):
    batch = data.gather(np.array([7, 0, 7]), keys=["name", "x"])
    assert set(batch) == {"name", "x"}
    assert batch["name"].tolist() == ["h", "a", "h"]
    np.testing.assert_array_equal(batch["x"][0], data[7]["x"])
    assert set(data.gather(np.array([0]))) == {"x", "y", "name"}
    assert data.gather(np.array([], dtype=int))["x"].shape == (0, 2, 2)


def test_what_was_gathered_may_be_written_to(data):
    data.gather(np.arange(10))["x"][:] = -1
    assert data["x"].min() == 0


def test_gather_of_an_unknown_key_gives_a_hint(data):
    with pytest.raises(MissingKeyError, match="Did you mean 'name'"):
        data.gather(np.array([0]), {"names"})


def test_gather_after_splits_of_splits(data):
    part = data.split([9, 2, 5, 7])
    last = part.split([3, 1])
    assert last.gather(np.array([1, 0, 1]))["name"].tolist() == ["c", "h", "c"]
    assert part.gather(np.array([1, 0]), ["name"])["name"].tolist() == ["f", "j"]
    assert data.gather(np.array([5, 1]))["name"].tolist() == ["i", "b"]


# -------------------------------------------------------------------------------------------------------------- split
def test_a_split_moves_rows(data):
    part = data.split(0.3, seed=0)
    assert type(part) is NumpyDataset
    assert [sample["name"] for sample in part] == ["g", "j", "a"]
    assert [sample["name"] for sample in data] == list("bcdefhi")
    assert (len(part), len(data)) == (3, 7)


def test_several_parts_come_as_a_list(data):
    parts = data.split(0.2, 3, seed=1)
    names = [sample["name"] for part in [*parts, data] for sample in part]
    assert [len(part) for part in parts] == [2, 3]
    assert sorted(names) == list("abcdefghij")


def test_a_split_copies_no_values(data):
    images = data["x"]
    run, scattered = data.split(range(3, 6), [0, 9])
    for dataset in (run, scattered, data):
        assert np.shares_memory(dataset._columns["x"].values, images)
    assert np.shares_memory(run["x"], images)
    assert run["name"].tolist() == ["d", "e", "f"]


def test_columns_of_a_part_are_its_own_rows(data):
    part = data.split([8, 1])
    assert part.columns["name"].tolist() == ["i", "b"]
    assert part["y"].tolist() == [1, 0]
    assert data.columns["name"].tolist() == list("acdefghj")
    assert part[-1]["name"] == "b"
    assert part[1:]["name"].tolist() == ["b"]


def test_writing_to_one_part_leaves_the_other(data):
    part = data.split([0, 1, 2])
    part["y"][:] = 9
    part[0] = {"x": np.full((2, 2), -1.0), "y": 7, "name": "new"}
    assert data["y"].max() == 1
    assert data["x"].min() == 12
    assert part["name"].tolist() == ["new", "b", "c"]


def test_a_stratified_split_holds_the_classes(data):
    part = data.split(0.4, seed=3, stratify="y")
    assert np.bincount(part["y"]).tolist() == [2, 2]
    assert np.bincount(data["y"]).tolist() == [3, 3]


def test_an_unknown_class_key_gets_a_hint_and_nothing_is_split(data):
    with pytest.raises(ConfigError, match="stratify.*has no key 'nme'; it has .*Did you mean 'name'"):
        data.split(0.4, stratify="nme")
    assert len(data) == 10


def test_a_bad_split_changes_nothing(data):
    with pytest.raises(ConfigError):
        data.split(0.5, 0.6)
    assert len(data) == 10


def test_an_empty_part_is_a_data_set(data):
    part = data.split(0)
    assert (len(part), list(part), part["x"].shape, len(data)) == (0, [], (0, 2, 2), 10)
    assert part.summary().num_instances == 0


def test_the_seed_of_the_run_makes_a_split_repeatable(monkeypatch):
    monkeypatch.setattr(_settings, "_current", _settings.Settings(seed=0))
    data = NumpyDataset({"x": np.arange(10)})
    assert data.split(0.3)["x"].tolist() == [6, 9, 0]


def test_parts_survive_pickling(data):
    part = pickle.loads(pickle.dumps(data.split([4, 2])))
    assert part["name"].tolist() == ["e", "c"]
    assert part[0]["x"].tolist() == [[16, 17], [18, 19]]


# ------------------------------------------------------------------------------------------------- samples and summary
def test_data_is_a_view_by_index(data):
    view = data.data
    assert len(view) == 10
    assert list(view)[:3] == [0, 1, 2]
    assert view[4]["name"] == "e"
    assert [sample["name"] for sample in view.values()] == list("abcdefghij")
    assert 10 not in view
    with pytest.raises(KeyError):
        view[-1]


def test_a_sample_can_be_replaced_and_the_given_arrays_stay(data):
    labels = np.arange(3)
    data = NumpyDataset({"y": labels, "name": ["a", "b", "c"]})
    data.data[1] = {"y": 7, "name": "new"}
    data[-1] = {"y": 8, "name": ["now", "a", "list"]}
    assert data["y"].tolist() == [0, 7, 8]
    assert data[1]["name"] == "new"
    assert data[2]["name"] == ["now", "a", "list"]
    assert labels.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("sample", "match"),
    [
        ({"y": 1}, r"must be set to a sample with the keys \['x', 'y'\], got \['y'\]"),
        ({"x": 0, "y": 1}, r"'x' holds float32 values of shape \(2,\), got int64 of shape \(\)"),
        ({"x": [4, 5], "y": 1.5}, "'y' holds uint8 .* got float64"),
        ({"x": [0, 1], "y": 300}, "'y' holds uint8"),
        ({"x": [0, 1], "y": "a"}, "'y' holds uint8"),
        ({"x": [0, 1], "y": np.nan}, "'y' holds uint8"),
    ],
)
def test_a_sample_that_does_not_fit_is_refused(sample, match):
    data = NumpyDataset({"x": np.zeros((3, 2), np.float32), "y": np.zeros(3, np.uint8)})
    with pytest.raises(ConfigError, match=match):
        data[0] = sample
    assert (data["x"].max(), data["y"].max()) == (0, 0)


def test_the_summary_follows_the_data(data):
    assert data.summary().keys["x"] == KeySummary("float32", None, (2, 2))
    assert data.summary().keys["y"] == KeySummary("uint8", 2, ())
    assert data.summary() is data.summary()
    data["y"] = np.arange(10)
    assert data.summary().keys["y"].num_unique_values == 10
    data.split(4)
    assert (data.summary().num_instances, data.summary().keys["y"].num_unique_values) == (6, 6)
    data[0] = {**data[0], "y": int(data["y"][1])}
    assert data.summary().keys["y"].num_unique_values == 5
