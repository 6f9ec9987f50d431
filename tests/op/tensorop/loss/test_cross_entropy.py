"""CrossEntropy: the form it picks, what it computes, and what it refuses."""

import pickle

import numpy as np
import pytest

from fastestimator_lite.backend import loss
from fastestimator_lite.backend.convert import to_number
from fastestimator_lite.op.tensorop.loss import CrossEntropy, LossOp
from fastestimator_lite.util.errors import ConfigError

STATE = {"mode": "train", "epoch": 1, "warmup": False, "tape": None, "deferred": {}}
PROBS = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]], dtype="float32")
LABELS = np.array([0, 1])
ONE_HOT = np.eye(3, dtype="float32")[LABELS]


def run(op, y_pred, y_true):
    return to_number(op.forward([y_pred, y_true], STATE))


def test_keys_and_defaults():
    op = CrossEntropy(inputs=("pred", "label"), outputs="ce")
    assert isinstance(op, LossOp)
    assert (op.pred_key, op.true_key) == ("pred", "label")
    assert (op.pred_key_idx, op.true_key_idx) == (0, 1)
    assert op.mode == {"train", "eval", "test"}
    assert op.average_loss is True
    assert op.form is None


def test_sparse_by_shape(framework, make):
    op = CrossEntropy(inputs=["p", "t"], outputs="ce")
    for labels in (LABELS, LABELS[:, None].astype("uint8")):
        np.testing.assert_allclose(run(op, make(PROBS), make(labels)), -np.log([0.7, 0.3]).mean(), rtol=1e-5)


def test_categorical_by_shape(framework, make):
    op = CrossEntropy(inputs=["p", "t"], outputs="ce", average_loss=False)
    np.testing.assert_allclose(run(op, make(PROBS), make(ONE_HOT)), -np.log([0.7, 0.3]), rtol=1e-5)


def test_binary_by_shape(framework, make):
    op = CrossEntropy(inputs=["p", "t"], outputs="ce")
    expected = -np.log([0.7, 0.9]).mean()
    for y_pred in (PROBS[:, :1], PROBS[:, 0]):
        for y_true in ([1, 0], [[1], [0]]):
            np.testing.assert_allclose(run(op, make(y_pred), make(y_true)), expected, rtol=1e-5)


def test_form_of_images(framework, make):
    scores = np.random.default_rng(1).normal(size=(2, 4, 5, 3)).astype("float32")
    labels = np.random.default_rng(2).integers(0, 3, (2, 4, 5))
    one_hot = np.eye(3, dtype="float32")[labels]
    expected = loss.sparse_categorical_crossentropy(scores, labels, from_logits=True)
    if framework == "torch":
        scores, one_hot = (np.moveaxis(x, -1, 1) for x in (scores, one_hot))
    op = CrossEntropy(inputs=["p", "t"], outputs="ce", from_logits=True)
    np.testing.assert_allclose(run(op, make(scores), make(labels)), expected, rtol=1e-5)
    np.testing.assert_allclose(run(op, make(scores), make(one_hot)), expected, rtol=1e-5)


def test_a_form_that_is_given_counts(framework, make):
    op = CrossEntropy(inputs=["p", "t"], outputs="ce", form="binary", average_loss=False)
    expected = loss.binary_crossentropy(PROBS, ONE_HOT, average_loss=False)
    assert not np.allclose(expected, loss.categorical_crossentropy(PROBS, ONE_HOT, average_loss=False))
    np.testing.assert_allclose(run(op, make(PROBS), make(ONE_HOT)), expected, rtol=1e-5)


def test_class_weights(framework, make):
    op = CrossEntropy(inputs=["p", "t"], outputs="ce", average_loss=False, class_weights={1: 10})
    np.testing.assert_allclose(run(op, make(PROBS), make(LABELS)), [-np.log(0.7), -10 * np.log(0.3)], rtol=1e-5)


def test_outputs_in_a_list():
    op = CrossEntropy(inputs=["p", "t"], outputs=["ce"], average_loss=False)
    (result,) = op.forward([PROBS, LABELS], STATE)
    assert result.shape == (2,)


def test_it_pickles():
    op = pickle.loads(pickle.dumps(CrossEntropy(("p", "t"), "ce", form="sparse", class_weights={0: 2})))
    assert (op.inputs, op.form, op.class_weights) == (["p", "t"], "sparse", {0: 2.0})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(form="spares"), "got 'spares'. Did you mean 'sparse'"),
        (dict(form="categoric"), "Did you mean 'categorical'"),
        (dict(inputs="p"), r"CrossEntropy needs inputs=\(y_pred, y_true\), two keys, got \['p'\]"),
        (dict(inputs=["p", "t", "u"]), "two keys"),
        (dict(outputs=["a", "b"]), "one key in outputs"),
        (dict(class_weights=[1, 2]), "must be a dictionary .* got list"),
        (dict(class_weights={"cat": 1.0}), "by its index, 0 or more, got 'cat'"),
        (dict(class_weights={-1: 1.0}), "by its index, 0 or more, got -1"),
        (dict(class_weights={0: "big"}), "weight of class 0 must be a number >= 0, got 'big'"),
        (dict(class_weights={0: float("nan")}), "got nan"),
    ],
)
def test_what_cannot_work_is_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        CrossEntropy(**{"inputs": ["p", "t"], "outputs": "ce", **arguments})
