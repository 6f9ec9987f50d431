"""InstanceNormalization for TensorFlow."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from fastestimator_lite.util.errors import ConfigError


@keras.saving.register_keras_serializable(package="fastestimator_lite")
class InstanceNormalization(layers.Layer):
    """Give each channel of each image mean 0 and variance 1, then scale and shift it as learned.

    Args:
        epsilon: Added to the variance, so that a constant channel can be divided by its deviation; > 0.
        kwargs: `name`, `dtype` and `trainable` of a Keras layer.

    Raises:
        ConfigError: If `epsilon` is not > 0.

    Source: Ulyanov et al. 2016, "Instance Normalization: The Missing Ingredient for Fast Stylization", eq. 2; the scale
        starts near 0, with a deviation of 0.02, as in FastEstimator 1.7.
    """

    def __init__(self, epsilon: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not epsilon > 0:
            raise ConfigError(f"InstanceNormalization(epsilon) must be > 0, got {epsilon!r}")
        self.epsilon = epsilon

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "epsilon": self.epsilon}

    def build(self, input_shape: Any) -> None:
        if len(input_shape) != 4:
            raise ConfigError(f"InstanceNormalization takes images of shape (B, H, W, C), got {tuple(input_shape)}")
        initial = keras.initializers.RandomNormal(stddev=0.02)
        self.scale = self.add_weight(name="scale", shape=input_shape[-1:], initializer=initial)
        self.offset = self.add_weight(name="offset", shape=input_shape[-1:], initializer="zeros")

    def call(self, x: Any) -> Any:
        """Normalize images.

        Args:
            x: Shape (B, H, W, C), float.

        Returns:
            The same shape.
        """
        mean, variance = ops.moments(x, axes=(1, 2), keepdims=True)
        return (x - mean) * ops.rsqrt(variance + self.epsilon) * self.scale + self.offset
