"""Values that change over a run."""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.schedule.curve import Clock as Clock
    from fastestimator_lite.schedule.curve import Curve as Curve
    from fastestimator_lite.schedule.curve import Epochs as Epochs
    from fastestimator_lite.schedule.curve import Fraction as Fraction
    from fastestimator_lite.schedule.curve import Horizon as Horizon
    from fastestimator_lite.schedule.curve import Samples as Samples
    from fastestimator_lite.schedule.curve import Steps as Steps
    from fastestimator_lite.schedule.curves import constant as constant
    from fastestimator_lite.schedule.curves import cosine as cosine
    from fastestimator_lite.schedule.curves import exponential as exponential
    from fastestimator_lite.schedule.curves import function as function
    from fastestimator_lite.schedule.curves import linear as linear
    from fastestimator_lite.schedule.curves import multi_step as multi_step
    from fastestimator_lite.schedule.curves import one_cycle as one_cycle
    from fastestimator_lite.schedule.curves import per_group as per_group
    from fastestimator_lite.schedule.curves import polynomial as polynomial
    from fastestimator_lite.schedule.curves import restarts as restarts
    from fastestimator_lite.schedule.curves import step as step
    from fastestimator_lite.schedule.curves import wsd as wsd
    from fastestimator_lite.schedule.lr_schedule import ARC as ARC
    from fastestimator_lite.schedule.lr_schedule import cosine_decay as cosine_decay
    from fastestimator_lite.schedule.lr_schedule import linear_decay as linear_decay
    from fastestimator_lite.schedule.outlook import Preview as Preview
    from fastestimator_lite.schedule.outlook import preview as preview
    from fastestimator_lite.schedule.parameter import CosineLrScheduler as CosineLrScheduler
    from fastestimator_lite.schedule.parameter import SchedulerBase as SchedulerBase
    from fastestimator_lite.schedule.parameter import StatefulSchedulerBase as StatefulSchedulerBase
    from fastestimator_lite.schedule.parameter import WSDLrScheduler as WSDLrScheduler
    from fastestimator_lite.schedule.recipe import Recipe as Recipe
    from fastestimator_lite.schedule.recipe import RecipeScheduler as RecipeScheduler
    from fastestimator_lite.schedule.recipe import recipe_from_config as recipe_from_config
    from fastestimator_lite.schedule.recipe import scheduler_from_config as scheduler_from_config
    from fastestimator_lite.schedule.schedule import EpochScheduler as EpochScheduler
    from fastestimator_lite.schedule.schedule import RepeatScheduler as RepeatScheduler
    from fastestimator_lite.schedule.schedule import Scheduler as Scheduler
    from fastestimator_lite.schedule.schedule import get_current_items as get_current_items
    from fastestimator_lite.schedule.schedule import get_signature_epochs as get_signature_epochs
    from fastestimator_lite.schedule.schedule import value_at as value_at
    from fastestimator_lite.schedule.simulation import simulate as simulate
    from fastestimator_lite.schedule.timeline import Timeline as Timeline

__getattr__, __dir__, __all__ = attach(__name__, __file__)
