"""TensorOps that run models; that they learn follows from their loss_name, see `Network`."""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.op.tensorop.model.model import ModelOp as ModelOp

__getattr__, __dir__, __all__ = attach(__name__, __file__)
