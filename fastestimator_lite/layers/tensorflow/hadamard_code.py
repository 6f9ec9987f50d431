"""HadamardCode for TensorFlow."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from fastestimator_lite.backend.special import iwd
from fastestimator_lite.layers._code import layer_words, shares


@keras.saving.register_keras_serializable(package="fastestimator_lite")
class HadamardCode(layers.Layer):
    """The last layer of a classifier that answers in error-correcting code words.

    In place of one output per class it has one per place of a code word, between -1 and 1. A class is the more probable
    the nearer its code word is, so an attack or an error must change many outputs to change the class. It takes one
    input, or a list of them, which then share the places.

    Args:
        n_classes: Number of classes, >= 2.
        code_length: Length of a code word, a power of 2 that is >= `n_classes`; None for the smallest, but at least 16.
            There are `code_length - 1` outputs before they become probabilities.
        max_prob: Probability of a class whose code word is met exactly, in (1 / n_classes, 1).
        power: How fast a class loses weight with distance, > 0.
        kwargs: `name`, `dtype` and `trainable` of a Keras layer.

    Raises:
        ConfigError: If an argument is not as described.

    Source: Verma and Swami 2019, "Error Correcting Output Codes Improve Probability Estimation and Adversarial
        Robustness of Deep Neural Networks"; from distance to probability as FastEstimator 1.7, see `backend.iwd`.
    """

    def __init__(
        self,
        n_classes: int,
        code_length: int | None = None,
        max_prob: float = 0.95,
        power: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._words = layer_words(n_classes, code_length, max_prob, power)
        self.n_classes = n_classes
        self.code_length = self._words.shape[1] + 1
        self.max_prob = max_prob
        self.power = power
        self.heads: list[layers.Dense] = []

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "n_classes": self.n_classes,
            "code_length": self.code_length,
            "max_prob": self.max_prob,
            "power": self.power,
        }

    def build(self, input_shape: Any) -> None:
        shapes = input_shape if _holds_several(input_shape) else [input_shape]
        self.heads = [layers.Dense(places, dtype=self.dtype_policy) for places in shares(self.code_length, len(shapes))]
        for head, shape in zip(self.heads, shapes, strict=True):
            head.build(shape)

    def call(self, x: Any) -> Any:
        """Classify features.

        Args:
            x: Shape (B, features), float, or a list of such.

        Returns:
            Probabilities of the classes, shape (B, n_classes).
        """
        inputs = x if isinstance(x, (list, tuple)) else [x]
        places = [head(item) for head, item in zip(self.heads, inputs, strict=True)]
        code = ops.tanh(ops.concatenate(places, axis=-1))
        # |code - word| is 1 - code * word, where words are 1 or -1 and codes lie between
        distances = code.shape[-1] - ops.matmul(code, ops.convert_to_tensor(self._words.T, code.dtype))
        return iwd(distances, self.power, self.max_prob, pairwise_distance=self.code_length)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        first = input_shape[0] if _holds_several(input_shape) else input_shape
        return (*first[:-1], self.n_classes)


def _holds_several(shape: Any) -> bool:
    return isinstance(shape[0], (list, tuple))
