"""Weights and images that are the same in every library: functions of their shape and a number."""

import numpy as np
import pytest


def noise(shape, number=0):
    """Values in [-1, 1), mixed by whole numbers alone."""
    mixed = (np.arange(1, np.prod(shape) + 1, dtype=np.uint64) * 2654435761 + number * 1000003) % 2**32
    mixed = (mixed ^ (mixed >> 15)) * 2246822519 % 2**32
    return ((mixed ^ (mixed >> 13)) / 2**31 - 1).reshape(shape)


def weight(kind, shape, number, fan_in):
    values = noise(shape, number)
    if kind in ("gamma", "moving_variance"):
        values = 1 + 0.3 * values
    elif kind == "kernel":
        values = values * np.sqrt(6 / fan_in)
    else:
        values = 0.1 * values
    return values.astype(np.float32)


@pytest.fixture
def answer():
    """Fill a model with weights, and give its answer to two images: mean, deviation, the first five numbers.

    FastEstimator 1.7 was asked in the same way for the numbers in the tests.
    """
    ones = {"weight": "gamma", "bias": "bias", "running_mean": "moving_mean", "running_var": "moving_variance"}

    def torch_answer(model, images):
        import torch

        state = sorted((name, value) for name, value in model.state_dict().items() if "num_batches" not in name)
        for number, (name, value) in enumerate(state):
            kind = "kernel" if value.ndim > 1 else ones[name.rpartition(".")[2]]
            value.copy_(torch.from_numpy(weight(kind, tuple(value.shape), number, np.prod(value.shape[1:]))))
        with torch.no_grad():
            return model.eval()(torch.from_numpy(images.transpose(0, 3, 1, 2).copy())).numpy()

    def keras_answer(model, images):
        for value in model.weights:
            value.assign(weight(value.name, tuple(value.shape), 0, np.prod(value.shape[:-1])))
        return model(images, training=False).numpy()

    def answer_of(model, height, width, channels):
        images = (0.5 + 0.5 * noise((2, height, width, channels), 1)).astype(np.float32)
        result = (torch_answer if hasattr(model, "state_dict") else keras_answer)(model, images)
        return [result.mean(), result.std(), *result.ravel()[:5]]

    return answer_of


@pytest.fixture
def number_of_weights():
    """How many numbers a model learns, and how many it holds."""

    def torch_numbers(model):
        learned = sum(value.numel() for value in model.parameters())
        return learned, learned + sum(value.numel() for value in model.buffers() if value.ndim)

    def keras_numbers(model):
        return tuple(
            sum(int(np.prod(value.shape)) for value in values) for values in (model.trainable_weights, model.weights)
        )

    return lambda model: (torch_numbers if hasattr(model, "state_dict") else keras_numbers)(model)
