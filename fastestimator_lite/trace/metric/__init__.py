"""Traces that measure how good predictions are."""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.trace.metric.accuracy import Accuracy as Accuracy

__getattr__, __dir__, __all__ = attach(__name__, __file__)
