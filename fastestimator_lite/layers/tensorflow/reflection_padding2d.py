"""ReflectionPadding2D for TensorFlow."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from fastestimator_lite.util.errors import ConfigError


@keras.saving.register_keras_serializable(package="fastestimator_lite")
class ReflectionPadding2D(layers.Layer):
    """Widen images by what a mirror at their border pixels would show; the border pixels are not repeated.

    Args:
        padding: Pixels to add on the left and on the right, and above and below: (width, height), each >= 0 and less
            than the image has.
        kwargs: `name`, `dtype` and `trainable` of a Keras layer.

    Raises:
        ConfigError: If `padding` is not such a pair.
    """

    def __init__(self, padding: tuple[int, int] = (1, 1), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        is_pair = isinstance(padding, (list, tuple)) and len(padding) == 2
        if not is_pair or any(isinstance(size, bool) or not isinstance(size, int) or size < 0 for size in padding):
            raise ConfigError(f"ReflectionPadding2D(padding) must be (width, height), two ints >= 0, got {padding!r}")
        self.padding = tuple(padding)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "padding": self.padding}

    def build(self, input_shape: Any) -> None:
        width, height = self.padding
        sizes = tuple(input_shape)
        if len(sizes) != 4 or any(
            size is not None and size <= pad for size, pad in zip(sizes[1:3], (height, width), strict=True)
        ):
            raise ConfigError(
                f"ReflectionPadding2D(padding={self.padding}) takes images of shape (B, H, W, C) that are wider than "
                f"{width} and higher than {height} pixels, got {sizes}"
            )

    def compute_output_shape(self, s: Any) -> tuple[int | None, ...]:
        width, height = self.padding
        batch, rows, columns, channels = s
        return batch, _plus(rows, 2 * height), _plus(columns, 2 * width), channels

    def call(self, x: Any) -> Any:
        """Pad images.

        Args:
            x: Shape (B, H, W, C).

        Returns:
            Shape (B, H + 2 * height, W + 2 * width, C).
        """
        width, height = self.padding
        return ops.pad(x, ((0, 0), (height, height), (width, width), (0, 0)), mode="reflect")


def _plus(size: int | None, more: int) -> int | None:
    return None if size is None else size + more
