"""Reshape: the same elements in another shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastestimator_lite.backend.shape import reshape
from fastestimator_lite.op.tensorop.each import EachTensor
from fastestimator_lite.types import Keys


class Reshape(EachTensor):
    """Give a tensor another shape.

    Args:
        inputs: Key or keys to read.
        outputs: Key or keys to write, as many as `inputs`.
        shape: The new sizes, the batch among them; one may be -1, which stands for what is left.
        mode, ds_id: When to run; see `Op`.

    Raises:
        ConfigError: If there are not as many outputs as inputs.
    """

    def __init__(
        self,
        inputs: str | Sequence[str],
        outputs: str | Sequence[str],
        shape: int | Sequence[int],
        mode: Keys = None,
        ds_id: Keys = None,
    ) -> None:
        super().__init__(inputs, outputs, mode, ds_id)
        self.shape = [shape] if isinstance(shape, int) else list(shape)

    def work(self, tensor: Any) -> Any:
        return reshape(tensor, self.shape)
