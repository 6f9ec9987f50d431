"""Small stand-ins for values: a switch that is passed around, a dictionary that fills itself, a choice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Y = TypeVar("Y")
N = TypeVar("N")


class Flag:
    """A truth value that its holders can change for one another.

    Args:
        val: What it is at first.
    """

    def __init__(self, val: bool = False) -> None:
        self._val = bool(val)

    def set_true(self) -> None:
        """Make it true."""
        self._val = True

    def set_false(self) -> None:
        """Make it false."""
        self._val = False

    def __bool__(self) -> bool:
        return self._val

    def __repr__(self) -> str:
        return f"Flag({self._val})"


class DefaultKeyDict(dict[Any, Any]):
    """A dictionary that makes what it lacks out of the key.

    Args:
        default: Takes a key that is read with `[]` and not there; what it returns is kept under that key.
        **kwargs: Entries to begin with.

    Example:
        >>> names = DefaultKeyDict(str.upper, a="first")
        >>> names["a"], names["b"]
        ('first', 'B')
    """

    def __init__(self, default: Callable[[Any], Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.default = default

    def __missing__(self, key: Any) -> Any:
        self[key] = self.default(key)
        return self[key]

    def __reduce__(self) -> tuple[Any, ...]:
        # a dictionary would be made anew without `default`
        return type(self), (self.default,), None, None, iter(self.items())


def IfElse(cond: bool, y: Y, n: N | None = None) -> Y | N | None:  # noqa: N802 - the name of FastEstimator 1.x
    """Choose between two values, both of which are made before.

    Args:
        cond: What decides.
        y: The answer if `cond` holds.
        n: The answer if not.
    """
    return y if cond else n
