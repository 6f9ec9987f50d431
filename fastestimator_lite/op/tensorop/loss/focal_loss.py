"""FocalLoss: the loss of a detector, whose easy negatives are many."""

from __future__ import annotations

from typing import Any

from fastestimator_lite.backend.loss import check_reduction, focal_loss
from fastestimator_lite.op.tensorop.loss.loss import LossOp, check_pair, check_probabilities
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError


class FocalLoss(LossOp):
    """Cross entropy of yes-or-no answers that gives less weight to what is answered well already.

    Args:
        inputs: Two keys: of the prediction, then of the truth, 0 or 1; both of shape (B, ...).
        outputs: Key of the loss, in nats.
        gamma: Focusing strength, >= 0; 0 is plain cross entropy.
        alpha: Weight of class 1, in [0, 1], class 0 has the rest; None or -1 for no weighting.
        sample_reduction: "mean", "sum" or "none", over the batch.
        shape_reduction: "sum", "mean" or "none", over all other axes.
        from_logits: Whether the prediction is logits; else it is probabilities of class 1.
        normalize: Whether to divide the loss of each sample by its number of ones.
        mode, ds_id: When to run; see `Op`.

    Raises:
        ConfigError: If there are not two inputs and one output, or a parameter is not as described.
    """

    def __init__(
        self,
        inputs: Keys,
        outputs: Keys,
        gamma: float = 2.0,
        alpha: float | None = 0.25,
        sample_reduction: str = "mean",
        shape_reduction: str = "sum",
        from_logits: bool = False,
        normalize: bool = True,
        mode: Keys = "!infer",
        ds_id: Keys = None,
    ) -> None:
        super().__init__(inputs, outputs, mode, ds_id)
        check_pair(self)
        if not gamma >= 0:
            raise ConfigError(f"FocalLoss(gamma) must be >= 0, got {gamma!r}")
        if alpha is not None and alpha != -1 and not 0 <= alpha <= 1:
            raise ConfigError(f"FocalLoss(alpha) must be in [0, 1], or None or -1 for no weighting, got {alpha!r}")
        self.gamma = gamma
        self.alpha = None if alpha == -1 else alpha
        self.sample_reduction = check_reduction(sample_reduction, "FocalLoss(sample_reduction)")
        self.shape_reduction = check_reduction(shape_reduction, "FocalLoss(shape_reduction)")
        self.from_logits = from_logits
        self.normalize = normalize

    def check(self, data: Any) -> None:
        super().check(data)
        if not self.from_logits:
            check_probabilities(self, data[0])

    def forward(self, data: Any, state: dict[str, Any]) -> Any:
        y_pred, y_true = data
        loss = focal_loss(
            y_true,
            y_pred,
            gamma=self.gamma,
            alpha=self.alpha,
            from_logits=self.from_logits,
            normalize=self.normalize,
            shape_reduction=self.shape_reduction,
            sample_reduction=self.sample_reduction if self.average_loss else "none",
        )
        return [loss] if self.out_list else loss
