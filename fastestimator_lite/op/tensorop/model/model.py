"""ModelOp: run a model in a network."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fastestimator_lite.backend.arguments import Arguments
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


_OF_WRONG_ARGUMENTS = (AttributeError, IndexError, TypeError, ValueError)


class ModelOp(TensorOp):
    """Run a model. Under mixed precision it computes in half precision, and what it returns is float32.

    Args:
        model: A model from `fe.build`.
        inputs: Key or keys of its inputs, each a tensor with a leading batch axis. They are given in order, but where the
            last ones are called as optional arguments of a torch module's `forward`, or all as the entries of the
            dictionary that a Keras model takes, they go by name. A dictionary says which argument gets which key:
            {"input_ids": "words", "labels": "y"}.
        outputs: Key or keys of what it returns, then of what `intermediate_layers` give. Of a dictionary or dataclass, such
            as models of Hugging Face return, the fields with these names; where not all names are there, the first
            fields that are not None.
        mode, ds_id: When to run; see `Op`.
        trainable: Whether, in mode "train", layers such as Dropout and BatchNorm behave as in training.
        gradients: Whether gradients may flow through the model; False saves their memory.
        intermediate_layers: Layers whose outputs are wanted as well, by name or by index.

    Raises:
        ConfigError: If `model` did not come from `fe.build`, or has no argument that `inputs` names.
    """

    def __init__(
        self,
        model: Model,
        inputs: Keys | Mapping[str, str] = None,
        outputs: Keys = None,
        mode: Keys = None,
        ds_id: Keys = None,
        trainable: bool = True,
        gradients: bool = True,
        intermediate_layers: str | int | Sequence[str | int] | None = None,
    ) -> None:
        names = list(inputs) if isinstance(inputs, Mapping) else None
        super().__init__(list(inputs.values()) if isinstance(inputs, Mapping) else inputs, outputs, mode, ds_id)
        if isinstance(model, (list, tuple)):
            raise ConfigError("ModelOp(model) takes one model; fe.build returned several, give them an op each")
        card_of(model)
        self.model = model
        self.trainable = trainable
        self.gradients = gradients
        self.intermediate_layers = to_list(intermediate_layers)
        self._home = framework_of_model(model)
        self._arguments = self._found_arguments(names)
        self._is_half = bool(card_of(model).mixed_precision)
        self._tapped = self._home.tap(model, self.intermediate_layers) if self.intermediate_layers else None

    def get_fe_models(self) -> set[Model]:
        return {self.model}

    def forward(self, data: Any, state: dict[str, Any]) -> Any:
        inputs = data if self.in_list else [data]
        if not self._arguments.is_plain:
            inputs = self._arguments.arrange(inputs)
        training = state["mode"] == "train" and self.trainable
        if state.get("half") and not self._is_half:
            with self._home.full_precision(self.model):  # the half is another model's
                full = [_to_full(one) for one in data] if self.in_list else _to_full(data)
                return self.forward(full, {**state, "half": False})
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
        told = self._home.mismatch(self.model, self._arguments.named(data if self.in_list else [data]))
        given = self._arguments.told()
        if told is None and given is not None and isinstance(err, _OF_WRONG_ARGUMENTS):
            told = (
                f"it failed with {type(err).__name__}: {err!s:.300}; it was given {given}: if that is not what is meant, "
                f"say which argument gets which key, as in ModelOp(model, {{'argument': 'key'}})"
            )
        if told is not None:
            raise ConfigError(f"ModelOp of model {card_of(self.model).name!r}: {told}")

    def _found_arguments(self, names: Sequence[str] | None) -> Arguments:
        try:
            return Arguments(self.model, self.inputs, names)
        except ConfigError as err:
            raise ConfigError(f"ModelOp(inputs) of model {card_of(self.model).name!r}: {err}") from None

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
        # no annotated variables: TensorFlow's autograph, which reads this beside a user's op, cannot take them
        if self._tapped is not None:
            found, inner = self._tapped(inputs, training)
            if _is_named(type(found)):
                found = self._chosen(found, self.outputs[: len(self.outputs) - len(inner)])
            outputs = [*(found if isinstance(found, (list, tuple)) else [found]), *inner]
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
    values = (
        found
        if isinstance(found, Mapping)
        else {one.name: getattr(found, one.name) for one in dataclasses.fields(found)}
    )
    return {str(key): value for key, value in values.items() if value is not None}


def _to_full(value: Any) -> Any:
    """A tensor of half precision in float32, in which losses and traces are exact enough."""
    return cast(value, "float32") if "float16" in str(getattr(value, "dtype", "")) else value  # bfloat16 as well
