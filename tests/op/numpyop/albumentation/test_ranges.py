"""Ranges and units."""

from __future__ import annotations

import numpy as np
import pytest

from fastestimator_lite.op.numpyop.albumentation.levels import cut, in_bytes, remap, unit
from fastestimator_lite.op.numpyop.albumentation.ranges import ends_of, int_span, int_within, odd_span, several, span
from fastestimator_lite.util.errors import ConfigError

UINT8, FLOAT32 = np.dtype(np.uint8), np.dtype(np.float32)


def test_a_range_is_two_ends_or_a_number_for_the_upper_one():
    assert span((0.5, 2), "Op(limit)") == (0.5, 2)
    assert span([1, 1], "Op(limit)") == (1, 1)
    assert span(3, "Op(limit)", start=0) == (0, 3)
    assert span(3, "Op(limit)") == (3, 3)
    assert int_span(np.int64(7), "Op(limit)", 3) == (3, 7)
    assert type(int_span(np.int64(7), "Op(limit)", 3)[1]) is int
    assert odd_span((0, 5), "Op(limit)", 0, 0) == (0, 5)
    assert ends_of(1, 2.5, "Op(low, high)", 0, 3) == (1, 2.5)
    assert several([1, 2], 2, "Op(size)") == (1, 2)
    assert int_within(np.uint8(4), "Op(count)", 1, 5) == 4


@pytest.mark.parametrize(
    "limit", [None, "3", True, (1, 2, 3), (2, 1), (1, "2"), (1, True), float("nan"), (0, np.inf), 9]
)
def test_what_is_no_range_is_named(limit):
    with pytest.raises(ConfigError, match=r"Op\(limit\) must be a number n for \(0, n\) .* within \[-5, 5\], got"):
        span(limit, "Op(limit)", 0, -5, 5)


def test_ints_are_asked_for():
    with pytest.raises(ConfigError, match=r"Op\(limit\) must be made of ints, got 2.5"):
        int_span(2.5, "Op(limit)")
    with pytest.raises(ConfigError, match="must have odd ends"):
        odd_span((3, 6), "Op(limit)", 3)
    with pytest.raises(ConfigError, match=r"Op\(low, high\) must be ints, .* at least 0, got 0.5 and 2"):
        ends_of(0.5, 2, "Op(low, high)", 0, whole=True)
    with pytest.raises(ConfigError, match="got None and 2"):
        ends_of(None, 2, "Op(low, high)")
    for value in (0, 6, 2.0, True, (1, 2)):
        with pytest.raises(ConfigError, match=r"Op\(count\) must be an int within \[1, 5\]"):
            int_within(value, "Op(count)", 1, 5)
    for value in (3, (1,), (1, "2")):
        with pytest.raises(ConfigError, match=r"Op\(size\) must be 2 numbers"):
            several(value, 2, "Op(size)")


@pytest.mark.parametrize(
    ("dtype", "numbers", "expected"),
    [(UINT8, (0.1, 1), 1), (UINT8, (20,), 1), (FLOAT32, (0.1, -1), 1), (FLOAT32, (0.1, -1.5), 1 / 255)],
)
def test_units(dtype, numbers, expected):
    assert unit(dtype, *numbers) == expected


def test_values_are_rounded_and_cut():
    values = np.array([-3.0, 0.4, 0.6, 254.6, 300])
    np.testing.assert_array_equal(cut(values.copy(), UINT8), np.array([0, 0, 1, 255, 255], np.uint8))
    floats = cut(np.array([-0.5, 0.25, 2]), FLOAT32)
    assert floats.dtype == np.float32
    np.testing.assert_array_equal(floats, [0, 0.25, 1])


def test_work_on_bytes_is_done_on_floats_too():
    image = np.array([[0, 100, 255]], np.uint8)

    def work(levels):
        assert levels.dtype == np.uint8
        return levels // 2

    np.testing.assert_array_equal(in_bytes(image, work), [[0, 50, 127]])
    floats = in_bytes((image / 255).astype(np.float32), work)
    assert floats.dtype == np.float32
    np.testing.assert_allclose(floats, np.array([[0, 50, 127]]) / 255, atol=1e-7)


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1), (4, 5, 3)])
def test_tables(shape):
    rng = np.random.default_rng(0)
    image, table = rng.integers(0, 256, shape, np.uint8), rng.integers(0, 256, 256, np.uint8)
    np.testing.assert_array_equal(remap(image, table), table[image])
    if shape[2:] == (3,):
        tables = rng.integers(0, 256, (256, 3), np.uint8)
        expected = np.stack([tables[image[..., i], i] for i in range(3)], axis=-1)
        np.testing.assert_array_equal(remap(image, tables), expected)
