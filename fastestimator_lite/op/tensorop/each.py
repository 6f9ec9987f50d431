"""EachTensor: ops that do the same to every input key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastestimator_lite.op.tensorop.tensorop import TensorOp
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError
from fastestimator_lite.util.names import to_list


class EachTensor(TensorOp):
    """An op that turns each input into the output of the same place.

    A subclass writes `work` for one tensor.

    Args:
        inputs: Key or keys to read.
        outputs: Key or keys to write, as many as `inputs`.
        mode, ds_id: When to run; see `Op`.

    Raises:
        ConfigError: If there are not as many outputs as inputs.
    """

    def __init__(
        self, inputs: str | Sequence[str], outputs: str | Sequence[str], mode: Keys = None, ds_id: Keys = None
    ) -> None:
        super().__init__(to_list(inputs), to_list(outputs), mode, ds_id)
        if not self.inputs or len(self.inputs) != len(self.outputs):
            raise ConfigError(
                f"{type(self).__name__}: as many outputs as inputs are needed, at least one, got inputs {self.inputs} "
                f"and outputs {self.outputs}"
            )

    def forward(self, data: Sequence[Any], state: dict[str, Any]) -> list[Any]:
        """Work on one batch.

        Args:
            data: A tensor for each input.
            state: See `TensorOp.forward`.

        Returns:
            A tensor for each output.
        """
        return [self.work(tensor) for tensor in data]

    def work(self, tensor: Any) -> Any:
        """Turn one input into one output."""
        raise NotImplementedError
