"""Flip, RandomRotate90 and Transpose against numpy."""

from __future__ import annotations

import numpy as np
import pytest

from fastestimator_lite.op.numpyop.multivariate import Flip, RandomRotate90, Transpose

STATE = {"mode": "train", "epoch": 1}
FORMATS = {"bbox_in": "b", "bbox_params": "pascal_voc", "keypoints_in": "k", "keypoint_params": "xy"}
BOX, POINT = (1, 2, 4, 3, "a"), (1, 2)


@pytest.fixture(params=[(5, 7), (5, 7, 1), (5, 7, 3)], ids=str)
def image(request):
    return np.random.default_rng(0).integers(0, 256, request.param, dtype=np.uint8)


def outcomes(op, image, count=300):
    """How often each outcome came, by its image; and its box and keypoint."""
    found = {}
    for seed in range(count):
        op.reseed(seed)
        result, boxes, points = op.forward([image, [BOX], [POINT]], STATE)
        key = (result.shape, result.tobytes())
        number = found.get(key, (0,))[0]
        found[key] = (number + 1, np.round(boxes[0][:4], 4).tolist(), np.round(points[0], 4).tolist())
    return found


def keyed(image):
    return image.shape, np.ascontiguousarray(image).tobytes()


def test_flip_is_horizontal_vertical_or_both_and_never_none(image):
    found = outcomes(Flip(image_in="x", **FORMATS), image)
    expected = {
        keyed(image[:, ::-1]): ([3, 2, 6, 3], [5, 2]),
        keyed(image[::-1]): ([1, 2, 4, 3], [1, 2]),
        keyed(image[::-1, ::-1]): ([3, 2, 6, 3], [5, 2]),
    }
    assert {key: tuple(value[1:]) for key, value in found.items()} == expected
    assert all(70 < number < 130 for number, *_ in found.values())


def test_quarter_turns_are_counter_clockwise_and_equally_likely(image):
    found = outcomes(RandomRotate90(image_in="x", **FORMATS), image, 400)
    expected = {
        keyed(image): ([1, 2, 4, 3], [1, 2]),
        keyed(np.rot90(image)): ([2, 3, 3, 6], [2, 5]),
        keyed(np.rot90(image, 2)): ([3, 2, 6, 3], [5, 2]),
        keyed(np.rot90(image, 3)): ([2, 1, 3, 4], [2, 1]),
    }
    assert {key: tuple(value[1:]) for key, value in found.items()} == expected
    assert all(70 < number < 130 for number, *_ in found.values())


def test_transpose_swaps_rows_and_columns(image):
    result, boxes, points = Transpose(image_in="x", **FORMATS).forward([image, [BOX], [POINT]], STATE)
    np.testing.assert_array_equal(result, image.swapaxes(0, 1))
    np.testing.assert_allclose(boxes[0][:4], [2, 1, 3, 4], atol=1e-5)
    assert points == [(2, 1)]
