"""What the ops on PIL images have in common, and the changes of colour: held against their formulas."""

from __future__ import annotations

import numpy as np
import pytest

from fastestimator_lite.op.numpyop import meta, univariate
from fastestimator_lite.op.numpyop.univariate import (
    AutoContrast,
    Brightness,
    Color,
    Contrast,
    Sharpness,
    ShearX,
    ShearY,
    TranslateX,
    TranslateY,
)
from fastestimator_lite.util.errors import ConfigError, DataError

STATE = {"mode": "train", "epoch": 1}
FACTORS = (0.0, 0.37, 1.0, 1.44, 2.5)
RANGED = {
    Brightness: "limit",
    Color: "limit",
    Contrast: "limit",
    Sharpness: "limit",
    ShearX: "shear_coef",
    ShearY: "shear_coef",
    TranslateX: "shift_limit",
    TranslateY: "shift_limit",
}
ranged = pytest.mark.parametrize("kind", RANGED, ids=lambda kind: kind.__name__)
every_kind = pytest.mark.parametrize("kind", [*RANGED, AutoContrast], ids=lambda kind: kind.__name__)


def photo(shape=(37, 53, 3), seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def run(op, image):
    result = op.forward([image], STATE)[0]
    assert (result.dtype, result.shape) == (image.dtype, image.shape)
    return result


def enhanced(kind, image, factor):
    """The result of an op whose draw can only be one number."""
    return run(kind("x", "x", limit=(factor - 1, factor - 1)), image)


def mixed(poor, image, factor):
    return np.clip(poor + factor * (image.astype(float) - poor), 0, 255)


def gray_of(image):
    """Luma of ITU-R BT.601, to a whole number."""
    return np.round(image.astype(float) @ [0.299, 0.587, 0.114])


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("shape", [(37, 53, 3), (20, 31), (20, 31, 1)])
def test_brightness(shape, factor):
    image = photo(shape)
    np.testing.assert_allclose(enhanced(Brightness, image, factor), mixed(0, image, factor), atol=1)


@pytest.mark.parametrize("factor", FACTORS)
def test_color(factor):
    image = photo()
    np.testing.assert_allclose(
        enhanced(Color, image, factor),
        mixed(gray_of(image)[..., np.newaxis], image, factor),
        atol=2 if factor > 2 else 1,
    )


def test_color_leaves_gray_images_alone():
    image = photo((20, 31, 1))
    np.testing.assert_array_equal(enhanced(Color, image, 0.3), image)


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("shape", [(37, 53, 3), (20, 31)])
def test_contrast(shape, factor):
    image = photo(shape) // 2
    mean = np.round((gray_of(image) if image.ndim == 3 else image).mean())
    np.testing.assert_allclose(enhanced(Contrast, image, factor), mixed(mean, image, factor), atol=1)


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("shape", [(37, 53, 3), (20, 31, 1)])
def test_sharpness(shape, factor):
    image = photo(shape).astype(float)
    height, width = shape[:2]
    around = sum(
        image[i : i + height - 2, j : j + width - 2] * (5 if i == j == 1 else 1) for i in range(3) for j in range(3)
    )
    smooth = image.copy()
    smooth[1:-1, 1:-1] = np.round(around / 13)
    np.testing.assert_allclose(
        enhanced(Sharpness, image.astype(np.uint8), factor), mixed(smooth, image, factor), atol=2 if factor > 2 else 1
    )


@pytest.mark.parametrize("shape", [(37, 53, 3), (20, 31), (20, 31, 1)])
def test_autocontrast(shape):
    image = photo(shape) // 3 + np.uint8(40)
    low, high = image.min(axis=(0, 1)).astype(float), image.max(axis=(0, 1)).astype(float)
    np.testing.assert_allclose(run(AutoContrast("x", "x"), image), (image - low) / (high - low) * 255, atol=1)


def test_autocontrast_leaves_an_even_channel_alone():
    image = photo((8, 9, 3))
    image[..., 1] = 77
    assert (run(AutoContrast("x", "x"), image)[..., 1] == 77).all()


@every_kind
def test_all_images_of_a_sample_get_the_same_draw(kind):
    op, image = kind(["x", "y"], ["x", "y"]), photo()
    for seed in range(4):
        op.reseed(seed)
        one, other = op.forward([image, image.copy()], STATE)
        np.testing.assert_array_equal(one, other)


@every_kind
def test_images_that_are_none_are_refused(kind):
    op = kind("x", "x")
    for wrong in (photo().astype(np.float32), photo().astype(int), photo((4, 5, 5)), photo((2, 4, 5, 3)), photo(())):
        with pytest.raises(DataError, match=rf"{kind.__name__} takes uint8 images .* got {wrong.dtype} of shape"):
            op.forward([wrong], STATE)


def test_four_channels_are_fine_where_pil_knows_what_they_are():
    image = photo((6, 7, 4))
    result = enhanced(Brightness, image, 0.5)
    np.testing.assert_allclose(result[..., :3], image[..., :3] * 0.5, atol=1)
    with pytest.raises(DataError, match=r"AutoContrast .* C one of \(1, 3\)"):
        AutoContrast("x", "x").forward([image], STATE)


@ranged
def test_the_draw_is_uniform_in_the_range(kind):
    op = kind("x", "x", **{RANGED[kind]: 0.4})
    drawn = []
    for seed in range(500):
        op.reseed(seed)
        drawn.append(op.draw())
    assert -0.4 <= min(drawn) < -0.39
    assert 0.39 < max(drawn) <= 0.4
    # the standard error of a quarter is 0.02
    np.testing.assert_allclose(np.histogram(drawn, 4, (-0.4, 0.4))[0] / 500, 0.25, atol=0.08)


@ranged
def test_a_range_may_be_given_as_such(kind):
    name = RANGED[kind]
    assert kind("x", "x", **{name: (-0.1, 0.3)}).range == (-0.1, 0.3)
    assert kind("x", "x", **{name: -0.5}).range == (-0.5, 0.5)
    for wrong in ((0.3, 0.1), (1, 2, 3), "much", None, float("nan")):
        with pytest.raises(ConfigError, match=rf"{kind.__name__}\({name}\)"):
            kind("x", "x", **{name: wrong})


@ranged
def test_the_level_of_a_rua_narrows_the_range(kind):
    op = kind("x", "x", **{RANGED[kind]: 0.6})
    for level in (0.5, 0, 1, 0.25):  # not one on top of the other
        op.set_rua_level(level)
        assert op.range == pytest.approx((-0.6 * level, 0.6 * level))
    op = kind("x", "x", **{RANGED[kind]: (0.1, 0.2)})
    op.set_rua_level(0.5)
    assert op.range == pytest.approx((0.125, 0.175))  # as FastEstimator 1.7


def test_the_level_goes_through_other_ops():
    inner = Brightness("x", "x", limit=0.4)
    univariate.RUA("x", "x", choices=meta.Sometimes(inner), level=15)
    meta.Fuse([meta.Sometimes(inner)]).set_rua_level(0.5)
    assert inner.range == pytest.approx((-0.2, 0.2))
    with pytest.raises(ConfigError, match="Minmax has no set_rua_level"):
        meta.Fuse([univariate.Minmax("x", "x")]).set_rua_level(0.5)


def test_as_many_outputs_as_inputs_are_needed():
    with pytest.raises(ConfigError, match=r"Color: .*\['x', 'y'\].*\['z'\]"):
        Color(["x", "y"], "z")
