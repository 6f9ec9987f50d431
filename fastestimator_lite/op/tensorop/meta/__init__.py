"""TensorOps that run other TensorOps."""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.op.tensorop.meta.fuse import Fuse as Fuse
    from fastestimator_lite.op.tensorop.meta.one_of import OneOf as OneOf
    from fastestimator_lite.op.tensorop.meta.repeat import Repeat as Repeat
    from fastestimator_lite.op.tensorop.meta.sometimes import Sometimes as Sometimes

__getattr__, __dir__, __all__ = attach(__name__, __file__)
