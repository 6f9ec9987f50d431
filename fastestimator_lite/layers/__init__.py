"""Layers to build models from, for PyTorch and for TensorFlow."""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.layers import pytorch as pytorch
    from fastestimator_lite.layers import tensorflow as tensorflow

__getattr__, __dir__, __all__ = attach(__name__, __file__)
