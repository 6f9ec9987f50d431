"""From one framework or data type to another, through nested dictionaries, lists, tuples and sets."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from fastestimator_lite.backend.framework import framework_of, primitives
from fastestimator_lite.types import Array, ArrayT
from fastestimator_lite.util.errors import ConfigError, suggest
from fastestimator_lite.util.tree import leaves, map_structure

_TARGETS = ("np", "torch", "tf")
_DTYPES = (
    "float16",
    "bfloat16",
    "float32",
    "float64",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "bool",
    "complex64",
    "complex128",
)


def to_tensor(data: Any, target_type: str, shared_memory: bool = False) -> Any:
    """Convert arrays, tensors and numbers to one framework.

    Args:
        data: An array, tensor or number, or nested collections of those. None, text, arrays of text, objects of other
            kinds and what is of the right framework already stay as they are.
        target_type: "np", "torch" or "tf"; only the framework that is named is imported.
        shared_memory: Whether torch tensors are put where other processes see them; other frameworks ignore it.

    Returns:
        `data` with the same structure; dtypes are kept, but for bfloat16, which numpy has not and which becomes
        float32. A torch tensor shares the memory of the numpy array that it was made of, if that array can be written
        to.

    Raises:
        ConfigError: If `target_type` is not known.
    """
    if target_type not in _TARGETS:
        hint = suggest(target_type, _TARGETS)
        raise ConfigError(f"target_type must be one of {_TARGETS}, got {target_type!r}.{hint}")
    target = primitives(target_type)

    def convert(leaf: Any) -> Any:
        framework = _home(leaf)
        if framework is None:
            return leaf
        if framework is not target or target_type == "np":
            array = framework.to_numpy(leaf)
            if array.dtype.kind in "OSUVMm":
                return leaf
            leaf = target.from_numpy(array)
        return target.share_memory(leaf) if shared_memory else leaf

    return map_structure(convert, data)


def to_number(data: Any) -> np.ndarray:
    """Convert one array, tensor, number or list of numbers to numpy.

    Args:
        data: What to convert.

    Returns:
        A numpy array of the same shape; of no axes for a number. A tensor leaves its gradient and device behind.
    """
    if isinstance(data, np.ndarray):
        return data
    framework = _home(data)
    return np.asarray(data) if framework is None else framework.to_numpy(data)


def cast(data: Any, dtype: str) -> Any:
    """Convert arrays, tensors and numbers to a data type.

    Args:
        data: An array, tensor or number, or nested collections of those. None, text and other objects stay as they are.
        dtype: Name of the type, such as "float32"; numpy has no "bfloat16".

    Returns:
        `data` with the same structure; a number becomes a numpy array of no axes.

    Raises:
        ConfigError: If `dtype` is not the name of a type.
    """
    name = dtype if isinstance(dtype, str) else np.dtype(dtype).name
    if name not in _DTYPES:
        raise ConfigError(f"dtype must be one of {', '.join(_DTYPES)}, got {dtype!r}.{suggest(name, _DTYPES)}")

    def convert(leaf: Any) -> Any:
        framework = _home(leaf)
        return leaf if framework is None else framework.cast(leaf, name)

    return map_structure(convert, data)


def convert_tensor_precision(tensor: ArrayT) -> ArrayT:
    """Convert a float array to the precision that models compute in.

    Args:
        tensor: Any shape and dtype.

    Returns:
        Same shape. Floats are of the type of `torch.autocast` (else torch's default type), of the Keras dtype policy,
        or float32 in numpy; what is not float stays as it is.
    """
    framework = framework_of(tensor)
    if "float" not in framework.dtype_name(tensor):
        return tensor
    return framework.cast(tensor, framework.compute_dtype(tensor))


def to_type(data: Any) -> Any:
    """The data types in a structure.

    Args:
        data: An array, tensor or other value, or nested collections of those.

    Returns:
        The same structure with each leaf's dtype, or its Python type if it has none.
    """
    return map_structure(lambda leaf: getattr(leaf, "dtype", type(leaf)), data)


def to_shape(data: Any, add_batch: bool = False, exact_shape: bool = True) -> Any:
    """The shapes in a structure.

    Args:
        data: An array, tensor or other value, or nested collections of those.
        add_batch: Whether to put a None, for a batch axis, before the sizes of each array.
        exact_shape: Whether to tell the sizes; else every size is None and only their number is told.

    Returns:
        The same structure with a tuple of sizes in place of each leaf; empty for what has no shape.

    Example:
        >>> to_shape({"x": np.ones((10, 8))}, add_batch=True)
        {'x': (None, 10, 8)}
    """

    def describe(leaf: Any) -> tuple[int | None, ...]:
        if not hasattr(leaf, "shape"):
            return ()
        sizes = tuple(leaf.shape) if exact_shape else (None,) * len(leaf.shape)
        return (None, *sizes) if add_batch else sizes

    return map_structure(describe, data)


def get_batch_size(data: Any) -> int:
    """How many samples a batch holds.

    Args:
        data: A batch: nested collections with arrays of shape (B, ...). What has no shape, or no axes, does not count.

    Returns:
        B.

    Raises:
        ConfigError: If no array has an axis, or if they do not agree.
    """
    sizes = {int(leaf.shape[0]) for leaf in leaves(data) if len(getattr(leaf, "shape", ()))}
    if not sizes:
        raise ConfigError("the batch holds no array with an axis, so its size cannot be told")
    if len(sizes) > 1:
        raise ConfigError(f"every array of a batch must have the same size on its first axis, got {to_shape(data)}")
    return sizes.pop()


def _home(leaf: Array) -> ModuleType | None:
    """The primitives for a leaf, or None if it is no array, tensor or number."""
    if leaf is None or isinstance(leaf, (str, bytes)):
        return None
    try:
        return framework_of(leaf)
    except TypeError:
        return None
