"""zscore, normalize, matmul."""

import numpy as np

from fastestimator_lite.backend import special
from fastestimator_lite.backend.convert import to_number

IMAGE = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3)).astype("uint8")


def test_matmul(framework, make):
    a, b = np.arange(12.0).reshape(2, 2, 3), np.arange(6.0).reshape(3, 2)
    np.testing.assert_allclose(to_number(special.matmul(make(a), make(b))), a @ b)


def test_zscore(framework, make):
    for dtype in ("float32", "int32", "uint8"):
        result = to_number(special.zscore(make([[0, 1], [2, 3]], dtype)))
        np.testing.assert_allclose(result, [[-1.34164079, -0.4472136], [0.4472136, 1.34164079]], rtol=1e-5)
    np.testing.assert_array_equal(to_number(special.zscore(make([2.0, 2.0]))), [0, 0])


def test_normalize_each_channel(framework, make):
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    expected = (IMAGE / 255.0 - mean) / std
    image = IMAGE
    if framework == "torch":
        image, expected = IMAGE.transpose(0, 3, 1, 2), expected.transpose(0, 3, 1, 2)
    result = to_number(special.normalize(make(image)))
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(to_number(special.normalize(make(image[0]))), expected[0], rtol=1e-4, atol=1e-5)


def test_normalize_all_alike(framework, make):
    result = to_number(special.normalize(make([[0.0, 4.0], [8.0, 2.0]]), mean=0.5, std=0.25, max_pixel_value=8))
    np.testing.assert_allclose(result, [[-2, 0], [2, -1]], rtol=1e-5)
