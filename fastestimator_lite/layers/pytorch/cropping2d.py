"""Cropping2D for PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from fastestimator_lite.util.errors import ConfigError


class Cropping2D(nn.Module):
    """Cut pixels off the borders of images.

    Args:
        cropping: Pixels to cut, >= 0: one number for all four sides, (height, width) for both sides each way, or
            ((top, bottom), (left, right)).

    Raises:
        ConfigError: If `cropping` is none of these.
    """

    def __init__(self, cropping: int | Sequence[int | Sequence[int]] = 0) -> None:
        super().__init__()
        ways = [_pair(way) for way in _pair(cropping)]
        cuts = [cut for way in ways for cut in way]
        if len(cuts) != 4 or any(isinstance(cut, bool) or not isinstance(cut, int) or cut < 0 for cut in cuts):
            raise ConfigError(
                f"Cropping2D(cropping) must be an int >= 0, (height, width) or ((top, bottom), (left, right)), got "
                f"{cropping!r}"
            )
        self.cropping = (cuts[0], cuts[1]), (cuts[2], cuts[3])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Crop images.

        Args:
            x: Shape (..., H, W).

        Returns:
            A view of `x` without its borders, shape (..., H - top - bottom, W - left - right).

        Raises:
            ConfigError: If nothing would be left.
        """
        (top, bottom), (left, right) = self.cropping
        height, width = x.shape[-2:]
        if height <= top + bottom or width <= left + right:
            raise ConfigError(
                f"Cropping2D(cropping={self.cropping}) leaves nothing of images of {height} x {width} pixels; crop less"
            )
        return x[..., top : height - bottom, left : width - right]

    def extra_repr(self) -> str:
        return f"cropping={self.cropping}"


def _pair(value: Any) -> Sequence[Any]:
    """One number stands for both; () if it is neither that nor a pair."""
    if isinstance(value, int):
        return value, value
    return value if isinstance(value, (list, tuple)) and len(value) == 2 else ()
