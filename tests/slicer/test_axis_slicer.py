"""AxisSlicer against numpy's take and stack."""

import numpy as np
import pytest

from fastestimator_lite.backend import framework_of, to_number
from fastestimator_lite.slicer import AxisSlicer
from fastestimator_lite.util.errors import ConfigError

X = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3])
def test_a_slice_for_each_index_and_back(framework, make, axis):
    slicer = AxisSlicer(axis, "x")
    slices = [part for (part,) in slicer.slice_batches((make(X),))]
    assert len(slices) == slicer.minibatch_size == X.shape[axis]
    for index, part in enumerate(slices):
        assert framework_of(part).NAME == framework
        np.testing.assert_array_equal(to_number(part), X.take(index, axis))
    np.testing.assert_array_equal(to_number(slicer.unslice_batches(slices, "x")), X)


def test_one_number_per_slice_makes_a_vector(framework, make):
    slicer = AxisSlicer(0, "x")
    slices = [part for (part,) in slicer.slice_batches((make([3.0, 1.0, 2.0]),))]
    assert [tuple(part.shape) for part in slices] == [()] * 3
    assert to_number(slicer.unslice_batches(slices, "x")).tolist() == [3.0, 1.0, 2.0]


def test_it_joins_what_it_did_not_cut(framework, make):
    joined = AxisSlicer(1, "x", "y").unslice_batches([make([1, 2]), make([3, 4]), make([5, 6])], "y")
    assert to_number(joined).tolist() == [[1, 3, 5], [2, 4, 6]]


def test_it_works_inside_a_graph():
    tf = pytest.importorskip("tensorflow")
    slicer = AxisSlicer(1, "x")

    @tf.function
    def doubled(x):
        return slicer.unslice_batches([2 * part for (part,) in slicer.slice_batches((x,))], "x")

    np.testing.assert_array_equal(doubled(tf.constant(X)).numpy(), 2 * X)


def test_a_size_that_the_graph_does_not_know_is_an_error():
    tf = pytest.importorskip("tensorflow")
    cut = tf.function(lambda x: AxisSlicer(0, "x").slice_batches((x,)), autograph=False)
    with pytest.raises(ConfigError, match="the size of axis 0 is not known while the graph is traced"):
        cut.get_concrete_function(tf.TensorSpec((None, 2), tf.float32))


@pytest.mark.parametrize("axis", [2, -3])
def test_an_axis_that_is_not_there(framework, make, axis):
    with pytest.raises(ConfigError, match=rf"cannot cut key 'x': there is no axis {axis} in shape \(2, 3\)"):
        AxisSlicer(axis, "x").slice_batches((make(np.zeros((2, 3))),))


@pytest.mark.parametrize("axis", ["1", 1.0, True, None])
def test_an_axis_is_an_int(axis):
    with pytest.raises(ConfigError, match=r"AxisSlicer\(axis\) must be an int"):
        AxisSlicer(axis, "x")


def test_numbers_have_no_place_for_axis_1(framework, make):
    with pytest.raises(ConfigError, match=r"cannot join key 'loss': .*no place for a new axis 1; MeanUnslicer"):
        AxisSlicer(1, "x", "loss").unslice_batches([make(1.0), make(2.0)], "loss")


def test_slices_of_different_shape_are_an_error(framework, make):
    with pytest.raises(ConfigError, match=r"its slices differ in shape: \(2,\), \(3,\)"):
        AxisSlicer(1, "x").unslice_batches([make([1, 2]), make([1, 2, 3])], "x")
