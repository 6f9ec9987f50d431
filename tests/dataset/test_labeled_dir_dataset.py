import copy
import pickle
from pathlib import Path

import numpy as np
import pytest

from fastestimator_lite.dataset.labeled_dir_dataset import LabeledDirDataset
from fastestimator_lite.util.errors import ConfigError

FILES = ["dog/1.png", "dog/2.png", "dog/in/3.png", "cat/1.png", "cat/.x", ".hid/1.png", "bird/1.txt", "top.png"]


@pytest.fixture
def folder(tmp_path):
    for name in FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def pairs(data, data_key="x", label_key="y"):
    return [(Path(row[data_key]).relative_to(data.root_dir).as_posix(), row[label_key]) for row in data]


def test_classes_are_numbered_by_name(folder):
    data = LabeledDirDataset(folder)
    assert data.mapping == {"": 0, "bird": 1, "cat": 2, "dog": 3, "dog/in": 4}
    assert pairs(data) == [
        ("bird/1.txt", 1),
        ("cat/1.png", 2),
        ("dog/1.png", 3),
        ("dog/2.png", 3),
        ("dog/in/3.png", 4),
        ("top.png", 0),
    ]
    assert data["y"].dtype == np.int64
    assert (data.root_dir, data.label_key) == (str(folder), "y")


def test_only_classes_with_wanted_files_count(folder):
    data = LabeledDirDataset(folder, "k", "l", file_extension=".txt")
    assert (data.mapping, pairs(data, "k", "l")) == ({"bird": 0}, [("bird/1.txt", 0)])


def test_labels_can_be_given(folder):
    mapping = {"": "T", "bird": "B", "cat": "C", "dog": "D", "dog/in": "D", "fish": "F"}
    data = LabeledDirDataset(folder, label_mapping=mapping)
    assert [label for _, label in pairs(data)] == ["B", "C", "D", "D", "D", "T"]
    assert data.mapping == mapping
    assert data.mapping is not mapping
    with pytest.raises(ConfigError, match=r"has the classes \['cat', 'dog'\] and lacks \['', 'bird', 'dog/in'\]"):
        LabeledDirDataset(folder, label_mapping={"cat": 0, "dog": 1})
    with pytest.raises(ConfigError, match="label_mapping.* must be a dict"):
        LabeledDirDataset(folder, label_mapping=["cat", "dog"])


def test_the_summary_knows_the_classes(folder):
    summary = LabeledDirDataset(folder).summary()
    assert (summary.num_instances, summary.num_classes, summary.class_key) == (6, 5, "y")
    assert summary.class_key_mapping == {"": 0, "bird": 1, "cat": 2, "dog": 3, "dog/in": 4}
    assert summary.keys["y"].num_unique_values == 5


def test_a_split_and_copies_keep_the_classes(folder):
    data = LabeledDirDataset(folder)
    part = data.split([1, 2])
    assert (pairs(part), part.mapping, len(data)) == ([("cat/1.png", 2), ("dog/1.png", 3)], data.mapping, 4)
    for other in (pickle.loads(pickle.dumps(part)), copy.deepcopy(part)):
        assert (pairs(other), other.mapping) == (pairs(part), part.mapping)


def test_what_cannot_be_a_data_set(folder):
    with pytest.raises(ConfigError, match="two keys, both are 'x'"):
        LabeledDirDataset(folder, label_key="x")
    with pytest.raises(
        ConfigError,
        match="LabeledDirDataset: no file whose name ends with '.zip'.*there is: '.hid', 'bird', 'cat', 'dog', 'top.png'",
    ):
        LabeledDirDataset(folder, file_extension=".zip")
    with pytest.raises(ConfigError, match="existing folder"):
        LabeledDirDataset(folder / "nowhere")
