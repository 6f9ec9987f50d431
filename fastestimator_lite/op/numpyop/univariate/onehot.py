"""Onehot: class indices to vectors, with label smoothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastestimator_lite.op.numpyop.numpyop import NumpyOp
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
        batch = check_labels(batch, self.num_classes, self)
        spread = self.label_smoothing / self.num_classes
        vectors = np.full((*batch.shape, self.num_classes), spread, np.float32)
        np.put_along_axis(
            vectors,
            batch[..., np.newaxis].astype(np.intp, copy=False),
            np.float32(1 - self.label_smoothing + spread),
            axis=-1,
        )
        return vectors


def check_labels(labels: np.ndarray, num_classes: int, op: NumpyOp) -> np.ndarray:
    """Check a batch of class indices.

    Args:
        labels: Shape (B, ...).
        num_classes: Number of classes.
        op: Which op asks, for the messages.

    Returns:
        The labels, without a last axis of length 1 unless that is the batch axis.

    Raises:
        ConfigError: If one is no int in [0, num_classes).
    """
    name = type(op).__name__
    if not np.issubdtype(labels.dtype, np.integer):
        raise ConfigError(f"{name} needs integer labels for {op.inputs}, got {labels.dtype}")
    if labels.size and not (labels.min() >= 0 and labels.max() < num_classes):
        raise ConfigError(
            f"{name}: labels must be in [0, {num_classes}), got values from {labels.min()} to {labels.max()} for "
            f"{op.inputs}; is the number of classes right, and do labels start at 0?"
        )
    return labels[..., 0] if labels.ndim > 1 and labels.shape[-1] == 1 else labels
