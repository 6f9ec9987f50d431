"""Examples of the ops around albumentations transforms of images alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastestimator_lite.op.numpyop import univariate
from tests.contracts.samples import XY, Example, image

COLOUR = frozenset({"gray"})


def float_image(rng: np.random.Generator) -> list[Any]:
    return [rng.random((12, 16, 3), np.float32)]


def noise_of(size: int) -> np.ndarray:
    """A reference image, of as many channels as those of `image`."""
    return np.random.default_rng(size).integers(0, 256, (size, size + 3, 3), dtype=np.uint8)


REFERENCE = {**XY, "reference_images": [9, 13], "read_fn": noise_of}

UNIVARIATE: dict[type, Example] = {
    univariate.Blur: Example(XY, image),
    univariate.CLAHE: Example({"clip_limit": 40.0, "tile_grid_size": (1, 2), **XY}, image),
    univariate.ChannelDropout: Example(XY, image, refuses=COLOUR),
    univariate.ChannelShuffle: Example(XY, image),
    univariate.CoarseDropout: Example({"max_height": 3, "min_height": 2, "max_width": 4, **XY}, image),
    univariate.ColorJitter: Example(XY, image),
    univariate.Defocus: Example(XY, image),
    univariate.Downscale: Example({"scale_max": 0.7, **XY}, image),
    univariate.Equalize: Example(XY, image),
    univariate.FDA: Example({"beta_limit": 0.3, **REFERENCE}, image, refuses=COLOUR),
    univariate.FromFloat: Example(XY, float_image),
    univariate.GaussianBlur: Example({"blur_limit": (3, 7), **XY}, image),
    univariate.GaussianNoise: Example(XY, image),
    univariate.HistogramMatching: Example(REFERENCE, image, refuses=COLOUR),
    univariate.HueSaturationValue: Example(XY, image),
    univariate.ISONoise: Example(XY, image, refuses=COLOUR),
    univariate.ImageCompression: Example({"quality_lower": 10, **XY}, image),
    univariate.InvertImg: Example(XY, image),
    univariate.MedianBlur: Example(XY, image),
    univariate.MotionBlur: Example(XY, image),
    univariate.MultiplicativeNoise: Example(XY, image),
    univariate.PixelDistributionAdaptation: Example(REFERENCE, image, refuses=COLOUR),
    univariate.Posterize: Example({"num_bits": (1, 6), **XY}, image),
    univariate.RGBShift: Example(XY, image, refuses=COLOUR),
    univariate.RandomBrightnessContrast: Example(XY, image),
    univariate.RandomFog: Example(XY, image, refuses=COLOUR),
    univariate.RandomGamma: Example(XY, image),
    univariate.RandomRain: Example(XY, image, refuses=COLOUR),
    univariate.RandomShadow: Example(XY, image),
    univariate.RandomSnow: Example(XY, image, refuses=COLOUR),
    univariate.RandomSunFlare: Example({"src_radius": 30, **XY}, image, refuses=COLOUR),
    univariate.Solarize: Example({"threshold": (50, 200), **XY}, image),
    univariate.ToFloat: Example(XY, image),
    univariate.ToGray: Example(XY, image),
    univariate.ToSepia: Example(XY, image),
    univariate.ZoomBlur: Example(XY, image),
}
