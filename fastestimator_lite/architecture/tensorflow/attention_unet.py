"""AttentionUNet for TensorFlow."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from fastestimator_lite.architecture._checks import check_image
from fastestimator_lite.architecture.tensorflow.unet import u_shape


def AttentionUNet(  # noqa: N802 - 1.x name
    input_size: tuple[int | None, int | None, int] = (128, 128, 1),
) -> keras.Model:
    """Make a UNet in which the way up decides where the details of each level matter.

    Args:
        input_size: Height, width and channels of an image; height and width are multiples of 16, None for any.

    Returns:
        A model from images of shape (B, H, W, C), float, to the probability of the mask at each pixel, shape
        (B, H, W, 1).

    Raises:
        ConfigError: If `input_size` is not three such sizes.

    Source: Oktay et al. 2018, "Attention U-Net: Learning Where to Look for the Pancreas"; padded convolutions, gates at
        the size of the features that they let through, and other details as FastEstimator 1.7. Unlike its PyTorch form
        it drops half of the deepest features in training.
    """
    check_image("AttentionUNet", input_size, channels_first=False, at_least=16, multiple_of=16)
    return u_shape(input_size, 1, _gate)


def _gate(skip: Any, signal: Any) -> Any:
    """Weigh each pixel of the way down by what the way up knows."""
    channels = skip.shape[-1]
    both = layers.Add()([_normalized(signal, channels), _normalized(skip, channels)])
    weight = _normalized(layers.ReLU()(both), 1)
    return layers.Multiply()([skip, layers.Activation("sigmoid")(weight)])


def _normalized(x: Any, channels: int) -> Any:
    return layers.BatchNormalization()(layers.Conv2D(channels, 1)(x))
