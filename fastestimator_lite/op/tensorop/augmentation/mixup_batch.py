"""MixUpBatch: weighted means of samples and labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastestimator_lite.backend.framework import framework_of
from fastestimator_lite.op.tensorop.augmentation.mixed import MixingOp, first_of_each, mix
from fastestimator_lite.types import Keys


class MixUpBatch(MixingOp):
    """Replace each sample by a weighted mean of itself and the one before it, and its label likewise.

    Args:
        inputs: Two keys: of the images, or tensors of any shape (B, ...), then of the labels, one-hot or of a
            regression.
        outputs: Two keys: of the mixed images, then of the mixed labels; both float.
        mode, ds_id: When to run; see `Op`.
        alpha: Both parameters of the beta distribution that a sample's own weight is drawn from, > 0.
        shared_beta: Whether one weight is drawn for the batch; else one for each sample.

    Raises:
        ConfigError: If there are not two inputs and two outputs, or `alpha` is not positive.

    Source: Zhang et al. 2018, "mixup: Beyond Empirical Risk Minimization".
    """

    def __init__(
        self,
        inputs: Sequence[str],
        outputs: Sequence[str],
        mode: Keys = "train",
        ds_id: Keys = None,
        alpha: float = 1.0,
        shared_beta: bool = False,
    ) -> None:
        super().__init__(inputs, outputs, mode, ds_id, alpha)
        self.shared_beta = shared_beta

    def forward(self, data: Any, state: dict[str, Any]) -> list[Any]:
        images, labels = data
        rows = first_of_each(images)
        share = framework_of(images).random_beta_like(rows[0] if self.shared_beta else rows, self.alpha)
        return [mix(images, share), mix(labels, share)]
