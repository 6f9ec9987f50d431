"""What the ops on PIL images share: image in, image out, and a number drawn for each sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fastestimator_lite.op.numpyop.numpyop import NumpyOp, RandomOp
from fastestimator_lite.op.numpyop.univariate.each import EachValue
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import DataError
from fastestimator_lite.util.names import param_to_range

if TYPE_CHECKING:
    from PIL.Image import Image

GRAY_AND_COLOR = (1, 3)


class PictureOp(EachValue, RandomOp):
    """An op that turns images of 8 bits into images of the same shape.

    A subclass writes `change`. It draws nothing unless it says so.

    Args:
        inputs: Key or keys of uint8 images of shape (H, W) or (H, W, C).
        outputs: Key or keys to write, as many as `inputs`: uint8 of the same shape. All images of one sample get the
            same random draw.
        mode, ds_id: When to run; see `Op`.

    Attributes:
        channels: The numbers of channels C that the op can take; (H, W) counts as 1.
    """

    channels: ClassVar[tuple[int, ...]] = (1, 2, 3, 4)

    def set_rua_level(self, magnitude_coef: float) -> None:
        """Accept the level of a surrounding RUA; this op does the same at every level.

        Args:
            magnitude_coef: Level in [0, 1], not used.
        """

    def forward(self, data: Sequence[np.ndarray], state: dict[str, Any]) -> list[np.ndarray]:
        """Work on one sample.

        Args:
            data: An image for each input.
            state: "mode", "epoch" and "ds_id" of the moment.

        Returns:
            An image for each output.

        Raises:
            DataError: If an image is not of 8 bits, or has a number of channels that the op cannot take.
        """
        drawn = self.draw()
        return [self._work_on(np.asarray(image), drawn) for image in data]

    def draw(self) -> float:
        """The number that one sample is changed by; 0 for an op that draws nothing."""
        return 0.0

    def change(self, picture: Image, drawn: float) -> Image:
        """Turn one image into another of the same size and mode.

        Args:
            picture: The image.
            drawn: What `draw` returned for this sample.
        """
        raise NotImplementedError

    def _work_on(self, image: np.ndarray, drawn: float) -> np.ndarray:
        import PIL.Image

        check_image(image, self.channels, self)
        picture = PIL.Image.fromarray(image[..., 0] if image.shape[2:] == (1,) else image)
        return np.array(self.change(picture, drawn)).reshape(image.shape)


class DrawnPictureOp(PictureOp):
    """An op on images with a strength that is drawn uniformly for each sample.

    Args:
        inputs, outputs, mode, ds_id: Keys in, keys out, and when to run; see `PictureOp`.
        limit: The range to draw from; a single n means (-n, n).

    Attributes:
        parameter: What the subclass calls `limit`.

    Raises:
        ConfigError: If `limit` is no number and no range.
    """

    draws = True
    parameter: ClassVar[str] = "limit"

    def __init__(
        self,
        inputs: str | Sequence[str],
        outputs: str | Sequence[str],
        mode: Keys,
        ds_id: Keys,
        limit: float | tuple[float, float],
    ) -> None:
        super().__init__(inputs, outputs, mode, ds_id)
        self.full_range = param_to_range(limit, f"{type(self).__name__}({self.parameter})")
        self.range = self.full_range

    def set_rua_level(self, magnitude_coef: float) -> None:
        """Narrow the range to draw from, its middle kept.

        Args:
            magnitude_coef: Level in [0, 1]; 1 is the whole range, 0 its middle alone.
        """
        low, high = self.full_range
        middle, half = (low + high) / 2, (high - low) / 2 * magnitude_coef
        self.range = (middle - half, middle + half)

    def draw(self) -> float:
        return self.rng.uniform(*self.range)


class EnhanceOp(DrawnPictureOp):
    """An op that mixes an image with a poorer version of it.

    The result is poor + factor * (image - poor), cut to [0, 255], with a factor of 1 plus a number drawn uniformly.

    Args:
        inputs, outputs, mode, ds_id: Keys in, keys out, and when to run; see `PictureOp`.
        limit: The range to draw from; a single n means (-n, n). A factor of 0 gives the poor version, 1 the image,
            more than 1 exaggerates.

    Attributes:
        enhancer: Name of the class in `PIL.ImageEnhance`.

    Source: Haeberli and Voorhies 1994, "Image Processing by Interpolation and Extrapolation".
    """

    enhancer: ClassVar[str]

    def __init__(
        self,
        inputs: str | Sequence[str],
        outputs: str | Sequence[str],
        mode: Keys = None,
        ds_id: Keys = None,
        limit: float | tuple[float, float] = 0.54,
    ) -> None:
        super().__init__(inputs, outputs, mode, ds_id, limit)

    def change(self, picture: Image, drawn: float) -> Image:
        import PIL.ImageEnhance

        enhanced: Image = getattr(PIL.ImageEnhance, self.enhancer)(picture).enhance(1 + drawn)
        return enhanced


def check_image(image: np.ndarray, channels: tuple[int, ...], op: NumpyOp) -> None:
    """Check an image that PIL is to work on.

    Args:
        image: Any array.
        channels: The numbers of channels that are allowed; (H, W) counts as 1.
        op: Which op asks, for the message.

    Raises:
        DataError: If it is not of 8 bits, or has another number of channels.
    """
    num_channels = {2: 1, 3: image.shape[-1]}.get(image.ndim) if image.shape else None
    if image.dtype != np.uint8 or num_channels not in channels:
        raise DataError(
            f"{type(op).__name__} takes uint8 images of shape (H, W) or (H, W, C) with C one of {channels}, got "
            f"{image.dtype} of shape {image.shape} for {op.inputs}; ops that make floats (Minmax, Normalize) or move the "
            "channels (ChannelTranspose) come after it"
        )
