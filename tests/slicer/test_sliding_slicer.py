"""SlidingSlicer: windows by hand, and joining against a plain loop that adds windows into an array."""

import itertools

import numpy as np
import pytest

from fastestimator_lite.backend import to_number
from fastestimator_lite.slicer import SlidingSlicer
from fastestimator_lite.util.errors import ConfigError

ROW = np.arange(5, dtype=np.float32).reshape(1, 5)
IMAGES = np.random.default_rng(0).standard_normal((2, 7, 6, 3)).astype(np.float32)


def windows_of(slicer, value):
    return [part for (part,) in slicer.slice_batches((value,))]


@pytest.mark.parametrize(
    ("arguments", "windows"),
    [
        ({"window_size": [-1, 2]}, [[0, 1], [2, 3]]),
        ({"window_size": [1, 2]}, [[0, 1], [2, 3]]),
        ({"window_size": [-1, 2], "strides": 1}, [[0, 1], [1, 2], [2, 3], [3, 4]]),
        ({"window_size": [-1, 2], "strides": [0, 3]}, [[0, 1], [3, 4]]),
        ({"window_size": [-1, 2], "strides": (1, 3)}, [[0, 1], [3, 4]]),  # a stride over all of an axis moves nothing
        ({"window_size": [-1, 2], "strides": 0}, [[0, 1, 2, 3, 4]]),
        ({"window_size": [-1, -1]}, [[0, 1, 2, 3, 4]]),
        ({"window_size": [-1, 2], "strides": 4}, [[0, 1]]),
        ({"window_size": [-1, 2], "pad_mode": "partial"}, [[0, 1], [2, 3], [4]]),
        ({"window_size": [-1, 3], "strides": 1, "pad_mode": "partial"}, [[0, 1, 2], [1, 2, 3], [2, 3, 4]]),
        ({"window_size": [-1, 2], "strides": 4, "pad_mode": "partial"}, [[0, 1], [4]]),
        ({"window_size": [-1, 7], "pad_mode": "partial"}, [[0, 1, 2, 3, 4]]),
        ({"window_size": [-1, 2], "pad_mode": "nopad"}, [[0, 1], [2, 3], [3, 4]]),
        ({"window_size": [-1, 4], "strides": 3, "pad_mode": "nopad"}, [[0, 1, 2, 3], [1, 2, 3, 4]]),
        ({"window_size": [-1, 1], "strides": 3, "pad_mode": "nopad"}, [[0], [3]]),
        ({"window_size": [-1, 2], "pad_mode": "constant", "pad_val": 9}, [[0, 1], [2, 3], [4, 9]]),
        ({"window_size": [-1, 12], "pad_mode": "constant"}, [[0, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0]]),
        ({"window_size": [-1, 3], "pad_mode": "mirror"}, [[0, 1, 2], [3, 4, 3]]),
        ({"window_size": [-1, 9], "pad_mode": "mirror"}, [[0, 1, 2, 3, 4, 3, 2, 1, 0]]),
    ],
)
def test_windows_of_a_row(framework, make, arguments, windows):
    slicer = SlidingSlicer(slice="x", **arguments)
    assert [to_number(window).tolist() for window in windows_of(slicer, make(ROW))] == [[window] for window in windows]


def test_the_last_axis_is_the_fastest(framework, make):
    x = np.arange(16).reshape(1, 4, 4)
    found = windows_of(SlidingSlicer([-1, 2, 2], slice="x"), make(x))
    assert [to_number(window).ravel().tolist() for window in found] == [
        [0, 1, 4, 5],
        [2, 3, 6, 7],
        [8, 9, 12, 13],
        [10, 11, 14, 15],
    ]


def test_padding_fills_both_axes(framework, make):
    x = np.arange(1, 5).reshape(1, 2, 2)
    (constant,) = windows_of(SlidingSlicer([-1, 3, 3], pad_mode="constant", pad_val=-1, slice="x"), make(x))
    (mirror,) = windows_of(SlidingSlicer([-1, 3, 3], pad_mode="mirror", slice="x"), make(x))
    assert to_number(constant)[0].tolist() == [[1, 2, -1], [3, 4, -1], [-1, -1, -1]]
    np.testing.assert_array_equal(to_number(mirror), np.pad(x, ((0, 0), (0, 1), (0, 1)), mode="reflect"))


def test_axes_on_which_the_window_is_thin_can_be_left_out(framework, make):
    slicer = SlidingSlicer([-1, 1, 2], slice="x", squeeze_window=True)
    x = np.arange(8, dtype=np.float32).reshape(1, 2, 4)
    found = windows_of(slicer, make(x))
    assert [to_number(window).tolist() for window in found] == [[[0, 1]], [[2, 3]], [[4, 5]], [[6, 7]]]
    np.testing.assert_array_equal(to_number(slicer.unslice_batches(found, "x")), x)


def added_by_hand(windows, shape, size, strides, mode, empty):
    """Windows (B, h, w, C) that lie whole inside the data, added up one by one."""
    total, count = np.zeros(shape, np.float64), np.zeros(shape)
    starts = [range(0, shape[axis] - size[axis - 1] + 1, strides[axis - 1]) for axis in (1, 2)]
    for window, (row, column) in zip(windows, itertools.product(*starts), strict=True):
        place = np.s_[:, row : row + size[0], column : column + size[1]]
        total[place] += window
        count[place] += 1
    joined = total / np.maximum(count, 1) if mode == "avg" else total
    return np.where(count > 0, joined, empty)


@pytest.mark.parametrize("mode", ["avg", "sum"])
@pytest.mark.parametrize(("size", "strides"), [((3, 2), (2, 1)), ((2, 2), (3, 4)), ((3, 4), (1, 2)), ((2, 3), (2, 3))])
def test_windows_are_joined_where_they_were(framework, make, size, strides, mode):
    slicer = SlidingSlicer([-1, *size, -1], [0, *strides, 0], pad_val=7.0, slice="x", unslice="y", unslice_mode=mode)
    count = len(windows_of(slicer, make(IMAGES)))
    made = np.random.default_rng(1).standard_normal((count, 2, *size, 3)).astype(np.float32)
    joined = slicer.unslice_batches([make(window) for window in made], "y")
    assert to_number(joined).dtype == np.float32
    expected = added_by_hand(made, IMAGES.shape, size, strides, mode, 7.0)
    np.testing.assert_allclose(to_number(joined), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("pad_mode", ["partial", "constant", "nopad", "mirror"])
@pytest.mark.parametrize("strides", [(), (0, 2, 3, 0), (0, 4, 1, 0)])
def test_what_was_cut_is_the_same_once_joined(framework, make, pad_mode, strides):
    slicer = SlidingSlicer([-1, 4, 4, -1], strides, pad_mode, pad_val=5, slice="x")
    joined = slicer.unslice_batches(windows_of(slicer, make(IMAGES)), "x")
    np.testing.assert_allclose(to_number(joined), IMAGES, rtol=1e-6)


def test_whole_numbers_stay_whole_where_nothing_overlaps(framework, make):
    x = np.arange(8, dtype=np.int64).reshape(1, 8)
    for strides, dtype in ((), np.int64), (2, np.float32):
        slicer = SlidingSlicer([-1, 4], strides, slice="x")
        joined = to_number(slicer.unslice_batches(windows_of(slicer, make(x)), "x"))
        assert joined.tolist() == x.tolist()
        assert joined.dtype == dtype


def test_axes_that_are_not_cut_may_change(framework, make):
    slicer = SlidingSlicer([-1, 2, -1], slice="x", unslice="y")
    windows = windows_of(slicer, make(np.zeros((2, 4, 3))))
    joined = slicer.unslice_batches([make(np.full((5, 2, 1), index)) for index, _ in enumerate(windows)], "y")
    np.testing.assert_array_equal(to_number(joined), np.repeat([0, 1], 2)[None, :, None].repeat(5, 0))


def test_one_value_fills_its_window(framework, make):
    slicer = SlidingSlicer([-1, 2], slice="x", unslice="y")
    windows_of(slicer, make(ROW))
    for values in [[[3.0]], [[4.0]]], [3.0, 4.0]:
        joined = slicer.unslice_batches([make(value) for value in values], "y")
        assert to_number(joined).tolist() == [[3, 3, 4, 4, 0]]


def test_each_key_takes_the_shape_that_it_had(framework, make):
    slicer = SlidingSlicer([-1, 2], slice=["x", "y"])
    found = slicer.slice_batches((make(ROW), make(ROW[:, :4])))
    x, y = (slicer.unslice_batches([window[place] for window in found], key) for place, key in enumerate("xy"))
    assert (tuple(x.shape), tuple(y.shape)) == ((1, 5), (1, 4))


def test_a_shape_of_ones_own(framework, make):
    slicer = SlidingSlicer([-1, 4], unslice="y", unslice_shape=(-1, 8))
    joined = slicer.unslice_batches([make(np.zeros((2, 4))), make(np.ones((2, 4)))], "y")
    assert to_number(joined).tolist() == [[0, 0, 0, 0, 1, 1, 1, 1]] * 2


def test_it_works_inside_a_graph():
    tf = pytest.importorskip("tensorflow")
    slicer = SlidingSlicer([-1, 3, 3, -1], [0, 2, 2, 0], "mirror", slice="x")

    @tf.function
    def doubled(x):
        return slicer.unslice_batches([2 * part for (part,) in slicer.slice_batches((x,))], "x")

    np.testing.assert_allclose(doubled(tf.constant(IMAGES)).numpy(), 2 * IMAGES, rtol=1e-6)


def test_gradients_flow_through_cutting_and_joining(tensor_framework, make, gradient_of):
    slicer = SlidingSlicer([-1, 2], 1, slice="x", unslice_mode="sum")
    gradient = gradient_of(lambda x: slicer.unslice_batches(windows_of(slicer, x), "x"), make(ROW))
    assert gradient.tolist() == [[1, 2, 2, 2, 1]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"window_size": []}, r"\(window_size\) needs a size for each axis, got none"),
        ({"window_size": [0, 2]}, r"\(window_size\) takes whole numbers >= 1, or -1, got 0 in \[0, 2\]"),
        ({"window_size": [-1, -2]}, r"\(window_size\).*got -2"),
        ({"window_size": [-1, 2.0]}, r"\(window_size\).*got 2.0"),
        ({"window_size": [-1, 2], "strides": [1]}, r"\(strides\) needs one for each axis of window_size \[-1, 2\]"),
        ({"window_size": [-1, 2], "strides": -1}, r"\(strides\) takes whole numbers >= 0, got -1"),
        ({"window_size": [2], "pad_mode": "partly"}, r"\(pad_mode\) must be one of .*Did you mean 'partial'"),
        ({"window_size": [2], "unslice_mode": "mean"}, r"\(unslice_mode\) must be one of 'avg', 'sum', got 'mean'"),
        ({"window_size": [2], "unslice_shape": (2, 2)}, r"\(unslice_shape\) needs as many axes as window_size"),
        ({"window_size": [2], "unslice_shape": (-1,)}, r"\(unslice_shape\) needs the size of axis 0, which is cut"),
        (
            {"window_size": [2], "slice": None, "unslice": "y"},
            r"nothing tells the shape of \['y'\]; pass unslice_shape",
        ),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ConfigError, match=f"SlidingSlicer.*{message}"):
        SlidingSlicer(**{"slice": "x", **arguments})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"window_size": [2]}, r"window_size \[2\] has 1 axes, the data has shape \(1, 5\)"),
        ({"window_size": [-1, 6]}, "the window has size 6 on axis 1, the data 5; pad_mode='partial'"),
        ({"window_size": [-1, 6], "pad_mode": "nopad"}, "the window has size 6 on axis 1, the data 5"),
        ({"window_size": [-1, 10], "pad_mode": "mirror"}, "reaches over the end of axis 1 by 5, and only 4 elements"),
    ],
)
def test_data_that_a_window_does_not_fit(framework, make, arguments, message):
    with pytest.raises(ConfigError, match=f"SlidingSlicer cannot cut key 'x': .*{message}"):
        windows_of(SlidingSlicer(slice="x", **arguments), make(ROW))


def test_slices_that_do_not_fit_the_windows(framework, make):
    slicer = SlidingSlicer([-1, 2], slice="x", unslice="y")
    with pytest.raises(ConfigError, match="its shape is not known before something was cut"):
        slicer.unslice_batches([make(np.zeros((1, 2)))], "y")
    windows_of(slicer, make(ROW))
    with pytest.raises(
        ConfigError, match=r"cannot join key 'y': there are 3 slices, but .* make 2 of data of shape \(1, 5\)"
    ):
        slicer.unslice_batches([make(np.zeros((1, 2)))] * 3, "y")
    with pytest.raises(ConfigError, match=r"a slice has shape \(1, 3\), where the window has \(any, 2\)"):
        slicer.unslice_batches([make(np.zeros((1, 3)))] * 2, "y")
    with pytest.raises(ConfigError, match=r"a slice has shape \(2,\), where the window has \(any, 2\)"):
        slicer.unslice_batches([make(np.zeros(2))] * 2, "y")
