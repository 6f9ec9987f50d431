"""Average: the mean of several tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastestimator_lite.backend.framework import framework_of
from fastestimator_lite.op.tensorop.tensorop import TensorOp
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError
from fastestimator_lite.util.names import to_list


class Average(TensorOp):
    """Mean of tensors, element by element.

    Args:
        inputs: Key or keys to read; the tensors must broadcast with one another.
        outputs: Key of the mean, float.
        mode, ds_id: When to run; see `Op`.

    Raises:
        ConfigError: If there is no input, or not one output.
    """

    def __init__(self, inputs: str | Sequence[str], outputs: str, mode: Keys = None, ds_id: Keys = None) -> None:
        super().__init__(to_list(inputs), outputs, mode, ds_id)
        if not self.inputs or len(self.outputs) != 1:
            raise ConfigError(
                f"Average needs inputs, and one output, got inputs {self.inputs} and outputs {self.outputs}"
            )

    def forward(self, data: Sequence[Any], state: dict[str, Any]) -> Any:
        total = data[0]
        for tensor in data[1:]:
            total = total + tensor
        framework = framework_of(total)
        if "float" not in framework.dtype_name(total):
            total = framework.cast(total, "float32")
        mean = total / len(data)
        return [mean] if self.out_list else mean
