"""MeanUnslicer against numpy's mean."""

import numpy as np
import pytest

from fastestimator_lite.backend import framework_of, to_number
from fastestimator_lite.slicer import MeanUnslicer
from fastestimator_lite.util.errors import ConfigError


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_it_averages_over_the_minibatches(framework, make, shape):
    values = np.random.default_rng(0).standard_normal((4, *shape)).astype(np.float32)
    joined = MeanUnslicer("y").unslice_batches([make(value) for value in values], "y")
    assert framework_of(joined).NAME == framework
    assert to_number(joined).dtype == np.float32
    np.testing.assert_allclose(to_number(joined), values.mean(0), rtol=1e-6)


def test_whole_numbers_have_a_mean_that_is_none(framework, make):
    joined = MeanUnslicer("y").unslice_batches([make([1, 4]), make([2, 5])], "y")
    assert to_number(joined).tolist() == [1.5, 4.5]


def test_it_cuts_nothing():
    slicer = MeanUnslicer(["y", "z"])
    assert (slicer.slice_inputs, slicer.unslice_inputs) == ([], ["y", "z"])


def test_slices_of_different_shape_are_an_error(framework, make):
    with pytest.raises(ConfigError, match=r"MeanUnslicer cannot join key 'y': its slices differ in shape"):
        MeanUnslicer("y").unslice_batches([make([1.0]), make([1.0, 2.0])], "y")
