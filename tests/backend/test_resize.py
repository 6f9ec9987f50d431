"""resize_3d gives what torch's interpolate gives, in every framework."""

import numpy as np
import pytest

from fastestimator_lite.backend import resize
from fastestimator_lite.backend.convert import to_number
from fastestimator_lite.util.errors import ConfigError

VOLUMES = np.random.default_rng(0).normal(size=(2, 4, 6, 5, 3)).astype("float32")  # (B, D, H, W, C)


def fits(framework, x):
    return np.ascontiguousarray(np.moveaxis(x, -1, 1)) if framework == "torch" else x


@pytest.mark.parametrize("mode", ["nearest", "area"])
@pytest.mark.parametrize("shape", [(8, 12, 10), (2, 3, 5), (3, 4, 7), (1, 1, 1), (4, 6, 5), (9, 2, 3)])
def test_it_is_interpolate(framework, make, mode, shape):
    torch = pytest.importorskip("torch")
    reference = torch.nn.functional.interpolate(torch.tensor(fits("torch", VOLUMES)), shape, mode=mode)
    expected = fits(framework, np.moveaxis(reference.numpy(), 1, -1))
    result = to_number(resize.resize_3d(make(fits(framework, VOLUMES)), shape, mode))
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)


def test_dtypes(framework, make):
    whole = make(fits(framework, np.arange(8, dtype="uint8").reshape(1, 2, 2, 2, 1)))
    nearest = to_number(resize.resize_3d(whole, (1, 1, 2)))
    assert nearest.dtype == np.uint8
    np.testing.assert_array_equal(nearest.ravel(), [0, 1])
    area = to_number(resize.resize_3d(whole, (1, 1, 2), "area"))
    assert area.dtype == np.float32
    np.testing.assert_array_equal(area.ravel(), [3, 4])


def test_gradient(tensor_framework, make, gradient_of):
    x = make(fits(tensor_framework, VOLUMES))
    once = gradient_of(lambda x: resize.resize_3d(x, (2, 3, 5), "area"), x)
    np.testing.assert_allclose(once, np.full_like(once, 1 / 4), rtol=1e-5)
    twice = gradient_of(lambda x: resize.resize_3d(x, (8, 6, 5)), x)
    np.testing.assert_allclose(twice, np.full_like(twice, 2), rtol=1e-5)


def test_it_refuses(framework, make):
    x = make(fits(framework, VOLUMES))
    with pytest.raises(ConfigError, match="'nearest', 'area', got 'linear'"):
        resize.resize_3d(x, (1, 1, 1), "linear")
    for shape in ((1, 1), (1, 1, 0), (1, 1, 1.5)):
        with pytest.raises(ConfigError, match="three sizes >= 1"):
            resize.resize_3d(x, shape)
    with pytest.raises(ConfigError, match="5 axes"):
        resize.resize_3d(x[0], (1, 1, 1))
