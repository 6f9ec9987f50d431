"""TensorOps that change samples at random, to have more of them."""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.op.tensorop.augmentation.cutmix_batch import CutMixBatch as CutMixBatch
    from fastestimator_lite.op.tensorop.augmentation.mixup_batch import MixUpBatch as MixUpBatch

__getattr__, __dir__, __all__ = attach(__name__, __file__)
