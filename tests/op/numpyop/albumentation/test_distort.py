"""ElasticTransform, GridDistortion, OpticalDistortion and RandomGridShuffle: where pixels come from."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from fastestimator_lite.op.numpyop.multivariate import (
    ElasticTransform,
    GridDistortion,
    OpticalDistortion,
    RandomGridShuffle,
)
from fastestimator_lite.util.errors import ConfigError

STATE = {"mode": "train", "epoch": 1}
DISTORTIONS = (ElasticTransform, GridDistortion, OpticalDistortion)


@pytest.fixture
def image():
    noise = np.random.default_rng(0).uniform(0, 255, (40, 60, 3)).astype(np.float32)
    return cv2.GaussianBlur(noise, (0, 0), 2)


def maps(op, height=40, width=60, seed=0):
    """Where each pixel comes from: x and y."""
    op.reseed(seed)
    drawn = op.transform.get_params_dependent_on_data({"shape": (height, width)}, {})
    return drawn["map_x"], drawn["map_y"]


def moves(op, height=40, width=60, seed=0):
    """How far each pixel came: x and y."""
    map_x, map_y = maps(op, height, width, seed)
    return map_x - np.arange(width), map_y - np.arange(height)[:, np.newaxis]


STILL = [
    ElasticTransform(alpha=0, alpha_affine=0, image_in="x", mask_in="m"),
    GridDistortion(distort_limit=0, image_in="x", mask_in="m"),
    OpticalDistortion(distort_limit=0, shift_limit=0, image_in="x", mask_in="m"),
    RandomGridShuffle((1, 1), image_in="x", mask_in="m"),
]


@pytest.mark.parametrize("op", STILL, ids=lambda op: type(op).__name__)
def test_without_a_strength_nothing_moves(op, image):
    result, mask = op.forward([image, image[..., 0]], STATE)
    np.testing.assert_allclose(result, image, atol=1e-2)
    np.testing.assert_array_equal(mask, image[..., 0])


@pytest.mark.parametrize("kind", DISTORTIONS, ids=lambda kind: kind.__name__)
def test_the_image_is_read_at_the_drawn_places(kind, image):
    op = kind(image_in="x", mask_in="m")
    map_x, map_y = maps(op, seed=3)
    op.reseed(3)
    result, mask = op.forward([image, image], STATE)
    expected = cv2.remap(image, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    np.testing.assert_allclose(result, expected, atol=1e-3)
    nearest = cv2.remap(image, map_x, map_y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT_101)
    np.testing.assert_array_equal(mask, nearest)


@pytest.mark.parametrize("kind", DISTORTIONS, ids=lambda kind: kind.__name__)
def test_a_constant_border_is_filled_in_every_channel(kind):
    limits = {ElasticTransform: {"alpha_affine": 60.0}, GridDistortion: {"distort_limit": (1, 1)}}
    far = limits.get(kind, {"shift_limit": (20, 20)})
    image, mask = np.full((40, 60, 3), 100, np.uint8), np.ones((40, 60), np.uint8)
    op = kind(border_mode=0, value=7, mask_value=9, interpolation=0, image_in="x", mask_in="m", **far)
    op.reseed(2)
    result, moved = op.forward([image, mask], STATE)
    assert {tuple(pixel) for pixel in result.reshape(-1, 3)} == {(7, 7, 7), (100, 100, 100)}
    assert set(moved.ravel()) == {1, 9}
    colour = kind(border_mode=0, value=(1, 2, 3), interpolation=0, image_in="x", **far)
    colour.reseed(2)
    assert (1, 2, 3) in {tuple(pixel) for pixel in colour.forward([image], STATE)[0].reshape(-1, 3)}


def test_the_field_is_smoothed_noise_times_alpha():
    sigma, alpha = 3.0, 40.0
    op = ElasticTransform(alpha, sigma, alpha_affine=0, image_in="x")
    fields = np.array([moves(op, 100, 100, seed) for seed in range(6)])
    # white noise of variance 1 / 3 keeps 1 / (4 pi sigma^2) of it
    expected = alpha * np.sqrt(1 / 3 / (4 * np.pi)) / sigma
    assert fields.std() == pytest.approx(expected, rel=0.1)
    assert abs(fields.mean()) < expected / 10
    x, y = fields[0]
    assert abs(np.corrcoef(x.ravel(), y.ravel())[0, 1]) < 0.3
    neighbours = np.corrcoef(x[:, 1:].ravel(), x[:, :-1].ravel())[0, 1]
    assert neighbours == pytest.approx(np.exp(-1 / (4 * sigma**2)), abs=0.02)


def test_one_field_may_serve_for_both_axes():
    x, y = moves(ElasticTransform(alpha_affine=0, same_dxdy=True, image_in="x"))
    np.testing.assert_allclose(x, y, atol=1e-4)


def test_approximate_smoothing_has_a_small_kernel():
    fields = {}
    for approximate in (False, True):
        op = ElasticTransform(100, 9, alpha_affine=0, approximate=approximate, image_in="x")
        fields[approximate] = moves(op, 100, 100)[0]
    assert fields[True].std() > 1.2 * fields[False].std()


def test_the_affine_map_moves_three_points_by_up_to_its_pixels():
    op = ElasticTransform(alpha=0, alpha_affine=5.0, image_in="x")
    # of 40 x 60: the points are 13 pixels away from x = 30, y = 20
    points = np.array([[43, 33, 1], [43, 7, 1], [17, 7, 1]])
    moved = []
    for seed in range(50):
        map_x, map_y = maps(op, seed=seed)
        corners = [(0, 0), (0, 59), (39, 0)]
        sources = np.array([[map_x[corner], map_y[corner]] for corner in corners])
        targets = np.array([[0, 0, 1], [59, 0, 1], [0, 39, 1]])
        inverse = np.vstack([np.linalg.solve(targets, sources).T, [0, 0, 1]])
        moved.append((points @ np.linalg.inv(inverse).T - points)[:, :2])
    assert np.abs(moved).max() <= 5.01
    assert np.abs(moved).max() > 4.5
    assert abs(np.mean(moved)) < 1


def test_grid_cells_are_stretched_by_their_factors():
    op = GridDistortion(4, (-0.5, 0.5), image_in="x")
    x, y = maps(op, 40, 60)
    np.testing.assert_allclose(x, np.broadcast_to(x[0], x.shape))
    np.testing.assert_allclose(y, np.broadcast_to(y[:, :1], y.shape))
    for line, cell in ((x[0], 15), (y[:, 0], 10)):
        steps = np.diff(line).reshape(-1)
        within = [steps[i * cell : (i + 1) * cell - 1] for i in range(4)]
        for each in within:
            np.testing.assert_allclose(each, each[0], atol=1e-4)
            assert 0.5 <= each[0] <= 1.5
        assert len({round(float(each[0]), 3) for each in within}) == 4


@pytest.mark.parametrize("size", [3, 7, 9, 19])
def test_grid_lines_need_not_lie_on_pixels(size):
    for map_x in (maps(GridDistortion(5, 0.0, image_in="x"), size, size)[0],):
        np.testing.assert_allclose(map_x[0], np.arange(size), atol=1e-5)


def test_a_single_limit_means_both_ways():
    factors = [np.diff(maps(GridDistortion(1, 0.3, image_in="x"), seed=seed)[0][0])[0] for seed in range(200)]
    assert (min(factors), max(factors)) == pytest.approx((0.7, 1.3), abs=0.03)


def test_a_lens_reads_further_out_the_further_out_it_is():
    strength = 0.4
    x, y = moves(OpticalDistortion((strength, strength), 0, image_in="x"), 41, 61)
    np.testing.assert_allclose([x[20, 30], y[20, 30]], 0, atol=1e-3)
    # at the middle of the right side, r = 30 / 61 of the width: r (k r^2 + k r^4) further out
    r = 30 / 61
    assert x[20, 60] == pytest.approx(61 * r * (strength * r**2 + strength * r**4), abs=1e-2)
    np.testing.assert_allclose(x, -x[:, ::-1], atol=1e-2)
    np.testing.assert_allclose(y, -y[::-1], atol=1e-2)
    inwards = moves(OpticalDistortion((-0.4, -0.4), 0, image_in="x"), 41, 61)[0]
    assert inwards[20, 60] < 0


def test_a_shift_is_in_whole_pixels_to_the_left_and_up(image):
    op = OpticalDistortion(0, (3.2, 3.4), image_in="x")
    np.testing.assert_allclose(op.forward([image], STATE)[0][:-3, :-3], image[3:, 3:], atol=1e-2)
    found = {
        (round(float(x[0, 0])), round(float(y[0, 0])))
        for x, y in (moves(OpticalDistortion(0, 1.4, image_in="x"), seed=seed) for seed in range(100))
    }
    assert found == {(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)}
    np.testing.assert_allclose(moves(OpticalDistortion(0, image_in="x")), 0, atol=1e-3)  # 0.05 rounds to 0


def test_tiles_are_put_together_in_another_order():
    image = np.repeat(np.repeat(np.arange(6).reshape(2, 3), 10, axis=0), 10, axis=1).astype(np.uint8)
    op = RandomGridShuffle((2, 3), image_in="x", mask_in="m")
    orders = set()
    for seed in range(60):
        op.reseed(seed)
        result, mask = op.forward([image, image], STATE)
        np.testing.assert_array_equal(result, mask)
        tiles = result.reshape(2, 10, 3, 10)
        assert (tiles == tiles[:, :1, :, :1]).all()
        order = tuple(tiles[:, 0, :, 0].ravel())
        assert sorted(order) == list(range(6))
        orders.add(order)
    assert len(orders) > 40


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        (ElasticTransform, {"alpha": -1}),
        (ElasticTransform, {"sigma": 0}),
        (ElasticTransform, {"alpha_affine": -1}),
        (ElasticTransform, {"alpha_affine": None}),
        (ElasticTransform, {"border_mode": 9}),
        (GridDistortion, {"num_steps": 0}),
        (GridDistortion, {"distort_limit": 1.5}),
        (GridDistortion, {"interpolation": 99}),
        (OpticalDistortion, {"distort_limit": "strong"}),
        (OpticalDistortion, {"shift_limit": (2, 1)}),
        (RandomGridShuffle, {"grid": (0, 3)}),
        (RandomGridShuffle, {"grid": 3}),
    ],
)
def test_impossible_values(kind, arguments):
    with pytest.raises(ConfigError, match=f"{kind.__name__}.*{next(iter(arguments))}"):
        kind(image_in="x", **arguments)
