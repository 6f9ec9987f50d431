"""Weather: fog, rain, shadows, snow and the sun in the lens."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastestimator_lite.op.numpyop.albumentation.image_only import ImageOnly
from fastestimator_lite.op.numpyop.albumentation.levels import cut, in_bytes
from fastestimator_lite.op.numpyop.albumentation.ranges import ends_of, int_within, several
from fastestimator_lite.util.errors import ConfigError, suggest

# pixels of the image for each drop, and how long it is
RAINS = {"drizzle": (770, 10), "heavy": (600, 30), "torrential": (500, 60)}
PIXELS_A_DROP = 600
MAX_SLANT = 20
MAX_DROP_LENGTH = 100
MAX_DROP_WIDTH = 5


class RandomFog(ImageOnly):
    """Lay many faint white disks over an image, most of them in the middle. float32 images get 256 steps.

    Args:
        inputs: Key or keys of images of shape (H, W, 3).
        outputs: Key or keys to write, as many as `inputs`.
        mode, ds_id: When to run; see `Op`.
        fog_coef_lower: Lowest density to draw, in [0, 1].
        fog_coef_upper: Highest density to draw.
        alpha_coef: How much of the image a disk hides, in [0, 1], times the density.

    Raises:
        ConfigError: If a value is not in [0, 1], or the densities are no range.

    Image types: uint8, float32.
    """

    channels = (3,)

    fog_coef_lower: float = 0.3
    fog_coef_upper: float = 1.0
    alpha_coef: float = 0.08

    def _arguments(self) -> dict[str, Any]:
        names = "RandomFog(fog_coef_lower, fog_coef_upper)"
        return {
            "fog_coef_range": ends_of(self.fog_coef_lower, self.fog_coef_upper, names, 0, 1),
            "alpha_coef": self.alpha_coef,
        }


class RainMethods:
    """Stand before `albumentations.RandomRain`: drops of a colour, as many as the area has room for, and a wet lens."""

    py_random: Any
    random_generator: np.random.Generator
    slant_range: tuple[int, int]
    drop_length: int
    drop_width: int
    drop_color: tuple[int, int, int]
    blur_value: int
    brightness_coefficient: float
    pixels_a_drop: int

    def get_params_dependent_on_data(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        """Draw the drops: lines of shape (N, 2, 2), each two times x and y."""
        height, width = params["shape"][:2]
        slant = int(self.py_random.uniform(*self.slant_range))
        count = max(1, height * width // self.pixels_a_drop)
        room = (width, max(1, height - self.drop_length + 1))
        tops = self.random_generator.integers(0, room, (count, 2))
        return {"drops": np.stack([tops, tops + (slant, self.drop_length)], axis=1).astype(np.int32)}

    def apply(self, img: np.ndarray, drops: np.ndarray, **params: Any) -> np.ndarray:
        """Let it rain on an image of shape (H, W, 3)."""
        return in_bytes(img, lambda image: self._rain(image, drops))

    def _rain(self, image: np.ndarray, drops: np.ndarray) -> np.ndarray:
        import cv2

        wet = image.copy()
        cv2.polylines(wet, list(drops), False, self.drop_color, self.drop_width)
        wet = cv2.blur(wet, (self.blur_value, self.blur_value))
        return cut(wet * np.float32(self.brightness_coefficient), image.dtype)


class RandomRain(ImageOnly):
    """Draw raindrops, blur the image and darken it. float32 images get 256 steps.

    Args:
        inputs: Key or keys of images of shape (H, W, 3).
        outputs: Key or keys to write, as many as `inputs`.
        mode, ds_id: When to run; see `Op`.
        slant_lower: Lowest slant to draw: pixels that a drop moves to the right, in [-20, 20].
        slant_upper: Highest slant to draw.
        drop_length: Height of a drop in pixels, in [0, 100].
        drop_width: Width of a drop in pixels, in [1, 5].
        drop_color: Red, green and blue of a drop, in [0, 255].
        blur_value: Side in pixels of the square that is averaged over; 1 for no blur.
        brightness_coefficient: What the image is multiplied by, in (0, 1].
        rain_type: "drizzle", "heavy" or "torrential": a drop for every 770, 600 or 500 pixels, at
            least one, 10, 30 or 60 pixels high. None for a drop for every 600 pixels, of `drop_length`.

    Raises:
        ConfigError: If a value is not possible.

    Image types: uint8, float32.
    """

    channels = (3,)
    methods = RainMethods

    slant_lower: int = -10
    slant_upper: int = 10
    drop_length: int = 20
    drop_width: int = 1
    drop_color: tuple[int, int, int] = (200, 200, 200)
    blur_value: int = 7
    brightness_coefficient: float = 0.7
    rain_type: str | None = None

    def _arguments(self) -> dict[str, Any]:
        if self.rain_type is not None and self.rain_type not in RAINS:
            raise ConfigError(
                f"RandomRain(rain_type) must be one of {', '.join(map(repr, RAINS))} or None, got {self.rain_type!r}."
                f"{suggest(self.rain_type, RAINS)}"
            )
        slants = (self.slant_lower, self.slant_upper)
        return {
            "slant_range": ends_of(*slants, "RandomRain(slant_lower, slant_upper)", -MAX_SLANT, MAX_SLANT),
            "drop_width": int_within(self.drop_width, "RandomRain(drop_width)", 1, MAX_DROP_WIDTH),
            "drop_color": several(self.drop_color, 3, "RandomRain(drop_color)"),
            "blur_value": self.blur_value,
            "brightness_coefficient": self.brightness_coefficient,
        }

    def _settings(self) -> dict[str, Any]:
        length = int_within(self.drop_length, "RandomRain(drop_length)", 0, MAX_DROP_LENGTH)
        pixels, length = (PIXELS_A_DROP, length) if self.rain_type is None else RAINS[self.rain_type]
        return {"pixels_a_drop": pixels, "drop_length": length}


class ShadowMethods:
    """Stand before `albumentations.RandomShadow`: no shadow at all may be drawn, and the region may be thin."""

    py_random: Any
    shadow_roi: tuple[float, float, float, float]
    shadow_dimension: int
    shadow_intensity_range: tuple[float, float]
    counts: tuple[int, int]

    def get_params_dependent_on_data(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        """Draw the corners of each shadow: arrays of shape (N, 2), x and y."""
        height, width = params["shape"][:2]
        x_min, y_min, x_max, y_max = self.shadow_roi
        columns, rows = (int(x_min * width), int(x_max * width)), (int(y_min * height), int(y_max * height))
        draw = self.py_random.randint
        count = draw(*self.counts)
        shadows = [
            np.array([(draw(*columns), draw(*rows)) for _ in range(self.shadow_dimension)], np.int32)
            for _ in range(count)
        ]
        return {"vertices_list": shadows, "intensities": [self.shadow_intensity_range[0]] * count}


class RandomShadow(ImageOnly):
    """Halve the values inside polygons. float32 images get 256 steps.

    Args:
        inputs: Key or keys of images.
        outputs: Key or keys to write, as many as `inputs`.
        mode, ds_id: When to run; see `Op`.
        shadow_roi: (x_min, y_min, x_max, y_max) of the region that the corners are drawn from, as parts of the image.
        num_shadows_lower: Lowest number of polygons to draw, >= 0.
        num_shadows_upper: Highest number of polygons to draw.
        shadow_dimension: Corners of a polygon, >= 3.

    Raises:
        ConfigError: If a value is not possible.

    Image types: uint8, float32.
    """

    methods = ShadowMethods

    shadow_roi: tuple[float, float, float, float] = (0.0, 0.5, 1.0, 1.0)
    num_shadows_lower: int = 1
    num_shadows_upper: int = 2
    shadow_dimension: int = 5

    def _arguments(self) -> dict[str, Any]:
        return {
            "shadow_roi": several(self.shadow_roi, 4, "RandomShadow(shadow_roi)"),
            "shadow_dimension": self.shadow_dimension,
        }

    def _settings(self) -> dict[str, Any]:
        counts = (self.num_shadows_lower, self.num_shadows_upper)
        return {"counts": ends_of(*counts, "RandomShadow(num_shadows_lower, num_shadows_upper)", 0, whole=True)}


class RandomSnow(ImageOnly):
    """Make everything lighter that is darker than a threshold. float32 images get 256 steps.

    Args:
        inputs: Key or keys of images of shape (H, W, 3).
        outputs: Key or keys to write, as many as `inputs`.
        mode, ds_id: When to run; see `Op`.
        snow_point_lower: Lowest amount p of snow to draw, in [0, 1]; the threshold is a lightness of
            255 / 3 + p * 255 / 2.
        snow_point_upper: Highest amount of snow to draw.
        brightness_coeff: What the lightness below the threshold is multiplied by, above 0.

    Raises:
        ConfigError: If a value is not possible.

    Image types: uint8, float32.
    """

    channels = (3,)

    snow_point_lower: float = 0.1
    snow_point_upper: float = 0.3
    brightness_coeff: float = 2.5

    def _arguments(self) -> dict[str, Any]:
        names = "RandomSnow(snow_point_lower, snow_point_upper)"
        return {
            "snow_point_range": ends_of(self.snow_point_lower, self.snow_point_upper, names, 0, 1),
            "brightness_coeff": self.brightness_coeff,
        }


class RandomSunFlare(ImageOnly):
    """Lay the glare of a sun over an image, and disks of light along a line through it. float32 images get 256 steps.

    Args:
        inputs: Key or keys of images of shape (H, W, 3).
        outputs: Key or keys to write, as many as `inputs`.
        mode, ds_id: When to run; see `Op`.
        flare_roi: (x_min, y_min, x_max, y_max) of the region that the sun is drawn from, as parts of the image.
        angle_lower: Lowest angle of the line to draw, in turns, in [0, 1].
        angle_upper: Highest angle to draw.
        num_flare_circles_lower: Lowest number of disks to draw, >= 1.
        num_flare_circles_upper: Highest number of disks to draw.
        src_radius: Radius of the glare in pixels, above 1.
        src_color: Red, green and blue of the light, in [0, 255].

    Raises:
        ConfigError: If a value is not possible.

    Image types: uint8, float32.
    """

    channels = (3,)

    flare_roi: tuple[float, float, float, float] = (0, 0, 1, 0.5)
    angle_lower: float = 0.0
    angle_upper: float = 1.0
    num_flare_circles_lower: int = 6
    num_flare_circles_upper: int = 10
    src_radius: int = 400
    src_color: tuple[int, int, int] = (255, 255, 255)

    def _arguments(self) -> dict[str, Any]:
        counts = (self.num_flare_circles_lower, self.num_flare_circles_upper)
        circles = "RandomSunFlare(num_flare_circles_lower, num_flare_circles_upper)"
        angles = "RandomSunFlare(angle_lower, angle_upper)"
        return {
            "flare_roi": several(self.flare_roi, 4, "RandomSunFlare(flare_roi)"),
            "angle_range": ends_of(self.angle_lower, self.angle_upper, angles, 0, 1),
            "num_flare_circles_range": ends_of(*counts, circles, 1, whole=True),
            "src_radius": self.src_radius,
            "src_color": several(self.src_color, 3, "RandomSunFlare(src_color)"),
        }
