"""The parameter groups of an optimizer, alike in both frameworks: what a schedule of any field reads and writes."""

from __future__ import annotations

import importlib
import sys
from collections.abc import MutableMapping
from typing import Any

from fastestimator_lite.util.errors import ConfigError

Group = MutableMapping[str, Any]


def param_groups(optimizer: Any) -> list[Group]:
    """The parameter groups of an optimizer.

    Args:
        optimizer: A torch optimizer, a Keras optimizer, or anything that has `param_groups`.

    Returns:
        A list of mappings from the name of a field ("lr", "weight_decay", "momentum", "betas", ...) to its value; to
        write an entry is to change the optimizer. A Keras optimizer is one group, under torch's names for its fields.

    Raises:
        ConfigError: If it is no optimizer.
    """
    groups = getattr(optimizer, "param_groups", None)
    if groups is not None:
        return list(groups)
    if "keras" in sys.modules and isinstance(optimizer, sys.modules["keras"].optimizers.Optimizer):
        module = importlib.import_module("fastestimator_lite.backend.tensorflow.optimizer")
        return [module.KerasGroup(optimizer)]
    raise ConfigError(f"a torch or Keras optimizer is wanted, got {type(optimizer).__name__}: {optimizer!r:.100}")


def vary(optimizer: Any, field: str) -> None:
    """Get ready for a field that changes from step to step; do it before the first training.

    Raises:
        ConfigError: If the optimizer cannot take it any more.
    """
    for group in param_groups(optimizer):
        if not isinstance(group, dict):
            group.vary(field)  # type: ignore[attr-defined]


def write(group: Group, field: str, value: Any) -> None:
    """Set a field of a parameter group; one that is a tensor is set in place, as captured graphs need it."""
    old: Any = group.get(field)
    if hasattr(old, "fill_"):
        old.fill_(value)
    else:
        group[field] = value


def as_grouped(optimizer: Any) -> Any:
    """The optimizer itself if it has `param_groups`, else something that has them for it."""
    return optimizer if hasattr(optimizer, "param_groups") else _Grouped(optimizer)


class _Grouped:
    """A Keras optimizer with torch's `param_groups`."""

    def __init__(self, optimizer: Any) -> None:
        self.optimizer = optimizer
        self.param_groups = param_groups(optimizer)
