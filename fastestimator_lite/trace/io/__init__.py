"""Traces that write files."""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.trace.io.best_model_saver import BestModelSaver as BestModelSaver
    from fastestimator_lite.trace.io.csv_logger import CSVLogger as CSVLogger
    from fastestimator_lite.trace.io.model_saver import ModelSaver as ModelSaver

__getattr__, __dir__, __all__ = attach(__name__, __file__)
