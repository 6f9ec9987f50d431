"""Hadamard."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import hadamard

from fastestimator_lite.op.numpyop.univariate import Hadamard
from fastestimator_lite.util.errors import ConfigError

STATE = {"mode": "train", "epoch": 1}
# printed by FastEstimator 1.7
FIVE_CLASSES = [
    [-1, 1, 1, 1, 1, 1, 1, 1],
    [1, -1, 1, -1, 1, -1, 1, -1],
    [-1, 1, -1, -1, 1, 1, -1, -1],
    [1, -1, -1, 1, 1, -1, -1, 1],
    [-1, 1, 1, 1, -1, -1, -1, -1],
]


def run(label, n_classes=5, **arguments):
    result = Hadamard("x", "y", n_classes, **arguments).forward([label], STATE)[0]
    assert result.dtype == np.float32
    return result


def test_code_words_of_five_classes():
    np.testing.assert_array_equal([run(label) for label in range(5)], FIVE_CLASSES)
    np.testing.assert_array_equal(run(np.arange(5)), FIVE_CLASSES)


@pytest.mark.parametrize("label", [3, np.int64(3), np.array(3), np.array([3]), [3]])
def test_one_label(label):
    np.testing.assert_array_equal(run(label), FIVE_CLASSES[3])


def test_labels_at_several_places_and_batches():
    np.testing.assert_array_equal(run(np.array([[3], [4]])), FIVE_CLASSES[3:])
    op = Hadamard("x", "y", 5)
    for batch in (np.array([3, 4]), np.array([[3], [4]])):
        np.testing.assert_array_equal(op.forward_batch([batch], STATE)[0], FIVE_CLASSES[3:])


@pytest.mark.parametrize(
    ("n_classes", "code_length", "length"), [(1, None, 1), (2, None, 2), (10, None, 16), (16, 16, 16), (33, 128, 128)]
)
def test_code_is_a_hadamard_matrix_with_another_first_column(n_classes, code_length, length):
    words = Hadamard("x", "y", n_classes, code_length).forward_batch([np.arange(n_classes)], STATE)[0]
    assert words.shape == (n_classes, length)
    np.testing.assert_array_equal(words[:, 1:], hadamard(length)[:n_classes, 1:])
    np.testing.assert_array_equal(words[:, 0], [1 if row % 2 else -1 for row in range(n_classes)])
    distances = (words[:, np.newaxis] != words).sum(-1)
    assert (distances + length * np.eye(n_classes) >= length / 2).all()


@pytest.mark.parametrize(
    ("n_classes", "code_length"), [(0, None), (1.5, None), (10, 8), (10, 10), (10, 17), (4, "4"), (2, -2)]
)
def test_arguments_are_checked(n_classes, code_length):
    with pytest.raises(ConfigError, match=r"Hadamard\((n_classes|code_length)\)"):
        Hadamard("x", "y", n_classes, code_length)


@pytest.mark.parametrize("label", [5, -1, 2.0])
def test_labels_are_checked(label):
    with pytest.raises(ConfigError, match="Hadamard"):
        run(label)
