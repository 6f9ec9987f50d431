"""UNet for TensorFlow, and the U shape that it shares with AttentionUNet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import layers

from fastestimator_lite.architecture._checks import check_image


def UNet(  # noqa: N802 - 1.x name
    input_size: tuple[int | None, int | None, int] = (128, 128, 1), output_channel: int = 1
) -> keras.Model:
    """Make a model that segments images: four levels down to features of whole regions, and up again with the details.

    Args:
        input_size: Height, width and channels of an image; height and width are multiples of 16, None for any.
        output_channel: Number of masks.

    Returns:
        A model from images of shape (B, H, W, C), float, to the probability of each mask at each pixel, shape
        (B, H, W, `output_channel`).

    Raises:
        ConfigError: If `input_size` is not three such sizes.

    Source: Ronneberger et al. 2015, "U-Net: Convolutional Networks for Biomedical Image Segmentation"; padded
        convolutions, so that a mask is as large as its image, and other details as FastEstimator 1.7. Unlike its
        PyTorch form it drops half of the deepest features in training, and upsamples linearly.
    """
    check_image("UNet", input_size, channels_first=False, at_least=16, multiple_of=16)
    return u_shape(input_size, output_channel, lambda skip, signal: skip)


def u_shape(
    input_size: tuple[int | None, int | None, int], output_channel: int, gate: Callable[[Any, Any], Any]
) -> keras.Model:
    """Four levels down and up again.

    Args:
        input_size: Height, width and channels of an image.
        output_channel: Number of masks.
        gate: From features of the way down and of the way up, at the same level and of the same shape, to the features
            that the way up takes over.
    """
    images = layers.Input(input_size)
    x, skips = images, []
    for channels in (64, 128, 256, 512):
        x = _two_convolutions(x, channels)
        if channels == 512:
            x = layers.Dropout(0.5)(x)
        skips.append(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Dropout(0.5)(_two_convolutions(x, 1024))
    for skip in reversed(skips):
        channels = skip.shape[-1]
        x = _convolution(layers.UpSampling2D(interpolation="bilinear")(x), channels)
        x = layers.Concatenate()([gate(skip, x), x])
        x = _two_convolutions(x, channels)
    return keras.Model(images, layers.Conv2D(output_channel, 1, activation="sigmoid")(x))


def _two_convolutions(x: Any, channels: int) -> Any:
    return _convolution(_convolution(x, channels), channels)


def _convolution(x: Any, channels: int) -> Any:
    return layers.Conv2D(channels, 3, padding="same", activation="relu", kernel_initializer="he_normal")(x)
