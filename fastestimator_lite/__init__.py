"""Train with a Pipeline, a Network and an Estimator, in PyTorch or TensorFlow, with everything schedulable.

Names are imported when first used, so importing the package loads neither framework.
"""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

__version__ = "0.1.0"

if TYPE_CHECKING:
    from fastestimator_lite import architecture as architecture
    from fastestimator_lite import backend as backend
    from fastestimator_lite import dataset as dataset
    from fastestimator_lite import layers as layers
    from fastestimator_lite import op as op
    from fastestimator_lite import schedule as schedule
    from fastestimator_lite import slicer as slicer
    from fastestimator_lite import summary as summary
    from fastestimator_lite import trace as trace
    from fastestimator_lite import types as types
    from fastestimator_lite import util as util
    from fastestimator_lite.estimator.estimator import Estimator as Estimator
    from fastestimator_lite.estimator.process import enable_deterministic as enable_deterministic
    from fastestimator_lite.estimator.process import record_history as record_history
    from fastestimator_lite.network.build import build as build
    from fastestimator_lite.network.choose import Network as Network
    from fastestimator_lite.network.exporting.file import export as export
    from fastestimator_lite.pipeline.pipeline import Pipeline as Pipeline

__getattr__, __dir__, __all__ = attach(__name__, __file__)
