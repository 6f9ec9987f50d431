"""Argmax: where the largest element is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastestimator_lite.backend.reduce import argmax
from fastestimator_lite.op.tensorop.each import EachTensor
from fastestimator_lite.types import Keys


class Argmax(EachTensor):
    """Index of the largest element along one axis.

    Args:
        inputs: Key or keys to read.
        outputs: Key or keys to write, as many as `inputs`: int64, without that axis.
        axis: The axis, the batch being 0; negative counts from the end.
        mode, ds_id: When to run; see `Op`.

    Raises:
        ConfigError: If there are not as many outputs as inputs.
    """

    def __init__(
        self,
        inputs: str | Sequence[str],
        outputs: str | Sequence[str],
        axis: int = 0,
        mode: Keys = None,
        ds_id: Keys = None,
    ) -> None:
        super().__init__(inputs, outputs, mode, ds_id)
        self.axis = axis

    def work(self, tensor: Any) -> Any:
        return argmax(tensor, self.axis)
