"""Models of many kinds in a network: several inputs and outputs, inner layers, shared weights, two that learn together."""

import dataclasses
import importlib.util
import os
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

import fastestimator_lite as fe
from fastestimator_lite.backend import reduce_mean, save_model, to_number
from fastestimator_lite.component import When
from fastestimator_lite.op.tensorop import LambdaOp
from fastestimator_lite.op.tensorop.loss import MeanSquaredError
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp
from fastestimator_lite.util.errors import ConfigError

_spec = importlib.util.spec_from_file_location("network_models", Path(__file__).with_name("conftest.py"))
models = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(models)
linear, sgd, weights = models.linear, models.sgd, models.weights

TRAIN = When("train", 1, "")


def three_layers(framework):
    """Linear to 3, relu, linear to 1, with weights of 0.5 and no bias."""
    if framework == "torch":
        import torch

        def make():
            net = torch.nn.Sequential(
                OrderedDict(
                    body=torch.nn.Linear(2, 3, bias=False), act=torch.nn.ReLU(), head=torch.nn.Linear(3, 1, bias=False)
                )
            )
            for parameter in net.parameters():
                torch.nn.init.constant_(parameter, 0.5)
            return net

        return make
    import keras

    def make():
        half = keras.initializers.Constant(0.5)
        return keras.Sequential(
            [
                keras.layers.Input((2,)),
                keras.layers.Dense(3, use_bias=False, kernel_initializer=half, name="body"),
                keras.layers.ReLU(name="act"),
                keras.layers.Dense(1, use_bias=False, kernel_initializer=half, name="head"),
            ]
        )

    return make


@pytest.mark.parametrize("layers", [["body", "act"], [0, 1], ["body", -2], [0, "act"]])
def test_inner_layers_by_name_and_by_index(tensor_framework, batch, layers):
    model = fe.build(three_layers(tensor_framework), sgd(tensor_framework))
    network = fe.Network([ModelOp(model, "x", ["pred", "one", "two"], intermediate_layers=layers)])
    found = network.transform(batch, "infer")
    body = np.repeat(batch["x"].sum(1, keepdims=True) * 0.5, 3, 1)
    np.testing.assert_allclose(to_number(found["one"]), body, rtol=1e-5)
    np.testing.assert_allclose(to_number(found["two"]), np.maximum(body, 0), rtol=1e-5)
    np.testing.assert_allclose(to_number(found["pred"]), np.maximum(body, 0).sum(1, keepdims=True) / 2, rtol=1e-5)


@pytest.mark.parametrize("layer, told", [(7, "has no layer number 7"), ("boddy", "Did you mean 'body'")])
def test_an_inner_layer_that_is_not_there(tensor_framework, layer, told):
    model = fe.build(three_layers(tensor_framework), None)
    with pytest.raises(ConfigError, match=told):
        ModelOp(model, "x", ["pred", "h"], intermediate_layers=layer)


def test_a_model_learns_from_the_loss_of_an_inner_layer(tensor_framework, batch):
    model = fe.build(three_layers(tensor_framework), sgd(tensor_framework))
    network = fe.Network(
        [
            ModelOp(model, "x", ["pred", "inner"], intermediate_layers="body"),
            LambdaOp(lambda inner: reduce_mean(inner), "inner", "loss"),
            UpdateOp(model, "loss"),
        ]
    )
    network.load(TRAIN)(batch)
    moved = weights(model)
    body, head = moved[:6].reshape(3, 2) if tensor_framework == "torch" else moved[:6].reshape(2, 3).T, moved[6:]
    np.testing.assert_allclose(body, 0.5 - 0.1 / 3 * np.tile(batch["x"].mean(0), (3, 1)), rtol=1e-5)
    np.testing.assert_array_equal(head, 0.5)


def test_a_model_twice_in_a_step_learns_from_both(tensor_framework, batch):
    """Shared weights: the gradient is that of the sum."""
    model = fe.build(linear(tensor_framework), sgd(tensor_framework))
    network = fe.Network(
        [
            ModelOp(model, "x", "p"),
            ModelOp(model, "z", "q"),
            LambdaOp(lambda p, q: reduce_mean(p) + 2 * reduce_mean(q), ("p", "q"), "loss"),
            UpdateOp(model, "loss"),
        ]
    )
    assert network.models == [model]
    other = np.ones((5, 2), np.float32)
    network.load(TRAIN)({**batch, "z": other})
    np.testing.assert_allclose(weights(model), [0.5, 0.5, 0] - 0.1 * np.append(batch["x"].mean(0) + 2, 3), rtol=1e-5)


def test_weights_that_two_layers_share_are_one(tensor_framework, batch, tmp_path):
    if tensor_framework == "torch":
        import torch

        class Tied(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.one, self.two = torch.nn.Linear(2, 2, bias=False), torch.nn.Linear(2, 2, bias=False)
                self.two.weight = self.one.weight
                torch.nn.init.constant_(self.one.weight, 0.5)

            def forward(self, x):
                return self.two(self.one(x))

        make = Tied
    else:
        import keras

        def make():
            layer = keras.layers.Dense(2, use_bias=False, kernel_initializer=keras.initializers.Constant(0.5))
            x = keras.Input((2,))
            return keras.Model(x, layer(layer(x)))

    model = fe.build(make, sgd(tensor_framework), model_name="tied")
    ops = [ModelOp(model, "x", "p"), LambdaOp(lambda p: reduce_mean(p), "p", "loss"), UpdateOp(model, "loss")]
    fe.Network(ops).load(TRAIN)(batch)
    # p = x W W / 4 entries: each entry of W has the same gradient by symmetry, twice the one of a single layer
    mean = batch["x"].mean(0)
    expected = 0.5 - 0.1 * (0.5 * mean[:, None] + 0.25 * mean.sum())  # of in_features, for every output
    found = weights(model)[:4].reshape(2, 2)
    found = found if tensor_framework == "tf" else found.T
    np.testing.assert_allclose(found, np.broadcast_to(expected, (2, 2)), rtol=1e-5)
    again = fe.build(make, None, weights_path=save_model(model, tmp_path), model_name="again")
    np.testing.assert_array_equal(weights(again), weights(model))


def test_several_inputs_and_outputs(tensor_framework, batch):
    if tensor_framework == "torch":
        import torch

        class Net(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.scale = torch.nn.Parameter(torch.ones(1))

            def forward(self, a, b):
                return self.scale * (a + b), self.scale * (a - b)

        make = Net
    else:
        import keras

        class Scale(keras.layers.Layer):
            def build(self, shape):
                self.scale = self.add_weight(shape=(1,), initializer="ones")

            def call(self, pair):
                return [self.scale * (pair[0] + pair[1]), self.scale * (pair[0] - pair[1])]

        def make():
            pair = [keras.Input((2,)), keras.Input((2,))]
            return keras.Model(pair, Scale()(pair))

    model = fe.build(make, sgd(tensor_framework))
    network = fe.Network(
        [
            ModelOp(model, ["x", "z"], ["sum", "difference"]),
            LambdaOp(lambda a, b: reduce_mean(a) + 3 * reduce_mean(b), ["sum", "difference"], "loss"),
            UpdateOp(model, "loss"),
        ]
    )
    z = np.full((8, 2), 2.0, np.float32)
    found = network.load(TRAIN)({**batch, "z": z})
    np.testing.assert_allclose(to_number(found["sum"]), batch["x"] + z, rtol=1e-6)
    np.testing.assert_allclose(to_number(found["difference"]), batch["x"] - z, rtol=1e-6)
    gradient = (batch["x"] + z).mean() + 3 * (batch["x"] - z).mean()
    np.testing.assert_allclose(weights(model), [1 - 0.1 * gradient], rtol=1e-5)


def test_two_models_that_learn_against_each_other(tensor_framework, batch):
    """The generator g(x) = w x wants d(g(x)) large, the critic d(x) = v x the opposite; both use the old weights."""
    generator, critic = (
        fe.build(linear(tensor_framework, 2, n), sgd(tensor_framework), model_name=name)
        for n, name in ((2, "g"), (1, "d"))
    )
    network = fe.Network(
        [
            ModelOp(generator, "x", "fake"),
            ModelOp(critic, "fake", "score"),
            LambdaOp(lambda score: -1.0 * reduce_mean(score), "score", "g_loss"),
            LambdaOp(lambda score: reduce_mean(score), "score", "d_loss"),
            UpdateOp(generator, "g_loss"),
            UpdateOp(critic, "d_loss"),
        ]
    )
    network.load(TRAIN)(batch)
    mean = batch["x"].mean(0)
    fake = np.full(2, 0.5 * mean.sum())
    np.testing.assert_allclose(weights(critic), np.append(0.5 - 0.1 * fake, -0.1), rtol=1e-5)
    kernel = weights(generator)[:4].reshape(2, 2)
    kernel = kernel if tensor_framework == "tf" else kernel.T
    np.testing.assert_allclose(kernel, np.tile(0.5 + 0.05 * mean[:, None], (1, 2)), rtol=1e-5)


# ---- outputs with names, as models of Hugging Face have them


@dataclasses.dataclass
class Output:
    loss: object = None
    logits: object = None
    hidden: object = None


class ModelOutput(OrderedDict):
    """A dictionary that leaves out what is None, and whose entries are attributes."""

    def __getattr__(self, name):
        return self[name]


def named(kind):
    import torch

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.head = torch.nn.Linear(2, 3), torch.nn.Linear(3, 1)

        def forward(self, input_ids, attention_mask=None):
            hidden = self.body(input_ids)
            return kind(logits=self.head(hidden), hidden=hidden)

    return Net


@pytest.mark.parametrize("kind", [Output, ModelOutput, dict])
@pytest.mark.parametrize("half", [False, "bf16"])
def test_outputs_with_names(batch, kind, half):
    torch = pytest.importorskip("torch")
    model = fe.build(named(kind), "adam", mixed_precision=half)
    expected = model(torch.as_tensor(batch["x"]))
    logits, hidden = (
        value.detach().numpy()
        for value in (
            getattr(expected, "logits", None) if kind is not dict else expected["logits"],
            expected["hidden"] if kind is not Output else expected.hidden,
        )
    )
    tolerance = {"rtol": 0.05, "atol": 0.05} if half else {"rtol": 1e-6}
    for outputs, values in (
        ("hidden", [hidden]),
        (["hidden", "logits"], [hidden, logits]),
        ("pred", [logits]),
        (["pred"], [logits]),
        (["pred", "h"], [logits, hidden]),
    ):
        found = fe.Network(ModelOp(model, "x", outputs)).transform(batch, "infer")
        for key, value in zip([outputs] if isinstance(outputs, str) else outputs, values, strict=True):
            assert found[key].dtype == torch.float32
            np.testing.assert_allclose(found[key].numpy(), value, **tolerance)
    tapped = fe.Network(ModelOp(model, "x", ["logits", "inner"], intermediate_layers="body")).transform(batch, "infer")
    np.testing.assert_allclose(tapped["logits"].numpy(), logits, **tolerance)
    np.testing.assert_allclose(tapped["inner"].numpy(), hidden, **tolerance)
    with pytest.raises(ConfigError, match="has the outputs 'a', 'b', 'c', and the model gives 'logits', 'hidden'"):
        fe.Network(ModelOp(model, "x", ["a", "b", "c"])).transform(batch, "infer")


def test_a_model_with_named_outputs_learns(batch):
    pytest.importorskip("torch")
    model = fe.build(named(Output), "adam")
    before = weights(model)
    ops = [ModelOp(model, "x", "pred"), MeanSquaredError(("pred", "y"), "mse"), UpdateOp(model, "mse")]
    fe.Network(ops).load(TRAIN)(batch)
    assert (weights(model) != before).all()


def test_a_keras_model_with_named_outputs(batch):
    keras = pytest.importorskip("keras")

    def make():
        x = keras.Input((2,))
        hidden = keras.layers.Dense(3)(x)
        return keras.Model(x, {"logits": keras.layers.Dense(1)(hidden), "hidden": hidden})

    model = fe.build(make, None)
    found = fe.Network(ModelOp(model, "x", ["hidden", "logits"])).transform(batch, "infer")
    assert (found["hidden"].shape, found["logits"].shape) == ((8, 3), (8, 1))


# ---- Keras on its torch backend


KERAS_ON_TORCH = """
import sys
import keras, numpy as np, torch
import fastestimator_lite as fe
from fastestimator_lite.backend import load_model, save_model, to_number
from fastestimator_lite.op.tensorop.loss import MeanSquaredError
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp
from fastestimator_lite.trace.adapt import EMA

fe.enable_deterministic(3)

def make():
    layers = [keras.layers.Dropout(0.5), keras.layers.Dense(4), keras.layers.BatchNormalization(), keras.layers.Dense(1)]
    return keras.Sequential([keras.layers.Input((2,)), *layers])

model = fe.build(make, "adam", model_name="net")
network = fe.Network([ModelOp(model, "x", "p"), MeanSquaredError(("p", "y"), "mse"), UpdateOp(model, "mse", clip_norm=10.0)])
assert type(network).__name__ == "TorchNetwork"
rng = np.random.default_rng(0)
x = rng.normal(size=(64, 2)).astype("float32")
data = fe.dataset.NumpyDataset({"x": x, "y": (x @ [[1.0], [-2.0]]).astype("float32")})
pipeline = fe.Pipeline(train_data=data, eval_data=data, batch_size=16, num_process=0)

before = {k: v.clone() for k, v in model.state_dict().items()}
one, two = (to_number(network.transform({"x": x, "y": x[:, :1]}, "infer")["p"]) for _ in range(2))
assert (one == two).all()  # no dropout
for key, value in model.state_dict().items():
    assert torch.equal(value, before[key]), key

step = network.load(fe.component.When("train", 1, ""))
with fe.backend.framework.framework_of_model(model).unchanged([model]):
    step.dry({"x": x, "y": x[:, :1]})
for key, value in model.state_dict().items():  # the statistics of BatchNorm are put back after a look
    assert "seed" in key or torch.equal(value, before[key]), key

summary = fe.Estimator(pipeline, network, epochs=20, log_steps=None, traces=EMA(model, 0.5)).fit()
losses = list(summary.history["eval"]["mse"].values())
assert losses[-1] < 0.8 * losses[0], losses
assert model.fe.updates.count == 80
moving = [v for v in model.state_dict() if "moving_mean" in v]
assert moving and not torch.equal(model.state_dict()[moving[0]], before[moving[0]])

path = save_model(model, sys.argv[1])
other = fe.build(make, None, weights_path=path, model_name="other")
a, b = (to_number(fe.Network(ModelOp(m, "x", "p")).transform({"x": x}, "infer")["p"]) for m in (model, other))
assert (a == b).all()
inner = fe.Network(ModelOp(model, "x", ["p", "h"], intermediate_layers="dense")).transform({"x": x}, "infer")
assert inner["h"].shape == (64, 4)
assert "tensorflow" not in sys.modules
print("fine")
"""


def test_a_keras_model_on_its_torch_backend(tmp_path):
    pytest.importorskip("torch")
    pytest.importorskip("keras")
    environment = {**os.environ, "KERAS_BACKEND": "torch"}
    done = subprocess.run(
        [sys.executable, "-c", KERAS_ON_TORCH, str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.strip().endswith("fine"), done.stderr[-3000:]
