"""The smallest way to make each TensorOp, something to feed it, and what an independent library makes of that.

Images are (B, H, W, C) here; `channels` names the inputs and outputs whose axes torch has in another order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from scipy.linalg import hadamard
from scipy.special import lambertw

from fastestimator_lite.op import tensorop
from fastestimator_lite.op.tensorop import LambdaOp, augmentation, gradient, loss, meta, model

MODEL = object()  # stands for a model of the framework under test


class Example(NamedTuple):
    """Keyword arguments (`args` come first), and a function from a generator to the values of the inputs.

    `expected` gives the outputs for these; None where the op draws, or has none. `channels` says whether inputs of four or
    more axes are images; `bf16` whether the op works on bfloat16; `has_forward` whether it works without a network.
    """

    arguments: dict[str, Any]
    sample: Callable[[np.random.Generator], list[Any]]
    expected: Callable[..., list[Any]] | None = None
    args: tuple[Any, ...] = ()
    channels: bool = False
    bf16: bool = True
    draws: bool = False
    has_forward: bool = True


XY = {"inputs": "x", "outputs": "y"}
LOSS = {"inputs": ("p", "t"), "outputs": "l"}


def numbers(rng: np.random.Generator) -> list[Any]:
    return [rng.normal(size=(4, 3)).astype("float32")]


def two(rng: np.random.Generator) -> list[Any]:
    return [*numbers(rng), *numbers(rng)]


def regression(rng: np.random.Generator) -> list[Any]:
    return two(rng)


def probabilities(rng: np.random.Generator) -> list[Any]:
    scores = rng.uniform(0.1, 1, (4, 3)).astype("float32")
    return [scores / scores.sum(1, keepdims=True), rng.integers(0, 3, 4)]


def answers(rng: np.random.Generator) -> list[Any]:
    return [rng.uniform(0.1, 0.9, (4, 3)).astype("float32"), rng.integers(0, 2, (4, 3)).astype("float32")]


def scores(rng: np.random.Generator) -> list[Any]:
    return [*numbers(rng), rng.choice([-1.0, 1.0], (4, 3)).astype("float32")]


def masks(rng: np.random.Generator) -> list[Any]:
    return [rng.uniform(0.1, 0.9, (2, 4, 5, 3)).astype("float32"), rng.integers(0, 2, (2, 4, 5, 3)).astype("float32")]


def images(rng: np.random.Generator) -> list[Any]:
    return [rng.uniform(0, 255, (2, 4, 5, 3)).astype("float32")]


def labelled(rng: np.random.Generator) -> list[Any]:
    return [rng.uniform(0, 1, (4, 8, 10, 3)).astype("float32"), np.eye(4, dtype="float32")]


def volumes(rng: np.random.Generator) -> list[Any]:
    return [rng.normal(size=(2, 4, 6, 5, 3)).astype("float32")]


def words(rng: np.random.Generator) -> list[Any]:
    return [rng.normal(size=(3, 4)).astype("float32")]


def picked(rng: np.random.Generator) -> list[Any]:
    return [np.array([2, 0, 1, 1]), *numbers(rng)]


def scalar(rng: np.random.Generator) -> list[Any]:
    return [np.float32(5)]


def batch_of_two(rng: np.random.Generator) -> list[Any]:
    return [rng.normal(size=(4, 2)).astype("float32")]


def double(x: Any) -> Any:
    return x * 2


def un_hadamard(x: np.ndarray) -> list[Any]:
    codes = hadamard(4).astype("float64")
    codes[:, 0] = [-1, 1, -1, 1]
    distances = np.maximum(np.abs(x[:, None] - codes).sum(-1), 5 * 1e-5 / (0.99999 * 3))
    return [1 / distances / (1 / distances).sum(1, keepdims=True)]


def super_loss(y_pred: np.ndarray, y_true: np.ndarray) -> list[Any]:
    losses = -np.log(y_pred[np.arange(4), y_true].astype("float64"))
    distance = losses - losses.mean()
    confidence = np.exp(-lambertw(0.5 * np.maximum(-2 / np.e + 1e-12, distance)).real)
    return [np.mean(confidence * distance + np.log(confidence) ** 2)]


def focal(y_pred: np.ndarray, y_true: np.ndarray) -> list[Any]:
    p, t = y_pred.astype("float64"), y_true
    right = np.where(t == 1, p, 1 - p)
    each = -np.where(t == 1, 0.25, 0.75) * (1 - right) ** 2 * np.log(right)
    return [np.mean(each.sum(1) / np.maximum(t.sum(1), 1))]


def dice(y_pred: np.ndarray, y_true: np.ndarray) -> list[Any]:
    common, size = (y_pred * y_true).sum((1, 2)), (y_pred + y_true).sum((1, 2))
    return [-np.mean(2 * common / (size + 1e-6))]


def torched(function: Callable[..., torch.Tensor]) -> Callable[..., list[Any]]:
    return lambda *values: [function(*(torch.tensor(value) for value in values)).numpy()]


def resized(x: np.ndarray) -> list[Any]:
    return [np.moveaxis(F.interpolate(torch.tensor(np.moveaxis(x, -1, 1)), (2, 3, 5), mode="area").numpy(), 1, -1)]


def normalized(x: np.ndarray) -> list[Any]:
    return [(x / 255 - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])]


TENSOROPS: dict[type, Example] = {
    tensorop.Argmax: Example({**XY, "axis": 1}, numbers, lambda x: [x.argmax(1)]),
    tensorop.Average: Example({"inputs": ["x", "z"], "outputs": "y"}, two, lambda x, z: [(x + z) / 2]),
    tensorop.Delete: Example({"keys": "x"}, numbers),
    tensorop.Gather: Example({**XY, "indices": "i"}, picked, lambda i, x: [x[np.arange(4), i]]),
    tensorop.LambdaOp: Example({"fn": double, **XY}, numbers, lambda x: [x * 2]),
    tensorop.Normalize: Example(XY, images, normalized, channels=True),
    tensorop.Permute: Example({**XY, "permutation": (1, 0)}, numbers, lambda x: [x.T]),
    tensorop.Reshape: Example({**XY, "shape": (2, -1)}, numbers, lambda x: [x.reshape(2, 6)]),
    tensorop.Resize3D: Example(
        {**XY, "output_shape": (2, 3, 5), "resize_mode": "area"}, volumes, resized, channels=True
    ),
    tensorop.UnHadamard: Example({**XY, "n_classes": 4}, words, un_hadamard),
    augmentation.CutMixBatch: Example(
        {"inputs": ("x", "y"), "outputs": ("x", "y")}, labelled, channels=True, draws=True
    ),
    augmentation.MixUpBatch: Example(
        {"inputs": ("x", "y"), "outputs": ("x", "y")}, labelled, channels=True, draws=True
    ),
    gradient.FGSM: Example({"data": "x", "loss": "l", "outputs": "y"}, numbers, has_forward=False),
    gradient.GradientOp: Example({"finals": "l", "inputs": "x", "outputs": "y"}, numbers, has_forward=False),
    gradient.Watch: Example({"inputs": "x"}, numbers, lambda x: [x]),
    loss.CrossEntropy: Example(LOSS, probabilities, torched(lambda p, t: F.nll_loss(torch.log(p), t)), bf16=True),
    loss.DiceLoss: Example(LOSS, masks, dice, channels=True),
    loss.FocalLoss: Example(LOSS, answers, focal),
    loss.Hinge: Example(LOSS, scores, torched(lambda p, t: F.relu(1 - p * t).mean())),
    loss.L1_Loss: Example(LOSS, regression, torched(F.l1_loss)),
    loss.L2Regularizaton: Example(
        {"inputs": "l", "outputs": "o", "model": MODEL, "beta": 0.1}, scalar, lambda x: [x + 0.1 * (0.25 + 0.25) / 2]
    ),
    loss.MeanSquaredError: Example(LOSS, regression, torched(F.mse_loss)),
    loss.SuperLoss: Example({"loss": loss.CrossEntropy(("p", "t"), "l")}, probabilities, super_loss),
    meta.Fuse: Example(
        {"ops": [tensorop.Average(["x", "z"], "a"), LambdaOp(double, "a", "b")]}, two, lambda x, z: [(x + z) / 2, x + z]
    ),
    meta.OneOf: Example(
        {}, numbers, None, (LambdaOp(double, "x", "y"), LambdaOp(lambda x: x * 5, "x", "y")), draws=True
    ),
    meta.Repeat: Example({"op": LambdaOp(double, "x", "x"), "repeat": 3}, numbers, lambda x: [x * 8]),
    meta.Sometimes: Example({"tensor_op": LambdaOp(double, "x", "x")}, numbers, draws=True),
    model.ModelOp: Example({"model": MODEL, **XY}, batch_of_two, lambda x: [0.5 * x.sum(1, keepdims=True)]),
    model.UpdateOp: Example({"model": MODEL, "loss_name": "l"}, scalar, has_forward=False),
}

# classes to derive from, which are never made themselves
TENSOROP_BASES = {tensorop.TensorOp, loss.LossOp}
