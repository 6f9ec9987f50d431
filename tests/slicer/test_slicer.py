"""What every slicer promises: keys, counts, and errors that say what to change."""

import pickle

import numpy as np
import pytest

import fastestimator_lite as fe
from fastestimator_lite.backend import to_number
from fastestimator_lite.component import When
from fastestimator_lite.slicer import AxisSlicer, MeanUnslicer, Slicer, SlidingSlicer
from fastestimator_lite.util.errors import ConfigError


class Halves(Slicer):
    """A slicer of a user's own."""

    def _slice_batch(self, batch):
        middle = len(batch) // 2
        return [batch[:middle], batch[middle:]]

    def _unslice_batch(self, slices, key):
        return fe.backend.concat(slices)


@pytest.mark.parametrize(
    ("arguments", "joined"),
    [
        ({"slice": "x"}, ["x"]),
        ({"slice": ["x", "y"]}, ["x", "y"]),
        ({"slice": "x", "unslice": None}, []),
        ({"slice": "x", "unslice": []}, []),
        ({"slice": "x", "unslice": "z"}, ["z"]),
        ({"unslice": ["z", "w"]}, ["z", "w"]),
    ],
)
def test_keys_to_join_are_those_to_cut_unless_others_are_named(arguments, joined):
    slicer = Halves(**arguments)
    assert slicer.unslice_inputs == joined
    assert slicer.slice_inputs == fe.util.to_list(arguments.get("slice"))


def test_a_slicer_of_ones_own_cuts_and_joins(framework, make):
    slicer = Halves(slice=["x", "y"])
    x, y = make([[1, 2], [3, 4], [5, 6]]), make([1, 2, 3])
    minibatches = slicer.slice_batches((x, y))
    assert slicer.minibatch_size == 2
    assert [[to_number(one).tolist() for one in minibatch] for minibatch in minibatches] == [
        [[[1, 2]], [1]],
        [[[3, 4], [5, 6]], [2, 3]],
    ]
    joined = slicer.unslice_batches([minibatch[0] for minibatch in minibatches], "x")
    np.testing.assert_array_equal(to_number(joined), to_number(x))


def test_it_runs_when_its_mode_and_data_set_say():
    slicer = AxisSlicer(1, "x", mode="!infer", ds_id="a")
    assert slicer.runs_at(When("train", 1, "a"))
    assert not slicer.runs_at(When("infer", 1, "a"))
    assert not slicer.runs_at(When("train", 1, "b"))


def test_a_copy_by_pickle_does_the_same():
    slicer = pickle.loads(pickle.dumps(SlidingSlicer([-1, 2], slice="x")))
    assert [window[0].tolist() for window in slicer.slice_batches([np.arange(4).reshape(1, 4)])] == [[[0, 1]], [[2, 3]]]


def test_the_summary_names_the_keys():
    assert AxisSlicer(1, "x", "y").fe_summary() == ["AxisSlicer: cuts ['x'], joins ['y']"]


@pytest.mark.parametrize("make_slicer", [Halves, lambda: AxisSlicer(1), lambda: MeanUnslicer(())])
def test_nothing_to_do_is_an_error(make_slicer):
    with pytest.raises(ConfigError, match="nothing to do; name keys to cut"):
        make_slicer()


def test_what_a_subclass_does_not_define_is_said_at_once():
    class Cuts(Slicer):
        def _slice_batch(self, batch):
            return [batch]

    assert Cuts("x", None).unslice_inputs == []
    with pytest.raises(NotImplementedError, match=r"Cuts must define _unslice_batch\(slices, key\) to join \['x'\]"):
        Cuts("x")
    with pytest.raises(NotImplementedError, match=r"Slicer must define _slice_batch\(batch\) to cut \['x'\]"):
        Slicer("x")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"slice": "*"}, r"Halves: '\*' is for traces"),
        ({"slice": "x;y"}, "Halves: a key must be"),
        ({"slice": "x", "mode": "trian"}, "Did you mean 'train'"),
    ],
)
def test_keys_and_modes_are_checked(arguments, message):
    with pytest.raises(ConfigError, match=message):
        Halves(**arguments)


def test_keys_that_give_different_counts_are_named():
    slicer = AxisSlicer(1, ["x", "y"])
    with pytest.raises(ConfigError, match=r"different numbers of slices: \{'x': 3, 'y': 2\}.*\(1, 3\).*\(1, 2\)"):
        slicer.slice_batches((np.zeros((1, 3)), np.zeros((1, 2))))


def test_what_is_no_array_cannot_be_cut():
    with pytest.raises(ConfigError, match=r"AxisSlicer cannot cut key 'name': expected a numpy array.*got list"):
        AxisSlicer(0, "name").slice_batches((["a", "b"],))
