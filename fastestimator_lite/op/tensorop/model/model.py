"""ModelOp: run a model in a network."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fastestimator_lite.backend.card import card_of
from fastestimator_lite.backend.convert import cast
from fastestimator_lite.backend.framework import framework_of_model
from fastestimator_lite.op.tensorop.tensorop import TensorOp
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError
from fastestimator_lite.util.names import to_list
from fastestimator_lite.util.tree import map_structure

if TYPE_CHECKING:
    from fastestimator_lite.types import Model


class ModelOp(TensorOp):
    """Run a model. Under mixed precision it computes in half precision, and what it returns is float32.

    Args:
        model: A model from `fe.build`.
        inputs: Key or keys of its inputs, each a tensor with a leading batch axis.
        outputs: Key or keys of what it returns, then of what `intermediate_layers` give. Of a dictionary or dataclass, such
            as models of Hugging Face return, the fields with these names; where not all names are there, the first
            fields that are not None.
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
        self._is_half = bool(card_of(model).mixed_precision)
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

    def explain(self, err: Exception, data: Any) -> None:
        inputs = dict(zip(self.inputs, data if self.in_list else [data], strict=True))
        told = self._home.mismatch(self.model, inputs)
        if told is not None:
            raise ConfigError(f"ModelOp of model {card_of(self.model).name!r}: {told}")

    def _chosen(self, found: Any, keys: Sequence[str]) -> list[Any]:
        """The fields of an output that has named ones: those with the names of the keys, else the first."""
        values = _fields(found)
        if all(key in values for key in keys):
            return [values[key] for key in keys]
        if len(values) < len(keys):
            raise ConfigError(
                f"ModelOp of model {card_of(self.model).name!r} has the outputs {', '.join(map(repr, keys))}, and the model "
                f"gives {', '.join(map(repr, values)) or 'nothing'}; name some of these, or fewer keys"
            )
        return list(values.values())[: len(keys)]

    def _run(self, inputs: Sequence[Any], training: bool) -> Any:
        if self._tapped is not None:
            found, inner = self._tapped(inputs, training)
            if _is_named(type(found)):
                found = self._chosen(found, self.outputs[: len(self.outputs) - len(inner)])
            outputs: Any = [*(found if isinstance(found, (list, tuple)) else [found]), *inner]
        else:
            outputs = self._home.feed_forward(self.model, *inputs, training=training)
            if _is_named(type(outputs)):
                chosen = self._chosen(outputs, self.outputs)
                outputs = chosen if self.out_list else chosen[0]
        return map_structure(_to_full, outputs) if self._is_half else outputs


def _has_fields(kind: type) -> bool:
    """Whether what a model returned has named fields, by its type."""
    return issubclass(kind, Mapping) or dataclasses.is_dataclass(kind)


_is_named: Callable[[type], bool] = functools.cache(_has_fields)


def _fields(found: Any) -> dict[str, Any]:
    """The fields of a dictionary or dataclass that are not None."""
    if isinstance(found, Mapping):
        items: Iterable[tuple[Any, Any]] = found.items()
    else:
        items = [(field.name, getattr(found, field.name)) for field in dataclasses.fields(found)]
    return {str(key): value for key, value in items if value is not None}


def _to_full(value: Any) -> Any:
    """A tensor of half precision in float32, in which losses and traces are exact enough."""
    return cast(value, "float32") if "float16" in str(getattr(value, "dtype", "")) else value  # bfloat16 as well
