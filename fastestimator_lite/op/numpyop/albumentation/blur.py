"""Ways to make an image less sharp."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastestimator_lite.op.numpyop.albumentation.declare import build_transform
from fastestimator_lite.op.numpyop.albumentation.image_only import ImageOnly, ImageOnlyAlbumentation, num_channels
from fastestimator_lite.op.numpyop.albumentation.levels import in_bytes
from fastestimator_lite.op.numpyop.albumentation.ranges import int_span, odd_span, span
from fastestimator_lite.op.numpyop.albumentation.rotate import both_ways
from fastestimator_lite.util.errors import ConfigError

SMALLEST = 3  # pixels, of a kernel that blurs
MAX_MEDIAN_CHANNELS = 4  # of what OpenCV takes at once
FLOAT_MEDIANS = (3, 5)  # sizes that OpenCV has for float32


class SizeMethods:
    """Stand before `albumentations.Blur`: the side of the square is one of `sizes`."""

    py_random: Any
    sizes: range

    def get_params(self) -> dict[str, Any]:
        """Draw the side."""
        return {"kernel": self.py_random.choice(self.sizes)}


class MedianMethods(SizeMethods):
    """Stand before `albumentations.Blur`: the median in place of the mean."""

    def apply(self, img: np.ndarray, kernel: int, **params: Any) -> np.ndarray:
        """Filter an image of shape (H, W) or (H, W, C)."""
        if num_channels(img) > MAX_MEDIAN_CHANNELS:
            return np.stack([self.apply(channel, kernel) for channel in np.moveaxis(img, -1, 0)], axis=-1)
        if kernel in FLOAT_MEDIANS:
            return _median(img, kernel)
        return in_bytes(img, lambda image: _median(image, kernel))


def _median(image: np.ndarray, kernel: int) -> np.ndarray:
    import cv2

    return cv2.medianBlur(image, kernel).reshape(image.shape)


class GaussianMethods:
    """Stand before `albumentations.GaussianBlur`: sigma may follow from the side of the kernel."""

    py_random: Any
    blur_limit: tuple[int, int]
    sigma_limit: tuple[float, float]

    def get_params_dependent_on_data(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        """Draw side and sigma."""
        side = self.py_random.randint(*self.blur_limit)
        return {"side": side and side | 1, "sigma": self.py_random.uniform(*self.sigma_limit)}

    def apply(self, img: np.ndarray, side: int, sigma: float, **params: Any) -> np.ndarray:
        """Filter an image of shape (H, W) or (H, W, C)."""
        import cv2

        return cv2.GaussianBlur(img, (side, side), sigmaX=sigma).reshape(img.shape)


class Blur(ImageOnly):
    """Average over a square, or over a Gaussian-like bell of any shape and direction.

    Args:
        inputs: Key or keys of images.
        outputs: Key or keys to write, as many as `inputs`.
        mode, ds_id: When to run; see `Op`.
        blur_limit: Side of the square in pixels, drawn from low, low + 2, ... up to high; a single n means (3, n).
        advanced: Whether to use the bell: exp(-(x' S^-1 x / 2)^beta), times noise. `blur_limit` is then the side of its
            kernel and must have odd ends; the parameters below are for it alone.
        sigmaX_limit: Standard deviation along the first axis in pixels, drawn uniformly; a single n means (0, n).
        sigmaY_limit: The same along the second axis.
        rotate_limit: Degrees that the axes are turned by, drawn uniformly; a single n means (-n, n).
        beta_limit: The exponent beta, drawn from (low, 1) as often as from (1, high); 1 is a Gaussian, less has longer
            tails, more is flatter at the top. A single n means (0, n).
        noise_limit: What each weight of the kernel is multiplied by, drawn uniformly; a single n means (0, n).

    Raises:
        ConfigError: If a range is none, or cannot work.

    Image types: uint8, float32.
    """

    methods = SizeMethods

    blur_limit: int | tuple[int, int] = 7
    advanced: bool = False
    sigmaX_limit: float | tuple[float, float] = (0.2, 1.0)  # noqa: N815 - a name of 1.x
    sigmaY_limit: float | tuple[float, float] = (0.2, 1.0)  # noqa: N815
    rotate_limit: float | tuple[float, float] = 90
    beta_limit: float | tuple[float, float] = (0.5, 8.0)
    noise_limit: float | tuple[float, float] = (0.9, 1.1)

    def _arguments(self) -> dict[str, Any]:
        return {}

    def _settings(self) -> dict[str, Any]:
        low, high = int_span(self.blur_limit, "Blur(blur_limit)", SMALLEST, 1)
        return {"sizes": range(low, high + 1, 2)}

    def _start(self, func: Any, **shared: Any) -> None:
        if not self.advanced:
            super()._start(func, **shared)
            return
        sigmas = {name: span(getattr(self, name), f"Blur({name})", 0, 0) for name in ("sigmaX_limit", "sigmaY_limit")}
        if any(high == 0 for _, high in sigmas.values()):
            raise ConfigError(f"Blur(sigmaX_limit, sigmaY_limit) must reach above 0, got {sigmas}")
        bell = {
            "blur_limit": odd_span(self.blur_limit, "Blur(blur_limit)", SMALLEST),
            "sigma_x_limit": sigmas["sigmaX_limit"],
            "sigma_y_limit": sigmas["sigmaY_limit"],
            "rotate_limit": both_ways(self.rotate_limit, "Blur(rotate_limit)"),
            "beta_limit": span(self.beta_limit, "Blur(beta_limit)", 0, 0),
            "noise_limit": span(self.noise_limit, "Blur(noise_limit)", 0, 0),
        }
        ImageOnlyAlbumentation.__init__(self, build_transform("AdvancedBlur", bell, "Blur"), **shared)


class MedianBlur(ImageOnly):
    """Replace each pixel by the median of a square around it, channel by channel.

    float32 images are worked on in 256 steps where the square is larger than 5 x 5 pixels.

    Args:
        inputs: Key or keys of images.
        outputs: Key or keys to write, as many as `inputs`.
        mode, ds_id: When to run; see `Op`.
        blur_limit: Side of the square in pixels, drawn from the odd numbers of a range (low, high), both odd and >= 3;
            a single n means (3, n).

    Raises:
        ConfigError: If it is no such range.

    Image types: uint8, float32.
    """

    albumentation = "Blur"
    methods = MedianMethods

    blur_limit: int | tuple[int, int] = 5

    def _arguments(self) -> dict[str, Any]:
        return {}

    def _settings(self) -> dict[str, Any]:
        low, high = odd_span(self.blur_limit, "MedianBlur(blur_limit)", SMALLEST)
        return {"sizes": range(low, high + 1, 2)}


class MotionBlur(ImageOnly):
    """Average along a short line of drawn length and direction.

    Args:
        inputs: Key or keys of images.
        outputs: Key or keys to write, as many as `inputs`.
        mode, ds_id: When to run; see `Op`.
        blur_limit: Side in pixels of the square that the line lies in, drawn from the odd numbers of a range
            (low, high), both odd and >= 3; a single n means (3, n).

    Raises:
        ConfigError: If it is no such range.

    Image types: uint8, float32.
    """

    blur_limit: int | tuple[int, int] = 7

    def _arguments(self) -> dict[str, Any]:
        return {"blur_limit": odd_span(self.blur_limit, "MotionBlur(blur_limit)", SMALLEST)}


class GaussianBlur(ImageOnly):
    """Average with the weights of a Gaussian.

    Args:
        inputs: Key or keys of images.
        outputs: Key or keys to write, as many as `inputs`.
        mode, ds_id: When to run; see `Op`.
        blur_limit: Side of the kernel in pixels, drawn from a range (low, high), even numbers raised by 1; both ends
            odd, or 0 for a side that follows from sigma. A single n means (0, n).
        sigma_limit: Standard deviation in pixels, drawn uniformly; a single n means (0, n). 0 stands for
            0.3 * ((side - 1) / 2 - 1) + 0.8, with OpenCV's round weights for sides up to 9. Where both ranges start at
            0, the side starts at 3.

    Raises:
        ConfigError: If a range is none, or cannot work.

    Image types: uint8, float32.
    """

    methods = GaussianMethods

    blur_limit: int | tuple[int, int] = 3
    sigma_limit: float | tuple[float, float] = 0.0

    def _arguments(self) -> dict[str, Any]:
        return {}

    def _settings(self) -> dict[str, Any]:
        low, high = odd_span(self.blur_limit, "GaussianBlur(blur_limit)", 0, 0)
        sigma = span(self.sigma_limit, "GaussianBlur(sigma_limit)", 0, 0)
        if low == 0 and sigma[0] == 0:
            low, high = SMALLEST, max(SMALLEST, high)
        return {"blur_limit": (low, high), "sigma_limit": sigma}

    def _start(self, func: Any, **shared: Any) -> None:
        super()._start(func, **shared)
        limits = (self.transform.blur_limit, self.transform.sigma_limit)
        self.draws = any(low < high for low, high in limits)


class Defocus(ImageOnly):
    """Average over a disk, as a lens out of focus does.

    Args:
        inputs: Key or keys of images.
        outputs: Key or keys to write, as many as `inputs`.
        mode, ds_id: When to run; see `Op`.
        radius: Radius of the disk in pixels, an int >= 1, drawn; a single n means (1, n).
        alias_blur: Standard deviation in pixels of a Gaussian that smooths the disk's rim, drawn uniformly; a single n
            means (0, n).

    Raises:
        ConfigError: If a range is none, or cannot work.

    Image types: uint8, float32.
    """

    radius: int | tuple[int, int] = (3, 10)
    alias_blur: float | tuple[float, float] = (0.1, 0.5)

    def _arguments(self) -> dict[str, Any]:
        return {
            "radius": int_span(self.radius, "Defocus(radius)", 1, 1),
            "alias_blur": span(self.alias_blur, "Defocus(alias_blur)", 0, 0),
        }


class ZoomBlur(ImageOnly):
    """Average the image with enlarged ones of the same middle.

    Args:
        inputs: Key or keys of images.
        outputs: Key or keys to write, as many as `inputs`.
        mode, ds_id: When to run; see `Op`.
        max_factor: The largest enlargement, >= 1, drawn uniformly; a single n means (1, n).
        step_factor: The enlargements are 1, 1 + step, 1 + 2 * step, ... with a step > 0 that is drawn uniformly; a
            single n is the step.

    Raises:
        ConfigError: If a range is none, or cannot work.

    Image types: uint8, float32.
    """

    max_factor: float | tuple[float, float] = (1, 1.31)
    step_factor: float | tuple[float, float] = (0.01, 0.03)

    def _arguments(self) -> dict[str, Any]:
        step = span(self.step_factor, "ZoomBlur(step_factor)", low=0)
        if step[0] == 0:
            raise ConfigError(f"ZoomBlur(step_factor) must be above 0, got {self.step_factor!r}")
        return {"max_factor": span(self.max_factor, "ZoomBlur(max_factor)", 1, 1), "step_factor": step}
