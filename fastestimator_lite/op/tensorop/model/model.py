"""ModelOp: run a model in a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastestimator_lite.backend.card import card_of
from fastestimator_lite.backend.framework import framework_of_model
from fastestimator_lite.op.tensorop.tensorop import TensorOp
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError
from fastestimator_lite.util.names import to_list

if TYPE_CHECKING:
    from fastestimator_lite.types import Model


class ModelOp(TensorOp):
    """Run a model.

    Args:
        model: A model from `fe.build`.
        inputs: Key or keys of its inputs, each a tensor with a leading batch axis.
        outputs: Key or keys of what it returns, then of what `intermediate_layers` give.
        mode, ds_id: When to run; see `Op`.
        trainable: Whether, in mode "train", layers such as Dropout and BatchNorm behave as in training.
        gradients: Whether gradients may flow through the model; False saves their memory.
        intermediate_layers: Layers whose outputs are wanted as well, by name or by index.

    Raises:
        ConfigError: If `model` did not come from `fe.build`.
    """

    def __init__(
        self,
        model: Model,
        inputs: Keys = None,
        outputs: Keys = None,
        mode: Keys = None,
        ds_id: Keys = None,
        trainable: bool = True,
        gradients: bool = True,
        intermediate_layers: str | int | Sequence[str | int] | None = None,
    ) -> None:
        super().__init__(inputs, outputs, mode, ds_id)
        if isinstance(model, (list, tuple)):
            raise ConfigError("ModelOp(model) takes one model; fe.build returned several, give them an op each")
        card_of(model)
        self.model = model
        self.trainable = trainable
        self.gradients = gradients
        self.intermediate_layers = to_list(intermediate_layers)
        self._home = framework_of_model(model)
        self._tapped = self._home.tap(model, self.intermediate_layers) if self.intermediate_layers else None

    def get_fe_models(self) -> set[Model]:
        return {self.model}

    def forward(self, data: Any, state: dict[str, Any]) -> Any:
        inputs = data if self.in_list else [data]
        training = state["mode"] == "train" and self.trainable
        if self.gradients:
            outputs = self._run(inputs, training)
        else:
            with self._home.without_gradients(state.get("tape")):
                outputs = self._run(inputs, training)
        if self._tapped is not None:
            return outputs
        if self.out_list and len(self.outputs) == 1 and not isinstance(outputs, (list, tuple)):
            return [outputs]
        return outputs

    def _run(self, inputs: Sequence[Any], training: bool) -> Any:
        if self._tapped is not None:
            outputs, inner = self._tapped(inputs, training)
            return [*(outputs if isinstance(outputs, (list, tuple)) else [outputs]), *inner]
        return self._home.feed_forward(self.model, *inputs, training=training)
