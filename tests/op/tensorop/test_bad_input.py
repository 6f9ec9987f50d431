"""What is wrong with a batch is said before training, with key, shape and value."""

import numpy as np
import pytest

import fastestimator_lite as fe
from fastestimator_lite.dataset import NumpyDataset
from fastestimator_lite.op.tensorop.loss import CrossEntropy, FocalLoss
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp
from fastestimator_lite.util.errors import ConfigError, DataError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(8, 4)).astype("float32")
Y = RNG.integers(0, 3, 8)


@pytest.fixture
def fit(tensor_framework):
    def run(x, y, softmax=True, warmup=True, loss=CrossEntropy, **words):
        if tensor_framework == "torch":
            import torch

            layers = [torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3)]
            made = torch.nn.Sequential(*layers, *([torch.nn.Softmax(-1)] if softmax else []))
        else:
            import keras

            head = keras.layers.Dense(3, activation="softmax" if softmax else None)
            made = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(8, "relu"), head])
        model = fe.build(lambda: made, "sgd")
        network = fe.Network([ModelOp(model, "x", "p"), loss(("p", "y"), "ce", **words), UpdateOp(model, "ce")])
        pipeline = fe.Pipeline(train_data=NumpyDataset({"x": x, "y": y}), batch_size=8, num_process=0)
        fe.Estimator(pipeline, network, epochs=1, log_steps=None).fit(warmup=warmup)

    return run


@pytest.mark.parametrize("warmup", [True, False])
def test_a_wrong_feature_size(fit, warmup):
    with pytest.raises(ConfigError, match=r"ModelOp of model .*key 'x' has shape \(8, 5\).*expects \(8, 4\)") as caught:
        fit(RNG.normal(size=(8, 5)).astype("float32"), Y, warmup=warmup)
    assert "in op #0 ModelOp of the Network" in caught.value.__notes__[0]


@pytest.mark.parametrize("dtype", ["float64", "uint8", "int64"])
def test_another_type_than_the_models(fit, tensor_framework, dtype):
    if tensor_framework == "tf":
        fit((X * 9).astype(dtype), Y)  # Keras casts
        return
    with pytest.raises(ConfigError, match=rf"key 'x' is {dtype} .*computes in float32; cast it in the Pipeline"):
        fit((X * 9).astype(dtype), Y)


@pytest.mark.parametrize("warmup", [True, False])
@pytest.mark.parametrize("label", [5, -1])
def test_a_label_that_is_no_class(fit, label, warmup):
    y = Y.copy()
    y[3] = label
    with pytest.raises(DataError, match=rf"key 'y' holds the label {label} in sample \d .*'p' has 3 classes, 0 to 2"):
        fit(X, y, warmup=warmup)


def test_text_for_labels(fit):
    with pytest.raises(ConfigError, match="key 'y' is text .*WordtoId or Onehot"):
        fit(X, np.array(["cat", "dog"] * 4))


@pytest.mark.parametrize("labels", [Y, np.eye(3)[Y]], ids=["sparse", "categorical"])
def test_logits_taken_for_probabilities(fit, labels):
    with pytest.raises(ConfigError, match=r"key 'p' is taken for probabilities.*from_logits=True"):
        fit(X, labels, softmax=False)
    fit(X, labels, softmax=False, from_logits=True)
    fit(X, labels)


def test_logits_taken_for_answers(fit):
    with pytest.raises(ConfigError, match=r"FocalLoss\(from_logits=True\)"):
        fit(X, np.eye(3)[Y], softmax=False, loss=FocalLoss)
    fit(X, np.eye(3)[Y], loss=FocalLoss)


def test_rows_that_add_up_to_something_else(make, tensor_framework):
    op = CrossEntropy(("p", "y"), "ce")
    op.check([make([[0.2, 0.3, 0.5]], "float32"), make([1])])
    with pytest.raises(ConfigError, match="adds up to 1.3 over the classes"):
        op.check([make([[0.2, 0.3, 0.5], [0.3, 0.3, 0.7]], "float32"), make([1, 0])])


def test_a_layer_inside_is_named(tensor_framework):
    if tensor_framework != "torch":
        pytest.skip("Keras checks a model when it is made")
    import torch

    model = fe.build(lambda: torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Linear(9, 3)), "sgd")
    with pytest.raises(ConfigError, match=r"what it makes of 'x' has shape \(8, 8\), and layer '1' .*expects \(8, 9\)"):
        fe.Network([ModelOp(model, "x", "p")]).transform({"x": X}, "infer")
