"""Traces that change the run while it goes on."""
from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.trace.adapt.early_stopping import EarlyStopping as EarlyStopping
    from fastestimator_lite.trace.adapt.lr_scheduler import LRScheduler as LRScheduler

__getattr__, __dir__, __all__ = attach(__name__, __file__)
