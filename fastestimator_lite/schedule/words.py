"""Words: how a timeline names what takes part in a run, so that what differs reads differently."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Sequence
from typing import Any

from fastestimator_lite.backend.card import ModelCard
from fastestimator_lite.component import Component
from fastestimator_lite.schedule.schedule import Scheduler, values_of

_PLAIN = (int, float, complex, str, bytes, bool, type(None))
_LONGEST = 120  # characters of one call


class Names:
    """A name for each of several components.

    A component is called by its class, together with the models and components that it was given. Where that is the
    same for two of them, the whole call stands there; where not even that tells them apart, they are numbered.

    Args:
        items: Components and Schedulers of components.

    Example:
        >>> names = Names([EpochScheduler({1: Resize(64, 64), 5: Resize(128, 128)}), Minmax("x")])  # doctest: +SKIP
        >>> [names[op] for op in ops]  # doctest: +SKIP
        ['Resize(64, 64)', 'Resize(128, 128)', 'Minmax']
    """

    def __init__(self, items: Iterable[Any]) -> None:
        self._parts = list({id(part): part for item in items for part in values_of(item)}.values())
        self._names = {id(part): short_name(part) for part in self._parts}
        self._tell_apart()

    def __getitem__(self, part: Any) -> str:
        return self._names[id(part)]

    def _tell_apart(self) -> None:
        alike: dict[str, list[Any]] = collections.defaultdict(list)
        for part in self._parts:
            alike[self._names[id(part)]].append(part)
        for name, parts in alike.items():
            if len(parts) == 1:
                continue
            calls = [_call(part) for part in parts]
            times = collections.Counter(text for text, _ in calls)
            for number, (part, (text, is_whole)) in enumerate(zip(parts, calls, strict=True), 1):
                # equal calls of plain values do the same work; functions and arrays may differ unseen
                self._names[id(part)] = text if is_whole or times[text] == 1 else f"{name} #{number}"


def short_name(part: Any) -> str:
    """The class of a component, with the models and components that it was given.

    Example:
        >>> short_name(Sometimes(HorizontalFlip()))  # doctest: +SKIP
        'Sometimes(HorizontalFlip)'
    """
    args, kwargs = getattr(part, "made_with", ((), {}))
    inner = [name for value in (*args, *kwargs.values()) for name in _inner(value)]
    return type(part).__name__ + (f"({', '.join(inner)})" if inner else "")


def optimizer_name(optimizer: Any, phases: Sequence[Any] | None) -> str:
    """The class of an optimizer, numbered if the schedule of its model has several of that class.

    Args:
        optimizer: The optimizer.
        phases: All optimizers of the model; None if there is no schedule.
    """
    kind = type(optimizer).__name__
    alike = [one for one in phases or () if type(one).__name__ == kind]
    return kind if len(alike) < 2 else f"{kind} #{next(i for i, one in enumerate(alike, 1) if one is optimizer)}"


def _inner(value: Any) -> list[str]:
    if isinstance(value, Component):
        return [short_name(value)]
    if isinstance(value, Scheduler):
        return [f"{type(value).__name__}({', '.join(name for one in values_of(value) for name in _inner(one))})"]
    if isinstance(value, (list, tuple)):
        return [name for one in value for name in _inner(one)]
    card = getattr(value, "fe", None)
    return [card.name] if isinstance(card, ModelCard) else []


def _call(part: Any) -> tuple[str, bool]:
    """The call that made a component, and whether it says everything."""
    args, kwargs = getattr(part, "made_with", ((), {}))
    said = [_argument(value) for value in args]
    said += [(f"{name}={text}", is_whole) for name, value in kwargs.items() for text, is_whole in [_argument(value)]]
    text = f"{type(part).__name__}({', '.join(text for text, _ in said)})"
    if len(text) > _LONGEST:
        return f"{text[: _LONGEST - 3]}...", False
    return text, bool(said) and all(is_whole for _, is_whole in said)


def _argument(value: Any) -> tuple[str, bool]:
    """A value as it is written in a call, and whether that says everything."""
    if isinstance(value, _PLAIN):
        return repr(value), True
    if isinstance(value, (list, tuple)):
        said = [_argument(one) for one in value]
        left, right = "[]" if isinstance(value, list) else "()"
        comma = "," * (right == ")" and len(said) == 1)
        return f"{left}{', '.join(text for text, _ in said)}{comma}{right}", all(is_whole for _, is_whole in said)
    if isinstance(value, dict):
        pairs = [(_argument(key), _argument(one)) for key, one in value.items()]
        text = ", ".join(f"{key}: {one}" for (key, _), (one, _) in pairs)
        return f"{{{text}}}", all(is_whole for pair in pairs for _, is_whole in pair)
    if isinstance(value, Component):
        return _call(value)
    card = getattr(value, "fe", None)
    if isinstance(card, ModelCard):
        return card.name, True
    name = getattr(value, "__name__", None)
    if callable(value) and name is not None:
        return name.strip("<>"), False
    return type(value).__name__, False
