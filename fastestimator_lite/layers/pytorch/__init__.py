"""Layers for PyTorch."""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.layers.pytorch.cropping2d import Cropping2D as Cropping2D
    from fastestimator_lite.layers.pytorch.hadamard_code import HadamardCode as HadamardCode

__getattr__, __dir__, __all__ = attach(__name__, __file__)
