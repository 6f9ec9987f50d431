"""Keras models of every kind, on TensorFlow here and on Keras' torch backend in a process of its own."""

import os
import subprocess
import sys

import numpy as np
import pytest

import fastestimator_lite as fe
from fastestimator_lite.backend import load_model, reduce_mean, save_model, to_number
from fastestimator_lite.component import When
from fastestimator_lite.op.tensorop import LambdaOp
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp
from fastestimator_lite.util.errors import ConfigError

keras = pytest.importorskip("keras")

ON_TORCH = os.environ.get("KERAS_BACKEND") == "torch"
RNG = np.random.default_rng(0)
A = RNG.standard_normal((8, 2)).astype(np.float32)
B = RNG.standard_normal((8, 2)).astype(np.float32)
RATE = 0.1


@pytest.fixture(autouse=True)
def on_one_backend():
    if keras.backend.backend() not in ("torch", "tensorflow"):
        pytest.skip("Keras runs on another backend")


def sgd():
    if keras.backend.backend() == "tensorflow":
        return lambda: keras.optimizers.SGD(RATE)
    import torch

    return lambda parameters: torch.optim.SGD(parameters, lr=RATE)


def half(**more):
    return keras.layers.Dense(1, use_bias=False, kernel_initializer=keras.initializers.Constant(0.5), **more)


def kernel(model, place=0):
    return keras.ops.convert_to_numpy(model.trainable_variables[place].value).ravel()


def train(model, ops, batch):
    network = fe.Network([*ops, UpdateOp(model, "loss")])
    return network.load(When("train", 1, ""))(dict(batch))


class Pair(keras.Model):
    """One layer over each of two inputs, with dropout on the first."""

    def __init__(self):
        super().__init__()
        self.head, self.drop = half(), keras.layers.Dropout(0.99, seed=1)

    def call(self, pair, training=False):
        return self.head(self.drop(pair[0], training=training)) - 2 * self.head(pair[1])


def subclassed():
    model = Pair()
    model([A, B])
    return model


def test_a_subclassed_model(tmp_path):
    model = fe.build(subclassed, sgd(), model_name="pair")
    mean = LambdaOp(lambda p: reduce_mean(p), "p", "loss")
    train(model, [ModelOp(model, ["a", "b"], "p", trainable=False), mean], {"a": A, "b": B})
    np.testing.assert_allclose(kernel(model), 0.5 - RATE * (A.mean(0) - 2 * B.mean(0)), rtol=1e-5)
    network = fe.Network(ModelOp(model, ["a", "b"], "p"))
    found = [to_number(network.transform({"a": A, "b": B}, mode)["p"]) for mode in ("eval", "infer", "train")]
    expected = (A - 2 * B) @ kernel(model)[:, None]
    for value in found[:2]:
        np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-6)
    assert not np.allclose(found[2], expected)
    again = fe.build(subclassed, None, model_name="again")
    load_model(again, save_model(model, tmp_path))
    np.testing.assert_array_equal(kernel(again), kernel(model))
    with pytest.raises(ConfigError, match="functional or Sequential"):
        ModelOp(model, ["a", "b"], ["p", "h"], intermediate_layers=0)


def siamese():
    """One layer over two inputs."""
    first, second, layer = keras.Input((2,)), keras.Input((2,)), half()
    return keras.Model([first, second], layer(first) - 2 * layer(second))


def test_a_layer_that_two_inputs_share():
    model = fe.build(siamese, sgd())
    mean = LambdaOp(lambda p: reduce_mean(p), "p", "loss")
    train(model, [ModelOp(model, ["a", "b"], "p"), mean], {"a": A, "b": B})
    assert len(model.trainable_variables) == 1
    np.testing.assert_allclose(kernel(model), 0.5 - RATE * (A.mean(0) - 2 * B.mean(0)), rtol=1e-5)


def by_name():
    """Inputs and outputs with names, not in the order of the alphabet."""
    right, left = keras.Input((2,), name="right"), keras.Input((2,), name="left")
    total = half(name="head")(keras.layers.Add(name="both")([right, 2 * left]))
    return keras.Model({"right": right, "left": left}, {"total": total, "again": 3 * total})


@pytest.mark.parametrize(
    "inputs",
    [["right", "left"], ["left", "right"], {"right": "right", "left": "left"}, {"left": "left", "right": "right"}],
)
@pytest.mark.parametrize("layers", [None, "both"])
@pytest.mark.parametrize("count", [1, 8])
def test_inputs_and_outputs_that_have_names(inputs, layers, count):
    model = fe.build(by_name, sgd())
    outputs = ["total", "again", *(["both"] if layers else [])]
    network = fe.Network(ModelOp(model, inputs, outputs, intermediate_layers=layers))
    found = network.transform({"right": A[:count], "left": B[:count]}, "infer")
    both = (A + 2 * B)[:count]
    total = both.sum(1, keepdims=True) / 2
    np.testing.assert_allclose(to_number(found["total"]), total, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(to_number(found["again"]), 3 * total, rtol=1e-5, atol=1e-6)
    if layers:
        np.testing.assert_allclose(to_number(found["both"]), both, rtol=1e-5, atol=1e-6)


def test_a_dictionary_says_which_input_gets_which_key():
    model = fe.build(by_name, sgd())
    mean = LambdaOp(lambda p: reduce_mean(p), "again", "loss")
    train(model, [ModelOp(model, {"left": "a", "right": "b"}, "again"), mean], {"a": A, "b": B})
    np.testing.assert_allclose(kernel(model), 0.5 - RATE * 3 * (B.mean(0) + 2 * A.mean(0)), rtol=1e-5)
    with pytest.raises(ConfigError, match="no argument 'lefft'; it has: 'right', 'left'. Did you mean 'left'"):
        ModelOp(model, {"lefft": "a", "right": "b"}, "p")
    with pytest.raises(ConfigError, match="needs 'right' as well"):
        ModelOp(model, {"left": "a"}, "p")
    wrong = fe.Network(ModelOp(model, {"left": "a", "right": "b"}, "total"))
    with pytest.raises((ConfigError, ValueError), match="key 'b' has shape|with name 'right'"):  # ours, Keras' own
        wrong.transform({"a": A, "b": np.ones((8, 3), np.float32)}, "infer")


def regularized():
    x = keras.Input((2,))
    strong = half(kernel_regularizer=keras.regularizers.L2(0.3))
    return keras.Model(x, strong(x))


class Penalty(keras.layers.Layer):
    """Adds a loss of its own."""

    def call(self, x):
        self.add_loss(2 * keras.ops.mean(x))
        return x


def penalized():
    x = keras.Input((2,))
    return keras.Model(x, Penalty()(half()(x)))


@pytest.mark.parametrize("make", [regularized, penalized])
def test_what_layers_add_to_the_loss(make):
    model = fe.build(make, sgd())
    mean = LambdaOp(lambda p: reduce_mean(p), "p", "loss")
    found = train(model, [ModelOp(model, "a", "p"), mean], {"a": A})
    np.testing.assert_allclose(to_number(found["loss"]), (A @ [[0.5], [0.5]]).mean(), rtol=1e-5)
    added = 2 * 0.3 * np.full(2, 0.5) if make is regularized else 2 * A.mean(0)
    np.testing.assert_allclose(kernel(model), 0.5 - RATE * (A.mean(0) + added), rtol=1e-5)


@pytest.mark.skipif(ON_TORCH, reason="this is that process")
def test_all_of_this_on_the_torch_backend_of_keras():
    pytest.importorskip("torch")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", __file__, "-q", "-p", "no:cacheprovider", "-p", "no:xdist"],
        env={**os.environ, "KERAS_BACKEND": "torch"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert "21 passed, 1 skipped" in done.stdout, done.stdout[-500:]
