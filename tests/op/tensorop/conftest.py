"""Steps of a network in either framework."""

import numpy as np
import pytest

import fastestimator_lite as fe
from fastestimator_lite.backend.convert import to_number
from fastestimator_lite.component import When


@pytest.fixture
def make_linear(tensor_framework):
    """Builds a model of y = x1 - 2 x2, trained by plain SGD at rate 0.1."""

    def in_torch():
        import torch

        made = torch.nn.Linear(2, 1, bias=False)
        with torch.no_grad():
            made.weight.copy_(torch.tensor([[1.0, -2.0]]))
        return fe.build(lambda: made, lambda parameters: torch.optim.SGD(parameters, lr=0.1))

    def in_keras():
        import keras

        made = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1, use_bias=False)])
        made.set_weights([np.array([[1.0], [-2.0]])])
        return fe.build(lambda: made, lambda: keras.optimizers.SGD(0.1))

    return in_torch if tensor_framework == "torch" else in_keras


@pytest.fixture
def linear(make_linear):
    """One such model."""
    return make_linear()


@pytest.fixture(params=["graph", "eager"])
def step(request):
    """Runs ops on a batch as one step of a network: step(ops, batch, mode, times) gives the last result."""

    def run(ops, batch, mode="train", times=1):
        network = fe.Network(ops)
        network.eager = request.param == "eager"
        work = network.load(When(mode, 1, ""))
        for _ in range(times):
            result = work({key: np.array(value) for key, value in batch.items()})
        return result

    return run


@pytest.fixture
def weights():
    """The weights of `linear`."""

    def read(model):
        parameter = next(iter(model.parameters())) if hasattr(model, "parameters") else model.variables[0].value
        return to_number(parameter).ravel().tolist()

    return read
