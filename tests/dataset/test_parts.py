import copy
import random
import subprocess
import sys

import numpy as np
import pytest

from fastestimator_lite.dataset.dataset import FEDataset
from fastestimator_lite.dataset.numpy_dataset import NumpyDataset
from fastestimator_lite.dataset.parts import LOTS, MIXING, ORDER, CompoundDataset, Round, check_parts, keys_of, trait
from fastestimator_lite.util.errors import ConfigError


def test_draws_are_told_apart_by_seed_purpose_and_number():
    drawn = [
        tuple(Round(True, seed).generator(purpose, number).integers(0, 1 << 30, 3))
        for seed in (0, 1, 1 << 40)
        for purpose in (ORDER, LOTS, MIXING)
        for number in (0, 1, 2)
    ]
    assert len(set(drawn)) == 27


def test_an_order_is_that_of_another_process():
    code = (
        "import numpy as np; from fastestimator_lite.dataset.parts import Round;"
        "print(Round(True, 7).places(1, np.arange(9), 6).tolist())"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert there == str(Round(True, 7).places(1, np.arange(9), 6).tolist())


def test_places_go_round_in_one_order():
    shuffled = Round(True, 3).places(0, np.arange(10), 5)
    assert sorted(shuffled[:5]) == [0, 1, 2, 3, 4]
    assert shuffled[:5].tolist() == shuffled[5:].tolist()
    assert Round(False).places(0, np.array([3, 4, 5, 12]), 5).tolist() == [3, 4, 0, 2]


def test_a_round_without_a_seed_draws_one():
    rounds = [Round(True), Round(True)]
    for one in rounds:
        one.begin(True, None)
    assert rounds[0].seed != rounds[1].seed


@pytest.mark.parametrize("seed", [-1, np.int64(5), 1 << 63])
def test_any_int_is_a_seed(seed):
    places = [Round(True, seed).places(0, np.arange(20), 20).tolist() for _ in range(2)]
    assert places[0] == places[1]


def test_a_data_set_is_looked_at_without_moving_the_global_random_state():
    class Drawing(FEDataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            return {"x": random.random(), "y": np.random.rand()}

    random.seed(0)
    np.random.seed(0)
    before = random.getstate(), np.random.get_state()[1].tolist()
    assert keys_of(Drawing()) == ["x", "y"]
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before


def test_traits_of_foreign_data_sets():
    class Foreign:
        pass

    assert [trait(Foreign(), name) for name in ("draws", "columnar", "sequential", "gives_batches")] == [True] + [
        False
    ] * 3
    assert trait([{"x": 1}], "draws") is False


@pytest.mark.parametrize(
    ("datasets", "match"),
    [
        (3, "Some needs a list of data sets, got int"),
        ({"a": 1}, "a list of data sets, got dict"),
        (NumpyDataset({"x": [1]}), "a list of data sets, got NumpyDataset"),
        ([], "at least 1 data set, got 0"),
        ([5], "data set 0 of Some must have __len__.*got int: 5"),
        ([np.zeros(3)], "must have __len__.*got ndarray"),
        ([NumpyDataset({"x": [1]}), []], r"data set 1 of Some \(list\) has 0 samples"),
        ([[1, 2]], r"data set 0 of Some \(list\) gives a int; a sample must be a dict"),
    ],
)
def test_what_are_no_data_sets(datasets, match):
    with pytest.raises(ConfigError, match=match):
        check_parts("Some", datasets)


def test_a_copy_has_a_round_and_a_list_of_its_own():
    data = CompoundDataset([NumpyDataset({"x": [1]})], shuffle=True)
    data.fe_reset_ds(seed=5)
    other = copy.copy(data)
    other.datasets.append(None)
    other._round.begin(True, 6)
    assert (data._round.seed, len(data.datasets)) == (5, 1)
    assert copy.copy(data)._round.seed == 5


def test_a_new_round_reaches_the_parts_each_with_a_seed_of_its_own():
    seen = []

    class Listening(FEDataset):
        def fe_reset_ds(self, shuffle=True, seed=None):
            seen.append((shuffle, seed))

    data = CompoundDataset([Listening(), [{"x": 1}], Listening()])
    data.fe_reset_ds(shuffle=True, seed=1)
    data.fe_reset_ds(shuffle=False, seed=1)
    data.fe_reset_ds(shuffle=True, seed=2)
    assert [shuffle for shuffle, _ in seen] == [True, True, False, False, True, True]
    seeds = [seed for _, seed in seen]
    assert seeds[:2] == seeds[2:4]
    assert len(set(seeds)) == 4
