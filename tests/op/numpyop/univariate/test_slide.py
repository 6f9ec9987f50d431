"""ShearX, ShearY, TranslateX, TranslateY."""

from __future__ import annotations

import numpy as np
import pytest

from fastestimator_lite.op.numpyop.univariate import ShearX, ShearY, TranslateX, TranslateY

STATE = {"mode": "train", "epoch": 1}
HEIGHT, WIDTH = 60, 90


def run(kind, image, amount):
    name = "shear_coef" if kind in (ShearX, ShearY) else "shift_limit"
    result = kind("x", "x", **{name: (amount, amount)}).forward([image], STATE)[0]
    assert (result.dtype, result.shape) == (np.uint8, image.shape)
    return result


@pytest.mark.parametrize("shape", [(HEIGHT, WIDTH), (HEIGHT, WIDTH, 1), (HEIGHT, WIDTH, 3)])
@pytest.mark.parametrize("pixels", [-7, 0, 4])
def test_translation_by_whole_pixels(shape, pixels):
    image = np.random.default_rng(0).integers(1, 256, shape, dtype=np.uint8)
    for kind, axis in ((TranslateX, 1), (TranslateY, 0)):
        expected = np.roll(image, -pixels, axis)
        gone = [slice(None)] * image.ndim
        gone[axis] = slice(shape[axis] - pixels, None) if pixels > 0 else slice(0, -pixels)
        expected[tuple(gone)] = 0
        np.testing.assert_array_equal(run(kind, image, pixels / shape[axis]), expected)


@pytest.mark.parametrize("coefficient", [-0.5, -0.21, 0, 0.13, 0.4])
def test_shear(coefficient):
    """Of an image that is linear in x and y each pixel says where it came from."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    for kind, along, across in ((ShearX, x, y), (ShearY, y, x)):
        length = along.max() + 1
        extra = round(abs(coefficient) * length)
        source = (along + 0.5) * (length + extra) / length + coefficient * (across + 0.5) - 0.5
        source -= extra if coefficient > 0 else 0
        # what comes from near the border is mixed with the 0 outside
        inside = (source > 4) & (source < length - 5) & (across > 3) & (across < across.max() - 3)
        assert inside.mean() > 0.3
        for image, expected in ((along, source), (across, across)):
            got = run(kind, (20 + 2 * image).astype(np.uint8), coefficient)
            np.testing.assert_allclose(got[inside], 20 + 2 * expected[inside], atol=1.5)  # rounded twice
        outside = (source < -4) | (source > length + 3)
        assert not run(kind, np.full((HEIGHT, WIDTH), 200, np.uint8), coefficient)[outside].any()


def test_no_shear_is_the_image():
    image = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    for kind in (ShearX, ShearY):
        np.testing.assert_array_equal(run(kind, image, 0), image)
