"""Examples of the ops on several keys."""

from __future__ import annotations

from fastestimator_lite.op.numpyop import multivariate
from tests.contracts.samples import BOXED, TARGETS, XY, Example, boxed, boxed_once, mat_file, targets

SMALL = {"height": 8, "width": 9}

MULTIVARIATE: dict[type, Example] = {
    multivariate.Affine: Example(TARGETS, targets),
    multivariate.BBoxSafeRandomCrop: Example(BOXED, boxed),
    multivariate.Crop: Example({"x_min": 2, "y_min": 1, "x_max": 12, "y_max": 9, **TARGETS}, targets),
    multivariate.CropAndPad: Example({"px": (-2, 3), **TARGETS}, targets),
    multivariate.CropNonEmptyMaskIfExists: Example({**SMALL, **TARGETS}, targets),
    multivariate.ElasticTransform: Example({"alpha_affine": 3.0, **TARGETS}, targets),
    multivariate.Flip: Example(TARGETS, targets),
    multivariate.GridDistortion: Example(TARGETS, targets),
    multivariate.LongestMaxSize: Example({"max_size": 20, **TARGETS}, targets),
    multivariate.MaskDropout: Example({"max_objects": 3, **TARGETS}, targets),
    multivariate.OpticalDistortion: Example({"shift_limit": 2.0, **TARGETS}, targets),
    multivariate.PadIfNeeded: Example({"min_height": 20, "min_width": 19, **TARGETS}, targets),
    multivariate.RandomCropFromBorders: Example({"crop_left": 0.3, "crop_top": 0.4, **TARGETS}, targets),
    multivariate.RandomCropNearBBox: Example({"cropping_bbox_in": "c", **TARGETS}, boxed_once),
    multivariate.RandomGridShuffle: Example(TARGETS, targets),
    multivariate.RandomResizedCrop: Example({**SMALL, **TARGETS}, targets),
    multivariate.RandomRotate90: Example(TARGETS, targets),
    multivariate.RandomScale: Example({"scale_limit": 0.4, **TARGETS}, targets),
    multivariate.RandomSizedBBoxSafeCrop: Example({**SMALL, **BOXED}, boxed),
    multivariate.RandomSizedCrop: Example({"min_max_height": (5, 11), **SMALL, **TARGETS}, targets),
    multivariate.ReadMat: Example(XY, mat_file),
    multivariate.ShiftScaleRotate: Example(TARGETS, targets),
    multivariate.SmallestMaxSize: Example({"max_size": 9, **TARGETS}, targets),
    multivariate.Transpose: Example(TARGETS, targets),
}
