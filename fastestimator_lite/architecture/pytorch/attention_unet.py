"""AttentionUNet for PyTorch."""

from __future__ import annotations

import torch
from torch import nn

from fastestimator_lite.architecture._checks import check_image
from fastestimator_lite.architecture.pytorch.unet import DecoderBlock, EncoderBlock, last_block


class AttentionUNet(nn.Module):
    """A UNet in which the way up decides where the details of each level matter.

    Args:
        input_size: Channels, height and width of an image; height and width are multiples of 16.

    Raises:
        ConfigError: If `input_size` is not three such sizes.

    Source: Oktay et al. 2018, "Attention U-Net: Learning Where to Look for the Pancreas"; padded convolutions, gates at
        the size of the features that they let through, and other details as FastEstimator 1.7.
    """

    def __init__(self, input_size: tuple[int, int, int] = (1, 128, 128)) -> None:
        super().__init__()
        check_image("AttentionUNet", input_size, channels_first=True, at_least=16, multiple_of=16)
        self.enc1 = EncoderBlock(input_size[0], 64)
        self.enc2 = EncoderBlock(64, 128)
        self.enc3 = EncoderBlock(128, 256)
        self.enc4 = EncoderBlock(256, 512)
        self.bottle_neck = DecoderBlock(512, 1024, _upsample())
        self.attn4 = AttentionBlock(512)
        self.attn3 = AttentionBlock(256)
        self.attn2 = AttentionBlock(128)
        self.attn1 = AttentionBlock(64)
        self.dec4 = DecoderBlock(1024, 512, _upsample())
        self.dec3 = DecoderBlock(512, 256, _upsample())
        self.dec2 = DecoderBlock(256, 128, _upsample())
        self.dec1 = last_block(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Segment images.

        Args:
            x: Shape (B, C, H, W), float; any H and W that are multiples of 16.

        Returns:
            Probability of the mask at each pixel, shape (B, 1, H, W).

        Raises:
            ConfigError: If H or W is no multiple of 16.
        """
        check_image("AttentionUNet", x.shape[1:], channels_first=True, at_least=16, multiple_of=16, argument="x")
        skip1, x = self.enc1(x)
        skip2, x = self.enc2(x)
        skip3, x = self.enc3(x)
        skip4, x = self.enc4(x)
        x = self.bottle_neck(x)
        x = self.dec4(torch.cat([x, self.attn4(x, skip4)], dim=1))
        x = self.dec3(torch.cat([x, self.attn3(x, skip3)], dim=1))
        x = self.dec2(torch.cat([x, self.attn2(x, skip2)], dim=1))
        return self.dec1(torch.cat([x, self.attn1(x, skip1)], dim=1))


class AttentionBlock(nn.Module):
    """A gate: weighs each pixel of one level of the way down by what the way up knows.

    Args:
        channels: Channels of both.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.dec_layers = nn.Sequential(nn.Conv2d(channels, channels, 1), nn.BatchNorm2d(channels))
        self.enc_layers = nn.Sequential(nn.Conv2d(channels, channels, 1), nn.BatchNorm2d(channels))
        self.attn_layers = nn.Sequential(nn.Conv2d(channels, 1, 1), nn.BatchNorm2d(1))

    def forward(self, signal: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        """Weigh features.

        Args:
            signal: Features of the way up, shape (B, `channels`, H, W), float.
            skip: Features of the way down, of the same shape.

        Returns:
            `skip` times a weight in (0, 1) at each pixel.
        """
        both = torch.relu(self.dec_layers(signal) + self.enc_layers(skip))
        return skip * torch.sigmoid(self.attn_layers(both))


def _upsample() -> nn.Module:
    return nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
