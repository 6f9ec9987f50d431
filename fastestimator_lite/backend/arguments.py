"""Which arguments of a model's forward pass an op's inputs go to."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from fastestimator_lite.util.errors import ConfigError, suggest


class Arguments:
    """The arguments that a model is called with.

    A torch module gets inputs in order, except that the last ones go by name as far as they are called as optional
    arguments of its `forward`: `input_ids, attention_mask=None, token_type_ids=None, labels=None` can be given the inputs
    "input_ids" and "labels". A Keras model whose inputs are a dictionary gets one if the inputs have its names.

    Args:
        model: The model.
        keys: Keys of the inputs, in order.
        names: The argument that each is for, or the name in a Keras model's dictionary; None goes by `keys`.

    Attributes:
        is_plain: Whether the inputs are given as they come, in order.

    Raises:
        ConfigError: If the model has no argument of a name, or needs one that gets no input.
    """

    def __init__(self, model: Any, keys: Sequence[str], names: Sequence[str] | None = None) -> None:
        self._keys = list(keys)
        self._places = list(range(len(self._keys)))
        self._defaults: list[Any] = []
        self._parameters: dict[str, inspect.Parameter] = {}
        self._is_told = names is not None
        self._entries: list[str] | None = None  # of the one dictionary that a Keras model takes
        if hasattr(model, "call"):  # what a Keras model's forward pass is called
            expected = getattr(model, "input", None)
            if names is not None or (isinstance(expected, dict) and set(expected) == set(self._keys)):
                self._entries = list(names or self._keys)
                self._check(self._entries, expected if isinstance(expected, dict) else self._entries)
        else:
            self._parameters = _parameters(model)
            self._places = self._by_name(names) if names is not None else self._by_key()
        self.is_plain = self._entries is None and self._places == list(range(len(self._keys)))
        if not self.is_plain and self._entries is None:
            arguments = list(self._parameters.values())
            self._defaults = [argument.default for argument in arguments[: max(self._places) + 1]]

    def arrange(self, values: Sequence[Any]) -> list[Any]:
        """The arguments in the model's order, with its own defaults where there is no input.

        Args:
            values: The inputs, in the order of their keys.
        """
        if self.is_plain:
            return list(values)
        if self._entries is not None:
            return [dict(zip(self._entries, values, strict=True))]
        arguments = list(self._defaults)
        for place, value in zip(self._places, values, strict=True):
            arguments[place] = value
        return arguments

    def named(self, values: Sequence[Any]) -> dict[str, Any]:
        """The arguments by key, in the model's order; those without an input by their own name."""
        if self._entries is not None:  # Keras sorts them
            found = sorted(zip(self._entries, self._keys, values, strict=True), key=lambda entry: entry[0])
            return {key: value for _, key, value in found}
        keys = dict(zip(self._places, self._keys, strict=True))
        arguments = self.arrange(values)
        names = list(self._parameters)
        return {keys[place] if place in keys else names[place]: value for place, value in enumerate(arguments)}

    def told(self) -> str | None:
        """Which optional arguments get an input of another name that nobody asked for, in words; None if none do."""
        if self._is_told:
            return None
        names = list(self._parameters)
        pairs = [(names[place], key) for place, key in zip(self._places, self._keys, strict=True) if place < len(names)]
        odd = [pair for pair in pairs if _is_optional(self._parameters[pair[0]]) and pair[0] != pair[1]]
        return ", ".join(f"{key!r} as {name!r}" for name, key in odd) or None

    def _by_name(self, names: Sequence[str]) -> list[int]:
        needed = [name for name, argument in self._parameters.items() if not _is_optional(argument)]
        self._check(names, self._parameters, needed)
        order = list(self._parameters)
        return [order.index(name) for name in names]

    def _by_key(self) -> list[int]:
        order, in_order = list(self._parameters), list(range(len(self._keys)))
        places = list(in_order)
        for place, key in reversed(list(enumerate(self._keys))):
            if key not in self._parameters or not _is_optional(self._parameters[key]):
                break
            places[place] = order.index(key)
        needed = {place for place, argument in enumerate(self._parameters.values()) if not _is_optional(argument)}
        return places if len(set(places)) == len(places) and needed <= set(places) else in_order

    def _check(self, names: Sequence[str], known: Any, needed: Sequence[str] | None = None) -> None:
        for name in names:
            if name not in known:
                there = ", ".join(map(repr, known)) or "none with a name"
                raise ConfigError(f"the model has no argument {name!r}; it has: {there}.{suggest(name, known)}")
        missing = [name for name in (known if needed is None else needed) if name not in names]
        if missing:
            raise ConfigError(f"the model needs {', '.join(map(repr, missing))} as well; name a key for each")


def _parameters(model: Any) -> dict[str, inspect.Parameter]:
    """The arguments that may be given by place and by name."""
    try:
        found = inspect.signature(model.forward).parameters
    except (AttributeError, TypeError, ValueError):  # it is not written in Python
        return {}
    return {name: one for name, one in found.items() if one.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD}


def _is_optional(argument: inspect.Parameter) -> bool:
    return argument.default is not inspect.Parameter.empty
