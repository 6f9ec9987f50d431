"""NumpyOps on an image together with its masks, boxes and keypoints."""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.op.numpyop.albumentation.affine import Affine as Affine
    from fastestimator_lite.op.numpyop.albumentation.affine import ShiftScaleRotate as ShiftScaleRotate
    from fastestimator_lite.op.numpyop.albumentation.crop import CenterCrop as CenterCrop
    from fastestimator_lite.op.numpyop.albumentation.crop import Crop as Crop
    from fastestimator_lite.op.numpyop.albumentation.crop import RandomCrop as RandomCrop
    from fastestimator_lite.op.numpyop.albumentation.crop import RandomCropFromBorders as RandomCropFromBorders
    from fastestimator_lite.op.numpyop.albumentation.crop import RandomResizedCrop as RandomResizedCrop
    from fastestimator_lite.op.numpyop.albumentation.crop import RandomSizedCrop as RandomSizedCrop
    from fastestimator_lite.op.numpyop.albumentation.crop_and_pad import CropAndPad as CropAndPad
    from fastestimator_lite.op.numpyop.albumentation.crop_around import BBoxSafeRandomCrop as BBoxSafeRandomCrop
    from fastestimator_lite.op.numpyop.albumentation.crop_around import (
        CropNonEmptyMaskIfExists as CropNonEmptyMaskIfExists,
    )
    from fastestimator_lite.op.numpyop.albumentation.crop_around import RandomCropNearBBox as RandomCropNearBBox
    from fastestimator_lite.op.numpyop.albumentation.crop_around import (
        RandomSizedBBoxSafeCrop as RandomSizedBBoxSafeCrop,
    )
    from fastestimator_lite.op.numpyop.albumentation.distort import ElasticTransform as ElasticTransform
    from fastestimator_lite.op.numpyop.albumentation.distort import GridDistortion as GridDistortion
    from fastestimator_lite.op.numpyop.albumentation.distort import OpticalDistortion as OpticalDistortion
    from fastestimator_lite.op.numpyop.albumentation.distort import RandomGridShuffle as RandomGridShuffle
    from fastestimator_lite.op.numpyop.albumentation.flip import Flip as Flip
    from fastestimator_lite.op.numpyop.albumentation.flip import HorizontalFlip as HorizontalFlip
    from fastestimator_lite.op.numpyop.albumentation.flip import RandomRotate90 as RandomRotate90
    from fastestimator_lite.op.numpyop.albumentation.flip import Transpose as Transpose
    from fastestimator_lite.op.numpyop.albumentation.flip import VerticalFlip as VerticalFlip
    from fastestimator_lite.op.numpyop.albumentation.image_and_targets import (
        MultiVariateAlbumentation as MultiVariateAlbumentation,
    )
    from fastestimator_lite.op.numpyop.albumentation.mask_dropout import MaskDropout as MaskDropout
    from fastestimator_lite.op.numpyop.albumentation.resize import LongestMaxSize as LongestMaxSize
    from fastestimator_lite.op.numpyop.albumentation.resize import PadIfNeeded as PadIfNeeded
    from fastestimator_lite.op.numpyop.albumentation.resize import RandomScale as RandomScale
    from fastestimator_lite.op.numpyop.albumentation.resize import Resize as Resize
    from fastestimator_lite.op.numpyop.albumentation.resize import SmallestMaxSize as SmallestMaxSize
    from fastestimator_lite.op.numpyop.albumentation.rotate import Rotate as Rotate
    from fastestimator_lite.op.numpyop.multivariate.read_mat import ReadMat as ReadMat

__getattr__, __dir__, __all__ = attach(__name__, __file__)
