"""LeNet for PyTorch."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from fastestimator_lite.util.errors import ConfigError


class LeNet(nn.Module):
    """A small convolutional classifier: three 3x3 convolutions with pooling between them, two dense layers.

    Args:
        input_shape: Channels, height and width of an image; at least 18 pixels high and wide.
        classes: Number of classes.

    Raises:
        ConfigError: If `input_shape` is not three sizes, or too small to be convolved and pooled.

    Source: after LeCun et al. 1998, "Gradient-Based Learning Applied to Document Recognition"; layers as FastEstimator
    1.7.
    """

    def __init__(self, input_shape: tuple[int, int, int] = (1, 28, 28), classes: int = 10) -> None:
        super().__init__()
        if len(input_shape) != 3 or min(input_shape[1:]) < 18:
            raise ConfigError(
                f"LeNet(input_shape) must be (channels, height, width) with at least 18 pixels each way, "
                f"got {tuple(input_shape)}; make the images larger, for example with Resize(28, 28)"
            )
        self.conv1 = nn.Conv2d(input_shape[0], 32, 3)
        self.pool1 = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(32, 64, 3)
        self.pool2 = nn.MaxPool2d(2)
        self.conv3 = nn.Conv2d(64, 64, 3)
        height, width = (((size - 2) // 2 - 2) // 2 - 2 for size in input_shape[1:])
        self.fc1 = nn.Linear(64 * height * width, 64)
        self.fc2 = nn.Linear(64, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Classify images.

        Args:
            x: Shape (B, C, H, W), float.

        Returns:
            Probabilities of the classes, shape (B, `classes`).
        """
        x = self.pool1(F.relu(self.conv1(x)))
        x = self.pool2(F.relu(self.conv2(x)))
        x = F.relu(self.conv3(x)).flatten(1)
        x = F.relu(self.fc1(x))
        return torch.softmax(self.fc2(x), dim=-1)
