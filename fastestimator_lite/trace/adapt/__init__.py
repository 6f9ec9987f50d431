"""Traces that change the run while it goes on."""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.trace.adapt.early_stopping import EarlyStopping as EarlyStopping
    from fastestimator_lite.trace.adapt.ema import EMA as EMA
    from fastestimator_lite.trace.adapt.lr_scheduler import LRScheduler as LRScheduler
    from fastestimator_lite.trace.adapt.optimizer_schedule import OptimizerSchedule as OptimizerSchedule
    from fastestimator_lite.trace.adapt.parameter_scheduler import ParameterScheduler as ParameterScheduler
    from fastestimator_lite.trace.adapt.reduce_lr_on_plateau import ReduceLROnPlateau as ReduceLROnPlateau
    from fastestimator_lite.trace.adapt.trainable_schedule import TrainableSchedule as TrainableSchedule

__getattr__, __dir__, __all__ = attach(__name__, __file__)
