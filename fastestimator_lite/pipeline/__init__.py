"""Data into batches, on the CPU."""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.pipeline.pipeline import Pipeline as Pipeline

__getattr__, __dir__, __all__ = attach(__name__, __file__)
