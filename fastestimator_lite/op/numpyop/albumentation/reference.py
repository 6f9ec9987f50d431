"""Ops that make an image resemble another one, drawn from a list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastestimator_lite.op.numpyop.albumentation.declare import Declared
from fastestimator_lite.op.numpyop.albumentation.image_only import (
    CheckedImageOnly,
    ImageOnlyAlbumentation,
    num_channels,
)
from fastestimator_lite.op.numpyop.albumentation.levels import WHITE, cut
from fastestimator_lite.op.numpyop.albumentation.ranges import span
from fastestimator_lite.op.numpyop.univariate.read_image import ReadImage
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError, DataError, suggest

MAX_BETA = 0.5


def read_rgb_image(path: str) -> np.ndarray:
    """Read an image file: uint8 of shape (H, W, 3), red first."""
    return ReadImage("path", "image").forward([path], {})[0]


class ReferenceMethods:
    """Stand before the domain adaptations of albumentations: what is read becomes an image like the one it is for."""

    py_random: Any
    reference_images: Sequence[Any]
    read_fn: Callable[[Any], np.ndarray]
    owner: str

    @property
    def targets_as_params(self) -> list[str]:
        """Nothing but the image."""
        return []

    def _get_reference_image(self, data: dict[str, Any]) -> np.ndarray:
        """Draw and read an image, of the dtype and number of axes of `data["image"]`."""
        image = data["image"]
        reference = np.asarray(
            self.read_fn(self.reference_images[self.py_random.randrange(len(self.reference_images))])
        )
        if reference.ndim not in (2, 3) or num_channels(reference) != num_channels(image):
            raise DataError(
                f"{self.owner}: the reference image must have as many channels as the image, got {reference.dtype} of "
                f"shape {reference.shape} for {image.dtype} of shape {image.shape}"
            )
        if reference.dtype == np.uint8 and image.dtype == np.float32:
            reference = np.divide(reference, WHITE, dtype=np.float32)
        elif image.dtype == np.uint8 and reference.dtype.kind == "f":
            reference = cut(reference * WHITE, image.dtype)
        return reference.reshape(*reference.shape[:2], *image.shape[2:])


class FromReference(CheckedImageOnly, Declared, shared=True):
    """Base of the declared ops that draw from `reference_images`."""

    own_first = False

    inputs: str | Sequence[str]  # type: ignore[assignment]
    outputs: str | Sequence[str]  # type: ignore[assignment]
    reference_images: Sequence[Any] | np.ndarray
    mode: Keys = None  # type: ignore[assignment]
    ds_id: Keys = None  # type: ignore[assignment]

    def _start(self, func: Any, **shared: Any) -> None:
        name = type(self).__name__
        references: Any = shared.pop("reference_images")
        if not isinstance(references, (Sequence, np.ndarray)) or isinstance(references, str) or not len(references):
            raise ConfigError(f"{name}(reference_images) must be a list of at least one image, got {references!r}")
        if not callable(func.read_fn):
            raise ConfigError(f"{name}(read_fn) must be a function, got {func.read_fn!r}")
        self.reference_images = references
        func.reference_images, func.owner = references, name
        ImageOnlyAlbumentation.__init__(self, func, **shared)


class SpectrumMethods(ReferenceMethods):
    """Stand before `albumentations.FDA`: the lowest frequencies are taken over, in both directions and with the mean."""

    beta_limit: tuple[float, float]

    def get_params_dependent_on_data(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        """Draw the reference image, of the shape of the image, and beta."""
        import cv2

        image = data["image"]
        reference = cv2.resize(self._get_reference_image(data), (image.shape[1], image.shape[0]))
        return {"reference": reference.reshape(image.shape), "beta": self.py_random.uniform(*self.beta_limit)}

    def apply(self, img: np.ndarray, reference: np.ndarray, beta: float, **params: Any) -> np.ndarray:
        """Give an image of shape (H, W) or (H, W, C) the low amplitudes of another one."""
        height, width = img.shape[:2]
        reach = int(min(height, width) * beta)
        spectrum, other = (np.fft.rfft2(each.astype(np.float32), axes=(0, 1)) for each in (img, reference))
        # columns are the frequencies >= 0 alone, which say all about a real image; rows are those below 0 too
        for rows in (slice(0, reach + 1), slice(height - reach, height)):
            phase = np.exp(1j * np.angle(spectrum[rows, : reach + 1]))
            spectrum[rows, : reach + 1] = np.abs(other[rows, : reach + 1]) * phase
        return cut(np.fft.irfft2(spectrum, (height, width), axes=(0, 1)), img.dtype)


class FDA(FromReference):
    """Take over the low frequencies of a reference image: their amplitudes, not their phases.

    Args:
        inputs: Key or keys of images.
        outputs: Key or keys to write, as many as `inputs`.
        reference_images: What `read_fn` turns into images, file names as a rule; one is drawn for each sample and
            resized. Their channels are as many as those of the images.
        mode, ds_id: When to run; see `Op`.
        beta_limit: How far the low frequencies reach: up to this part of the smaller side, in periods for an image.
            Drawn uniformly from a range within [0, 0.5]; a single n means (0, n). At 0 the mean alone is taken over.
        read_fn: Turns an element of `reference_images` into an array, uint8 or float32 in [0, 1].

    Raises:
        ConfigError: If there is no reference image, or a value is not possible.

    Source: Yang and Soatto 2020, "FDA: Fourier Domain Adaptation for Semantic Segmentation", arXiv 2004.05498.

    Image types: uint8, float32.
    """

    methods = SpectrumMethods

    beta_limit: float | tuple[float, float] = 0.1
    read_fn: Callable[[Any], np.ndarray] = read_rgb_image

    def _arguments(self) -> dict[str, Any]:
        return {"beta_limit": span(self.beta_limit, "FDA(beta_limit)", 0, 0, MAX_BETA), "read_fn": self.read_fn}


class HistogramMatching(FromReference):
    """Change the values so that each channel has the histogram of a reference image, and mix with the image.

    float32 images are worked on in 256 steps.

    Args:
        inputs: Key or keys of images.
        outputs: Key or keys to write, as many as `inputs`.
        reference_images: What `read_fn` turns into images, file names as a rule; one is drawn for each sample. Their
            channels are as many as those of the images.
        mode, ds_id: When to run; see `Op`.
        blend_ratio: The part of the changed image in the mixture: a range within [0, 1], drawn uniformly.
        read_fn: Turns an element of `reference_images` into an array, uint8 or float32 in [0, 1].

    Raises:
        ConfigError: If there is no reference image, or a value is not possible.

    Image types: uint8, float32.
    """

    methods = ReferenceMethods

    blend_ratio: tuple[float, float] = (0.5, 1.0)
    read_fn: Callable[[Any], np.ndarray] = read_rgb_image

    def _arguments(self) -> dict[str, Any]:
        ratio = span(self.blend_ratio, "HistogramMatching(blend_ratio)", low=0, high=1)
        return {"blend_ratio": ratio, "read_fn": self.read_fn}


class DistributionMethods(ReferenceMethods):
    """Stand before `albumentations.PixelDistributionAdaptation`, whose result is too dark by a factor of 255."""

    transform_type: str

    def apply(self, img: np.ndarray, reference_image: np.ndarray, blend_ratio: float, **params: Any) -> np.ndarray:
        """Adapt an image of shape (H, W, C) to another one, and mix."""
        pixels, others = (each.reshape(-1, num_channels(each)).astype(np.float64) for each in (img, reference_image))
        adapted = _MAPS[self.transform_type](pixels, others).reshape(img.shape)
        low, high = 0, WHITE if img.dtype == np.uint8 else 1
        return cut(img * (1 - blend_ratio) + np.clip(adapted, low, high) * blend_ratio, img.dtype)


def _by_deviation(pixels: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Give each channel mean and standard deviation of the other image; both of shape (N, C)."""
    return _stretched(pixels - pixels.mean(0), pixels.std(0)) * others.std(0) + others.mean(0)


def _by_range(pixels: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Give each channel minimum and maximum of the other image."""
    return _stretched(pixels - pixels.min(0), np.ptp(pixels, 0)) * np.ptp(others, 0) + others.min(0)


def _by_axes(pixels: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Turn the cloud of colours, so that its main axes become those of the other image."""
    own, other = _main_axes(pixels), _main_axes(others)
    if np.trace(own) * np.trace(other) < 0:
        other = -other
    return (pixels - pixels.mean(0)) @ own.T @ other + others.mean(0)


def _stretched(values: np.ndarray, widths: np.ndarray) -> np.ndarray:
    return values / np.where(widths == 0, 1, widths)


def _main_axes(pixels: np.ndarray) -> np.ndarray:
    """Rows are axes, those of the largest variance first; the largest component of each is above 0."""
    _, columns = np.linalg.eigh(np.atleast_2d(np.cov(pixels, rowvar=False)))
    axes = columns.T[::-1]
    largest = np.abs(axes).argmax(1)
    return axes * np.sign(axes[np.arange(len(axes)), largest])[:, np.newaxis]


_MAPS = {"pca": _by_axes, "standard": _by_deviation, "minmax": _by_range}


class PixelDistributionAdaptation(FromReference):
    """Change the values so that they are distributed as those of a reference image, and mix with the image.

    Args:
        inputs: Key or keys of images of shape (H, W, 3).
        outputs: Key or keys to write, as many as `inputs`.
        reference_images: What `read_fn` turns into images, file names as a rule; one is drawn for each sample.
        mode, ds_id: When to run; see `Op`.
        blend_ratio: The part of the changed image in the mixture: a range within [0, 1], drawn uniformly.
        read_fn: Turns an element of `reference_images` into an array of shape (H, W, 3), uint8 or float32 in [0, 1].
        transform_type: What is taken over: "pca" the mean colour and the main axes of the colours, "standard" mean and
            standard deviation of each channel, "minmax" minimum and maximum of each channel.

    Raises:
        ConfigError: If there is no reference image, or a value is not possible.

    Image types: uint8, float32.
    """

    channels = (3,)
    methods = DistributionMethods

    blend_ratio: tuple[float, float] = (0.25, 1.0)
    read_fn: Callable[[Any], np.ndarray] = read_rgb_image
    transform_type: str = "pca"

    def _arguments(self) -> dict[str, Any]:
        name = "PixelDistributionAdaptation"
        if self.transform_type not in _MAPS:
            raise ConfigError(
                f"{name}(transform_type) must be one of {', '.join(map(repr, _MAPS))}, got {self.transform_type!r}."
                f"{suggest(self.transform_type, _MAPS)}"
            )
        ratio = span(self.blend_ratio, f"{name}(blend_ratio)", low=0, high=1)
        return {"blend_ratio": ratio, "read_fn": self.read_fn, "transform_type": self.transform_type}
