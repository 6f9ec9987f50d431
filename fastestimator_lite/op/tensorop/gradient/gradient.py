"""GradientOp: gradients as data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastestimator_lite.backend.card import card_of
from fastestimator_lite.backend.framework import framework_of_model
from fastestimator_lite.backend.model import get_gradient
from fastestimator_lite.op.tensorop.gradient.taken import GradientTaker
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError
from fastestimator_lite.util.names import to_list

if TYPE_CHECKING:
    from fastestimator_lite.types import Model


class GradientOp(GradientTaker):
    """Differentiate tensors by other tensors, or by a model's trained parameters.

    Args:
        finals: Key or keys of what is differentiated; the sum of a tensor's elements counts.
        outputs: Key or keys to write, one for each of `finals`: a tensor like the input of the same place; or, of a
            model, a list with a gradient for each trained parameter, which `UpdateOp(gradients=...)` takes.
        inputs: Key or keys to differentiate by, one for each of `finals`; `Watch` must watch them before they are used.
        model: The model from `fe.build` to differentiate by, in place of `inputs`.
        mode, ds_id: When to run; see `Op`.

    Raises:
        ConfigError: If not exactly one of `inputs` and `model` is given, or the numbers of keys differ; or, when it
            runs, if an output does not depend on a watched input.
    """

    def __init__(
        self,
        finals: str | Sequence[str],
        outputs: str | Sequence[str],
        inputs: str | Sequence[str] | None = None,
        model: Model | None = None,
        mode: Keys = None,
        ds_id: Keys = None,
    ) -> None:
        sources, targets = to_list(inputs), to_list(finals)
        super().__init__([*sources, *targets], to_list(outputs), mode, ds_id)
        if bool(sources) == (model is not None):
            raise ConfigError(f"GradientOp needs either inputs or a model to differentiate by, got inputs={inputs!r}")
        if len(targets) != len(self.outputs) or (sources and len(sources) != len(targets)) or not targets:
            raise ConfigError(
                f"GradientOp: as many finals, outputs and inputs (if any) are needed, got finals {targets}, outputs "
                f"{self.outputs} and inputs {sources}"
            )
        if model is not None:
            card_of(model)
        self.model = model
        self._count = len(targets)

    def forward(self, data: Sequence[Any], state: dict[str, Any]) -> list[Any]:
        found = []
        for place, target in enumerate(data[-self._count :]):
            retain = self.retain_graph or place + 1 < self._count
            if self.model is None:
                keys = (self.inputs[self._count + place], self.inputs[place])
                found.append(self.gradient(target, data[place], keys, state, retain))
            else:
                sources = framework_of_model(self.model).differentiable(self.model)
                found.append(get_gradient(target, sources, tape=state.get("tape"), retain_graph=retain))
        return found
