"""AxisSlicer: a minibatch for each index of an axis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastestimator_lite.backend.shape import get_shape
from fastestimator_lite.slicer.slicer import Slicer, stacked
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError

if TYPE_CHECKING:
    from fastestimator_lite.types import Tensor


class AxisSlicer(Slicer):
    """Cut along an axis: minibatch i has index i of it, and the axis is gone. Joining puts the axis back.

    Args:
        axis: The axis, 0 is that of the batch; negative counts from the end. For joined keys it is the place of the new
            axis.
        slice: Key or keys to cut, each with the same size along `axis`.
        unslice: Key or keys to join; see `Slicer`.
        mode, ds_id: When to run; see `Op`.

    Raises:
        ConfigError: If `axis` is no int; see `Slicer` for the others.

    Example:
        >>> x = np.array([[1, 2, 3], [4, 5, 6]])
        >>> [part.tolist() for (part,) in AxisSlicer(axis=1, slice="x").slice_batches([x])]
        [[1, 4], [2, 5], [3, 6]]
    """

    def __init__(
        self,
        axis: int,
        slice: Keys = None,
        unslice: Keys = (),
        mode: Keys = None,
        ds_id: Keys = None,
    ) -> None:
        super().__init__(slice, unslice, mode, ds_id)
        if isinstance(axis, bool) or not isinstance(axis, int):
            raise ConfigError(f"AxisSlicer(axis) must be an int, got {axis!r}")
        self.axis = axis

    def _slice_batch(self, batch: Tensor) -> list[Tensor]:
        shape = get_shape(batch)
        if not -len(shape) <= self.axis < len(shape):
            raise ConfigError(f"there is no axis {self.axis} in shape {tuple(shape)}")
        axis = self.axis % len(shape)
        if not isinstance(shape[axis], int):
            raise ConfigError(f"the size of axis {self.axis} is not known while the graph is traced")
        before: tuple[Any, ...] = (slice(None),) * axis
        return [batch[(*before, index)] for index in range(shape[axis])]

    def _unslice_batch(self, slices: tuple[Tensor, ...], key: str) -> Tensor:
        return stacked(slices, self.axis)
