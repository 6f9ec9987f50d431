"""What drives a run."""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.estimator.estimator import Estimator as Estimator
    from fastestimator_lite.estimator.process import enable_deterministic as enable_deterministic
    from fastestimator_lite.estimator.process import record_history as record_history

__getattr__, __dir__, __all__ = attach(__name__, __file__)
