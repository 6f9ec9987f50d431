"""TensorOps that run models and let them learn."""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.op.tensorop.model.model import ModelOp as ModelOp
    from fastestimator_lite.op.tensorop.model.update import UpdateOp as UpdateOp

__getattr__, __dir__, __all__ = attach(__name__, __file__)
