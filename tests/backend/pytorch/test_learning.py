"""How a torch model learns: what is left out of the work must not be seen in the weights."""

import os
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import fastestimator_lite as fe  # noqa: E402
from fastestimator_lite.backend.pytorch.finite import LARGE  # noqa: E402
from fastestimator_lite.component import When  # noqa: E402
from fastestimator_lite.op.tensorop import LambdaOp  # noqa: E402
from fastestimator_lite.op.tensorop.loss import MeanSquaredError  # noqa: E402
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp  # noqa: E402
from fastestimator_lite.util.errors import NonFiniteError  # noqa: E402

TRAIN = When("train", 1, "")


def wide():
    """One large parameter and three small ones."""
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(LARGE // 16, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))


def batches(count=4):
    generator = torch.Generator().manual_seed(1)
    return [
        {"x": torch.rand(5, LARGE // 16, generator=generator), "y": torch.rand(5, 1, generator=generator)}
        for _ in range(count)
    ]


def weights(model):
    return [parameter.detach().clone() for parameter in model.parameters()]


def learning(model, key="p"):
    return [ModelOp(model, "x", key), MeanSquaredError((key, "y"), f"mse {key}"), UpdateOp(model, f"mse {key}")]


@pytest.mark.parametrize("nan", ["raise", "skip", "ignore"])
@pytest.mark.parametrize("clip", [None, 0.05])
def test_the_weights_are_those_of_a_loop_by_hand(nan, clip):
    def optimizer(parameters):
        return torch.optim.SGD(parameters, lr=0.1, momentum=0.9)

    model = fe.build(wide, optimizer)
    chain = [ModelOp(model, "x", "p"), MeanSquaredError(("p", "y"), "mse")]
    step = fe.Network([*chain, UpdateOp(model, "mse", clip_norm=clip, nan=nan)]).load(TRAIN)
    other = wide()
    by_hand = optimizer(other.parameters())
    for batch in batches():
        step(batch)
        by_hand.zero_grad()
        torch.nn.functional.mse_loss(other(batch["x"]), batch["y"]).backward()
        if clip:
            torch.nn.utils.clip_grad_norm_(other.parameters(), clip)
        by_hand.step()
    for one, hand in zip(weights(model), weights(other), strict=True):
        torch.testing.assert_close(one, hand, rtol=1e-4, atol=1e-7)
    assert model.fe.updates.count == 4


class Poison(torch.autograd.Function):
    """Hands a tensor on, and one bad entry back."""

    @staticmethod
    def forward(context, x):
        return x.clone()

    @staticmethod
    def backward(context, gradient):
        bad = gradient.clone()
        bad.view(-1)[-1] = float("inf")
        return bad


@pytest.mark.parametrize("place, name", [(0, "0.weight"), (3, "2.bias")])
def test_one_bad_entry_in_a_large_or_a_small_gradient_is_named_before_anything_moves(place, name):
    model = fe.build(wide, "sgd")

    def poisoned(x):
        first, _, last = model
        hidden = [first.weight, first.bias, last.weight, last.bias]
        hidden[place] = Poison.apply(hidden[place])
        inner = torch.nn.functional.linear(x, hidden[0], hidden[1]).tanh()
        return torch.nn.functional.linear(inner, hidden[2], hidden[3])

    ops = [LambdaOp(poisoned, "x", "p"), MeanSquaredError(("p", "y"), "mse"), UpdateOp(model, "mse")]
    step = fe.Network(ops).load(TRAIN)
    before = weights(model)
    with pytest.raises(
        NonFiniteError, match=f"gradient of the loss 'mse' with respect to '{name}' of model .* infinite"
    ):
        step(batches(1)[0])
    for one, other in zip(weights(model), before, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("bad", [0, 1])
def test_gradients_of_a_graph_that_is_kept_are_looked_at(bad):
    """Of two updates the first keeps the graph, so its gradients may be part of it."""
    one, two = (fe.build(wide, "sgd", model_name=name) for name in ("one", "two"))
    ops = [ModelOp(one, "x", "p"), ModelOp(two, "x", "q")]
    keys = ["p", "q"]
    ops += [LambdaOp(Poison.apply, keys[bad], keys[bad])]
    ops += [LambdaOp(lambda p, q: ((p - q) ** 2).mean(), ("p", "q"), "gap")]
    ops += [UpdateOp(one, "gap"), UpdateOp(two, "gap")]
    step = fe.Network(ops).load(TRAIN)
    before = weights(one) + weights(two)
    with pytest.raises(NonFiniteError, match=f"of model '{('one', 'two')[bad]}' is infinite"):
        step(batches(1)[0])
    for now, other in zip(weights(one) + weights(two), before, strict=True):
        assert torch.equal(now, other)


KERAS = """
import keras, numpy as np, torch
import fastestimator_lite as fe
from fastestimator_lite.component import When
from fastestimator_lite.op.tensorop.loss import MeanSquaredError
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp

class Pull(keras.layers.Layer):
    def call(self, x):
        self.add_loss(0.3 * keras.ops.mean(x ** 2))
        return x

def make():
    keras.utils.set_random_seed(0)
    dense = keras.layers.Dense(2, kernel_regularizer=keras.regularizers.L2(0.5), bias_initializer="ones",
                               bias_regularizer=keras.regularizers.L1(0.25))
    return keras.Sequential([keras.Input((3,)), dense, Pull(), keras.layers.Dense(1, use_bias=False)])

model = fe.build(make, "sgd", model_name="net")
step = fe.Network([ModelOp(model, "x", "p"), MeanSquaredError(("p", "y"), "mse", average_loss=False),
                   UpdateOp(model, "mse")]).load(When("train", 1, ""), {"mse"})
x = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
y = np.ones((4, 1), "float32")
kernel, bias, last = (v.value.detach().clone().requires_grad_() for v in model.trainable_variables)
for _ in range(3):
    step.dry({"x": x, "y": y})
    found = step({"x": x, "y": y})
    inner = torch.from_numpy(x) @ kernel + bias
    errors = (inner @ last - torch.from_numpy(y)).square().mean(1)
    loss = errors.mean() + 0.5 * kernel.square().sum() + 0.25 * bias.abs().sum() + 0.3 * inner.square().mean()
    gradients = torch.autograd.grad(loss, (kernel, bias, last))
    torch.testing.assert_close(found["mse"], errors.detach())  # what is logged is the loss alone
    with torch.no_grad():
        for value, gradient in zip((kernel, bias, last), gradients):
            value -= 0.01 * gradient
    for variable, value in zip(model.trainable_variables, (kernel, bias, last)):
        torch.testing.assert_close(variable.value.detach(), value.detach())
print("fine")
"""


def test_regularizers_of_a_keras_model_are_learnt_from():
    pytest.importorskip("keras")
    environment = {**os.environ, "KERAS_BACKEND": "torch"}
    done = subprocess.run([sys.executable, "-c", KERAS], env=environment, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip().endswith("fine"), done.stderr[-3000:]


def test_a_plain_module_may_call_something_losses():
    """Only a Keras model has losses of its own under that name."""

    asked = []

    class Named(torch.nn.Linear):
        @property
        def losses(self):
            asked.append(self)
            return [self.weight.sum()]

    model = fe.build(lambda: Named(3, 1), "sgd")
    model.fe.is_plain = False  # as a compiled one
    ops = [ModelOp(model, "x", "p"), MeanSquaredError(("p", "y"), "mse"), UpdateOp(model, "mse")]
    fe.Network(ops).load(TRAIN)({"x": np.ones((2, 3), "float32"), "y": np.zeros((2, 1), "float32")})
    assert model.fe.updates.count == 1
    assert not asked


@pytest.mark.parametrize("frozen", [["0.weight"], ["0.weight", "0.bias", "2.weight", "2.bias"]])
def test_what_is_frozen_in_mid_epoch_stands_still_and_the_rest_goes_on(frozen):
    """In a step of two models, where each is asked for its own gradients; Adam, which has momentum."""
    models = [fe.build(wide, "adam", model_name=name) for name in ("one", "two")]
    ops = [op for model, key in zip(models, "pq", strict=True) for op in learning(model, key)]
    step = fe.Network(ops).load(TRAIN)
    others = [wide() for _ in models]
    by_hand = [torch.optim.Adam(other.parameters()) for other in others]
    for number, batch in enumerate(batches()):
        if number == 2:
            for model in (models[0], others[0]):
                for name, parameter in model.named_parameters():
                    if name in frozen:
                        parameter.requires_grad_(False)
            kept = {name: value.detach().clone() for name, value in models[0].named_parameters()}
        step(batch)
        for other, optimizer in zip(others, by_hand, strict=True):
            optimizer.zero_grad()
            loss = torch.nn.functional.mse_loss(other(batch["x"]), batch["y"])
            if loss.requires_grad:
                loss.backward()
            optimizer.step()
    for name, value in models[0].named_parameters():
        assert torch.equal(value, kept[name]) is (name in frozen)
    for model, other in zip(models, others, strict=True):
        for one, hand in zip(weights(model), weights(other), strict=True):
            torch.testing.assert_close(one, hand, rtol=1e-4, atol=1e-6)
