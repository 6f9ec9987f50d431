"""Onehot."""

from __future__ import annotations

import numpy as np
import pytest

from fastestimator_lite.op.numpyop.univariate import Onehot
from fastestimator_lite.util.errors import ConfigError

STATE = {"mode": "train", "epoch": 1}
THREE = [0, 0, 0, 1, 0]


def run(label, batched=False, **arguments):
    op = Onehot("x", "x", num_classes=5, **arguments)
    result = (op.forward_batch if batched else op.forward)([label], STATE)[0]
    assert result.dtype == np.float32
    return result


@pytest.mark.parametrize("label", [3, np.int64(3), np.uint8(3), np.array(3), np.array([3]), [3]])
def test_one_label(label):
    np.testing.assert_array_equal(run(label), THREE)


def test_labels_at_several_places():
    np.testing.assert_array_equal(run(np.array([[3]])), [THREE])
    np.testing.assert_array_equal(run(np.array([1, 3])), [[0, 1, 0, 0, 0], THREE])
    assert run(np.zeros((4, 6), np.uint8)).shape == (4, 6, 5)


@pytest.mark.parametrize(
    "labels",
    [
        np.array([3, 1, 0]),
        np.array([[3], [1], [0]]),
        np.array([[3, 3], [1, 4], [0, 2]]),
        np.array([[[3]], [[1]], [[0]]]),
        np.array([4]),
    ],
    ids=lambda labels: str(labels.shape),
)
def test_batch_form_is_row_by_row(labels):
    np.testing.assert_array_equal(run(labels, batched=True), np.stack([run(label) for label in labels]))


def test_smoothing_spreads_a_part_evenly():
    np.testing.assert_allclose(run(3, label_smoothing=0.2), [0.04, 0.04, 0.04, 0.84, 0.04], rtol=1e-6)
    np.testing.assert_allclose(run(3, label_smoothing=1), [0.2] * 5, rtol=1e-6)


@pytest.mark.parametrize("label", [5, -1, np.array([1, 7])])
def test_labels_out_of_range_are_refused(label):
    with pytest.raises(ConfigError, match=r"in \[0, 5\)"):
        run(label)


@pytest.mark.parametrize("label", [3.0, np.float32(3), True])
def test_labels_are_ints(label):
    with pytest.raises(ConfigError, match="integer labels"):
        run(label)


@pytest.mark.parametrize(
    "arguments",
    [
        {"num_classes": 0},
        {"num_classes": 2.0},
        {"num_classes": True},
        {"num_classes": 3, "label_smoothing": 1.5},
        {"num_classes": 3, "label_smoothing": -0.1},
    ],
)
def test_arguments_are_checked(arguments):
    with pytest.raises(ConfigError, match=r"Onehot\((num_classes|label_smoothing)\)"):
        Onehot("x", "x", **arguments)
