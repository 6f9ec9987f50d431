"""Weather: what each parameter does to flat and simple images."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from fastestimator_lite.op.numpyop.univariate import RandomFog, RandomRain, RandomShadow, RandomSnow, RandomSunFlare
from fastestimator_lite.util.errors import ConfigError, DataError

STATE = {"mode": "train", "epoch": 1}
GRAY = np.full((60, 80, 3), 100, np.uint8)


def run(op, image=GRAY, seed=0):
    op.reseed(seed)
    return op.forward([image], STATE)[0]


def test_fog_lightens_by_density_and_opacity():
    def lightness(coefficient, alpha):
        op = RandomFog("x", "y", fog_coef_lower=coefficient, fog_coef_upper=coefficient, alpha_coef=alpha)
        return np.mean([run(op, seed=seed).mean() for seed in range(5)])

    assert lightness(0.5, 0) == 100
    assert 100 < lightness(0.2, 0.1) < lightness(0.6, 0.1) < lightness(0.6, 0.3) <= 255
    transform = RandomFog("x", "y", fog_coef_lower=0.4).transform
    assert transform.fog_coef_range == (0.4, 1.0)
    assert transform.alpha_coef == 0.08


def rain(**arguments):
    return RandomRain("x", "y", **{"blur_value": 1, "brightness_coefficient": 1.0, **arguments})


def drops_of(op, shape=(600, 700, 3), seed=0):
    op.reseed(seed)
    return op.transform.get_params_dependent_on_data({"shape": shape}, {})["drops"]


@pytest.mark.parametrize(
    ("kind", "count", "length"), [(None, 700, 20), ("drizzle", 545, 10), ("heavy", 700, 30), ("torrential", 840, 60)]
)
def test_kinds_of_rain(kind, count, length):
    drops = drops_of(rain(rain_type=kind))  # 600 * 700 = 420000 pixels
    assert drops.shape == (count, 2, 2)
    assert set(drops[:, 1, 1] - drops[:, 0, 1]) == {length}
    assert (drops[:, 0] >= 0).all()
    assert (drops[:, 0] < (700, 601)).all()
    assert drops[:, 1, 1].max() <= 600


def test_slants_are_drawn():
    op = rain(slant_lower=-4, slant_upper=7, drop_length=5)
    drawn = [drops_of(op, (30, 30, 3), seed) for seed in range(80)]
    slants = [int(ends[0, 1, 0] - ends[0, 0, 0]) for ends in drawn]
    assert min(slants) == -3
    assert max(slants) == 6
    assert drops_of(rain(drop_length=50), (6, 9, 3)).shape == (1, 2, 2)  # longer than the image is high


def test_drops_have_their_colour_length_and_width():
    image = np.full((20, 25, 3), 100, np.uint8)  # too small for more than one
    upright = {"slant_lower": 0, "slant_upper": 0, "drop_length": 12, "drop_color": (10, 20, 30)}
    changed = (run(rain(**upright), image) != image).any(-1)
    rows, columns = np.nonzero(changed)
    assert len(set(columns)) == 1
    assert rows.tolist() == list(range(rows[0], rows[0] + 13))
    found = run(rain(drop_width=3, **upright), image)
    wide = (found != image).any(-1)
    assert (np.unique(found[wide], axis=0) == [10, 20, 30]).all()
    assert wide[changed].all()
    assert wide.sum() >= 2 * changed.sum()


def test_rain_blurs_and_darkens():
    op = RandomRain("x", "y", drop_length=0, drop_color=(100, 100, 100), brightness_coefficient=0.5, blur_value=5)
    image = np.random.default_rng(0).integers(0, 256, (20, 25, 3), dtype=np.uint8)
    op.reseed(0)
    start, end = op.transform.get_params_dependent_on_data({"shape": image.shape}, {})["drops"][0]
    wet = image.copy()
    cv2.line(wet, start.tolist(), end.tolist(), (100, 100, 100), 1)
    np.testing.assert_allclose(run(op, image), cv2.blur(wet, (5, 5)) * 0.5, atol=0.51)


def test_shadows_halve_what_is_in_the_region():
    op = RandomShadow("x", "y", shadow_roi=(0.25, 0.5, 0.75, 1.0), num_shadows_lower=1, num_shadows_upper=1)
    seen = np.zeros(GRAY.shape[:2], bool)
    for seed in range(60):
        found = run(op, seed=seed)
        assert set(np.unique(found)) <= {50, 100}
        seen |= found[..., 0] == 50
    rows, columns = np.nonzero(seen)
    assert (rows.min(), columns.min()) == pytest.approx((30, 20), abs=2)
    assert (rows.max(), columns.max()) == pytest.approx((59, 60), abs=2)


def test_numbers_of_shadows_and_corners():
    op = RandomShadow("x", "y", num_shadows_lower=0, num_shadows_upper=3, shadow_dimension=4)
    counts = set()
    for seed in range(60):
        op.reseed(seed)
        shadows = op.transform.get_params_dependent_on_data({"shape": GRAY.shape}, {})["vertices_list"]
        counts.add(len(shadows))
        assert all(shadow.shape == (4, 2) for shadow in shadows)
    assert counts == {0, 1, 2, 3}
    # a region of less than a pixel
    run(RandomShadow("x", "y", shadow_roi=(0.5, 0.5, 0.5, 0.5)), GRAY[:3, :3])


def test_snow_lightens_what_is_dark():
    image = np.repeat(np.arange(0, 256, dtype=np.uint8)[np.newaxis, :, np.newaxis], 3, axis=-1)
    op = RandomSnow("x", "y", snow_point_lower=0.2, snow_point_upper=0.2, brightness_coeff=1.5)
    threshold = 255 / 3 + 0.2 * 255 / 2  # 110.5
    gray = image.astype(float)
    expected = np.where(gray < threshold, np.minimum(1.5 * gray, 255), gray)
    np.testing.assert_allclose(run(op, image), expected, atol=1)
    np.testing.assert_allclose(run(op, (image / 255).astype(np.float32)), expected / 255, atol=0.01)
    assert RandomSnow("x", "y").transform.snow_point_range == (0.1, 0.3)


def test_the_sun_stands_in_its_region():
    op = RandomSunFlare("x", "y", flare_roi=(0.5, 0.5, 0.6, 0.6), src_radius=20, src_color=(250, 150, 90))
    transform = op.transform
    for seed in range(20):
        op.reseed(seed)
        x, y = transform.get_params_dependent_on_data({"shape": (200, 300, 3)}, {})["flare_center"]
        assert 150 <= x <= 180
        assert 100 <= y <= 120
    found = run(op, np.zeros((200, 300, 3), np.uint8))
    assert found.max() > 0
    red, green, blue = found.reshape(-1, 3).max(0)
    assert red > green > blue


def test_disks_of_the_flare():
    op = RandomSunFlare(
        "x", "y", angle_lower=0.25, angle_upper=0.25, num_flare_circles_lower=3, num_flare_circles_upper=5
    )
    counts = set()
    for seed in range(40):
        op.reseed(seed)
        drawn = op.transform.get_params_dependent_on_data({"shape": (200, 300, 3)}, {})
        counts.add(len(drawn["circles"]))
        x = drawn["flare_center"][0]
        assert all(abs(circle[1][0] - x) <= 1 for circle in drawn["circles"])  # a quarter of a turn is upright
    assert counts == {3, 4, 5}


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        (RandomFog, {"fog_coef_lower": 0.9, "fog_coef_upper": 0.2}, "got 0.9 and 0.2"),
        (RandomFog, {"alpha_coef": 2}, "RandomFog"),
        (RandomRain, {"rain_type": "heavi"}, "Did you mean 'heavy'"),
        (RandomRain, {"slant_lower": -30}, r"RandomRain\(slant_lower, slant_upper\) .* within \[-20, 20\]"),
        (RandomRain, {"drop_length": 200}, r"RandomRain\(drop_length\) must be an int within \[0, 100\], got 200"),
        (RandomRain, {"drop_width": 0}, r"RandomRain\(drop_width\)"),
        (RandomRain, {"drop_color": (1, 2)}, r"RandomRain\(drop_color\) must be 3 numbers"),
        (RandomRain, {"blur_value": 0}, "blur_value"),
        (RandomShadow, {"num_shadows_lower": 3}, "got 3 and 2"),
        (RandomShadow, {"shadow_roi": (0, 0.5, 1, 2)}, "shadow_roi"),
        (RandomShadow, {"shadow_roi": 0.5}, r"RandomShadow\(shadow_roi\) must be 4 numbers"),
        (RandomShadow, {"shadow_dimension": 2}, "shadow_dimension"),
        (RandomSnow, {"snow_point_lower": 0.5}, "got 0.5 and 0.3"),
        (RandomSunFlare, {"num_flare_circles_lower": 0}, "at least 1"),
        (RandomSunFlare, {"angle_upper": 2}, r"within \[0, 1\]"),
        (RandomSunFlare, {"src_color": 3}, r"RandomSunFlare\(src_color\) must be 3 numbers"),
        (RandomSunFlare, {"src_radius": 0}, "src_radius"),
    ],
)
def test_values_are_checked(kind, arguments, message):
    with pytest.raises(ConfigError, match=message):
        kind("x", "y", **arguments)


@pytest.mark.parametrize("kind", [RandomFog, RandomRain, RandomSnow, RandomSunFlare])
def test_colours_are_needed(kind):
    with pytest.raises(DataError, match=rf"{kind.__name__} takes images with 3 channels.* \(60, 80, 1\)"):
        kind("x", "y").forward([GRAY[..., :1]], STATE)
