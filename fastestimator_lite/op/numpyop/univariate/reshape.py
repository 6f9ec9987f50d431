"""Reshape: another shape for the same values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastestimator_lite.op.numpyop.univariate.each import EachInput
from fastestimator_lite.types import Keys


class Reshape(EachInput):
    """Give arrays a new shape.

    Args:
        shape: New shape, batch axis not counted; one -1 stands for what is left.
        inputs: Key or keys of arrays with as many values as `shape` has.
        outputs: Key or keys to write.
        mode, ds_id: When to run; see `Op`.
    """

    def __init__(
        self,
        shape: int | Sequence[int],
        inputs: str | Sequence[str],
        outputs: str | Sequence[str],
        mode: Keys = None,
        ds_id: Keys = None,
    ) -> None:
        super().__init__(inputs, outputs, mode, ds_id)
        self.shape = (shape,) if isinstance(shape, int) else tuple(shape)

    def work(self, batch: np.ndarray) -> np.ndarray:
        return batch.reshape(len(batch), *self.shape)
