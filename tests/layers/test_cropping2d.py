"""Cropping2D cuts borders off, and says when nothing would be left."""

import numpy as np
import pytest

from fastestimator_lite import layers
from fastestimator_lite.util.errors import ConfigError

torch = pytest.importorskip("torch")


@pytest.mark.parametrize(
    ("cropping", "top", "bottom", "left", "right"),
    [
        (0, 0, 0, 0, 0),
        (2, 2, 2, 2, 2),
        ((1, 2), 1, 1, 2, 2),
        ([1, 2], 1, 1, 2, 2),
        (((1, 0), (2, 3)), 1, 0, 2, 3),
        (((1, 2), 3), 1, 2, 3, 3),
    ],
)
def test_is_what_slices_leave(cropping, top, bottom, left, right):
    images = np.arange(2 * 3 * 7 * 8).reshape(2, 3, 7, 8)
    result = layers.pytorch.Cropping2D(cropping)(torch.from_numpy(images))
    np.testing.assert_array_equal(result, images[:, :, top : 7 - bottom, left : 8 - right])


def test_default_cuts_nothing_and_shows_itself():
    images = torch.rand(1, 1, 3, 3)
    assert torch.equal(layers.pytorch.Cropping2D()(images), images)
    assert repr(layers.pytorch.Cropping2D((1, 2))) == "Cropping2D(cropping=((1, 1), (2, 2)))"


@pytest.mark.parametrize("cropping", [-1, 1.5, "ab", (1, 2, 3), ((1, 2), (3,)), (1, -2), (True, 1), None])
def test_arguments_are_checked(cropping):
    with pytest.raises(ConfigError, match=r"Cropping2D\(cropping\) must be an int >= 0"):
        layers.pytorch.Cropping2D(cropping)


@pytest.mark.parametrize("cropping", [2, ((4, 0), 0), (0, 3)])
def test_something_must_be_left(cropping):
    with pytest.raises(ConfigError, match=r"leaves nothing of images of 4 x 6 pixels"):
        layers.pytorch.Cropping2D(cropping)(torch.rand(1, 1, 4, 6))
