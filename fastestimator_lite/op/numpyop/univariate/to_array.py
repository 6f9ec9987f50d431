"""ToArray: lists and numbers to numpy arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from fastestimator_lite.op.numpyop.univariate.each import EachInput
from fastestimator_lite.types import Keys


class ToArray(EachInput):
    """Copy values into numpy arrays.

    Args:
        inputs: Key or keys of numbers, nested lists of equal lengths, or arrays.
        outputs: Key or keys to write.
        mode, ds_id: When to run; see `Op`.
        dtype: Element type; None for what numpy finds.
    """

    def __init__(
        self,
        inputs: str | Sequence[str],
        outputs: str | Sequence[str],
        mode: Keys = None,
        ds_id: Keys = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(inputs, outputs, mode, ds_id)
        self.dtype = dtype

    def work(self, batch: np.ndarray) -> np.ndarray:
        return np.array(batch, self.dtype)
