"""UNet for PyTorch, and the blocks that it shares with AttentionUNet."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from fastestimator_lite.architecture._checks import check_image


class UNet(nn.Module):
    """Segments images: four levels down to features of whole regions, and up again with the details of each level.

    Args:
        input_size: Channels, height and width of an image; height and width are multiples of 16.
        output_channel: Number of masks.

    Raises:
        ConfigError: If `input_size` is not three such sizes.

    Source: Ronneberger et al. 2015, "U-Net: Convolutional Networks for Biomedical Image Segmentation"; padded
        convolutions, so that a mask is as large as its image, and other details as FastEstimator 1.7.
    """

    def __init__(self, input_size: tuple[int, int, int] = (1, 128, 128), output_channel: int = 1) -> None:
        super().__init__()
        check_image("UNet", input_size, channels_first=True, at_least=16, multiple_of=16)
        self.enc1 = EncoderBlock(input_size[0], 64)
        self.enc2 = EncoderBlock(64, 128)
        self.enc3 = EncoderBlock(128, 256)
        self.enc4 = EncoderBlock(256, 512)
        self.bottle_neck = DecoderBlock(512, 1024, nn.Upsample(scale_factor=2))
        self.dec4 = DecoderBlock(1024, 512, nn.Upsample(scale_factor=2))
        self.dec3 = DecoderBlock(512, 256, nn.Upsample(scale_factor=2))
        self.dec2 = DecoderBlock(256, 128, nn.Upsample(scale_factor=2))
        self.dec1 = last_block(output_channel)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Segment images.

        Args:
            x: Shape (B, C, H, W), float; any H and W that are multiples of 16.

        Returns:
            Probability of each mask at each pixel, shape (B, `output_channel`, H, W).

        Raises:
            ConfigError: If H or W is no multiple of 16.
        """
        check_image("UNet", x.shape[1:], channels_first=True, at_least=16, multiple_of=16, argument="x")
        skip1, x = self.enc1(x)
        skip2, x = self.enc2(x)
        skip3, x = self.enc3(x)
        skip4, x = self.enc4(x)
        x = self.bottle_neck(x)
        x = self.dec4(torch.cat([x, skip4], dim=1))
        x = self.dec3(torch.cat([x, skip3], dim=1))
        x = self.dec2(torch.cat([x, skip2], dim=1))
        return self.dec1(torch.cat([x, skip1], dim=1))


class EncoderBlock(nn.Module):
    """Two convolutions on the way down.

    Args:
        inputs: Channels that come in.
        channels: Channels that go out.
    """

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(*_convolution(inputs, channels), *_convolution(channels, channels))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Work on features.

        Args:
            x: Shape (B, `inputs`, H, W), float.

        Returns:
            The new features, shape (B, `channels`, H, W), and the same at half the height and width.
        """
        x = self.layers(x)
        return x, F.max_pool2d(x, 2)


class DecoderBlock(nn.Module):
    """Two convolutions on the way up, then twice the height and width with half the channels.

    Args:
        inputs: Channels that come in.
        channels: Channels of the two convolutions; half of them go out.
        upsample: What doubles height and width.
    """

    def __init__(self, inputs: int, channels: int, upsample: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_convolution(inputs, channels),
            *_convolution(channels, channels),
            upsample,
            *_convolution(channels, channels // 2),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Work on features.

        Args:
            x: Shape (B, `inputs`, H, W), float.

        Returns:
            Shape (B, `channels` / 2, 2 * H, 2 * W).
        """
        return self.layers(x)


def last_block(output_channel: int) -> nn.Sequential:
    """From the features of the uppermost level to probabilities.

    Args:
        output_channel: Number of masks.
    """
    *last, _ = _convolution(64, output_channel, size=1)
    return nn.Sequential(*_convolution(128, 64), *_convolution(64, 64), *last, nn.Sigmoid())


def _convolution(inputs: int, channels: int, size: int = 3) -> list[nn.Module]:
    """A convolution that keeps height and width, and its ReLU.

    Source of the first weights: He et al. 2015, "Delving Deep into Rectifiers".
    """
    convolution = nn.Conv2d(inputs, channels, size, padding="same")
    nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
    nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]
    return [convolution, nn.ReLU(inplace=True)]
