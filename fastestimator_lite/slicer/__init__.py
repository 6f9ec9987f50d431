"""Cut batches into minibatches for the ops of a Network, and join what comes out."""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.slicer.axis_slicer import AxisSlicer as AxisSlicer
    from fastestimator_lite.slicer.mean_unslicer import MeanUnslicer as MeanUnslicer
    from fastestimator_lite.slicer.slicer import Slicer as Slicer
    from fastestimator_lite.slicer.sliding_slicer import SlidingSlicer as SlidingSlicer

__getattr__, __dir__, __all__ = attach(__name__, __file__)
