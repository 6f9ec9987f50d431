import numpy as np
import pytest

from fastestimator_lite.dataset.split import complement, split_indices
from fastestimator_lite.util.errors import ConfigError


def _lists(parts):
    return [part.tolist() for part in parts]


@pytest.mark.parametrize(
    ("fractions", "sizes"),
    [
        ((0.3,), [3]),
        ((3,), [3]),
        ((0.25,), [3]),
        ((0.01,), [1]),
        ((0,), [0]),
        ((0.0,), [0]),
        ((0.2, 0.3), [2, 3]),
        ((0.25, 3), [3, 3]),
        ((np.float32(0.5), np.int64(2)), [5, 2]),
        ((9,), [9]),
    ],
)
def test_fractions_are_rounded_up_and_counts_are_taken_as_they_are(fractions, sizes):
    parts = split_indices(10, fractions, seed=0)
    assert [len(part) for part in parts] == sizes
    drawn = np.concatenate(parts)
    assert len(set(drawn.tolist())) == sum(sizes)
    assert drawn.dtype == np.int64
    assert ((drawn >= 0) & (drawn < 10)).all()


@pytest.mark.parametrize(("fraction", "size"), [(0.07, 7), (0.29, 29), (0.57, 57), (0.071, 8)])
def test_rounding_up_does_not_count_the_noise_of_floating_point(fraction, size):
    assert len(split_indices(100, [fraction])[0]) == size


def test_a_seed_draws_what_fastestimator_1_7_draws():
    assert _lists(split_indices(10, [0.3], seed=0)) == [[6, 9, 0]]
    assert _lists(split_indices(10, [0.2, 0.3], seed=1)) == [[2, 1], [4, 0, 3]]


def test_without_a_seed_draws_differ():
    assert len({tuple(split_indices(1000, [10])[0].tolist()) for _ in range(5)}) == 5


def test_indices_are_taken_in_their_order():
    assert _lists(split_indices(10, [[4, 0]])) == [[4, 0]]
    assert _lists(split_indices(10, [range(2), iter([5, 3]), np.array([9])])) == [[0, 1], [5, 3], [9]]
    assert _lists(split_indices(3, [[0, 1, 2], []])) == [[0, 1, 2], []]


def test_complement_is_what_no_part_has():
    assert complement(6, [np.array([4, 0]), np.array([1])]).tolist() == [2, 3, 5]


@pytest.mark.parametrize("seed", range(5))
def test_classes_are_held_exactly_where_that_is_possible(seed):
    labels = np.repeat([0, 1, 2], [500, 300, 200])
    parts = split_indices(1000, [0.2, 100], seed, np.random.default_rng(1).permutation(labels))
    labels = np.random.default_rng(1).permutation(labels)
    assert [np.bincount(labels[part]).tolist() for part in parts] == [[100, 60, 40], [50, 30, 20]]
    assert len(set(np.concatenate(parts).tolist())) == 300


@pytest.mark.parametrize("seed", range(20))
def test_classes_are_held_to_within_one_row_where_they_do_not_divide(seed):
    labels = np.repeat([0, 1, 2], [50, 33, 17])
    counts = np.bincount(labels[split_indices(100, [0.25], seed, labels)[0]], minlength=3)
    assert counts.sum() == 25
    assert (np.abs(counts - [12.5, 8.25, 4.25]) < 1.5).all()


def test_rare_classes_come_into_a_part_as_often_as_common_ones():
    labels = np.concatenate([np.zeros(100, int), np.arange(1, 101)])
    rare = [np.count_nonzero(labels[split_indices(200, [0.2], seed, labels)[0]]) for seed in range(100)]
    assert 18 < np.mean(rare) < 22


def test_a_stratified_part_is_drawn_at_random_by_the_seed_and_shuffled():
    labels = np.repeat([0, 1], 500)
    first, again, other = (split_indices(1000, [0.1], seed, labels)[0] for seed in (3, 3, 4))
    assert first.tolist() == again.tolist()
    assert set(first.tolist()) != set(other.tolist())
    assert np.count_nonzero(np.diff(labels[first])) not in (1, 99)  # neither sorted by class nor strictly in turn


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["b", "a"] * 5),
        np.array(["b", "a"] * 5, dtype=object),
        np.array([("x", 1), None] * 5 + [None], dtype=object)[:10],
        np.array([[1], [2]] * 5),
        np.array([0.5, 1.5] * 5),
        np.array([True, False] * 5),
    ],
)
def test_a_class_may_be_anything_that_can_be_counted(labels):
    part = split_indices(10, [0.4], 0, labels)[0]
    assert sorted(part % 2) == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("fractions", "match"),
    [
        ((), "at least one"),
        ((1.5,), "less than 1, they add up to 1.5"),
        ((1.0,), "less than 1"),
        ((0.6, 0.6), "less than 1, they add up to 1.2"),
        ((0.1,) * 10, "less than 1, they add up to 1"),
        ((-1,), ">= 0, got -1"),
        ((-0.1,), "got -0.1"),
        ((float("nan"),), "got nan"),
        ((10,), "take 10 of 10 rows; at least one row must stay"),
        ((0.5, 5), "take 10 of 10"),
        (("a",), r"got 'a' \(str\)"),
        ((None,), "got None"),
        ((True,), "got True"),
        (([0], 0.2), "not both at once; got list, 0.2"),
        (([0, 20],), "row 20 does not exist, the rows are 0 to 9"),
        (([-1],), "row -1 does not exist"),
        (([0, 3, 3],), "row 3 is asked for more than once"),
        (([0, 3], [3]), "row 3 is asked for more than once"),
        (([0.5],), "whole numbers, got float64"),
        ((np.ones(10, bool),), "np.flatnonzero"),
        (([[0, 1]],), r"shape \(1, 2\)"),
    ],
)
def test_what_cannot_be_split_is_explained(fractions, match):
    with pytest.raises(ConfigError, match=match):
        split_indices(10, fractions)


def test_small_fractions_of_a_small_set_can_add_up_to_all_of_it():
    with pytest.raises(ConfigError, match="take 3 of 2 rows"):
        split_indices(2, [0.3, 0.3, 0.3])


def test_rows_by_index_cannot_be_stratified():
    with pytest.raises(ConfigError, match="already chosen"):
        split_indices(10, [[0, 1]], labels=np.zeros(10))


def test_classes_must_be_single_values():
    with pytest.raises(ConfigError, match=r"one class per row, got values of shape \(2,\)"):
        split_indices(10, [0.5], labels=np.zeros((10, 2)))
    with pytest.raises(ConfigError, match="one class per row, a number or a string; got dict"):
        split_indices(2, [1], labels=np.array([{}, {}]))
