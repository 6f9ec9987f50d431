"""Models for PyTorch."""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.architecture.pytorch.lenet import LeNet as LeNet

__getattr__, __dir__, __all__ = attach(__name__, __file__)
