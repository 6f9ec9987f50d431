"""The losses of FastEstimator 0.x, which take the truth before the prediction."""

from __future__ import annotations

from typing import Any

from fastestimator_lite.op.tensorop.loss.cross_entropy import CrossEntropy
from fastestimator_lite.op.tensorop.loss.loss import LossOp, check_pair
from fastestimator_lite.types import Keys


class SparseCategoricalCrossentropy(LossOp):
    """Cross entropy against the index of the true class; the mean over the batch.

    Args:
        inputs: Two keys: of the truth (whole numbers, shape (B,)), then of the prediction (float, shape (B, K)).
        outputs: Key of the loss, one number, in nats.
        mode, ds_id: When to run; see `Op`.
        from_logits: Whether the prediction is logits; else it is probabilities.

    Raises:
        ConfigError: If there are not two inputs and one output.
    """

    def __init__(
        self,
        inputs: Keys = None,
        outputs: Keys = None,
        mode: Keys = "!infer",
        ds_id: Keys = None,
        from_logits: bool = False,
    ) -> None:
        super().__init__(inputs, outputs, mode, ds_id)
        check_pair(self)
        self._loss = CrossEntropy((self.pred_key, self.true_key), self.outputs, mode, ds_id, from_logits, form="sparse")

    @property
    def pred_key_idx(self) -> int:
        return 1

    @property
    def true_key_idx(self) -> int:
        return 0

    def forward(self, data: Any, state: dict[str, Any]) -> Any:
        y_true, y_pred = data
        (loss,) = self._loss.forward([y_pred, y_true], state)
        return [loss] if self.out_list else loss
