"""numpy spelling of the array primitives; the topic files of `fastestimator_lite.backend` document them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

NAME = "np"
CHANNEL_AXIS = -1  # images are (B, H, W, C), as in TensorFlow

Array = Any  # an ndarray, or a number of numpy or Python


def owns(value: Any) -> bool:
    return isinstance(value, (np.ndarray, np.generic, int, float, bool))


# ----------------------------------------------------------------------------------------------- element by element
def abs(x: Array) -> Array:
    return np.abs(x)


def exp(x: Array) -> Array:
    return np.exp(x)


def log(x: Array) -> Array:
    return np.log(x)


def sign(x: Array) -> Array:
    return np.sign(x)


def sqrt(x: Array) -> Array:
    return np.sqrt(x)


def round(x: Array) -> Array:
    return np.round(x)


def pow(x: Array, power: Any) -> Array:
    return np.power(x, power)


def maximum(x: Array, y: Any) -> Array:
    return np.maximum(x, y)


def clip(x: Array, low: Any, high: Any) -> Array:
    return np.clip(x, low, high)


def where(condition: Array, yes: Any, no: Any) -> Array:
    return np.where(condition, yes, no)


def has_nan(x: Array) -> bool:
    return bool(np.isnan(x).any())


def log_sigmoid(x: Array) -> Array:
    return -np.logaddexp(np.zeros((), x.dtype), -x)


def log_softmax(x: Array, axis: int) -> Array:
    shifted = x - np.max(x, axis=axis, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


# ---------------------------------------------------------------------------------------------------------- reduce
def reduce_sum(x: Array, axis: int | tuple[int, ...] | None, keepdims: bool) -> Array:
    return np.sum(x, axis=axis, keepdims=keepdims)


def reduce_mean(x: Array, axis: int | tuple[int, ...] | None, keepdims: bool) -> Array:
    return np.mean(x, axis=axis, keepdims=keepdims)


def reduce_min(x: Array, axis: int | tuple[int, ...] | None, keepdims: bool) -> Array:
    return np.min(x, axis=axis, keepdims=keepdims)


def reduce_max(x: Array, axis: int | tuple[int, ...] | None, keepdims: bool) -> Array:
    return np.max(x, axis=axis, keepdims=keepdims)


def reduce_std(x: Array, axis: int | tuple[int, ...] | None, keepdims: bool) -> Array:
    return np.std(x, axis=axis, keepdims=keepdims)


def argmax(x: Array, axis: int) -> Array:
    return np.argmax(x, axis=axis)


def sort(x: Array, axis: int) -> Array:
    return np.sort(x, axis=axis)


# ----------------------------------------------------------------------------------------------------------- shape
def shape(x: Array) -> list[Any]:
    return list(np.shape(x))


def reshape(x: Array, shape: Sequence[Any]) -> Array:
    return np.reshape(x, tuple(shape))


def permute(x: Array, permutation: Sequence[int]) -> Array:
    return np.transpose(x, tuple(permutation))


def squeeze(x: Array, axis: int | tuple[int, ...] | None) -> Array:
    return np.squeeze(x, axis=axis)


def expand_dims(x: Array, axis: int) -> Array:
    return np.expand_dims(x, axis)


def concat(xs: Sequence[Array], axis: int) -> Array:
    return np.concatenate(xs, axis=axis)


def flip(x: Array, axis: tuple[int, ...]) -> Array:
    return np.flip(x, axis)


def roll(x: Array, shift: int | tuple[int, ...], axis: int | tuple[int, ...]) -> Array:
    return np.roll(x, shift, axis)


def gather(x: Array, indices: Array) -> Array:
    return np.take(x, indices, axis=0)


def gather_from_batch(x: Array, indices: Array) -> Array:
    return x[np.arange(len(x)), indices]


def pick_class(x: Array, labels: Array) -> Array:
    return np.take_along_axis(x, labels[..., None], axis=-1)[..., 0]


def matmul(a: Array, b: Array) -> Array:
    return np.matmul(a, b)


# ---------------------------------------------------------------------------------------------------------- create
def zeros_like(x: Array, dtype: str | None) -> Array:
    return np.zeros_like(x, dtype=dtype)


def ones_like(x: Array, dtype: str | None) -> Array:
    return np.ones_like(x, dtype=dtype)


# The global generator on purpose: `np.random.seed` is what makes a script without a run repeatable.
def random_normal_like(x: Array, mean: float, std: float, dtype: str) -> Array:
    return np.asarray(np.random.normal(mean, std, np.shape(x))).astype(dtype)  # noqa: NPY002


def random_uniform_like(x: Array, low: float, high: float, dtype: str) -> Array:
    return np.asarray(np.random.uniform(low, high, np.shape(x))).astype(dtype)  # noqa: NPY002


def count(size: Any, like: Array) -> Array:
    return np.arange(size)


def random_beta_like(x: Array, alpha: float) -> Array:
    return np.asarray(np.random.beta(alpha, alpha, np.shape(x))).astype("float32")  # noqa: NPY002


def random_scalar() -> Array:
    return np.random.random()  # noqa: NPY002


def constant(values: Any, like: Array) -> Array:
    return np.asarray(values, dtype=like.dtype)


# ------------------------------------------------------------------------------------------------- choose and keep
def switch(index: Array, branches: Sequence[Callable[[], Any]]) -> Any:
    return branches[int(index)]()


def loop(again: Callable[[Any], Any], body: Callable[[Any], Any], values: Any, limit: int | None) -> Any:
    done = 0
    while done != limit and again(values):
        values, done = body(values), done + 1
    return values


def variable(value: float, device: Any) -> Array:
    return np.array(value, "float32")


def read(x: Array) -> Array:
    return x.copy()


def assign(x: Array, value: Array) -> None:
    x[...] = value


# --------------------------------------------------------------------------------------------------------- convert
def from_numpy(x: np.ndarray) -> Array:
    return x


def to_numpy(x: Array) -> np.ndarray:
    return np.asarray(x)


def cast(x: Array, dtype: str) -> Array:
    return np.asarray(x).astype(dtype, copy=False)


def dtype_name(x: Array) -> str:
    return np.asarray(x).dtype.name


def compute_dtype(x: Array) -> str:
    return "float32"


def share_memory(x: Array) -> Array:
    return x


def detach(x: Array) -> Array:
    return x


def to_device(x: Array, device: Any) -> Array:
    return x


def mean_squared_difference(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.mean(np.square(x - y))
