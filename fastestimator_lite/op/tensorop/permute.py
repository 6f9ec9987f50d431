"""Permute: axes in another order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastestimator_lite.backend.shape import permute
from fastestimator_lite.op.tensorop.each import EachTensor
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError


class Permute(EachTensor):
    """Put the axes in another order.

    Args:
        inputs: Key or keys to read.
        outputs: Key or keys to write, as many as `inputs`.
        permutation: For each new axis, the old one that goes there, the batch being 0; the default makes (B, C, H, W)
            of (B, H, W, C).
        mode, ds_id: When to run; see `Op`.

    Raises:
        ConfigError: If there are not as many outputs as inputs, or `permutation` does not hold each axis once.
    """

    def __init__(
        self,
        inputs: str | Sequence[str],
        outputs: str | Sequence[str],
        permutation: Sequence[int] = (0, 3, 1, 2),
        mode: Keys = None,
        ds_id: Keys = None,
    ) -> None:
        super().__init__(inputs, outputs, mode, ds_id)
        self.permutation = tuple(permutation)
        if sorted(axis % max(len(self.permutation), 1) for axis in self.permutation) != list(
            range(len(self.permutation))
        ):
            raise ConfigError(f"Permute(permutation) must hold each axis once, got {permutation!r}")

    def work(self, tensor: Any) -> Any:
        return permute(tensor, self.permutation)
