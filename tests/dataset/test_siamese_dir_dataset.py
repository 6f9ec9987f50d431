import copy
import pickle
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from fastestimator_lite.dataset.siamese_dir_dataset import SiameseDirDataset
from fastestimator_lite.util.errors import ConfigError


def make_files(root, **counts):
    for name, count in counts.items():
        (root / name).mkdir(parents=True)
        for number in range(count):
            (root / name / f"{number}.png").touch()
    return root


@pytest.fixture
def folder(tmp_path):
    return make_files(tmp_path / "root", a=4, b=4, c=4, d=4)


def name_of(path):
    return Path(path).parent.name


@pytest.fixture(autouse=True)
def seeded():
    random.seed(0)


def test_the_left_file_is_that_of_the_index(folder):
    data = SiameseDirDataset(folder)
    assert len(data) == 16
    assert [data[index]["x_a"] for index in range(16)] == data["x_a"].tolist() == sorted(data["x_a"])
    assert list(data[0]) == ["x_a", "y", "x_b"]
    assert data[-1]["x_a"].endswith("d/3.png")
    assert data["y"].tolist() == np.repeat([0, 1, 2, 3], 4).tolist()
    assert (data.columnar, data.draws) == (False, True)


def test_the_label_says_whether_the_classes_match(folder):
    data = SiameseDirDataset(folder, "left", "right", "same")
    for _ in range(20):
        for sample in data:
            assert sample["same"] == int(name_of(sample["left"]) == name_of(sample["right"]))
            assert sample["left"] != sample["right"]


@pytest.mark.parametrize(("percent", "low", "high"), [(0, 0, 0), (0.25, 0.21, 0.29), (1, 1, 1), (1.0, 1, 1)])
def test_how_many_match(percent, low, high, folder):
    data = SiameseDirDataset(folder, percent_matching_data=percent)
    assert low <= np.mean([data[index]["y"] for _ in range(150) for index in range(16)]) <= high


def test_partners_are_equally_likely(tmp_path):
    data = SiameseDirDataset(make_files(tmp_path / "r", a=3, b=2, z=40), percent_matching_data=0.5)
    drawn = [data[1] for _ in range(4000)]
    same = Counter(Path(sample["x_b"]).name for sample in drawn if sample["y"])
    other = Counter(name_of(sample["x_b"]) for sample in drawn if not sample["y"])
    assert set(same) == {"0.png", "2.png"}
    assert abs(same["0.png"] / sum(same.values()) - 0.5) < 0.05
    assert abs(other["b"] / sum(other.values()) - 0.5) < 0.05  # by class, not by file


def test_a_pair_follows_from_the_index_and_the_global_random_state(folder):
    data, other = SiameseDirDataset(folder), SiameseDirDataset(folder)
    for index in (3, 9):
        random.seed(index)
        first = data[index]
        random.seed(index)
        assert other[index] == first


def test_one_shot_trial(folder):
    data = SiameseDirDataset(folder)
    seen = set()
    for _ in range(50):
        left, right = data.one_shot_trial(3)
        assert len(left) == len(right) == 3
        assert len(set(left)) == 1
        assert name_of(left[0]) == name_of(right[0])
        assert left[0] != right[0]
        assert len({name_of(path) for path in right}) == 3
        seen.add(name_of(left[0]))
    assert seen == set("abcd")
    assert {name_of(path) for path in data.one_shot_trial(4)[1]} == set("abcd")


@pytest.mark.parametrize("n", [1, 5, 0, 2.0, True, None])
def test_a_trial_needs_classes(n, folder):
    with pytest.raises(ConfigError, match="must be an int from 2 to 4, the number of classes"):
        SiameseDirDataset(folder).one_shot_trial(n)


def test_a_trial_starts_in_a_class_with_two_files(tmp_path):
    data = SiameseDirDataset(make_files(tmp_path / "r", a=1, b=2), percent_matching_data=0)
    assert {name_of(data.one_shot_trial(2)[0][0]) for _ in range(20)} == {"b"}
    single = SiameseDirDataset(make_files(tmp_path / "s", a=1, b=1), percent_matching_data=0)
    with pytest.raises(ConfigError, match="a class with two files"):
        single.one_shot_trial(2)


# --------------------------------------------------------------------------------------------------------------- split
@pytest.mark.parametrize("part", [0.5, 2, [0, 3]])
def test_a_split_takes_whole_classes(part, folder):
    data = SiameseDirDataset(folder)
    other = data.split(part, seed=0)
    classes = [{name_of(path) for path in one["x_a"]} for one in (data, other)]
    assert (len(data), len(other)) == (8, 8)
    assert classes[0] | classes[1] == set("abcd")
    for one, own in zip((data, other), classes, strict=True):
        assert {name_of(one[index][key]) for _ in range(20) for index in range(8) for key in ("x_a", "x_b")} == own
        assert one.summary().num_classes == 2
    if part == [0, 3]:
        assert classes[1] == {"a", "d"}


def test_no_part_is_left_with_one_class(folder):
    data = SiameseDirDataset(folder)
    with pytest.raises(ConfigError, match=r"of the 4 classes, \[1\] would be split off and 3 stay"):
        data.split(0.1)
    with pytest.raises(ConfigError, match=r"\[3\] would be split off and 1 stay"):
        data.split(3)
    with pytest.raises(ConfigError, match="leave stratify out"):
        data.split(0.5, stratify="y")
    assert len(data) == 16
    assert len(SiameseDirDataset(folder, percent_matching_data=1).split(1)) == 4


def test_classes_follow_the_labels(folder):
    data = SiameseDirDataset(folder, percent_matching_data=0)
    data["y"] = [0] * 8 + [1] * 8
    assert {name_of(data[0]["x_b"]) for _ in range(50)} == {"c", "d"}
    assert data.class_data == {0: set(range(8)), 1: set(range(8, 16))}


def test_labels_of_any_kind(folder):
    data = SiameseDirDataset(folder, label_mapping={"a": "u", "b": "u", "c": "v", "d": "v"}, percent_matching_data=0)
    assert {name_of(data[0]["x_b"]) for _ in range(50)} == {"c", "d"}
    with pytest.raises(ConfigError, match="needs a number or a string for each class"):
        SiameseDirDataset(folder, label_mapping={name: [1, 2] for name in "abcd"})


def test_copies_are_apart(folder):
    data = SiameseDirDataset(folder)
    data[0]
    for other in (pickle.loads(pickle.dumps(data)), copy.deepcopy(data), copy.copy(data)):
        part = other.split([0, 1])
        assert {name_of(part[0]["x_b"]) for _ in range(50)} == {"a", "b"}
        assert {name_of(data[0]["x_b"]) for _ in range(50)} == set("abcd")


def test_the_summary(folder):
    assert str(SiameseDirDataset(folder)) == (
        '{"num_instances": 16, "class_key": "y", "num_classes": 4, "keys": {"x_a": {"num_unique_values": 16, '
        '"shape": [], "dtype": "str"}, "y": {"shape": [], "dtype": "int"}, "x_b": {"shape": [], "dtype": "str"}}}'
    )


@pytest.mark.parametrize("percent", [-0.1, 1.2, None, "half", True, float("nan")])
def test_what_is_no_share(percent, folder):
    with pytest.raises(ConfigError, match="percent_matching_data"):
        SiameseDirDataset(folder, percent_matching_data=percent)


def test_pairs_that_cannot_be(tmp_path):
    one = make_files(tmp_path / "one", dog=3)
    single = make_files(tmp_path / "single", cat=1, dog=3)
    with pytest.raises(ConfigError, match="has one class, 0; pairs that do not match need two"):
        SiameseDirDataset(one)
    assert SiameseDirDataset(one, percent_matching_data=1)[0]["y"] == 1
    with pytest.raises(ConfigError, match=r"the classes \['cat'\] have one file each"):
        SiameseDirDataset(single)
    assert SiameseDirDataset(single, percent_matching_data=0)[0]["y"] == 0
    with pytest.raises(ConfigError, match="three different keys"):
        SiameseDirDataset(single, "x", "x")
