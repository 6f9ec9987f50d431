"""Affine and ShiftScaleRotate against matrices worked out by hand."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from fastestimator_lite.op.numpyop.multivariate import Affine, ShiftScaleRotate
from fastestimator_lite.util.errors import ConfigError

STATE = {"mode": "train", "epoch": 1}
FORMATS = {"bbox_in": "b", "bbox_params": "pascal_voc", "keypoints_in": "k", "keypoint_params": "xy"}
# of a picture of 21 x 31, whose middle pixel is at x = 15, y = 10
MIDDLE = np.array([15, 10])


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (21, 31, 3), dtype=np.uint8)


def place_of(op, x, y, size=(21, 31)):
    """Where one bright pixel goes."""
    dark = np.zeros(size, np.float32)
    dark[y, x] = 1
    moved = op.forward([dark], STATE)[0]
    rows, columns = np.nonzero(moved > 0.01)
    weights = moved[rows, columns]
    return np.array([columns @ weights, rows @ weights]) / weights.sum()


@pytest.mark.parametrize(
    ("arguments", "offset", "expected"),
    [
        ({"rotate": 90}, (6, 0), (0, -6)),  # counter-clockwise to the eye, y points down
        ({"rotate": -90}, (6, 0), (0, 6)),
        ({"rotate": 180}, (6, 2), (-6, -2)),
        ({"scale": 2.0}, (3, -4), (6, -8)),
        ({"scale": {"x": 2.0}}, (3, -4), (6, -4)),
        ({"scale": {"y": 0.5}}, (3, -4), (3, -2)),
        ({"shear": {"x": 45}}, (0, 5), (5, 5)),
        ({"shear": {"y": 45}}, (5, 0), (5, -5)),
        ({"translate": 4}, (1, 1), (5, 5)),
        ({"translate": {"x": 4}}, (1, 1), (5, 1)),
        ({"translate": {"y": -3}}, (1, 1), (1, -2)),
        ({"translate": {"x": 4 / 31, "y": 2 / 21}}, (1, 1), (5, 3)),
        ({"translate": {"x": 0, "y": 2 / 21}}, (1, 1), (1, 3)),
        ({"rotate": 90, "translate": {"x": 4}}, (6, 0), (4, -6)),  # the translation comes last
        ({"rotate": 90, "scale": {"x": 0.5}}, (6, 0), (0, -3)),  # the scale comes before the rotation
    ],
)
def test_a_pixel_goes_where_the_matrix_says(arguments, offset, expected):
    op = Affine(image_in="x", interpolation="bilinear", **arguments)
    np.testing.assert_allclose(place_of(op, *(MIDDLE + offset)) - MIDDLE, expected, atol=0.05)


def test_shear_along_y_scale_shear_along_x_and_rotation_follow_one_another():
    shear_y = np.array([[1, 0], [-np.tan(np.radians(10)), 1]])
    shear_x = np.array([[1, np.tan(np.radians(20))], [0, 1]])
    angle = np.radians(30)
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    linear = rotation @ shear_x @ np.diag([1.5, 0.8]) @ shear_y
    op = Affine(30, {"x": 1.5, "y": 0.8}, {"x": 20, "y": 10}, image_in="x", keypoints_in="k", keypoint_params="xy")
    points = np.array([[12.0, 9.0], [17.0, 13.0]])
    _, moved = op.forward([np.zeros((21, 31), np.uint8), points], STATE)
    np.testing.assert_allclose(moved, (points - MIDDLE) @ linear.T + MIDDLE, atol=1e-3)


def test_boxes_count_from_the_corner_of_the_first_pixel():
    op = Affine(rotate=90, image_in="x", **FORMATS)
    # of 10 x 10: the left upper pixel goes to the left lower corner
    image = np.zeros((10, 10), np.uint8)
    _, boxes, points = op.forward([image, [(0, 0, 1, 1, "a"), (6, 1, 9, 3, "b")], [(0, 0), (8, 2)]], STATE)
    np.testing.assert_allclose([box[:4] for box in boxes], [(0, 9, 1, 10), (1, 1, 3, 4)], atol=1e-4)
    np.testing.assert_allclose(points, [(0, 9), (2, 1)], atol=1e-4)


def test_an_ellipse_turns_into_a_smaller_box_than_its_corners_do():
    square = [(10, 5, 20, 15, 0)]
    widths = {}
    for method in ("largest_box", "ellipse"):
        op = Affine(rotate=45, rotate_method=method, image_in="x", bbox_in="b", bbox_params="pascal_voc")
        box = op.forward([np.zeros((21, 31), np.uint8), square], STATE)[1][0]
        widths[method] = box[2] - box[0]
    assert widths["largest_box"] == pytest.approx(10 * np.sqrt(2), abs=0.01)
    assert widths["ellipse"] == pytest.approx(10, abs=0.01)


def test_fitted_output_holds_the_whole_image(image):
    op = Affine(rotate=90, fit_output=True, translate=7, image_in="x", **FORMATS)
    turned, boxes, points = op.forward([image, [(3, 2, 9, 6, 1)], [(3, 2)]], STATE)
    np.testing.assert_array_equal(turned, np.rot90(image))
    np.testing.assert_allclose(boxes, [(2, 22, 6, 28, 1)], atol=1e-4)
    np.testing.assert_allclose(points, [(2, 27)], atol=1e-4)
    op = Affine(rotate=45, fit_output=True, image_in="x")
    # (30 + 20) / sqrt(2) between the outermost centres
    assert op.forward([image], STATE)[0].shape == (37, 37, 3)


def test_nothing_asked_for_is_a_little_of_each():
    transform = Affine(image_in="x").transform
    assert transform.scale == {"x": (0.9, 1.1), "y": (0.9, 1.1)}
    assert transform.translate_percent == {"x": (-0.1, 0.1), "y": (-0.1, 0.1)}
    assert transform.rotate == (-15, 15)
    assert transform.shear == {"x": (-10, 10), "y": (-10, 10)}


def test_what_is_not_asked_for_stays(image):
    assert Affine(rotate=5, image_in="x").transform.scale == {"x": (1, 1), "y": (1, 1)}
    assert Affine(shear={"x": 5}, image_in="x").transform.shear["y"] == (0, 0)
    np.testing.assert_array_equal(Affine(rotate=0, image_in="x").forward([image], STATE)[0], image)


def test_ints_are_pixels_and_floats_fractions():
    assert Affine(translate=(-3, 4), image_in="x").transform.translate_px == {"x": (-3, 4), "y": (-3, 4)}
    assert Affine(translate=(0, 0.5), image_in="x").transform.translate_percent["x"] == (0, 0.5)
    assert Affine(translate=np.int64(2), image_in="x").transform.translate_px["x"] == (2, 2)


def drawn_matrices(op, count=300):
    op.reseed(0)
    draw = op.transform.get_params_dependent_on_data
    return np.array([draw({"shape": (21, 31)}, {})["matrix"] for _ in range(count)])


def test_amounts_are_spread_over_their_ranges():
    moves = drawn_matrices(Affine(translate=(-3, 4), image_in="x"))[:, :2, 2]
    assert set(moves[:, 0]) == set(moves[:, 1]) == set(range(-3, 5))
    assert 0 < abs(np.corrcoef(moves.T)[0, 1]) < 0.2  # drawn apart
    scales = drawn_matrices(Affine(scale=(0.5, 2), image_in="x"))
    assert np.corrcoef(scales[:, 0, 0], scales[:, 1, 1])[0, 1] < 0.2
    assert (scales[:, 0, 0].min(), scales[:, 0, 0].max()) == pytest.approx((0.5, 2), abs=0.05)
    kept = drawn_matrices(Affine(scale=(0.5, 2), keep_ratio=True, image_in="x"))
    np.testing.assert_allclose(kept[:, 0, 0], kept[:, 1, 1])


def test_every_channel_is_filled_and_masks_with_their_own_value():
    image, mask = np.full((8, 9, 3), 100, np.uint8), np.ones((8, 9), np.uint8)
    op = Affine(translate={"x": 3}, fill_value=7, fill_value_mask=0, image_in="x", mask_in="m")
    moved, moved_mask = op.forward([image, mask], STATE)
    assert (moved[:, :3] == 7).all()
    assert (moved[:, 3:] == 100).all()
    assert (moved_mask[:, :3] == 0).all()
    colour = Affine(translate={"x": 3}, fill_value=(1, 2, 3), image_in="x").forward([image], STATE)[0]
    np.testing.assert_array_equal(colour[0, 0], [1, 2, 3])
    same = Affine(translate={"x": 3}, fill_value=7, image_in="x", mask_in="m").forward([image, mask], STATE)[1]
    assert (same[:, :3] == 7).all()


@pytest.mark.parametrize(
    ("word", "expected"),
    [("constant", [0, 0, 1, 2]), ("replicate", [1, 1, 1, 2]), ("reflect", [3, 2, 1, 2]), ("wrap", [4, 5, 1, 2])],
)
def test_border_words(word, expected):
    row = np.array([[1, 2, 3, 4, 5]] * 2, np.uint8)
    op = Affine(translate={"x": 2}, border_handling=word, image_in="x")
    np.testing.assert_array_equal(op.forward([row], STATE)[0][0, :4], expected)
    number = {"constant": 0, "replicate": 1, "wrap": 3, "reflect": 4}[word]
    assert Affine(border_handling=number, image_in="x").transform.border_mode == number


@pytest.mark.parametrize(
    ("word", "flag"),
    [
        ("nearest_neighbor", cv2.INTER_NEAREST),
        ("bilinear", cv2.INTER_LINEAR),
        ("bicubic", cv2.INTER_CUBIC),
        ("biquartic", cv2.INTER_LANCZOS4),
        ("biquintic", cv2.INTER_LANCZOS4),
    ],
)
def test_interpolation_words(word, flag, image):
    op = Affine(translate=0.03, interpolation=word, mask_interpolation=word, image_in="x", mask_in="m")
    assert (op.transform.interpolation, op.transform.mask_interpolation) == (flag, flag)
    moved, mask = op.forward([image, image], STATE)
    expected = cv2.warpAffine(image, np.array([[1, 0, 0.93], [0, 1, 0.63]]), (31, 21), flags=flag)
    np.testing.assert_array_equal(moved, expected)
    np.testing.assert_array_equal(mask, expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"interpolation": "biliner"}, r"Affine\(interpolation\) .*'biliner'.* Did you mean 'bilinear'"),
        ({"mask_interpolation": None}, r"Affine\(mask_interpolation\)"),
        ({"interpolation": 77}, "77"),
        ({"border_handling": "reflct"}, "Did you mean 'reflect'"),
        ({"rotate": "left"}, r"Affine\(rotate\) must be a number or a range"),
        ({"rotate": (5, 1)}, r"\(5, 1\)"),
        ({"rotate": True}, "True"),
        ({"scale": 0.0}, r"Affine\(scale\) must be above 0"),
        ({"scale": {"z": 1}}, r"keys 'x', 'y' or both, got \{'z': 1\}"),
        ({"scale": {}}, "keys"),
        ({"shear": 90}, r"Affine\(shear\)"),
        ({"translate": {"x": 3, "y": 0.5}}, "mixes pixels"),
        ({"translate": (1, 2, 3)}, r"Affine\(translate\)"),
        ({"scale": {"x": 2.0, "y": 1.0}, "keep_ratio": True}, "keep_ratio"),
        ({"rotate_method": "circle"}, "ellipse"),
    ],
)
def test_affine_checks_its_values(arguments, message):
    with pytest.raises(ConfigError, match=message):
        Affine(image_in="x", **arguments)


def test_shift_is_a_fraction_of_the_size():
    op = ShiftScaleRotate((0.2, 0.2), 0, 0, border_mode=0, image_in="x")
    np.testing.assert_allclose(place_of(op, 10, 10, (20, 30)), [16, 14], atol=0.05)


def test_scale_is_added_to_one_and_the_angle_is_counter_clockwise():
    op = ShiftScaleRotate(0, (1, 1), (90, 90), border_mode=0, image_in="x")
    np.testing.assert_allclose(place_of(op, *(MIDDLE + [4, 0])), MIDDLE + [0, -8], atol=0.05)


def test_shift_scale_rotate_is_one_map_of_opencv(image):
    op = ShiftScaleRotate((0.1, 0.1), (0.2, 0.2), (35, 35), image_in="x")
    matrix = cv2.getRotationMatrix2D((15, 10), 35, 1.2)
    matrix[:, 2] += (3.1, 2.1)
    expected = cv2.warpAffine(image, matrix, (31, 21), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    np.testing.assert_array_equal(op.forward([image], STATE)[0], expected)


def test_shift_scale_rotate_draws_from_its_limits():
    transform = ShiftScaleRotate(image_in="x").transform
    assert transform.translate_percent == {"x": (-0.0625, 0.0625), "y": (-0.0625, 0.0625)}
    assert transform.scale["x"] == (0.9, 1.1)
    assert (transform.rotate, transform.border_mode) == ((-45, 45), 4)
    matrices = drawn_matrices(ShiftScaleRotate(0, 0.5, 0, image_in="x"))
    np.testing.assert_allclose(matrices[:, 0, 0], matrices[:, 1, 1])
    assert (matrices[:, 0, 0].min(), matrices[:, 0, 0].max()) == pytest.approx((0.5, 1.5), abs=0.02)


def test_a_mirrored_border_brings_no_more_boxes(image):
    op = ShiftScaleRotate((0.3, 0.3), (-0.5, -0.5), 0, image_in="x", **FORMATS)
    _, boxes, points = op.forward([image, [(3, 3, 9, 9, 1)], [(5, 5)]], STATE)
    assert len(boxes) == len(points) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scale_limit": -1}, None),
        ({"scale_limit": (-1, 0)}, r"ShiftScaleRotate\(scale_limit\) is added to 1 .* got \(-1, 0\)"),
        ({"shift_limit": "far"}, r"ShiftScaleRotate\(shift_limit\)"),
        ({"rotate_limit": (3, -3)}, r"ShiftScaleRotate\(rotate_limit\)"),
        ({"border_mode": 9}, "border_mode"),
    ],
)
def test_shift_scale_rotate_checks_its_values(arguments, message):
    with pytest.raises(ConfigError, match=message or "above -1"):
        ShiftScaleRotate(image_in="x", **arguments)
