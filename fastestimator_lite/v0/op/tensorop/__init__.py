"""What FastEstimator 0.x called TensorOps: those for the Pipeline are NumpyOps here, which the workers run."""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.op.numpyop.univariate.minmax import Minmax as Minmax
    from fastestimator_lite.v0.op.tensorop import loss as loss
    from fastestimator_lite.v0.op.tensorop import model as model
    from fastestimator_lite.v0.op.tensorop.image import Resize as Resize
    from fastestimator_lite.v0.op.tensorop.image import Scale as Scale

__getattr__, __dir__, __all__ = attach(__name__, __file__)
