"""Onehot: class indices to vectors, with label smoothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastestimator_lite.op.numpyop.univariate.each import EachInput
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError


class Onehot(EachInput):
    """Turn a class index into a vector with a 1 at its place and 0 elsewhere.

    Args:
        inputs: Key or keys of ints in [0, num_classes), of shape () or (1,), or any shape (...) for a label at each
            place; a last axis of length 1 is dropped.
        outputs: Key or keys to write: float32 of shape (..., num_classes).
        num_classes: Number of classes, >= 1.
        label_smoothing: Share in [0, 1] of the 1 that is spread evenly over all classes.
        mode, ds_id: When to run; see `Op`.

    Raises:
        ConfigError: If `num_classes` is not an int >= 1, or `label_smoothing` is not in [0, 1].

    Source of label smoothing: Szegedy et al. 2016, "Rethinking the Inception Architecture for Computer Vision", sec. 7.
    """

    def __init__(
        self,
        inputs: str | Sequence[str],
        outputs: str | Sequence[str],
        num_classes: int,
        label_smoothing: float = 0.0,
        mode: Keys = None,
        ds_id: Keys = None,
    ) -> None:
        super().__init__(inputs, outputs, mode, ds_id)
        if isinstance(num_classes, bool) or not isinstance(num_classes, (int, np.integer)) or num_classes < 1:
            raise ConfigError(f"Onehot(num_classes) must be an int >= 1, got {num_classes!r}")
        if not 0 <= label_smoothing <= 1:
            raise ConfigError(f"Onehot(label_smoothing) must be in [0, 1], got {label_smoothing!r}")
        self.num_classes = num_classes
        self.label_smoothing = label_smoothing

    def work(self, batch: np.ndarray) -> np.ndarray:
        if not np.issubdtype(batch.dtype, np.integer):
            raise ConfigError(f"Onehot needs integer labels for {self.inputs}, got {batch.dtype}")
        if batch.size and not (batch.min() >= 0 and batch.max() < self.num_classes):
            raise ConfigError(
                f"Onehot: labels must be in [0, {self.num_classes}), got values from {batch.min()} to "
                f"{batch.max()} for {self.inputs}; is num_classes right, and do labels start at 0?"
            )
        if batch.ndim > 1 and batch.shape[-1] == 1:
            batch = batch[..., 0]
        spread = self.label_smoothing / self.num_classes
        vectors = np.full((*batch.shape, self.num_classes), spread, np.float32)
        np.put_along_axis(
            vectors,
            batch[..., np.newaxis].astype(np.intp, copy=False),
            np.float32(1 - self.label_smoothing + spread),
            axis=-1,
        )
        return vectors
