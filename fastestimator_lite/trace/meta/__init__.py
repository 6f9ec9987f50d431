"""What changes a Trace class."""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.trace.meta._per_ds import per_ds as per_ds

__getattr__, __dir__, __all__ = attach(__name__, __file__)
