"""Steps of work on numpy arrays, run by a Pipeline."""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.op.numpyop import meta as meta
    from fastestimator_lite.op.numpyop import multivariate as multivariate
    from fastestimator_lite.op.numpyop import univariate as univariate
    from fastestimator_lite.op.numpyop.numpyop import Batch as Batch
    from fastestimator_lite.op.numpyop.numpyop import Delete as Delete
    from fastestimator_lite.op.numpyop.numpyop import LambdaOp as LambdaOp
    from fastestimator_lite.op.numpyop.numpyop import NumpyOp as NumpyOp
    from fastestimator_lite.op.numpyop.numpyop import RandomOp as RandomOp
    from fastestimator_lite.op.numpyop.numpyop import RemoveIf as RemoveIf
    from fastestimator_lite.op.numpyop.numpyop import forward_numpyop as forward_numpyop

__getattr__, __dir__, __all__ = attach(__name__, __file__)
