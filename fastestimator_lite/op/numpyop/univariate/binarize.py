"""Binarize: 1 where a value reaches a threshold, else 0."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastestimator_lite.op.numpyop.univariate.each import EachInput
from fastestimator_lite.types import Keys


class Binarize(EachInput):
    """Turn numbers into 0 and 1.

    Args:
        threshold: Values that are equal or larger become 1, the others 0.
        inputs: Key or keys of arrays of any shape.
        outputs: Key or keys to write: float32 of the same shape.
        mode, ds_id: When to run; see `Op`.
    """

    def __init__(
        self,
        threshold: float,
        inputs: str | Sequence[str],
        outputs: str | Sequence[str],
        mode: Keys = None,
        ds_id: Keys = None,
    ) -> None:
        super().__init__(inputs, outputs, mode, ds_id)
        self.threshold = threshold

    def work(self, batch: np.ndarray) -> np.ndarray:
        return (batch >= self.threshold).astype(np.float32)
