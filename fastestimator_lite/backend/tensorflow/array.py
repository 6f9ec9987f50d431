"""TensorFlow spelling of the array primitives; the topic files of `fastestimator_lite.backend` document them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

NAME = "tf"
CHANNEL_AXIS = -1  # images are (B, H, W, C)

Tensor = Any  # a tf.Tensor, tf.Variable or Keras variable


def owns(value: Any) -> bool:
    if isinstance(value, (tf.Tensor, tf.Variable)):
        return True
    return isinstance(value, keras.Variable) and keras.backend.backend() == "tensorflow"


# ----------------------------------------------------------------------------------------------- element by element
def abs(x: Tensor) -> Tensor:
    return tf.abs(x)


def exp(x: Tensor) -> Tensor:
    return tf.exp(x)


def log(x: Tensor) -> Tensor:
    return tf.math.log(x)


def sign(x: Tensor) -> Tensor:
    return tf.sign(x)


def sqrt(x: Tensor) -> Tensor:
    return tf.sqrt(x)


def round(x: Tensor) -> Tensor:
    return tf.round(x)


def pow(x: Tensor, power: Any) -> Tensor:
    return tf.pow(x, power)


def maximum(x: Tensor, y: Any) -> Tensor:
    return tf.maximum(x, y)


def clip(x: Tensor, low: Any, high: Any) -> Tensor:
    x = x if low is None else tf.maximum(x, _like(low, x))
    return x if high is None else tf.minimum(x, _like(high, x))


def _like(value: Any, x: Tensor) -> Tensor:
    """A limit in the type of a tensor; `tf.cast` alone would take a number through float32."""
    number = isinstance(value, (int, float)) and tf.as_dtype(x.dtype).is_floating
    return tf.constant(value, x.dtype) if number else tf.cast(value, x.dtype)


def where(condition: Tensor, yes: Any, no: Any) -> Tensor:
    return tf.where(condition, yes, no)


def has_nan(x: Tensor) -> bool:
    x = tf.convert_to_tensor(x)
    return bool(x.dtype.is_floating and tf.reduce_any(tf.math.is_nan(x)))


def log_sigmoid(x: Tensor) -> Tensor:
    return tf.math.log_sigmoid(x)


def log_softmax(x: Tensor, axis: int) -> Tensor:
    return tf.nn.log_softmax(x, axis=axis)


# ---------------------------------------------------------------------------------------------------------- reduce
def reduce_sum(x: Tensor, axis: int | tuple[int, ...] | None, keepdims: bool) -> Tensor:
    x = tf.convert_to_tensor(x)
    if x.dtype.is_integer or x.dtype.is_bool:
        x = tf.cast(x, tf.int64)  # as numpy and torch, so that a sum of bytes does not overflow
    return tf.reduce_sum(x, axis=axis, keepdims=keepdims)


def reduce_mean(x: Tensor, axis: int | tuple[int, ...] | None, keepdims: bool) -> Tensor:
    return tf.reduce_mean(_floating(x), axis=axis, keepdims=keepdims)


def reduce_min(x: Tensor, axis: int | tuple[int, ...] | None, keepdims: bool) -> Tensor:
    return tf.reduce_min(x, axis=axis, keepdims=keepdims)


def reduce_max(x: Tensor, axis: int | tuple[int, ...] | None, keepdims: bool) -> Tensor:
    return tf.reduce_max(x, axis=axis, keepdims=keepdims)


def reduce_std(x: Tensor, axis: int | tuple[int, ...] | None, keepdims: bool) -> Tensor:
    return tf.math.reduce_std(_floating(x), axis=axis, keepdims=keepdims)


def argmax(x: Tensor, axis: int) -> Tensor:
    return tf.argmax(x, axis=axis)


def sort(x: Tensor, axis: int) -> Tensor:
    return tf.sort(x, axis=axis)


def _floating(x: Tensor) -> Tensor:
    x = tf.convert_to_tensor(x)
    return x if x.dtype.is_floating or x.dtype.is_complex else tf.cast(x, tf.float32)


# ----------------------------------------------------------------------------------------------------------- shape
def shape(x: Tensor) -> list[Any]:
    x = tf.convert_to_tensor(x)
    known = x.shape.as_list()
    if None not in known:
        return known
    asked = tf.shape(x)
    return [asked[axis] if size is None else size for axis, size in enumerate(known)]


def reshape(x: Tensor, shape: Sequence[Any]) -> Tensor:
    return tf.reshape(x, shape)


def permute(x: Tensor, permutation: Sequence[int]) -> Tensor:
    return tf.transpose(x, permutation)


def squeeze(x: Tensor, axis: int | tuple[int, ...] | None) -> Tensor:
    return tf.squeeze(x, axis=axis)


def expand_dims(x: Tensor, axis: int) -> Tensor:
    return tf.expand_dims(x, axis)


def concat(xs: Sequence[Tensor], axis: int) -> Tensor:
    return tf.concat(xs, axis=axis)


def flip(x: Tensor, axis: tuple[int, ...]) -> Tensor:
    return tf.reverse(x, axis)


def roll(x: Tensor, shift: int | tuple[int, ...], axis: int | tuple[int, ...]) -> Tensor:
    return tf.roll(x, shift, axis)


def gather(x: Tensor, indices: Tensor) -> Tensor:
    return tf.gather(x, indices)


def gather_from_batch(x: Tensor, indices: Tensor) -> Tensor:
    return tf.gather(x, indices, batch_dims=1)


def pick_class(x: Tensor, labels: Tensor) -> Tensor:
    return tf.gather(x, labels, batch_dims=len(x.shape) - 1)


def matmul(a: Tensor, b: Tensor) -> Tensor:
    return tf.matmul(a, b)


# ---------------------------------------------------------------------------------------------------------- create
def zeros_like(x: Tensor, dtype: str | None) -> Tensor:
    return tf.zeros_like(x, dtype=dtype)


def ones_like(x: Tensor, dtype: str | None) -> Tensor:
    return tf.ones_like(x, dtype=dtype)


def random_normal_like(x: Tensor, mean: float, std: float, dtype: str) -> Tensor:
    return tf.cast(_generator().normal(tf.shape(x), mean, std), dtype)


def random_uniform_like(x: Tensor, low: float, high: float, dtype: str) -> Tensor:
    return tf.cast(_generator().uniform(tf.shape(x), low, high), dtype)


def count(size: Any, like: Tensor) -> Tensor:
    return tf.range(size)


def random_beta_like(x: Tensor, alpha: float) -> Tensor:
    # of two gamma variates; float64, in which those of a small alpha do not both become 0
    shape, seed = tf.concat([[2], tf.shape(x)], 0), _generator().make_seeds(1)[:, 0]
    one, other = tf.unstack(tf.random.stateless_gamma(shape, seed, tf.constant(alpha, tf.float64), dtype=tf.float64))
    return tf.cast(tf.math.divide_no_nan(one, one + other), tf.float32)


def random_scalar() -> Tensor:
    return _generator().uniform(())


def _generator() -> tf.random.Generator:
    """TensorFlow's generator whose state can be saved; `tf.random.uniform` draws from one whose state cannot."""
    generator = tf.random.get_global_generator()
    if all(generator is not known for known in _drawn_from):
        _drawn_from.append(generator)
    return generator


_drawn_from: list[tf.random.Generator] = []  # a traced graph does not keep its generator alive


def constant(values: Any, like: Tensor) -> Tensor:
    return tf.constant(values, dtype=like.dtype)


# ------------------------------------------------------------------------------------------------- choose and keep
def switch(index: Tensor, branches: Sequence[Callable[[], Any]]) -> Any:
    return tf.switch_case(tf.cast(index, tf.int32), list(branches))


def loop(again: Callable[[Any], Any], body: Callable[[Any], Any], values: Any, limit: int | None) -> Any:
    return tf.while_loop(
        lambda *now: again(list(now)), lambda *now: body(list(now)), list(values), maximum_iterations=limit
    )


def variable(value: float, device: Any) -> Tensor:
    with tf.init_scope():
        return tf.Variable(value, trainable=False, dtype=tf.float32)


def read(x: Tensor) -> Tensor:
    return x.read_value()


def assign(x: Tensor, value: Tensor) -> None:
    x.assign(value)


# --------------------------------------------------------------------------------------------------------- convert
def from_numpy(x: np.ndarray) -> Tensor:
    return tf.convert_to_tensor(x)


def to_numpy(x: Tensor) -> np.ndarray:
    x = tf.convert_to_tensor(x)
    if x.dtype == tf.bfloat16:  # numpy has no such type
        x = tf.cast(x, tf.float32)
    return np.asarray(x.numpy())


def cast(x: Tensor, dtype: str) -> Tensor:
    return tf.cast(x, dtype)


def dtype_name(x: Tensor) -> str:
    return tf.as_dtype(x.dtype).name


def compute_dtype(x: Tensor) -> str:
    return str(keras.mixed_precision.dtype_policy().compute_dtype)


def share_memory(x: Tensor) -> Tensor:
    return x


def detach(x: Tensor) -> Tensor:
    return tf.stop_gradient(x)


def to_device(x: Tensor, device: Any) -> Tensor:
    return x


def mean_squared_difference(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(tf.math.squared_difference(x, y))
