"""What happens around the steps of a run."""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.trace import adapt as adapt
    from fastestimator_lite.trace import io as io
    from fastestimator_lite.trace import meta as meta
    from fastestimator_lite.trace import metric as metric
    from fastestimator_lite.trace.essential import EvalEssential as EvalEssential
    from fastestimator_lite.trace.essential import Logger as Logger
    from fastestimator_lite.trace.essential import TestEssential as TestEssential
    from fastestimator_lite.trace.essential import TrainEssential as TrainEssential
    from fastestimator_lite.trace.order import sort_traces as sort_traces
    from fastestimator_lite.trace.trace import PerDSTrace as PerDSTrace
    from fastestimator_lite.trace.trace import Trace as Trace

__getattr__, __dir__, __all__ = attach(__name__, __file__)
