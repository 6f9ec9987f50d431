"""Watch: tensors that gradients can be taken of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastestimator_lite.backend.framework import framework_of
from fastestimator_lite.backend.model import watch
from fastestimator_lite.op.tensorop.each import EachTensor
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError
from fastestimator_lite.util.names import to_list


class Watch(EachTensor):
    """Make tensors ones that `GradientOp` and `FGSM` can differentiate by. It stands before what is computed of them.

    Args:
        inputs: Key or keys of float tensors, which keep their values.
        mode, ds_id: When to run; see `Op`.

    Raises:
        ConfigError: If there are no inputs; or, when it runs, if a tensor is not float.
    """

    def __init__(self, inputs: str | Sequence[str], mode: Keys = None, ds_id: Keys = None) -> None:
        super().__init__(inputs, to_list(inputs), mode, ds_id)
        self.retain_graph = True

    def fe_retain_graph(self, retain: bool | None = None) -> bool | None:
        return self.retain_graph

    def forward(self, data: Sequence[Any], state: dict[str, Any]) -> list[Any]:
        for key, tensor in zip(self.inputs, data, strict=True):
            name = framework_of(tensor).dtype_name(tensor)
            if "float" not in name:
                raise ConfigError(f"Watch: gradients are of float tensors, but key {key!r} is {name}; cast it before")
        return [watch(tensor, state.get("tape")) for tensor in data]
