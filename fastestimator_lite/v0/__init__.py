"""The words of FastEstimator 0.x over the parts of today.

Epochs count from 0, the Pipeline takes arrays, and a model learns from the loss whose name it was built with.
"""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.v0 import architecture as architecture
    from fastestimator_lite.v0 import op as op
    from fastestimator_lite.v0 import schedule as schedule
    from fastestimator_lite.v0 import trace as trace
    from fastestimator_lite.v0.run import Estimator as Estimator
    from fastestimator_lite.v0.run import Network as Network
    from fastestimator_lite.v0.run import Pipeline as Pipeline
    from fastestimator_lite.v0.run import build as build

__getattr__, __dir__, __all__ = attach(__name__, __file__)
