"""LeNet for TensorFlow."""

from __future__ import annotations

import keras
from keras import layers

from fastestimator_lite.util.errors import ConfigError


def LeNet(input_shape: tuple[int, int, int] = (28, 28, 1), classes: int = 10) -> keras.Model:  # noqa: N802 - 1.x name
    """Make a small convolutional classifier: three 3x3 convolutions with pooling between them, two dense layers.

    Args:
        input_shape: Height, width and channels of an image; at least 18 pixels high and wide.
        classes: Number of classes.

    Returns:
        A model from images of shape (B, H, W, C), float, to probabilities of shape (B, `classes`).

    Raises:
        ConfigError: If `input_shape` is not three sizes, or too small to be convolved and pooled.

    Source: after LeCun et al. 1998, "Gradient-Based Learning Applied to Document Recognition"; layers as FastEstimator
    1.7.
    """
    if len(input_shape) != 3 or min(input_shape[:2]) < 18:
        raise ConfigError(
            f"LeNet(input_shape) must be (height, width, channels) with at least 18 pixels each way, got "
            f"{tuple(input_shape)}; make the images larger, for example with Resize(28, 28)"
        )
    return keras.Sequential(
        [
            layers.Input(input_shape),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(classes, activation="softmax"),
        ]
    )
