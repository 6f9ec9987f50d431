"""Minmax: rescale each sample to a fixed range."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastestimator_lite.op.numpyop.univariate.each import EachInput
from fastestimator_lite.types import Keys


class Minmax(EachInput):
    """Rescale so that the smallest value of a sample becomes `new_min` and the largest `new_max`.

    The result is (x - min) / max(max - min, epsilon) * (new_max - new_min) + new_min.

    Args:
        inputs: Key or keys of numbers of any shape.
        outputs: Key or keys to write: float32 of the same shape, from `new_min` to `new_max`.
        mode, ds_id: When to run; see `Op`.
        epsilon: Smallest divisor, > 0: a sample whose values are all the same becomes `new_min`.
        new_min: Lower end of the new range.
        new_max: Upper end of the new range.
    """

    def __init__(
        self,
        inputs: str | Sequence[str],
        outputs: str | Sequence[str],
        mode: Keys = None,
        ds_id: Keys = None,
        epsilon: float = 1e-7,
        new_min: float = 0.0,
        new_max: float = 1.0,
    ) -> None:
        super().__init__(inputs, outputs, mode, ds_id)
        self.epsilon = epsilon
        self.new_min = new_min
        self.new_max = new_max

    def work(self, batch: np.ndarray) -> np.ndarray:
        axes = tuple(range(1, batch.ndim))
        # float32 holds 8 and 16 bit numbers exactly; larger ones lose their differences in it
        exact = np.float32 if batch.dtype.itemsize <= 2 or batch.dtype == np.float32 else np.float64
        low = batch.min(axis=axes, keepdims=True).astype(exact)
        spread = batch.max(axis=axes, keepdims=True).astype(exact)
        spread -= low
        np.maximum(spread, self.epsilon, out=spread)
        if batch.dtype == exact:
            scaled = batch - low
        else:
            scaled = batch.astype(exact)
            scaled -= low
        scaled /= spread
        if self.new_max - self.new_min != 1:
            scaled *= self.new_max - self.new_min
        if self.new_min != 0:
            scaled += self.new_min
        rescaled: np.ndarray = scaled.astype(np.float32, copy=False)
        return rescaled
