"""Resize3D: volumes in another size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastestimator_lite.backend.resize import check_resize, resize_3d
from fastestimator_lite.op.tensorop.each import EachTensor
from fastestimator_lite.types import Keys


class Resize3D(EachTensor):
    """Give volumes another size; see `backend.resize_3d`.

    Args:
        inputs: Key or keys of volumes: (B, C, D, H, W) in PyTorch, (B, D, H, W, C) in TensorFlow.
        outputs: Key or keys to write, as many as `inputs`.
        output_shape: The three new sizes, in the order of the axes.
        resize_mode: "nearest" or "area".
        mode, ds_id: When to run; see `Op`.

    Raises:
        ConfigError: If there are not as many outputs as inputs, or `output_shape` or `resize_mode` is not as described.
    """

    def __init__(
        self,
        inputs: str | Sequence[str],
        outputs: str | Sequence[str],
        output_shape: Sequence[int],
        resize_mode: str = "nearest",
        mode: Keys = None,
        ds_id: Keys = None,
    ) -> None:
        super().__init__(inputs, outputs, mode, ds_id)
        self.output_shape = check_resize(output_shape, resize_mode, "Resize3D")
        self.resize_mode = resize_mode

    def work(self, tensor: Any) -> Any:
        return resize_3d(tensor, self.output_shape, self.resize_mode)
