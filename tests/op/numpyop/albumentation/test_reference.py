"""Ops that make an image resemble another one."""

from __future__ import annotations

import pickle

import cv2
import numpy as np
import pytest
from sklearn.decomposition import PCA

from fastestimator_lite.op.numpyop.univariate import FDA, HistogramMatching, PixelDistributionAdaptation
from fastestimator_lite.util.errors import ConfigError, DataError

STATE = {"mode": "train", "epoch": 1}
KINDS = (FDA, HistogramMatching, PixelDistributionAdaptation)


def picture(seed, mean, size=(24, 32)):
    mixed = np.random.default_rng(seed).normal(0, 14, (*size, 3)) @ np.array([[1, 0.5, 0.2], [0, 1, 0.4], [0, 0, 0.7]])
    return (mixed + mean).clip(0, 255).astype(np.uint8)


IMAGE = picture(0, (120, 100, 140))
REFERENCE = picture(1, (90, 150, 110))


def same(value):
    return value


def made(kind, references=(REFERENCE,), **arguments):
    return kind("x", "y", references, read_fn=same, **arguments)


def run(op, image=IMAGE, seed=0):
    op.reseed(seed)
    return op.forward([image], STATE)[0]


def as_floats(image):
    return (image / 255).astype(np.float32)


@pytest.mark.parametrize("size", [(24, 32), (25, 31)])
@pytest.mark.parametrize("beta", [0, 0.1, 0.3])
def test_low_amplitudes_are_those_of_the_reference_and_phases_stay(size, beta):
    # small differences around gray, so that nothing is cut
    image, other = (as_floats(picture(seed, 128, size)) * 0.2 + 0.4 for seed in (0, 1))
    found = run(made(FDA, [other], beta_limit=(beta, beta)), image.astype(np.float32))
    before, wanted, after = (np.fft.fft2(each, axes=(0, 1)) for each in (image, other, found))
    reach = int(min(size) * beta)
    rows, columns = (np.abs(np.fft.fftfreq(side) * side).round() for side in size)
    low = (rows[:, np.newaxis] <= reach) & (columns <= reach)
    np.testing.assert_allclose(np.abs(after[low]), np.abs(wanted[low]), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(after[~low], before[~low], atol=2e-3)
    large = low[..., np.newaxis] & (np.abs(wanted) > 0.1) & (np.abs(before) > 0.1)
    turned = np.angle(after[large] / before[large])
    np.testing.assert_allclose(turned, 0, atol=0.01)


def test_at_zero_the_mean_alone_is_taken_over():
    found = run(made(FDA, beta_limit=0), IMAGE)
    np.testing.assert_allclose(found.mean((0, 1)), REFERENCE.mean((0, 1)), atol=0.6)
    np.testing.assert_allclose(found.std((0, 1)), IMAGE.std((0, 1)), atol=0.6)


def test_beta_is_drawn():
    op = made(FDA, beta_limit=0.3)
    assert op.transform.beta_limit == (0, 0.3)
    assert len({run(op, seed=seed).tobytes() for seed in range(40)}) == 8  # int(24 * 0.3) + 1


def test_references_are_resized():
    small = cv2.resize(REFERENCE, (32, 24))
    large = cv2.resize(small, (64, 48), interpolation=cv2.INTER_NEAREST)
    shown = run(made(FDA, [large]), IMAGE)
    expected = run(made(FDA, [cv2.resize(large, (32, 24))]), IMAGE)
    np.testing.assert_array_equal(shown, expected)


def histogram_distance(left, right):
    counts = [np.cumsum(np.bincount(each.ravel(), minlength=256)) / each.size for each in (left, right)]
    return np.abs(counts[0] - counts[1]).max()


def test_histograms_match():
    found = run(made(HistogramMatching, blend_ratio=(1, 1)))
    for channel in range(3):
        assert histogram_distance(found[..., channel], REFERENCE[..., channel]) < 0.05
        assert histogram_distance(IMAGE[..., channel], REFERENCE[..., channel]) > 0.4
        # the order of the pixels stays
        order = np.argsort(IMAGE[..., channel], axis=None)
        assert (np.diff(found[..., channel].ravel()[order].astype(int)) >= 0).all()


def moments(image):
    pixels = image.reshape(-1, 3).astype(float)
    return pixels.mean(0), pixels.std(0)


def test_mean_and_deviation_of_each_channel():
    found = run(made(PixelDistributionAdaptation, blend_ratio=(1, 1), transform_type="standard"))
    for is_now, wanted in zip(moments(found), moments(REFERENCE), strict=True):
        np.testing.assert_allclose(is_now, wanted, atol=0.6)
    scaled = (IMAGE - IMAGE.mean((0, 1))) / IMAGE.std((0, 1)) * REFERENCE.std((0, 1)) + REFERENCE.mean((0, 1))
    np.testing.assert_allclose(found, scaled, atol=0.51)


def test_minimum_and_maximum_of_each_channel():
    found = run(made(PixelDistributionAdaptation, blend_ratio=(1, 1), transform_type="minmax"))
    np.testing.assert_array_equal(found.min((0, 1)), REFERENCE.min((0, 1)))
    np.testing.assert_array_equal(found.max((0, 1)), REFERENCE.max((0, 1)))


def test_main_axes_as_sklearn_finds_them():
    found = run(made(PixelDistributionAdaptation, blend_ratio=(1, 1)))
    own, other = (PCA().fit(each.reshape(-1, 3)) for each in (IMAGE, REFERENCE))
    parts = own.transform(IMAGE.reshape(-1, 3))
    # the direction of an axis is free; each must be one of its two
    candidates = [
        other.inverse_transform(parts * signs).reshape(IMAGE.shape)
        for signs in np.array(np.meshgrid([1, -1], [1, -1], [1, -1])).T.reshape(-1, 3)
    ]
    assert min(np.abs(found - each).max() for each in candidates) < 0.51
    np.testing.assert_allclose(moments(found)[0], moments(REFERENCE)[0], atol=0.3)


def test_an_image_is_like_itself():
    for rule in ("pca", "standard", "minmax"):
        op = made(PixelDistributionAdaptation, [IMAGE], blend_ratio=(1, 1), transform_type=rule)
        np.testing.assert_allclose(run(op), IMAGE, atol=1)
    flat = np.full((5, 6, 3), 77, np.uint8)
    for rule in ("pca", "standard", "minmax"):
        op = made(PixelDistributionAdaptation, [flat], blend_ratio=(1, 1), transform_type=rule)
        np.testing.assert_allclose(run(op, flat), 77, atol=1)


@pytest.mark.parametrize("kind", [HistogramMatching, PixelDistributionAdaptation])
def test_the_blend_ratio_is_the_part_of_the_changed_image(kind):
    whole = run(made(kind, blend_ratio=(1, 1))).astype(float)
    np.testing.assert_allclose(run(made(kind, blend_ratio=(0.25, 0.25))), 0.25 * whole + 0.75 * IMAGE, atol=1)
    np.testing.assert_array_equal(run(made(kind, blend_ratio=(0, 0))), IMAGE)


@pytest.mark.parametrize("kind", KINDS)
def test_floats_and_bytes_go_together(kind):
    expected = run(made(kind)) / 255
    for image, reference in (
        (as_floats(IMAGE), REFERENCE),
        (as_floats(IMAGE), as_floats(REFERENCE)),
        (IMAGE, as_floats(REFERENCE)),
    ):
        found = run(made(kind, [reference]), image)
        assert found.dtype == image.dtype
        np.testing.assert_allclose(found / (255 if image is IMAGE else 1), expected, atol=0.01)


@pytest.mark.parametrize("kind", [FDA, HistogramMatching])
def test_gray_images_take_gray_references(kind):
    gray, other = IMAGE[..., :1], REFERENCE[..., 0]
    found = run(made(kind, [other]), gray)
    assert found.shape == gray.shape
    np.testing.assert_array_equal(run(made(kind, [other[..., np.newaxis]]), gray[..., 0]), found[..., 0])
    with pytest.raises(
        DataError, match=rf"{kind.__name__}: .* as many channels .*\(24, 32, 3\) for uint8.*\(24, 32, 1\)"
    ):
        run(made(kind), gray)


@pytest.mark.parametrize("kind", KINDS)
def test_files_are_read_red_first_and_each_is_drawn(kind, tmp_path):
    paths = []
    for index, reference in enumerate((REFERENCE, picture(2, (30, 60, 200)))):
        paths.append(str(tmp_path / f"{index}.png"))
        cv2.imwrite(paths[-1], cv2.cvtColor(reference, cv2.COLOR_RGB2BGR))
    fixed = {"beta_limit": (0.2, 0.2)} if kind is FDA else {"blend_ratio": (0.8, 0.8)}
    op = kind("x", "y", paths, **fixed)
    wanted = [run(made(kind, [reference], **fixed)) for reference in (REFERENCE, picture(2, (30, 60, 200)))]
    found = [next(i for i in range(2) if np.array_equal(run(op, seed=seed), wanted[i])) for seed in range(20)]
    assert set(found) == {0, 1}
    twin = pickle.loads(pickle.dumps(op))
    np.testing.assert_array_equal(run(twin, seed=3), run(op, seed=3))


def test_references_come_before_the_mode():
    op = FDA("x", "y", [REFERENCE], "train", "a", 0.2, same)
    assert (op.mode, op.ds_id, op.beta_limit, op.read_fn) == ({"train"}, {"a"}, 0.2, same)
    assert op.reference_images[0] is REFERENCE


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("references", [[], "a.png", None, 7])
def test_a_reference_is_needed(kind, references):
    with pytest.raises(ConfigError, match=rf"{kind.__name__}\(reference_images\) must be a list of at least one"):
        kind("x", "y", references)


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        (FDA, {"beta_limit": 0.7}, r"FDA\(beta_limit\) .* within \[0, 0.5\]"),
        (FDA, {"read_fn": None}, r"FDA\(read_fn\) must be a function"),
        (HistogramMatching, {"blend_ratio": (0, 2)}, r"HistogramMatching\(blend_ratio\) .* within \[0, 1\]"),
        (PixelDistributionAdaptation, {"transform_type": "pcs"}, "Did you mean 'pca'"),
    ],
)
def test_values_are_checked(kind, arguments, message):
    with pytest.raises(ConfigError, match=message):
        kind("x", "y", ["a.png"], **arguments)
