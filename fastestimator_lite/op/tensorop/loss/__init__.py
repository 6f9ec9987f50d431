"""TensorOps that say how wrong a prediction is."""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.op.tensorop.loss.cross_entropy import CrossEntropy as CrossEntropy
    from fastestimator_lite.op.tensorop.loss.dice_loss import DiceLoss as DiceLoss
    from fastestimator_lite.op.tensorop.loss.focal_loss import FocalLoss as FocalLoss
    from fastestimator_lite.op.tensorop.loss.hinge import Hinge as Hinge
    from fastestimator_lite.op.tensorop.loss.l1_loss import L1_Loss as L1_Loss
    from fastestimator_lite.op.tensorop.loss.l2_regularization import L2Regularizaton as L2Regularizaton
    from fastestimator_lite.op.tensorop.loss.loss import LossOp as LossOp
    from fastestimator_lite.op.tensorop.loss.mean_squared_error import MeanSquaredError as MeanSquaredError
    from fastestimator_lite.op.tensorop.loss.super_loss import SuperLoss as SuperLoss

__getattr__, __dir__, __all__ = attach(__name__, __file__)
