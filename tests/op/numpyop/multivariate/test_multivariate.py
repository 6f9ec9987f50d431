"""The constructors of FastEstimator 1.7, written out; which transforms take boxes and keypoints."""

from __future__ import annotations

import inspect
import pickle

import numpy as np
import pytest

from fastestimator_lite.op.numpyop import multivariate as ops

STATE = {"mode": "train", "epoch": 1}
MASKS = (
    "mode=None, ds_id=None, image_in=None, mask_in=None, masks_in=None, image_out=None, mask_out=None, masks_out=None"
)
BOXES = (
    "mode=None, ds_id=None, image_in=None, mask_in=None, masks_in=None, bbox_in=None, image_out=None, mask_out=None, "
    "masks_out=None, bbox_out=None, bbox_params=None"
)
TARGETS = (
    "mode=None, ds_id=None, image_in=None, mask_in=None, masks_in=None, bbox_in=None, keypoints_in=None, "
    "image_out=None, mask_out=None, masks_out=None, bbox_out=None, keypoints_out=None, bbox_params=None, "
    "keypoint_params=None"
)
BORDER = "interpolation=1, border_mode=4"
SIGNATURES = {
    ops.Affine: "rotate=None, scale=None, shear=None, translate=None, border_handling='constant', fill_value=0, "
    "fill_value_mask=None, interpolation='bilinear', mask_interpolation='nearest_neighbor', fit_output=False, "
    f"keep_ratio=False, rotate_method='largest_box', {TARGETS}",
    ops.BBoxSafeRandomCrop: f"erosion_rate=0.0, {TARGETS}",
    ops.Crop: f"x_min=0, y_min=0, x_max=1024, y_max=1024, {TARGETS}",
    ops.CropAndPad: "px=None, percent=None, pad_mode='constant', pad_cval=0, pad_cval_mask=None, keep_size=True, "
    f"interpolation='bilinear', {MASKS}",
    ops.CropNonEmptyMaskIfExists: f"height, width, ignore_values=None, ignore_channels=None, {TARGETS}",
    ops.ElasticTransform: f"alpha=34.0, sigma=4.0, alpha_affine=50.0, {BORDER}, value=None, mask_value=None, "
    f"approximate=False, same_dxdy=False, {MASKS}",
    ops.Flip: TARGETS,
    ops.GridDistortion: f"num_steps=5, distort_limit=0.3, {BORDER}, value=None, mask_value=None, {MASKS}",
    ops.LongestMaxSize: f"max_size=1024, interpolation=1, {TARGETS}",
    ops.MaskDropout: f"max_objects=1, image_fill_value=0, mask_fill_value=0, {MASKS}",
    ops.OpticalDistortion: f"distort_limit=0.05, shift_limit=0.05, {BORDER}, value=None, mask_value=None, {MASKS}",
    ops.PadIfNeeded: f"min_height=1024, min_width=1024, border_mode=4, value=None, mask_value=None, {TARGETS}",
    ops.RandomCropFromBorders: f"crop_left=0.1, crop_right=0.1, crop_top=0.1, crop_bottom=0.1, {TARGETS}",
    ops.RandomCropNearBBox: f"cropping_bbox_in, max_part_shift=0.3, {TARGETS}",
    ops.RandomGridShuffle: f"grid=(3, 3), {MASKS}",
    ops.RandomResizedCrop: "height, width, scale=(0.08, 1.0), ratio=(0.75, 1.3333333333333333), interpolation=1, "
    f"{TARGETS}",
    ops.RandomRotate90: TARGETS,
    ops.RandomScale: f"scale_limit=0.1, interpolation=1, {TARGETS}",
    ops.RandomSizedBBoxSafeCrop: f"height, width, erosion_rate=0.0, interpolation=1, {BOXES}",
    ops.RandomSizedCrop: f"min_max_height, height, width, w2h_ratio=1.0, interpolation=1, {TARGETS}",
    ops.ReadMat: "inputs, outputs, mat_keys=None, mode=None, ds_id=None, parent_path=''",
    ops.ShiftScaleRotate: "shift_limit=0.0625, scale_limit=0.1, rotate_limit=45, "
    f"{BORDER}, value=0, mask_value=0, {TARGETS}",
    ops.SmallestMaxSize: f"max_size=1024, interpolation=1, {TARGETS}",
    ops.Transpose: TARGETS,
}


@pytest.mark.parametrize("kind", SIGNATURES, ids=lambda kind: kind.__name__)
def test_signature_is_that_of_1_7(kind):
    parameters = inspect.signature(kind).parameters.values()
    assert ", ".join(str(each.replace(annotation=each.empty)) for each in parameters) == SIGNATURES[kind]


@pytest.mark.parametrize("border_mode", [0, 4])
def test_a_transform_with_methods_of_ours_survives_pickling_with_its_boxes(border_mode):
    op = ops.ShiftScaleRotate(
        0.3,
        border_mode=border_mode,
        image_in="x",
        bbox_in="b",
        bbox_params="coco",
        keypoints_in="k",
        keypoint_params="xy",
    )
    data = [np.arange(600, dtype=np.float32).reshape(20, 30), [(5, 5, 9, 8, "a")], [(7, 7)]]
    op.reseed(1)
    expected = op.forward(data, STATE)
    twin = pickle.loads(pickle.dumps(op))
    twin.reseed(1)
    result = twin.forward(data, STATE)
    np.testing.assert_array_equal(result[0], expected[0])
    assert result[1:] == expected[1:]
    assert twin.transform.border_mode == border_mode
    assert type(twin.transform) is type(op.transform)
