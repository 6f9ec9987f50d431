"""WideResidualNetwork for TensorFlow."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from fastestimator_lite.architecture._checks import blocks_per_group, check_image


def WideResidualNetwork(  # noqa: N802 - 1.x name
    input_shape: tuple[int | None, int | None, int],
    depth: int = 28,
    widen_factor: int = 10,
    dropout: float = 0.0,
    classes: int = 10,
    activation: str | None = "softmax",
) -> keras.Model:
    """Make a residual classifier that is wide rather than deep.

    Args:
        input_shape: Height, width and channels of an image; at least 4 pixels high and wide, None for any.
        depth: Number of layers on the longest way: 6 * n + 4 for n blocks in each of three groups.
        widen_factor: How many times as wide as a plain residual network: the groups have 16, 32 and 64 times as many
            channels.
        dropout: Share of features dropped between the two convolutions of a block in training, in [0, 1).
        classes: Number of classes.
        activation: What the last layer ends in, a Keras name; None for scores.

    Returns:
        A model from images of shape (B, H, W, C), float, to shape (B, `classes`).

    Raises:
        ConfigError: If `input_shape` is not three such sizes, or `depth` is not such a number.

    Source: after Zagoruyko and Komodakis 2016, "Wide Residual Networks", table 1. As FastEstimator 1.7, and unlike the
        paper and the PyTorch form, it normalizes after convolutions, and pools between groups.
    """
    check_image("WideResidualNetwork", input_shape, channels_first=False, at_least=4, argument="input_shape")
    blocks = blocks_per_group(depth)
    images = layers.Input(input_shape)
    x = _activated(_convolution(images, 16))
    for group in range(3):
        if group:
            x = layers.MaxPooling2D()(x)
        for _ in range(blocks):
            x = _block(x, 16 * 2**group * widen_factor, dropout)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(images, layers.Dense(classes, activation=activation)(x))


def _block(x: Any, channels: int, dropout: float) -> Any:
    around = x if x.shape[-1] == channels else _convolution(x, channels, size=1)
    x = _activated(_convolution(x, channels))
    if dropout:
        x = layers.Dropout(dropout)(x)
    return layers.Add()([around, _activated(_convolution(x, channels))])


def _activated(x: Any) -> Any:
    return layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(x))


def _convolution(x: Any, channels: int, size: int = 3) -> Any:
    return layers.Conv2D(channels, size, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
