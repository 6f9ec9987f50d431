"""What Binarize, ChannelTranspose, ExpandDims, Minmax, Normalize, Onehot, Reshape and ToArray have in common."""

from __future__ import annotations

import numpy as np
import pytest

from fastestimator_lite.op.numpyop.univariate import (
    Binarize,
    ChannelTranspose,
    ExpandDims,
    Minmax,
    Normalize,
    Reshape,
    ToArray,
)
from fastestimator_lite.util.errors import ConfigError

STATE = {"mode": "train", "epoch": 1}
COLOUR_ONLY = {"normalize each channel", "transpose"}
OPS = {
    "binarize": lambda keys: Binarize(77, keys, keys),
    "transpose": lambda keys: ChannelTranspose(keys, keys),
    "transpose back": lambda keys: ChannelTranspose(keys, keys, axes=(1, 0, -1)),
    "expand last": lambda keys: ExpandDims(keys, keys),
    "expand first": lambda keys: ExpandDims(keys, keys, axis=0),
    "expand before last": lambda keys: ExpandDims(keys, keys, axis=-2),
    "minmax": lambda keys: Minmax(keys, keys),
    "minmax to a range": lambda keys: Minmax(keys, keys, new_min=-1, new_max=2),
    "normalize": lambda keys: Normalize(keys, keys, mean=0.5, std=0.25),
    "normalize each channel": lambda keys: Normalize(keys, keys),
    "reshape": lambda keys: Reshape((-1, 2), keys, keys),
    "to array": lambda keys: ToArray(keys, keys, dtype="float32"),
}
SHAPES = {"gray": (6, 8, 1), "colour": (6, 8, 3), "large": (64, 40, 3)}


@pytest.mark.parametrize(
    "dtype", [np.uint8, np.int16, np.int64, np.float16, np.float32, np.float64], ids=lambda dtype: dtype.__name__
)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", OPS)
def test_batch_form_is_row_by_row(name, shape, dtype):
    if shape == "gray" and name in COLOUR_ONLY - {"transpose"}:
        return
    op = OPS[name](["x", "y"])
    batch = np.random.default_rng(0).integers(0, 200, (5, *SHAPES[shape])).astype(dtype)
    other = batch[:, :4].copy()
    for column, together in zip((batch, other), op.forward_batch([batch, other], STATE), strict=True):
        rows = [op.forward([row, row], STATE)[0] for row in column]
        assert together.dtype == rows[0].dtype
        np.testing.assert_array_equal(together, np.stack(rows))


def test_rows_need_not_be_contiguous():
    batch = np.random.default_rng(0).integers(0, 200, (5, 6, 8, 3)).astype(np.uint8)[:, ::2, ::-1]
    op = Normalize("x", "x")
    np.testing.assert_array_equal(op.forward_batch([batch], STATE)[0], op.forward_batch([batch.copy()], STATE)[0])


def test_as_many_outputs_as_inputs_are_needed():
    with pytest.raises(ConfigError, match=r"Minmax: .*\['x', 'y'\].*\['z'\]"):
        Minmax(["x", "y"], "z")


def test_transposing_needs_no_copy():
    image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    result = ChannelTranspose("x", "x").forward([image], STATE)[0]
    np.testing.assert_array_equal(result, np.stack([image[..., 0], image[..., 1], image[..., 2]]))
    assert np.shares_memory(result, image)


def test_expand_dims():
    image = np.zeros((4, 5), np.uint8)
    assert ExpandDims("x", "x").forward([image], STATE)[0].shape == (4, 5, 1)
    assert ExpandDims("x", "x", axis=0).forward([image], STATE)[0].shape == (1, 4, 5)
    np.testing.assert_array_equal(ExpandDims("x", "x").forward([3], STATE)[0], [3])


def test_reshape():
    image = np.arange(24)
    np.testing.assert_array_equal(Reshape((2, -1), "x", "x").forward([image], STATE)[0], image.reshape(2, 12))
    assert Reshape(24, "x", "x").forward([image.reshape(4, 6)], STATE)[0].shape == (24,)
    with pytest.raises(ValueError, match="cannot reshape"):
        Reshape((5, 5), "x", "x").forward([image], STATE)


def test_to_array():
    for value, dtype, expected in [
        (3, None, np.array(3)),
        ([1, 2.5], None, np.array([1, 2.5])),
        ([[1], [2]], "float32", np.array([[1], [2]], np.float32)),
        (["a", "bc"], None, np.array(["a", "bc"])),
    ]:
        result = ToArray("x", "x", dtype=dtype).forward([value], STATE)[0]
        assert (result.dtype, result.shape) == (expected.dtype, expected.shape)
        np.testing.assert_array_equal(result, expected)


def test_to_array_copies():
    values = np.zeros(3)
    assert not np.shares_memory(ToArray("x", "y").forward([values], STATE)[0], values)


def test_binarize():
    result = Binarize(0.5, "x", "x").forward([np.array([0.4, 0.5, 0.6])], STATE)[0]
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, [0, 1, 1])
