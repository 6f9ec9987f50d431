"""Ops on the values alone, against numpy."""

from __future__ import annotations

import numpy as np
import pytest

from fastestimator_lite.op.numpyop.univariate import FromFloat, InvertImg, Posterize, Solarize, ToFloat
from fastestimator_lite.util.errors import ConfigError, DataError

STATE = {"mode": "train", "epoch": 1}
RAMP = np.arange(256, dtype=np.uint8).reshape(8, 32)
FLOATS = (RAMP / 255).astype(np.float32)


def run(op, image, seed=0):
    op.reseed(seed)
    return op.forward([image], STATE)[0]


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32"])
def test_whole_numbers_to_floats_and_back(dtype):
    white = np.iinfo(dtype).max
    image = np.array([[0, 1, white // 3, white]], dtype)
    floats = run(ToFloat("x", "y"), image)
    assert floats.dtype == np.float32
    np.testing.assert_allclose(floats, [[0, 1 / white, (white // 3) / white, 1]], rtol=1e-6)
    back = run(FromFloat("x", "y", dtype=dtype), floats)
    assert back.dtype == dtype
    if dtype == "uint32":  # has more levels than float32
        assert back[0, -1] == white
        np.testing.assert_allclose(back, image, rtol=1e-6)
    else:
        np.testing.assert_array_equal(back, image)


def test_every_level_survives_the_way_to_floats_and_back():
    levels = np.arange(2**16, dtype=np.uint16).reshape(256, 256)
    np.testing.assert_array_equal(run(FromFloat("x", "y"), run(ToFloat("x", "y"), levels)), levels)


def test_max_value_is_what_is_divided_and_multiplied_by():
    np.testing.assert_allclose(run(ToFloat("x", "y", max_value=10), RAMP), RAMP / 10, rtol=1e-6)
    np.testing.assert_allclose(run(ToFloat("x", "y", max_value=4), FLOATS), FLOATS / 4, rtol=1e-6)
    np.testing.assert_array_equal(run(ToFloat("x", "y"), FLOATS), FLOATS)
    np.testing.assert_allclose(run(ToFloat("x", "y", max_value=100), RAMP.astype(np.int64)), RAMP / 100, rtol=1e-6)
    image = np.array([[0, 0.5, 0.126, 2, -1]], np.float32)
    np.testing.assert_array_equal(run(FromFloat("x", "y", max_value=100, dtype="uint8"), image), [[0, 50, 13, 200, 0]])
    np.testing.assert_array_equal(run(FromFloat("x", "y", max_value=200, dtype="uint8"), image)[0, 3:], [255, 0])


def test_inverted():
    np.testing.assert_array_equal(run(InvertImg("x", "y"), RAMP), 255 - RAMP)
    np.testing.assert_array_equal(run(InvertImg("x", "y"), FLOATS), 1 - FLOATS)


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1), (4, 5, 3)])
@pytest.mark.parametrize(("kind", "dtype"), [(InvertImg, "uint8"), (ToFloat, "uint8"), (FromFloat, "float32")])
def test_a_batch_is_its_rows(kind, dtype, shape):
    rng = np.random.default_rng(0)
    batch = rng.random((6, *shape), np.float32) if dtype == "float32" else rng.integers(0, 256, (6, *shape), np.uint8)
    op = kind("x", "y")
    assert op.vectorized
    assert not op.draws
    found = op.forward_batch([batch], STATE)[0]
    expected = np.stack([op.forward([row], STATE)[0] for row in batch])
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    # as a pipeline hands it over: a view, and not to be written to
    view = batch[::2]
    view.flags.writeable = False
    np.testing.assert_array_equal(op.forward_batch([view], STATE)[0], expected[::2])


def test_values_from_the_threshold_on_are_turned_over():
    for threshold in (0, 1, 100, 127.5, 128, 255):
        expected = np.where(RAMP >= threshold, 255 - RAMP, RAMP)
        np.testing.assert_array_equal(run(Solarize("x", "y", threshold=threshold), RAMP), expected)
    assert not Solarize("x", "y").draws


def test_the_threshold_of_floats_is_a_part_or_a_level():
    for threshold, level in ((0.3, 0.3 * 255), (1.0, 255), (100, 100), (128, 128)):
        found = run(Solarize("x", "y", threshold=threshold), FLOATS)
        np.testing.assert_allclose(found, np.where(RAMP >= level - 1e-3, 1 - FLOATS, FLOATS), atol=1e-6)


def test_the_threshold_may_be_drawn():
    op = Solarize("x", "y", threshold=(50, 200))
    assert op.draws
    first = []
    for seed in range(200):
        first.append(np.nonzero(run(op, RAMP, seed).ravel() != RAMP.ravel())[0].min())
    assert min(first) < 60
    assert max(first) > 190
    assert 50 <= min(first) <= max(first) <= 200


@pytest.mark.parametrize("bits", range(9))
def test_upper_bits_are_kept(bits):
    step = 2 ** (8 - bits)
    op = Posterize("x", "y", num_bits=bits)
    assert not op.draws
    expected = RAMP // step * step if bits else np.zeros_like(RAMP)
    np.testing.assert_array_equal(run(op, RAMP), expected)
    np.testing.assert_allclose(run(op, FLOATS), expected / 255, atol=1e-6)


def test_bits_may_be_drawn_for_each_channel():
    assert {len(np.unique(run(Posterize("x", "y", num_bits=(2, 4)), RAMP, seed))) for seed in range(30)} == {4, 8, 16}
    image = np.stack([RAMP] * 3, axis=-1)
    fixed = run(Posterize("x", "y", num_bits=[1, 2, 5]), image)
    assert [len(np.unique(fixed[..., i])) for i in range(3)] == [2, 4, 32]
    op = Posterize("x", "y", num_bits=[(1, 2), (3, 3), (4, 5)])
    counts = {tuple(len(np.unique(run(op, image, seed)[..., i])) for i in range(3)) for seed in range(40)}
    assert counts == {(a, 8, c) for a in (2, 4) for c in (16, 32)}
    with pytest.raises(DataError, match=r"Posterize takes images of shape \(H, W, 3\).* got uint8 of shape \(8, 32\)"):
        op.forward([RAMP], STATE)


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        (FromFloat, {"dtype": "int8"}, r"FromFloat\(dtype\) .* got 'int8'"),
        (FromFloat, {"max_value": 0}, r"FromFloat\(max_value\) must be a number above 0"),
        (ToFloat, {"max_value": "255"}, r"ToFloat\(max_value\)"),
        (Solarize, {"threshold": 300}, r"Solarize\(threshold\) .* within \[0, 255\], got 300"),
        (Posterize, {"num_bits": 9}, r"Posterize\(num_bits\) .* within \[0, 8\], got 9"),
        (Posterize, {"num_bits": (1, 2, 9)}, "9"),
        (Posterize, {"num_bits": 2.5}, "ints"),
        (Posterize, {"num_bits": (5, 2)}, r"\(5, 2\)"),
    ],
)
def test_values_are_checked(kind, arguments, message):
    with pytest.raises(ConfigError, match=message):
        kind("x", "y", **arguments)


def test_types_are_checked():
    with pytest.raises(DataError, match=r"FromFloat takes float32 or float64 images, got uint8 of shape \(8, 32\)"):
        FromFloat("x", "y").forward([RAMP], STATE)
    with pytest.raises(DataError, match="ToFloat takes .* without max_value, got int64"):
        ToFloat("x", "y").forward([RAMP.astype(np.int64)], STATE)
    with pytest.raises(DataError, match="InvertImg takes uint8 or float32 images, got float64"):
        InvertImg("x", "y").forward_batch([FLOATS[np.newaxis].astype(np.float64)], STATE)
