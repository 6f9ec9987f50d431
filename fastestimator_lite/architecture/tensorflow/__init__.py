"""Models for TensorFlow."""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.architecture.tensorflow.attention_unet import AttentionUNet as AttentionUNet
    from fastestimator_lite.architecture.tensorflow.lenet import LeNet as LeNet
    from fastestimator_lite.architecture.tensorflow.resnet9 import ResNet9 as ResNet9
    from fastestimator_lite.architecture.tensorflow.unet import UNet as UNet
    from fastestimator_lite.architecture.tensorflow.wide_resnet import WideResidualNetwork as WideResidualNetwork

__getattr__, __dir__, __all__ = attach(__name__, __file__)
