"""Slicer: what cuts keys of a batch into minibatches, or joins keys that were made from minibatches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastestimator_lite.backend.framework import framework_of
from fastestimator_lite.backend.shape import concat, expand_dims, get_shape
from fastestimator_lite.component import Component
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError

if TYPE_CHECKING:
    from fastestimator_lite.types import Tensor


class Slicer(Component):
    """Cuts some keys of a batch and joins some keys again; the base of all slicers.

    A network with slicers runs all of its ops on the first minibatch, then on the second, and so on. Keys that no
    slicer cuts are whole in each. A subclass that cuts writes `_slice_batch`, one that joins writes `_unslice_batch`.

    Args:
        slice: Key or keys of the batch to cut; they may differ in shape, but must give the same number of slices.
        unslice: Key or keys to join: those that it cuts, or that ops write. `()` means the keys of `slice`, None means
            none. A key that is cut and not joined keeps the value that it has in the batch.
        mode, ds_id: When to run; see `Op`.

    Attributes:
        slice_inputs: The keys that it cuts.
        unslice_inputs: The keys that it joins.
        minibatch_size: Number of minibatches that the latest batch was cut into.

    Raises:
        ConfigError: If there is neither a key to cut nor one to join, or a key, a mode or an id is not well formed.
        NotImplementedError: If there are keys for something that the subclass does not define.
    """

    def __init__(self, slice: Keys = None, unslice: Keys = (), mode: Keys = None, ds_id: Keys = None) -> None:
        super().__init__(slice, slice if unslice == () else unslice, mode, ds_id)
        self.slice_inputs, self.unslice_inputs = self.inputs, self.outputs
        self.minibatch_size = 0
        name = type(self).__name__
        if not self.slice_inputs and not self.unslice_inputs:
            raise ConfigError(f"{name} has nothing to do; name keys to cut (slice) or to join (unslice)")
        if "*" in (*self.slice_inputs, *self.unslice_inputs):
            raise ConfigError(f"{name}: '*' is for traces; a slicer names its keys")
        if self.slice_inputs and type(self)._slice_batch is Slicer._slice_batch:
            raise NotImplementedError(
                f"{name} must define _slice_batch(batch) to cut {self.slice_inputs}; a slicer that only joins "
                f"has slice=None"
            )
        if self.unslice_inputs and type(self)._unslice_batch is Slicer._unslice_batch:
            raise NotImplementedError(
                f"{name} must define _unslice_batch(slices, key) to join {self.unslice_inputs}; a slicer that only "
                f"cuts has unslice=None"
            )

    def slice_batches(self, batches: Sequence[Tensor]) -> list[tuple[Tensor, ...]]:
        """Cut the values of the keys of `slice`.

        Args:
            batches: The value of each key, in the order of the keys.

        Returns:
            For each minibatch, the slice of each key.

        Raises:
            ConfigError: If a value cannot be cut, or the keys give different numbers of slices.
        """
        cut = []
        for key, batch in zip(self.slice_inputs, batches, strict=True):
            try:
                framework_of(batch)
            except TypeError as err:
                raise ConfigError(f"{type(self).__name__} cannot cut key {key!r}: {err}") from None
            try:
                cut.append(self._slice_batch(batch))
            except ConfigError as err:
                raise ConfigError(f"{type(self).__name__} cannot cut key {key!r}: {err}") from None
        counts = {key: len(slices) for key, slices in zip(self.slice_inputs, cut, strict=True)}
        if len(set(counts.values())) > 1:
            raise ConfigError(
                f"{type(self).__name__} cuts its keys into different numbers of slices: {counts}; the shapes are "
                f"{ {key: tuple(get_shape(batch)) for key, batch in zip(self.slice_inputs, batches, strict=True)} }"
            )
        self.minibatch_size = next(iter(counts.values()), 0)
        return list(zip(*cut, strict=True))

    def unslice_batches(self, slices: Sequence[Tensor], key: str) -> Tensor:
        """Join what one key has after each minibatch.

        Args:
            slices: The value of each minibatch, in order.
            key: The key, one of `unslice`.

        Returns:
            The value for the whole batch.

        Raises:
            ConfigError: If they cannot be joined.
        """
        try:
            return self._unslice_batch(tuple(slices), key)
        except ConfigError as err:
            raise ConfigError(f"{type(self).__name__} cannot join key {key!r}: {err}") from None

    def _slice_batch(self, batch: Tensor) -> list[Tensor]:
        """Cut the value of one key; to be overridden."""
        raise NotImplementedError(f"{type(self).__name__} must define _slice_batch(batch)")

    def _unslice_batch(self, slices: tuple[Tensor, ...], key: str) -> Tensor:
        """Join the slices of one key; to be overridden."""
        raise NotImplementedError(f"{type(self).__name__} must define _unslice_batch(slices, key)")

    def fe_summary(self) -> list[str]:
        """One line for each part, for reports."""
        return [f"{type(self).__name__}: cuts {self.slice_inputs}, joins {self.unslice_inputs}"]


def stacked(slices: Sequence[Any], axis: int) -> Any:
    """Put slices side by side along a new axis.

    Args:
        slices: Arrays of one shape and framework.
        axis: Where the new axis will be; negative counts from the end.

    Returns:
        One array with one more axis.

    Raises:
        ConfigError: If the shapes differ, or there is no such place for an axis.
    """
    shapes = [tuple(size if isinstance(size, int) else None for size in get_shape(one)) for one in slices]
    if len(set(shapes)) > 1:
        raise ConfigError(f"its slices differ in shape: {', '.join(map(str, dict.fromkeys(shapes)))}")
    rank = len(shapes[0])
    if not -rank - 1 <= axis <= rank:
        raise ConfigError(
            f"slices of shape {shapes[0]} have no place for a new axis {axis}; MeanUnslicer joins numbers such as "
            f"losses"
        )
    return concat([expand_dims(one, axis) for one in slices], axis)
