"""Values that change over a run."""
from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.schedule.lr_schedule import cosine_decay as cosine_decay
    from fastestimator_lite.schedule.schedule import EpochScheduler as EpochScheduler
    from fastestimator_lite.schedule.schedule import RepeatScheduler as RepeatScheduler
    from fastestimator_lite.schedule.schedule import Scheduler as Scheduler
    from fastestimator_lite.schedule.schedule import get_current_items as get_current_items
    from fastestimator_lite.schedule.schedule import get_signature_epochs as get_signature_epochs
    from fastestimator_lite.schedule.schedule import value_at as value_at
    from fastestimator_lite.schedule.timeline import Timeline as Timeline

__getattr__, __dir__, __all__ = attach(__name__, __file__)
