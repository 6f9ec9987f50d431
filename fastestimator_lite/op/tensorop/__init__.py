"""TensorOps: steps of work on batches of tensors, in a Network."""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.op.tensorop import loss as loss
    from fastestimator_lite.op.tensorop import model as model
    from fastestimator_lite.op.tensorop.tensorop import Delete as Delete
    from fastestimator_lite.op.tensorop.tensorop import LambdaOp as LambdaOp
    from fastestimator_lite.op.tensorop.tensorop import TensorOp as TensorOp

__getattr__, __dir__, __all__ = attach(__name__, __file__)
