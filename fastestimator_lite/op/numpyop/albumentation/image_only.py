"""Ops around albumentations transforms that change images alone, each image for itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fastestimator_lite.op.numpyop.albumentation.declare import Declared
from fastestimator_lite.op.numpyop.albumentation.seeded import AlbumentationOp
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError, DataError
from fastestimator_lite.util.names import to_list

if TYPE_CHECKING:
    import albumentations as A


class ImageOnlyAlbumentation(AlbumentationOp):
    """Run an albumentations transform on images.

    Args:
        func: An albumentations transform, or a composition of several.
        inputs: Key or keys of images of shape (H, W) or (H, W, C).
        outputs: Key or keys to write, as many as `inputs`. All images of one sample get the same random draw.
        mode, ds_id: When to run; see `Op`.

    Raises:
        ConfigError: If there are not as many outputs as inputs.
    """

    def __init__(
        self,
        func: A.BasicTransform | A.BaseCompose,
        inputs: str | Sequence[str],
        outputs: str | Sequence[str],
        mode: Keys = None,
        ds_id: Keys = None,
    ) -> None:
        super().__init__(func, to_list(inputs), to_list(outputs), mode, ds_id)
        if len(self.inputs) != len(self.outputs):
            raise ConfigError(
                f"{type(self).__name__}: as many outputs as inputs are needed, got inputs {self.inputs} "
                f"and outputs {self.outputs}"
            )

    def forward(self, data: Sequence[np.ndarray], state: dict[str, Any]) -> list[np.ndarray]:
        """Transform one sample.

        Args:
            data: An image for each input.
            state: "mode", "epoch" and "ds_id" of the moment.

        Returns:
            An image for each output.
        """
        apply = self.transform
        if len(data) == 1 or not self.draws:
            return [apply(image=np.asarray(image))["image"] for image in data]
        reseeded = self._connect()
        bits = self.rng.bit_generator
        start = bits.state
        images = []
        for image in data:
            bits.state = start
            reseeded.seed()
            images.append(apply(image=np.asarray(image))["image"])
        return images


class CheckedImageOnly(ImageOnlyAlbumentation):
    """Ops that know which images they can take.

    Attributes:
        dtypes: Names of the dtypes that the op can take; empty for all.
        channels: The numbers of channels C that the op can take; (H, W) counts as 1. Empty for all.
    """

    dtypes: ClassVar[tuple[str, ...]] = ("uint8", "float32")
    channels: ClassVar[tuple[int, ...]] = ()

    def forward(self, data: Sequence[np.ndarray], state: dict[str, Any]) -> list[np.ndarray]:
        """Transform one sample.

        Args:
            data: An image for each input.
            state: "mode", "epoch" and "ds_id" of the moment.

        Returns:
            An image for each output.

        Raises:
            DataError: If the op cannot take an image of this dtype or number of channels.
        """
        for image in data:
            self.check(np.asarray(image))
        return super().forward(data, state)

    def check(self, image: np.ndarray) -> None:
        """Check that the op can take an image.

        Raises:
            DataError: If it cannot.
        """
        if image.ndim not in (2, 3):
            raise self.refusal(image, "images of shape (H, W) or (H, W, C)")
        if self.dtypes and image.dtype.name not in self.dtypes:
            raise self.refusal(image, f"{' or '.join(self.dtypes)} images")
        if self.channels and num_channels(image) not in self.channels:
            raise self.refusal(image, f"images with {' or '.join(map(str, self.channels))} channels, the last axis")

    def refusal(self, image: np.ndarray, wanted: str) -> DataError:
        """The error for an image that the op cannot take; `wanted` says what it takes."""
        return DataError(
            f"{type(self).__name__} takes {wanted}, got {image.dtype} of shape {image.shape} for {self.inputs}"
        )


class ImageOnly(CheckedImageOnly, Declared, shared=True):
    """Base of the declared ops on images."""

    own_first = False

    inputs: str | Sequence[str]  # type: ignore[assignment]
    outputs: str | Sequence[str]  # type: ignore[assignment]
    mode: Keys = None  # type: ignore[assignment]
    ds_id: Keys = None  # type: ignore[assignment]

    def _start(self, func: Any, **shared: Any) -> None:
        ImageOnlyAlbumentation.__init__(self, func, **shared)


def num_channels(image: np.ndarray) -> int:
    """The number of channels of an image of shape (H, W) or (H, W, C)."""
    return 1 if image.ndim == 2 else int(image.shape[2])
