"""TensorOps: steps of work on batches of tensors, in a Network."""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.op.tensorop import augmentation as augmentation
    from fastestimator_lite.op.tensorop import gradient as gradient
    from fastestimator_lite.op.tensorop import loss as loss
    from fastestimator_lite.op.tensorop import meta as meta
    from fastestimator_lite.op.tensorop import model as model
    from fastestimator_lite.op.tensorop.argmax import Argmax as Argmax
    from fastestimator_lite.op.tensorop.average import Average as Average
    from fastestimator_lite.op.tensorop.gather import Gather as Gather
    from fastestimator_lite.op.tensorop.normalize import Normalize as Normalize
    from fastestimator_lite.op.tensorop.permute import Permute as Permute
    from fastestimator_lite.op.tensorop.reshape import Reshape as Reshape
    from fastestimator_lite.op.tensorop.resize3d import Resize3D as Resize3D
    from fastestimator_lite.op.tensorop.tensorop import Delete as Delete
    from fastestimator_lite.op.tensorop.tensorop import LambdaOp as LambdaOp
    from fastestimator_lite.op.tensorop.tensorop import TensorOp as TensorOp
    from fastestimator_lite.op.tensorop.un_hadamard import UnHadamard as UnHadamard

__getattr__, __dir__, __all__ = attach(__name__, __file__)
