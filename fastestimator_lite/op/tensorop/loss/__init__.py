"""TensorOps that say how wrong a prediction is."""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.op.tensorop.loss.cross_entropy import CrossEntropy as CrossEntropy
    from fastestimator_lite.op.tensorop.loss.loss import LossOp as LossOp
    from fastestimator_lite.op.tensorop.loss.mean_squared_error import MeanSquaredError as MeanSquaredError

__getattr__, __dir__, __all__ = attach(__name__, __file__)
