"""ResNet9 for PyTorch."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from fastestimator_lite.architecture._checks import check_image


class ResNet9(nn.Module):
    """A small residual classifier that trains fast: four convolutions, three pairs more around which a way leads.

    Args:
        input_size: Channels, height and width of an image; at least 16 pixels high and wide.
        classes: Number of classes.

    Raises:
        ConfigError: If `input_size` is not three sizes, or too small to be pooled.

    Source: after Page 2018, "How to Train Your ResNet", for the DAWNBench competition; layers as FastEstimator 1.7,
        whose TensorFlow form has no residual pair at 256 channels.
    """

    def __init__(self, input_size: tuple[int, int, int] = (3, 32, 32), classes: int = 10) -> None:
        super().__init__()
        check_image("ResNet9", input_size, channels_first=True, at_least=16)
        self.conv0 = nn.Conv2d(input_size[0], 64, 3, padding=1)
        self.conv0_bn = nn.BatchNorm2d(64, momentum=0.2)
        self.conv1 = nn.Conv2d(64, 128, 3, padding=1)
        self.conv1_bn = nn.BatchNorm2d(128, momentum=0.2)
        self.residual1 = Residual(128)
        self.conv2 = nn.Conv2d(128, 256, 3, padding=1)
        self.conv2_bn = nn.BatchNorm2d(256, momentum=0.2)
        self.residual2 = Residual(256)
        self.conv3 = nn.Conv2d(256, 512, 3, padding=1)
        self.conv3_bn = nn.BatchNorm2d(512, momentum=0.2)
        self.residual3 = Residual(512)
        self.fc1 = nn.Linear(512, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Classify images.

        Args:
            x: Shape (B, C, H, W), float.

        Returns:
            Probabilities of the classes, shape (B, `classes`).
        """
        x = _leaky(self.conv0_bn(self.conv0(x)))
        x = _leaky(self.conv1_bn(F.max_pool2d(self.conv1(x), 2)))
        x = self.residual1(x)
        x = _leaky(self.conv2_bn(F.max_pool2d(self.conv2(x), 2)))
        x = self.residual2(x)
        x = _leaky(self.conv3_bn(F.max_pool2d(self.conv3(x), 2)))
        x = self.residual3(x)
        x = F.adaptive_max_pool2d(x, 1).flatten(1)
        return torch.softmax(self.fc1(x), dim=-1)


class Residual(nn.Module):
    """Two convolutions, and a way around them.

    Args:
        channels: Channels of what comes in and goes out.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv1_bn = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2_bn = nn.BatchNorm2d(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Work on features.

        Args:
            x: Shape (B, C, H, W), float.

        Returns:
            The same shape.
        """
        change = _leaky(self.conv1_bn(self.conv1(x)))
        return x + _leaky(self.conv2_bn(self.conv2(change)))


def _leaky(x: torch.Tensor) -> torch.Tensor:
    return F.leaky_relu(x, 0.1)
