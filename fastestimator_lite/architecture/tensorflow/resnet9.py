"""ResNet9 for TensorFlow."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from fastestimator_lite.architecture._checks import check_image


def ResNet9(  # noqa: N802 - 1.x name
    input_size: tuple[int | None, int | None, int] = (32, 32, 3), classes: int = 10
) -> keras.Model:
    """Make a small residual classifier that trains fast: four convolutions, two pairs more around which a way leads.

    Args:
        input_size: Height, width and channels of an image; at least 16 pixels high and wide, None for any.
        classes: Number of classes.

    Returns:
        A model from images of shape (B, H, W, C), float, to probabilities of shape (B, `classes`).

    Raises:
        ConfigError: If `input_size` is not three sizes, or too small to be pooled.

    Source: after Page 2018, "How to Train Your ResNet", for the DAWNBench competition; layers as FastEstimator 1.7,
        whose PyTorch form has a residual pair at 256 channels as well.
    """
    check_image("ResNet9", input_size, channels_first=False, at_least=16)
    images = layers.Input(input_size)
    x = _convolution(images, 64)
    x = _convolution(x, 128, pool=True)
    x = _residual(x)
    x = _convolution(x, 256, pool=True)
    x = _convolution(x, 512, pool=True)
    x = _residual(x)
    x = layers.GlobalMaxPooling2D()(x)
    return keras.Model(images, layers.Dense(classes, activation="softmax")(x))


def _residual(x: Any) -> Any:
    channels = x.shape[-1]
    return layers.Add()([x, _convolution(_convolution(x, channels), channels)])


def _convolution(x: Any, channels: int, pool: bool = False) -> Any:
    x = layers.Conv2D(channels, 3, padding="same")(x)
    if pool:
        x = layers.MaxPooling2D()(x)
    x = layers.BatchNormalization(momentum=0.8)(x)
    return layers.LeakyReLU(0.1)(x)
