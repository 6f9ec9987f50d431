"""What is lost when images are stored: by a codec, or at a smaller size."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

import numpy as np

from fastestimator_lite.op.numpyop.albumentation.image_only import ImageOnly
from fastestimator_lite.op.numpyop.albumentation.ranges import ends_of
from fastestimator_lite.util.errors import ConfigError, suggest

MAX_QUALITY = 100


class ImageCompressionType(IntEnum):
    """The codecs of `ImageCompression`."""

    JPEG = 0
    WEBP = 1


class ImageCompression(ImageOnly):
    """Encode and decode an image. float32 images are encoded in 256 steps.

    Args:
        inputs: Key or keys of images.
        outputs: Key or keys to write, as many as `inputs`.
        mode, ds_id: When to run; see `Op`.
        quality_lower: Lowest quality to draw, an int in [0, 100], for WebP in [1, 100].
        quality_upper: Highest quality to draw.
        compression_type: `ImageCompressionType.JPEG` or `WEBP`; or 0 or 1, or "jpeg" or "webp".

    Raises:
        ConfigError: If there is no such codec or quality.

    Image types: uint8, float32.
    """

    quality_lower: int = 99
    quality_upper: int = 100
    compression_type: ImageCompressionType | int | str = ImageCompressionType.JPEG

    def _arguments(self) -> dict[str, Any]:
        codec = _codec(self.compression_type)
        is_jpeg = codec is ImageCompressionType.JPEG
        low, high = ends_of(
            self.quality_lower,
            self.quality_upper,
            "ImageCompression(quality_lower, quality_upper)",
            0 if is_jpeg else 1,
            MAX_QUALITY,
            whole=True,
        )
        # 0 is 1 to JPEG
        return {"quality_range": (max(low, 1), max(high, 1)), "compression_type": codec.name.lower()}


def _codec(value: ImageCompressionType | int | str) -> ImageCompressionType:
    words = {codec.name.lower(): codec for codec in ImageCompressionType}
    codec = words.get(value.lower()) if isinstance(value, str) else value
    if codec not in tuple(ImageCompressionType) or isinstance(codec, bool):
        raise ConfigError(
            f"ImageCompression(compression_type) must be one of {', '.join(map(repr, words))}, 0 or 1, got {value!r}."
            f"{suggest(value, words)}"
        )
    return ImageCompressionType(codec)


class ResizeMethods:
    """Stand before `albumentations.Downscale`: float32 images keep their steps, and a pixel is left of any image."""

    interpolation_pair: dict[str, int]

    def apply(self, img: np.ndarray, scale: float, **params: Any) -> np.ndarray:
        """Shrink and enlarge an image of shape (H, W) or (H, W, C)."""
        import cv2

        height, width = img.shape[:2]
        factors = {"fx": max(scale, 1 / width), "fy": max(scale, 1 / height)}
        small = cv2.resize(img, None, **factors, interpolation=self.interpolation_pair["downscale"])
        large = cv2.resize(small, (width, height), interpolation=self.interpolation_pair["upscale"])
        return large.reshape(img.shape)


class Downscale(ImageOnly):
    """Shrink an image and enlarge it again.

    Args:
        inputs: Key or keys of images.
        outputs: Key or keys to write, as many as `inputs`.
        mode, ds_id: When to run; see `Op`.
        scale_min: Smallest size to shrink to, as a part of the size; above 0.
        scale_max: Largest size to shrink to, below 1.
        interpolation: OpenCV interpolation flag; or two of them, {"downscale": flag, "upscale": flag}.

    Raises:
        ConfigError: If there is no such size or flag.

    Image types: uint8, float32.
    """

    methods = ResizeMethods

    scale_min: float = 0.25
    scale_max: float = 0.25
    interpolation: int | Mapping[str, int] = 0

    def _arguments(self) -> dict[str, Any]:
        ends = ends_of(self.scale_min, self.scale_max, "Downscale(scale_min, scale_max)", 0, 1)
        if ends[0] == 0 or ends[1] == 1:
            raise ConfigError(f"Downscale(scale_min, scale_max) must be above 0 and below 1, got {ends}")
        flags = self.interpolation
        if not isinstance(flags, Mapping):
            flags = {"downscale": flags, "upscale": flags}
        if set(flags) != {"downscale", "upscale"}:
            raise ConfigError(
                "Downscale(interpolation) must be an OpenCV flag or have the keys 'downscale' and 'upscale', got "
                f"{self.interpolation!r}"
            )
        return {"scale_range": ends, "interpolation_pair": dict(flags)}

    def _start(self, func: Any, **shared: Any) -> None:
        super()._start(func, **shared)
        self.draws = self.scale_min < self.scale_max
