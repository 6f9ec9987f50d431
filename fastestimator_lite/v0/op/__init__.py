"""Ops of FastEstimator 0.x."""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.v0.op import tensorop as tensorop

__getattr__, __dir__, __all__ = attach(__name__, __file__)
