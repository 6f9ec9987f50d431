"""TensorOps around gradients."""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.op.tensorop.gradient.fgsm import FGSM as FGSM
    from fastestimator_lite.op.tensorop.gradient.gradient import GradientOp as GradientOp
    from fastestimator_lite.op.tensorop.gradient.watch import Watch as Watch

__getattr__, __dir__, __all__ = attach(__name__, __file__)
