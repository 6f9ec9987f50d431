"""Hinge: the loss of a classifier with margins."""

from __future__ import annotations

from typing import Any

from fastestimator_lite.backend.loss import hinge
from fastestimator_lite.op.tensorop.loss.loss import LossOp, check_pair
from fastestimator_lite.types import Keys


class Hinge(LossOp):
    """How far scores fall short of their margin: `max(1 - y_true * y_pred, 0)`.

    Args:
        inputs: Two keys: of the prediction, a score of any size, then of the truth, -1 or 1; both of shape (B, ...).
        outputs: Key of the loss.
        mode, ds_id: When to run; see `Op`.
        average_loss: Whether the loss is one number for the batch, the mean; else it is one for each sample, shape
            (B,).

    Raises:
        ConfigError: If there are not two inputs and one output.
    """

    def __init__(
        self, inputs: Keys, outputs: Keys, mode: Keys = "!infer", ds_id: Keys = None, average_loss: bool = True
    ) -> None:
        super().__init__(inputs, outputs, mode, ds_id, average_loss)
        check_pair(self)

    def forward(self, data: Any, state: dict[str, Any]) -> Any:
        y_pred, y_true = data
        return self.averaged(hinge(y_true, y_pred))
