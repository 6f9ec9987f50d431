"""MeanUnslicer: the mean over all minibatches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastestimator_lite.backend.reduce import reduce_mean
from fastestimator_lite.slicer.slicer import Slicer, stacked
from fastestimator_lite.types import Keys

if TYPE_CHECKING:
    from fastestimator_lite.types import Tensor


class MeanUnslicer(Slicer):
    """Join keys by averaging over the minibatches, each of which counts the same; made for losses.

    Args:
        unslice: Key or keys to join; any shape, the same in each minibatch. Whole numbers become floats.
        mode, ds_id: When to run; see `Op`.

    Raises:
        ConfigError: See `Slicer`.
    """

    def __init__(self, unslice: Keys, mode: Keys = None, ds_id: Keys = None) -> None:
        super().__init__(None, unslice, mode, ds_id)

    def _unslice_batch(self, slices: tuple[Tensor, ...], key: str) -> Tensor:
        return reduce_mean(stacked(slices, 0), 0)
