"""Keras 3 on TensorFlow: a running average of a model's parameters."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf


class Average:
    """A running average of a model's parameters, which can change places with them; see the torch form.

    Args:
        parameters: The parameters; the average begins with them.
    """

    def __init__(self, parameters: Sequence[keras.Variable]) -> None:
        self._parameters = list(parameters)
        self._values = [tf.Variable(variable.value, trainable=False) for variable in self._parameters]
        self._blend = tf.function(self._move, autograph=False)  # one call instead of one for each parameter
        self._exchange = tf.function(self._change_places, autograph=False)

    def _move(self, weight: tf.Tensor) -> None:
        for parameter, value in zip(self._parameters, self._values, strict=True):
            value.assign_add((parameter.value - value) * tf.cast(weight, value.dtype))

    def _change_places(self) -> None:
        for parameter, value in zip(self._parameters, self._values, strict=True):
            kept = tf.identity(parameter.value)
            parameter.assign(value)
            value.assign(kept)

    def blend(self, weight: float) -> None:
        """Move the average towards the parameters."""
        self._blend(tf.constant(weight))

    def swap(self) -> None:
        """Let the average and the parameters change places."""
        self._exchange()

    def state(self) -> list[np.ndarray]:
        """The average."""
        return [value.numpy() for value in self._values]

    def load(self, state: list[np.ndarray]) -> None:
        """Put back what `state` gave."""
        for value, array in zip(self._values, state, strict=True):
            value.assign(array)
