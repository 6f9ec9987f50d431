"""The constructors of FastEstimator 1.7: names, order and defaults, written out."""

from __future__ import annotations

import inspect

import pytest

from fastestimator_lite.op.numpyop import meta, multivariate, univariate

TARGETS = (
    "mode=None, ds_id=None, image_in=None, mask_in=None, masks_in=None, bbox_in=None, keypoints_in=None, "
    "image_out=None, mask_out=None, masks_out=None, bbox_out=None, keypoints_out=None, bbox_params=None, "
    "keypoint_params=None"
)
SIGNATURES = {
    multivariate.CenterCrop: f"height, width, {TARGETS}",
    multivariate.HorizontalFlip: TARGETS,
    multivariate.MultiVariateAlbumentation: f"func, {TARGETS}",
    multivariate.RandomCrop: f"height, width, {TARGETS}",
    multivariate.Resize: f"height, width, interpolation=1, {TARGETS}",
    multivariate.Rotate: f"limit=90, interpolation=1, border_mode=4, value=None, mask_value=None, {TARGETS}",
    multivariate.VerticalFlip: TARGETS,
    univariate.Binarize: "threshold, inputs, outputs, mode=None, ds_id=None",
    univariate.ChannelTranspose: "inputs, outputs, mode=None, ds_id=None, axes=(2, 0, 1)",
    univariate.ExpandDims: "inputs, outputs, mode=None, ds_id=None, axis=-1",
    univariate.ImageOnlyAlbumentation: "func, inputs, outputs, mode=None, ds_id=None",
    univariate.Minmax: "inputs, outputs, mode=None, ds_id=None, epsilon=1e-07, new_min=0.0, new_max=1.0",
    univariate.Normalize: "inputs, outputs, mode=None, ds_id=None, mean=(0.485, 0.456, 0.406), "
    "std=(0.229, 0.224, 0.225), max_pixel_value=255.0",
    univariate.Onehot: "inputs, outputs, num_classes, label_smoothing=0.0, mode=None, ds_id=None",
    # at_least is ours
    univariate.ReadImage: "inputs, outputs, mode=None, ds_id=None, parent_path='', color_flag=1, at_least=None",
    univariate.Reshape: "shape, inputs, outputs, mode=None, ds_id=None",
    univariate.ToArray: "inputs, outputs, mode=None, ds_id=None, dtype=None",
    meta.Fuse: "ops",
    meta.OneOf: "*numpy_ops, probs=None",
    meta.Repeat: "op, repeat=1, max_iter=None",
    meta.Sometimes: "numpy_op, prob=0.5",
}


@pytest.mark.parametrize("kind", SIGNATURES, ids=lambda kind: kind.__name__)
def test_signature_is_that_of_1_7(kind):
    parameters = inspect.signature(kind).parameters.values()
    assert ", ".join(str(each.replace(annotation=each.empty)) for each in parameters) == SIGNATURES[kind]
