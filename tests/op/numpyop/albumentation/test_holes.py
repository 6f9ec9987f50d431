"""CoarseDropout."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from fastestimator_lite.op.numpyop.univariate import CoarseDropout
from fastestimator_lite.util.errors import ConfigError, DataError

STATE = {"mode": "train", "epoch": 1}
WHITE = np.full((40, 60, 3), 255, np.uint8)


def holes(op, seed=0, image=WHITE):
    """Heights and widths of the holes that do not touch another one."""
    op.reseed(seed)
    labels, _ = ndimage.label(op.forward([image], STATE)[0][..., 0] == 0)
    return [(rows.stop - rows.start, columns.stop - columns.start) for rows, columns in ndimage.find_objects(labels)]


def single(seed, **sizes):
    return holes(CoarseDropout("x", "y", max_holes=1, **sizes), seed)[0]


def test_sizes_in_pixels():
    assert single(0) == (8, 8)
    assert single(0, max_height=3, max_width=11) == (3, 11)
    found = [single(seed, min_height=2, max_height=5, min_width=7, max_width=9) for seed in range(200)]
    assert {height for height, _ in found} == {2, 3, 4, 5}
    assert {width for _, width in found} == {7, 8, 9}


def test_sizes_as_parts_of_the_image():
    assert single(0, max_height=0.5, max_width=0.1) == (20, 6)
    found = [single(seed, min_height=0.25, max_height=0.5, max_width=0.2, min_width=0.1) for seed in range(300)]
    heights, widths = zip(*found, strict=True)
    assert (min(heights), max(heights)) == (10, 19)
    assert (min(widths), max(widths)) == (6, 11)


def test_number_of_holes():
    counts = {
        len(holes(CoarseDropout("x", "y", max_holes=3, min_holes=1, max_height=1, max_width=1), seed))
        for seed in range(60)
    }
    assert counts == {1, 2, 3}
    assert CoarseDropout("x", "y", max_holes=5).transform.num_holes_range == (5, 5)


def test_holes_lie_anywhere_in_the_image():
    op = CoarseDropout("x", "y", max_holes=1, max_height=38, max_width=58)
    corners = set()
    for seed in range(100):
        op.reseed(seed)
        rows, columns = np.nonzero(op.forward([WHITE], STATE)[0][..., 0] == 0)
        corners.add((rows.min(), columns.min()))
    assert corners == {(row, column) for row in range(3) for column in range(3)}


def test_fill():
    for image, fill in ((WHITE, 9), (np.ones((40, 60, 3), np.float32), 0.25), (WHITE, [1, 2, 3])):
        op = CoarseDropout("x", "y", fill_value=fill)
        found = op.forward([image], STATE)[0]
        changed = found[(found != image).any(-1)]
        assert len(changed)
        np.testing.assert_array_equal(changed, np.broadcast_to(np.array(fill, image.dtype), changed.shape))


def test_a_hole_that_does_not_fit_is_named():
    with pytest.raises(DataError, match=r"CoarseDropout takes images of at least 8 x 8 pixels.*\(6, 60, 3\)"):
        CoarseDropout("x", "y").forward([WHITE[:6]], STATE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_holes": 0}, r"CoarseDropout\(min_holes, max_holes\) must be ints, .* at least 1, got 0 and 0"),
        ({"max_holes": 2, "min_holes": 3}, "got 3 and 2"),
        ({"min_height": 9}, r"CoarseDropout\(min_height, max_height\) .* got 9 and 8"),
        ({"max_height": 0.5}, r"\(0.5, 0.5\) and \(8, 8\)"),
        ({"max_height": 1.5, "max_width": 1.5}, "ints >= 1"),
        ({"max_height": 0}, "ints >= 1"),
        ({"fill_value": "rain"}, "fill"),
    ],
)
def test_values_are_checked(arguments, message):
    with pytest.raises(ConfigError, match=message):
        CoarseDropout("x", "y", **arguments)
