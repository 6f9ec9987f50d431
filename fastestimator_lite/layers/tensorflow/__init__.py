"""Layers for TensorFlow."""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.layers.tensorflow.hadamard_code import HadamardCode as HadamardCode
    from fastestimator_lite.layers.tensorflow.instance_normalization import (
        InstanceNormalization as InstanceNormalization,
    )
    from fastestimator_lite.layers.tensorflow.reflection_padding2d import ReflectionPadding2D as ReflectionPadding2D

__getattr__, __dir__, __all__ = attach(__name__, __file__)
