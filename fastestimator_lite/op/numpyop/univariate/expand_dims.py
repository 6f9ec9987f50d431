"""ExpandDims: one more axis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastestimator_lite.op.numpyop.univariate.each import EachInput
from fastestimator_lite.types import Keys


class ExpandDims(EachInput):
    """Add an axis of length 1, for example a channel axis to gray images.

    Args:
        inputs: Key or keys of arrays of any shape.
        outputs: Key or keys to write: views of the inputs with one more axis.
        mode, ds_id: When to run; see `Op`.
        axis: Where the new axis stands in the result, batch axis not counted; -1 is last.
    """

    def __init__(
        self,
        inputs: str | Sequence[str],
        outputs: str | Sequence[str],
        mode: Keys = None,
        ds_id: Keys = None,
        axis: int = -1,
    ) -> None:
        super().__init__(inputs, outputs, mode, ds_id)
        self.axis = axis
        self._batch_axis = axis if axis < 0 else axis + 1

    def work(self, batch: np.ndarray) -> np.ndarray:
        if self._batch_axis == -1:
            return batch[..., np.newaxis]
        return np.expand_dims(batch, self._batch_axis)
