"""Models for PyTorch."""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.architecture.pytorch.attention_unet import AttentionUNet as AttentionUNet
    from fastestimator_lite.architecture.pytorch.lenet import LeNet as LeNet
    from fastestimator_lite.architecture.pytorch.resnet9 import ResNet9 as ResNet9
    from fastestimator_lite.architecture.pytorch.unet import UNet as UNet
    from fastestimator_lite.architecture.pytorch.wide_resnet import WideResidualNetwork as WideResidualNetwork

__getattr__, __dir__, __all__ = attach(__name__, __file__)
