"""Small models in either framework."""

import numpy as np
import pytest


def linear(framework, ins=2, outs=1, dropout=0.0, norm=False):
    """A linear model with constant weights, as a function that makes it."""

    def torch_model():
        import torch

        layers = [torch.nn.Linear(ins, outs)]
        with torch.no_grad():
            layers[0].weight.fill_(0.5)
            layers[0].bias.fill_(0.0)
        if norm:
            layers.insert(0, torch.nn.BatchNorm1d(ins))
        if dropout:
            layers.insert(0, torch.nn.Dropout(dropout))
        return torch.nn.Sequential(*layers)

    def keras_model():
        import keras

        layers = [keras.layers.Input((ins,))]
        if dropout:
            layers.append(keras.layers.Dropout(dropout))
        if norm:
            layers.append(keras.layers.BatchNormalization())
        layers.append(keras.layers.Dense(outs, kernel_initializer=keras.initializers.Constant(0.5)))
        return keras.Sequential(layers)

    return torch_model if framework == "torch" else keras_model


def sgd(framework, lr=0.1):
    if framework == "torch":
        import torch

        return lambda parameters: torch.optim.SGD(parameters, lr=lr)
    import keras

    return lambda: keras.optimizers.SGD(lr)


def weights(model):
    """All weights as one vector, in the order kernel, bias."""
    import sys

    if "torch" in sys.modules and isinstance(model, sys.modules["torch"].nn.Module):
        return np.concatenate([value.detach().numpy().ravel() for value in model.state_dict().values()])
    return np.concatenate([value.numpy().ravel() for value in model.variables if value.dtype == "float32"])


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((8, 2)).astype(np.float32)
    return {"x": x, "y": (x @ np.array([[1.0], [-2.0]], np.float32))}
