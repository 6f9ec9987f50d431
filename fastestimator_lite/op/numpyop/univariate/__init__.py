"""NumpyOps on one key at a time."""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.op.numpyop.albumentation.image_only import (
        ImageOnlyAlbumentation as ImageOnlyAlbumentation,
    )
    from fastestimator_lite.op.numpyop.univariate.binarize import Binarize as Binarize
    from fastestimator_lite.op.numpyop.univariate.channel_transpose import ChannelTranspose as ChannelTranspose
    from fastestimator_lite.op.numpyop.univariate.expand_dims import ExpandDims as ExpandDims
    from fastestimator_lite.op.numpyop.univariate.minmax import Minmax as Minmax
    from fastestimator_lite.op.numpyop.univariate.normalize import Normalize as Normalize
    from fastestimator_lite.op.numpyop.univariate.onehot import Onehot as Onehot
    from fastestimator_lite.op.numpyop.univariate.read_image import ReadImage as ReadImage
    from fastestimator_lite.op.numpyop.univariate.reshape import Reshape as Reshape
    from fastestimator_lite.op.numpyop.univariate.to_array import ToArray as ToArray

__getattr__, __dir__, __all__ = attach(__name__, __file__)
