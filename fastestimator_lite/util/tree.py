"""The one walk over nested dictionaries, lists, tuples and sets, and what can be said of such a structure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any


def map_structure(fn: Callable[[Any], Any], data: Any) -> Any:
    """Apply a function to every leaf of nested dictionaries, lists, tuples and sets.

    Args:
        fn: Takes a leaf, anything that is not one of those collections, and returns what stands in its place.
        data: The structure; it is not changed.

    Returns:
        A new structure of the same form. A mapping of any kind becomes a dictionary; a list, tuple (a named one too)
        or set keeps its kind.
    """
    if isinstance(data, Mapping):
        return {key: map_structure(fn, value) for key, value in data.items()}
    if isinstance(data, (list, set, frozenset)):
        return type(data)(map_structure(fn, value) for value in data)
    if isinstance(data, tuple):
        values = [map_structure(fn, value) for value in data]
        return type(data)(*values) if hasattr(data, "_fields") else tuple(values)
    return fn(data)


def leaves(data: Any) -> Iterator[Any]:
    """The leaves that `map_structure` would visit, in the same order."""
    if isinstance(data, Mapping):
        for value in data.values():
            yield from leaves(value)
    elif isinstance(data, (list, tuple, set, frozenset)):
        for value in data:
            yield from leaves(value)
    else:
        yield data


def get_type(obj: Any) -> str:
    """Name the type of a value, for a person to read.

    Args:
        obj: Any value.

    Returns:
        The dtype of an array or tensor ("float32"), "List[x]" or "Tuple[x]" for a collection whose items are all of
        type x, "List" or "Tuple" if they differ, else the name of the class ("int", "str", "dict").

    Example:
        >>> get_type([1, 2]), get_type([1, "a"])
        ('List[int]', 'List')
    """
    dtype = getattr(obj, "dtype", None)
    if dtype is not None:
        return str(getattr(dtype, "name", dtype)).removeprefix("torch.")
    if isinstance(obj, (list, tuple)):
        kind = "List" if isinstance(obj, list) else "Tuple"
        types = {get_type(item) for item in obj}
        return f"{kind}[{types.pop()}]" if len(types) == 1 else kind
    return type(obj).__name__


def get_shape(obj: Any) -> list[int | None]:
    """Describe the shape of a value, or the shape that the items of a list or tuple have in common.

    Args:
        obj: Any value.

    Returns:
        One size for each axis of an array or tensor; None where the items of a list or tuple differ (or where a
        TensorFlow graph does not know it yet); an empty list for what has no shape, and for items of unequal rank.

    Example:
        >>> import numpy as np
        >>> get_shape(np.ones((2, 3))), get_shape([np.ones((2, 3)), np.ones((2, 4))]), get_shape(27)
        ([2, 3], [2, None], [])
    """
    shape = getattr(obj, "shape", None)
    if shape is not None:
        return list(shape)
    if not isinstance(obj, (list, tuple)) or not obj:
        return []
    shapes = [get_shape(item) for item in obj]
    if len({len(found) for found in shapes}) > 1:
        return []
    return [sizes[0] if len(set(sizes)) == 1 else None for sizes in zip(*shapes, strict=True)]
