"""NumpyOps on an image together with its masks, boxes and keypoints."""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.op.numpyop.albumentation.crop import CenterCrop as CenterCrop
    from fastestimator_lite.op.numpyop.albumentation.crop import RandomCrop as RandomCrop
    from fastestimator_lite.op.numpyop.albumentation.flip import HorizontalFlip as HorizontalFlip
    from fastestimator_lite.op.numpyop.albumentation.flip import VerticalFlip as VerticalFlip
    from fastestimator_lite.op.numpyop.albumentation.image_and_targets import (
        MultiVariateAlbumentation as MultiVariateAlbumentation,
    )
    from fastestimator_lite.op.numpyop.albumentation.resize import Resize as Resize
    from fastestimator_lite.op.numpyop.albumentation.rotate import Rotate as Rotate

__getattr__, __dir__, __all__ = attach(__name__, __file__)
