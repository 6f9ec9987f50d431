"""Gather: one entry for each member of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastestimator_lite.backend.shape import gather_from_batch
from fastestimator_lite.op.tensorop.tensorop import TensorOp
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError
from fastestimator_lite.util.names import to_list


class Gather(TensorOp):
    """Pick one entry of the second axis for each member of a batch, such as the score of the true class.

    Args:
        inputs: Key or keys of tensors to pick from, shape (B, N, ...).
        outputs: Key or keys to write, as many as `inputs`, shape (B, ...).
        indices: Key of whole numbers in [0, N), shape (B,) or (B, 1); or one such key for each input.
        mode, ds_id: When to run; see `Op`.

    Raises:
        ConfigError: If there are not as many outputs as inputs, or neither one key of indices nor one for each input.
    """

    def __init__(
        self,
        inputs: str | Sequence[str],
        outputs: str | Sequence[str],
        indices: str | Sequence[str] | None = None,
        mode: Keys = None,
        ds_id: Keys = None,
    ) -> None:
        keys, places = to_list(inputs), to_list(indices)
        super().__init__([*places, *keys], to_list(outputs), mode, ds_id)
        if len(places) not in (1, len(keys)) or not places:
            raise ConfigError(
                f"Gather(indices) must be one key, or one for each of the inputs {keys}, got {indices!r}; it says which "
                f"entry to take"
            )
        if len(keys) != len(self.outputs):
            raise ConfigError(
                f"Gather: as many outputs as inputs are needed, got inputs {keys} and outputs {self.outputs}"
            )
        self.num_indices = len(places)

    def forward(self, data: Sequence[Any], state: dict[str, Any]) -> list[Any]:
        places, tensors = data[: self.num_indices], data[self.num_indices :]
        if len(places) == 1:
            places = [*places] * len(tensors)
        return [gather_from_batch(tensor, place) for tensor, place in zip(tensors, places, strict=True)]
