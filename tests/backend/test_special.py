"""zscore, normalize, matmul, iwd, lambertw."""

import numpy as np
import pytest
from scipy.special import lambertw

from fastestimator_lite.backend import special
from fastestimator_lite.backend.convert import to_number
from fastestimator_lite.util.errors import ConfigError

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


# ------------------------------------------------------------------------------------------------------------- iwd
DISTANCES = np.array([[0.0, 1, 2], [3, 0.5, 0.1], [0, 0, 0]], "float32")


def test_iwd_weighs_by_inverse_distance(framework, make):
    result = to_number(special.iwd(make(DISTANCES)))
    least = 0.05 / (0.95 * 2)  # with which a class at distance 0 gets 0.95 where two others are at distance 1
    weights = 1 / np.maximum(DISTANCES, least)
    np.testing.assert_allclose(result, weights / weights.sum(1, keepdims=True), rtol=1e-5)
    np.testing.assert_allclose(to_number(special.iwd(make(DISTANCES[0]))), result[:1], rtol=1e-6)


def test_iwd_gives_the_nearest_class_what_was_asked(framework, make):
    for power, prob, apart in ((1.0, 0.95, 1.0), (2.0, 0.99, 3.0), (8.0, 0.5, 0.1), (60.0, 0.9, 1e-3)):
        distances = np.array([[0, apart, apart, apart]], "float32")
        result = to_number(special.iwd(make(distances), power=power, max_prob=prob, pairwise_distance=apart))
        np.testing.assert_allclose(result, [[prob, *[(1 - prob) / 3] * 3]], rtol=2e-4)


def test_iwd_with_a_least_distance_of_ones_own(framework, make):
    for eps in (0.5, make([0.5], "float32")):
        result = to_number(special.iwd(make(DISTANCES), eps=eps))
        np.testing.assert_allclose(result[1], np.array([1 / 3, 2, 2]) / (13 / 3), rtol=1e-5)


def test_iwd_refuses(framework, make):
    for words in ({"power": 0}, {"max_prob": 1.0}, {"pairwise_distance": -1}):
        with pytest.raises(ConfigError, match=f"{next(iter(words))}={next(iter(words.values()))}"):
            special.iwd(make(DISTANCES), **words)


def test_gradient_of_iwd(tensor_framework, make, gradient_of):
    def first(x):
        return special.iwd(x)[:, 0]

    result = gradient_of(first, make([[0.5, 1.0, 2.0]], "float32"))
    weights = np.array([2.0, 1.0, 0.5])
    share = weights / weights.sum()
    slope = -np.array([4.0, 1.0, 0.25])  # of 1 / x
    expected = slope / weights.sum() * (np.array([1, 0, 0]) - share[0])
    np.testing.assert_allclose(result, [expected], rtol=1e-5)


# -------------------------------------------------------------------------------------------------------- lambertw
BRANCH = -1 / np.e
ON_W = np.concatenate([BRANCH + np.logspace(-9, -0.5, 40), np.linspace(-0.3, 5, 40), np.logspace(0, 37, 40), [0.0]])


def test_lambertw_is_scipys(framework, make):
    for dtype, within in (("float32", 3e-6), ("float64", 1e-11)):
        z = ON_W.astype(dtype)
        result = to_number(special.lambertw(make(z)))
        assert result.dtype == dtype
        np.testing.assert_allclose(result, lambertw(z.astype("float64")).real, rtol=within, atol=within)
        np.testing.assert_allclose(to_number(special.lambertw(make([BRANCH], dtype))), [-1])


def test_lambertw_outside_its_range(framework, make):
    result = to_number(special.lambertw(make([-0.4, -0.3679, np.inf, -np.inf], "float32")))
    np.testing.assert_array_equal(result, [np.nan, np.nan, np.inf, np.nan])


def test_lambertw_of_whole_numbers(framework, make):
    np.testing.assert_allclose(to_number(special.lambertw(make([0, 1]))), [0, 0.56714329], rtol=1e-6)


def test_gradient_of_lambertw(tensor_framework, make, gradient_of):
    z = np.array([-0.36, -0.3, 0.0, 0.5, 1.0, 10.0, 1e6])
    w = lambertw(z).real
    result = gradient_of(special.lambertw, make(z, "float32"))
    np.testing.assert_allclose(result, np.exp(-w) / (1 + w), rtol=1e-5)
    assert np.isfinite(gradient_of(special.lambertw, make([BRANCH, np.inf], "float32"))).all()
