"""Component: what takes part in a run at some moments (an op, a trace, a slicer), and When: the question it answers."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError
from fastestimator_lite.util.names import check_ds_id, check_io_names, parse_modes, to_list, to_set

ComponentT = TypeVar("ComponentT", bound="Component")


class When(NamedTuple):
    """A moment of a run; None means any.

    Attributes:
        mode: "train", "eval", "test" or "infer".
        epoch: Epoch, counted from 1.
        ds_id: Data set id; "" is the unnamed data set.
    """

    mode: str | None = None
    epoch: int | None = None
    ds_id: str | None = None


class Component:
    """Something with keys that takes part in some modes and data sets.

    Args:
        inputs: Key or keys that it reads.
        outputs: Key or keys that it writes.
        mode: When to run: "train", "eval", "test", "infer", several of them, or "!infer" for all but; None for all.
        ds_id: Data sets to run for, by id, or "!id" for all but; None for all.

    Raises:
        ConfigError: If a key, a mode or an id is not well formed.
    """

    inputs: list[str]
    outputs: list[str]
    mode: set[str]
    ds_id: set[str]
    made_with: tuple[tuple[Any, ...], dict[str, Any]]

    def __new__(cls: type[ComponentT], *args: Any, **kwargs: Any) -> ComponentT:
        self = super().__new__(cls)
        self.made_with = args, kwargs  # reports show the call; nothing is done with it before they ask
        return self

    def __getnewargs_ex__(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return (), {}  # a copy brings its own made_with in its state

    def __init__(self, inputs: Keys = None, outputs: Keys = None, mode: Keys = None, ds_id: Keys = None) -> None:
        try:
            self.inputs = check_io_names(to_list(inputs)) if inputs != "*" else ["*"]
            self.outputs = check_io_names(to_list(outputs))
            self.mode = parse_modes(to_set(mode))
            self.ds_id = check_ds_id(to_set(ds_id))
        except ConfigError as err:
            raise ConfigError(f"{type(self).__name__}: {err}") from None

    def runs_at(self, when: When) -> bool:
        """Whether it takes part at that moment; a None in `when` matches everything."""
        if when.mode is not None and when.mode not in self.mode:
            return False
        if when.ds_id is None or not self.ds_id:
            return True
        if next(iter(self.ds_id)).startswith("!"):
            return f"!{when.ds_id}" not in self.ds_id
        return when.ds_id in self.ds_id
