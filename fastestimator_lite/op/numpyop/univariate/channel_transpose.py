"""ChannelTranspose: from channels last to channels first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastestimator_lite.op.numpyop.univariate.each import EachInput
from fastestimator_lite.types import Keys


class ChannelTranspose(EachInput):
    """Reorder the axes of an image, by default from (H, W, C) to (C, H, W), as torch wants it.

    Args:
        inputs: Key or keys of images.
        outputs: Key or keys to write: views of the inputs with their axes reordered.
        mode, ds_id: When to run; see `Op`.
        axes: For each axis of the output the axis of the input, batch axis not counted.
    """

    def __init__(
        self,
        inputs: str | Sequence[str],
        outputs: str | Sequence[str],
        mode: Keys = None,
        ds_id: Keys = None,
        axes: Sequence[int] = (2, 0, 1),
    ) -> None:
        super().__init__(inputs, outputs, mode, ds_id)
        self.axes = tuple(axes)
        self._batch_axes = (0, *(axis if axis < 0 else axis + 1 for axis in self.axes))

    def work(self, batch: np.ndarray) -> np.ndarray:
        return batch.transpose(self._batch_axes)
