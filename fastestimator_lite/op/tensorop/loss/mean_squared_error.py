"""MeanSquaredError: the loss of a regression."""

from __future__ import annotations

from typing import Any

from fastestimator_lite.backend.loss import mean_squared_error
from fastestimator_lite.op.tensorop.loss.loss import LossOp, check_pair
from fastestimator_lite.types import Keys


class MeanSquaredError(LossOp):
    """Mean of the squared differences between prediction and truth.

    Args:
        inputs: Two keys: of the prediction, then of the truth; both of shape (B, ...).
        outputs: Key of the loss, in the unit of the data squared.
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
        loss = mean_squared_error(y_true, y_pred, self.average_loss)
        return [loss] if self.out_list else loss
