"""Fields become a constructor."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

import numpy as np
import pytest

from fastestimator_lite.op.numpyop.albumentation.declare import build_transform, fields
from fastestimator_lite.op.numpyop.albumentation.image_and_targets import ImageAndMasks, ImageAndTargets
from fastestimator_lite.op.numpyop.albumentation.image_only import ImageOnly
from fastestimator_lite.op.numpyop.multivariate import Resize, Rotate
from fastestimator_lite.util.errors import ConfigError


class Posterize(ImageOnly):
    num_bits: tuple[int, int] = (4, 4)
    note: ClassVar[str] = "no field"
    _hidden: int = 1


class Noise(ImageOnly):
    albumentation = "GaussNoise"

    deviation: float = 0.5

    def _arguments(self) -> dict[str, Any]:
        return {"std_range": (self.deviation, self.deviation)}


class GridDistortion(ImageAndMasks):
    num_steps: int = 5


class Tilt(Rotate):
    """A user's op that keeps the constructor of its parent."""


class SmallTilt(Rotate):
    def __init__(self, key: str) -> None:
        super().__init__(5, image_in=key)


class SmallerTilt(SmallTilt):
    pass


class CroppedTilt(Rotate):
    crop_border: bool = True


def test_keys_of_ops_on_images_come_first():
    assert list(inspect.signature(Posterize).parameters) == ["inputs", "outputs", "mode", "ds_id", "num_bits"]
    op = Posterize("x", "y", "train", "a", (3, 5))
    assert (op.inputs, op.outputs, op.mode, op.ds_id, op.num_bits) == (["x"], ["y"], {"train"}, {"a"}, (3, 5))
    assert op.transform.num_bits == (3, 5)


def test_keys_of_ops_on_targets_come_last_and_may_be_given_by_position():
    op = Resize(4, 5, 0, "eval", "a", "x", "m")
    assert (op.height, op.width, op.interpolation) == (4, 5, 0)
    assert (op.mode, op.ds_id, op.keys_in) == ({"eval"}, {"a"}, {"image": "x", "mask": "m"})


def test_base_with_masks_only_has_no_boxes():
    assert list(inspect.signature(GridDistortion).parameters) == [
        "num_steps",
        "mode",
        "ds_id",
        "image_in",
        "mask_in",
        "masks_in",
        "image_out",
        "mask_out",
        "masks_out",
    ]
    with pytest.raises(TypeError, match="bbox_in"):
        GridDistortion(image_in="x", bbox_in="b")


def test_fields_are_the_own_ones():
    assert fields(Resize(4, 5, image_in="x")) == {"height": 4, "width": 5, "interpolation": 1}


def test_arguments_are_translated_for_albumentations():
    assert Noise("x", "y", deviation=0.25).transform.std_range == (0.25, 0.25)
    transform = Rotate(value=7, mask_value=3, image_in="x").transform
    assert (transform.fill, transform.fill_mask, transform.border_mode, transform.limit) == (7, 3, 4, (-90, 90))
    assert Rotate(image_in="x").transform.fill == 0


def test_every_transform_is_always_applied():
    assert Rotate(image_in="x").transform.p == 1
    assert Posterize("x", "y").transform.p == 1


def test_subclasses_inherit_or_write_the_constructor():
    assert Tilt(7, image_in="x").limit == 7
    assert SmallTilt("x").transform.limit == (-5, 5)
    assert SmallerTilt("x").transform.limit == (-5, 5)
    assert type(SmallerTilt("x").transform).__name__ == "Rotate"
    op = CroppedTilt(limit=3, image_in="x")
    assert next(iter(inspect.signature(CroppedTilt).parameters)) == "limit"
    assert op.transform.crop_border is True


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image_in": "x", "limt": 3}, "Rotate: .*'limt'.* Did you mean 'limit'"),
        ({"imagein": "x"}, "Did you mean 'image_in'"),
    ],
)
def test_misspelt_parameter_is_named(arguments, message):
    with pytest.raises(TypeError, match=message):
        Rotate(**arguments)


def test_missing_parameter_is_named():
    with pytest.raises(TypeError, match="Resize: missing a required argument: 'width'"):
        Resize(3, image_in="x")


def test_value_that_albumentations_refuses_is_an_error_of_ours():
    with pytest.raises(ConfigError, match="Resize: albumentations.Resize does not accept .*'height': -3"):
        Resize(-3, 3, image_in="x")


def test_parameter_that_albumentations_does_not_know_is_an_error():
    with pytest.raises(ConfigError, match="value"):
        build_transform("Rotate", {"value": 3}, "Rotate")


class Unchanged:
    def apply(self, img, **params):
        return img + self.step


class Sepia(ImageOnly):
    albumentation = "ToSepia"  # has no schema of its parameters
    methods = Unchanged

    def _settings(self) -> dict[str, Any]:
        return {"step": 2}


def test_methods_of_ours_come_first_also_without_a_schema():
    op = Sepia("x", "y")
    assert type(op.transform).__name__ == "ToSepia"
    image = np.full((2, 2, 3), 5, np.uint8)
    np.testing.assert_array_equal(op.forward([image], {})[0], image + 2)


def test_value_that_albumentations_refuses_is_an_error_of_ours_with_methods_too():
    with pytest.raises(
        ConfigError, match="Lens: albumentations.OpticalDistortion does not accept .*'distort_limit': 'x'"
    ):
        build_transform("OpticalDistortion", {"distort_limit": "x"}, "Lens", Unchanged)


def test_target_ops_need_a_picture():
    class Flip(ImageAndTargets):
        albumentation = "HorizontalFlip"

    with pytest.raises(ConfigError, match="image_in, mask_in or masks_in"):
        Flip()
