"""TensorOps and models, on the device."""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.network.base import BaseNetwork as BaseNetwork
    from fastestimator_lite.network.build import build as build
    from fastestimator_lite.network.choose import Network as Network

__getattr__, __dir__, __all__ = attach(__name__, __file__)
