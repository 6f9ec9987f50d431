"""Rearranging and picking agree with numpy, in every framework."""

import numpy as np
import pytest

from fastestimator_lite.backend import shape as sh
from fastestimator_lite.backend.convert import to_number
from fastestimator_lite.util.errors import ConfigError

X = np.arange(24, dtype="float32").reshape(2, 3, 4)


@pytest.mark.parametrize(
    ("ours", "expected"),
    [
        (lambda x: sh.reshape(x, [4, -1]), X.reshape(4, 6)),
        (lambda x: sh.permute(x, [2, 0, 1]), X.transpose(2, 0, 1)),
        (sh.transpose, X.T),
        (sh.expand_dims, X[:, None]),
        (lambda x: sh.expand_dims(x, -1), X[..., None]),
        (lambda x: sh.squeeze(sh.expand_dims(x)), X),
        (lambda x: sh.squeeze(sh.reshape(x, [1, 24, 1]), 0), X.reshape(24, 1)),
        (lambda x: sh.squeeze(sh.reshape(x, [1, 24, 1]), (0, 2)), X.reshape(24)),
        (lambda x: sh.concat([x, x]), np.concatenate([X, X])),
        (lambda x: sh.concat([x, x, x], axis=-1), np.concatenate([X, X, X], -1)),
        (lambda x: sh.flip(x, 1), X[:, ::-1]),
        (lambda x: sh.flip(x, [0, -1]), X[::-1, :, ::-1]),
        (lambda x: sh.flip(x, None), X[::-1, ::-1, ::-1]),
        (lambda x: sh.roll(x, 1, 0), np.roll(X, 1, 0)),
        (lambda x: sh.roll(x, [2, -1], [1, 2]), np.roll(X, (2, -1), (1, 2))),
        (lambda x: sh.gather(x, [1, 0, 1]), X[[1, 0, 1]]),
        (lambda x: sh.gather(x, np.array([[1], [0]], "uint8")), X[[[1], [0]]]),
        (lambda x: sh.gather_from_batch(x, [2, 0]), X[[0, 1], [2, 0]]),
        (lambda x: sh.gather_from_batch(x, np.array([[2], [0]], "int32")), X[[0, 1], [2, 0]]),
    ],
)
def test_as_numpy(framework, make, ours, expected):
    result = to_number(ours(make(X)))
    assert result.shape == expected.shape
    np.testing.assert_array_equal(result, expected)


def test_gather_takes_indices_of_its_own_framework(framework, make):
    np.testing.assert_array_equal(to_number(sh.gather(make(X), make([1], "int64"))), X[[1]])


def test_gather_from_batch_sends_gradients_to_what_was_picked(tensor_framework, make, gradient_of):
    gradient = gradient_of(lambda x: sh.gather_from_batch(x, [1, 0, 1]), make(np.zeros((3, 2))))
    np.testing.assert_array_equal(gradient, [[0, 1], [1, 0], [0, 1]])


def test_concat_of_nothing_is_none():
    assert sh.concat([]) is None


def test_roll_needs_a_shift_for_each_axis():
    with pytest.raises(ConfigError, match="one shift for each axis"):
        sh.roll(X, 1, [0, 1])


def test_get_shape(framework, make):
    assert sh.get_shape(make(X)) == [2, 3, 4]
    assert sh.get_shape(make(5.0)) == []


def test_get_image_dims(framework, make):
    sizes = (5, 3, 4) if framework == "torch" else (3, 4, 5)
    assert sh.get_image_dims(make(np.zeros(sizes))) == (5, 3, 4)
    assert sh.get_image_dims(make(np.zeros((2, *sizes)))) == (5, 3, 4)
    with pytest.raises(ConfigError, match=r"3 or 4 axes\), got shape \[7\]"):
        sh.get_image_dims(make(np.zeros(7)))


def test_sizes_that_a_graph_does_not_know():
    tf = pytest.importorskip("tensorflow")

    @tf.function(input_signature=[tf.TensorSpec([None, 4])])
    def flatten(x):
        batch, features = sh.get_shape(x)
        assert features == 4
        return sh.reshape(x, [batch * features])

    assert flatten(tf.ones([3, 4])).shape == (12,)
