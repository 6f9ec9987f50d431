"""Names for what flows through a run. Frameworks are imported for type checkers alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, Union, runtime_checkable

import numpy as np

if TYPE_CHECKING:
    import keras
    import tensorflow as tf
    import torch

    Tensor = Union[torch.Tensor, tf.Tensor]
    Array = Union[np.ndarray, torch.Tensor, tf.Tensor]
    Model = Union[torch.nn.Module, keras.Model]
    ArrayT = TypeVar("ArrayT", np.ndarray, torch.Tensor, tf.Tensor)
else:
    Tensor = Array = Model = Any
    ArrayT = TypeVar("ArrayT")

Keys = Union[None, str, Iterable[str]]
Axis = Union[None, int, Iterable[int]]


class FilteredData:
    """What a NumpyOp returns to say that a sample is not wanted.

    Args:
        replacement: Whether another sample is drawn in its place (in mode "train"), else the batch gets smaller.
    """

    def __init__(self, replacement: bool = True) -> None:
        self.replacement = replacement

    def __repr__(self) -> str:
        return f"FilteredData(replacement={self.replacement})"


@runtime_checkable
class MapDataset(Protocol):
    """A data set: it has a length, and an index gives one sample, a dictionary."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Mapping[str, Any]: ...
