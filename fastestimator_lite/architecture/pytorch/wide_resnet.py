"""WideResidualNetwork for PyTorch."""

from __future__ import annotations

import torch
from torch import nn

from fastestimator_lite.architecture._checks import blocks_per_group


class WideResidualNetwork(nn.Module):
    """A residual classifier of colour images that is wide rather than deep.

    Args:
        depth: Number of layers on the longest way: 6 * n + 4 for n blocks in each of three groups.
        classes: Number of classes.
        widen_factor: How many times as wide as a plain residual network: the groups have 16, 32 and 64 times as many
            channels.
        dropout: Share of features dropped between the two convolutions of a block in training, in [0, 1).

    Raises:
        ConfigError: If `depth` is not such a number.

    Source: Zagoruyko and Komodakis 2016, "Wide Residual Networks", table 1; as FastEstimator 1.7 it gives scores, not
        probabilities.
    """

    def __init__(self, depth: int = 28, classes: int = 10, widen_factor: int = 10, dropout: float = 0.0) -> None:
        super().__init__()
        blocks = blocks_per_group(depth)
        narrow, middle, wide = (size * widen_factor for size in (16, 32, 64))
        self.conv1 = _convolution(3, 16)
        self.block1 = Group(blocks, 16, narrow, 1, dropout)
        self.block2 = Group(blocks, narrow, middle, 2, dropout)
        self.block3 = Group(blocks, middle, wide, 2, dropout)
        self.bn1 = nn.BatchNorm2d(wide)
        self.fc = nn.Linear(wide, classes)
        nn.init.zeros_(self.fc.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Classify images.

        Args:
            x: Shape (B, 3, H, W), float.

        Returns:
            Scores of the classes before any softmax, shape (B, `classes`); a `CrossEntropy` needs `from_logits=True`.
        """
        x = self.block3(self.block2(self.block1(self.conv1(x))))
        return self.fc(torch.relu(self.bn1(x)).mean(dim=(-2, -1)))


class Group(nn.Module):
    """Blocks of one width.

    Args:
        blocks: How many.
        inputs: Channels that come in.
        channels: Channels that go out.
        stride: What height and width are divided by, in the first block.
        dropout: Share of features dropped between the two convolutions of a block in training.
    """

    def __init__(self, blocks: int, inputs: int, channels: int, stride: int, dropout: float) -> None:
        super().__init__()
        first = Block(inputs, channels, stride, dropout)
        self.layer = nn.Sequential(first, *(Block(channels, channels, 1, dropout) for _ in range(blocks - 1)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Work on features of shape (B, `inputs`, H, W)."""
        return self.layer(x)


class Block(nn.Module):
    """Two convolutions, each after a normalization, and a way around them.

    Args:
        inputs: Channels that come in.
        channels: Channels that go out. Where they differ, the way around is a convolution of the normalized features.
        stride: What height and width are divided by.
        dropout: Share of features dropped between the convolutions in training.
    """

    def __init__(self, inputs: int, channels: int, stride: int, dropout: float) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = _convolution(inputs, channels, stride=stride)
        self.bn2 = nn.BatchNorm2d(channels)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = _convolution(channels, channels)
        # the name is that of saved weights of FastEstimator 1.x
        self.convShortcut = None if inputs == channels else _convolution(inputs, channels, size=1, stride=stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Work on features of shape (B, `inputs`, H, W)."""
        active = torch.relu(self.bn1(x))
        around = x if self.convShortcut is None else self.convShortcut(active)
        change = torch.relu(self.bn2(self.conv1(active)))
        return around + self.conv2(self.dropout(change))


def _convolution(inputs: int, channels: int, size: int = 3, stride: int = 1) -> nn.Conv2d:
    """A convolution without bias.

    Source of the first weights: He et al. 2015, "Delving Deep into Rectifiers".
    """
    convolution = nn.Conv2d(inputs, channels, size, stride=stride, padding=size // 2, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    return convolution
