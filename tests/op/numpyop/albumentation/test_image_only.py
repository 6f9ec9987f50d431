"""ImageOnlyAlbumentation."""

from __future__ import annotations

import albumentations as A
import numpy as np
import pytest

from fastestimator_lite.op.numpyop.albumentation.image_only import ImageOnly
from fastestimator_lite.op.numpyop.univariate import ImageOnlyAlbumentation
from fastestimator_lite.util.errors import ConfigError, DataError

STATE = {"mode": "train", "epoch": 1}


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (10, 12, 3), dtype=np.uint8)


class Gamma(ImageOnlyAlbumentation):
    def __init__(self, inputs, outputs):
        super().__init__(A.RandomGamma(gamma_limit=(20, 300), p=1.0), inputs, outputs, mode="train")


def test_user_op_runs_its_transform(image):
    op = ImageOnlyAlbumentation(A.InvertImg(p=1.0), "x", "y")
    np.testing.assert_array_equal(op.forward([image], STATE)[0], 255 - image)


def test_images_of_a_sample_get_the_same_draw(image):
    op = Gamma(["a", "b"], ["a", "b"])
    for seed in range(5):
        op.reseed(seed)
        left, right = op.forward([image, image], STATE)
        np.testing.assert_array_equal(left, right)


def test_the_first_image_is_drawn_alike_with_and_without_company(image):
    alone, company = Gamma("a", "a"), Gamma(["a", "b", "c"], ["a", "b", "c"])
    alone.reseed(9)
    company.reseed(9)
    np.testing.assert_array_equal(alone.forward([image], STATE)[0], company.forward([image] * 3, STATE)[0])


def test_normal_numbers_do_not_outlive_a_seed():
    # random.gauss keeps every second number for the next call
    class Gauss(A.ImageOnlyTransform):
        def get_params(self):
            return {"drawn": self.py_random.gauss(0, 1)}

        def apply(self, img, drawn=0, **params):
            return np.full_like(img, drawn)

    op = ImageOnlyAlbumentation(Gauss(p=1.0), "x", "y")
    canvas = np.zeros((2, 2), np.float32)
    op.reseed(1)
    first = op.forward([canvas], STATE)[0]
    op.reseed(1)
    np.testing.assert_array_equal(op.forward([canvas], STATE)[0], first)


def test_probability_inside_a_composition_is_drawn_from_the_seed(image):
    op = ImageOnlyAlbumentation(A.OneOf([A.InvertImg(p=1.0), A.RandomGamma(p=1.0)], p=0.5), "x", "y")
    unchanged = []
    for seed in range(40):
        op.reseed(seed)
        first = op.forward([image], STATE)[0]
        op.reseed(seed)
        np.testing.assert_array_equal(op.forward([image], STATE)[0], first)
        unchanged.append(np.array_equal(first, image))
    assert 8 < sum(unchanged) < 32


def test_users_code_that_draws_from_the_global_generator_is_seeded_too():
    def shift(image, **kwargs):
        return image + np.random.rand()

    op = ImageOnlyAlbumentation(A.Lambda(image=shift, p=1.0), "x", "y")
    canvas = np.zeros((2, 2))
    state = np.random.get_state()
    op.reseed(4)
    first = op.forward([canvas], STATE)[0]
    second = op.forward([canvas], STATE)[0]
    op.reseed(4)
    again = op.forward([canvas], STATE)[0]
    np.random.set_state(state)
    np.testing.assert_array_equal(again, first)
    assert not np.array_equal(first, second)


def test_as_many_outputs_as_inputs_are_needed():
    with pytest.raises(ConfigError, match=r"\['x', 'y'\].*\['z'\]"):
        ImageOnlyAlbumentation(A.InvertImg(p=1.0), ["x", "y"], "z")


class Negative(ImageOnly):
    albumentation = "InvertImg"
    channels = (1, 3)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            np.zeros((4, 5, 3)),
            r"Negative takes uint8 or float32 images, got float64 of shape \(4, 5, 3\) for \['x', 'z'\]",
        ),
        (np.zeros((4, 5, 2), np.uint8), r"Negative takes images with 1 or 3 channels.*\(4, 5, 2\)"),
        (np.zeros((2, 4, 5, 3), np.uint8), r"of shape \(H, W\) or \(H, W, C\), got uint8 of shape \(2, 4, 5, 3\)"),
    ],
)
def test_declared_ops_name_the_images_that_they_cannot_take(wrong, message, image):
    op = Negative(["x", "z"], ["x", "z"])
    for good in (image, image[..., 0], image[..., :1], (image / 255).astype(np.float32)):
        assert len(op.forward([good, good], STATE)) == 2
    with pytest.raises(DataError, match=message):
        op.forward([image, wrong], STATE)


def test_transforms_without_a_schema_are_declared_too(image):
    class Aged(ImageOnly):
        albumentation = "ToSepia"

    assert Aged("x", "y").forward([image], STATE)[0].shape == image.shape
