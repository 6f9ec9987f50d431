"""L1_Loss: the loss of a regression that outliers pull less at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastestimator_lite.backend.loss import huber, l1_loss, smooth_l1_loss
from fastestimator_lite.op.tensorop.loss.loss import LossOp, check_pair
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError, suggest

_LOSSES: dict[str, Callable[..., Any]] = {"L1": l1_loss, "Smooth": smooth_l1_loss, "Huber": huber}


class L1_Loss(LossOp):  # noqa: N801 - the name of 1.x
    """Mean of the absolute differences between prediction and truth, or of a form of it without a corner.

    Args:
        inputs: Two keys: of the prediction, then of the truth; both of shape (B, ...).
        outputs: Key of the loss.
        mode, ds_id: When to run; see `Op`.
        average_loss: Whether the loss is one number for the batch, the mean; else it is one for each sample, shape
            (B,).
        loss_type: "L1", "Smooth" (see `backend.smooth_l1_loss`) or "Huber" (see `backend.huber`).
        beta: Difference up to which the loss is a parabola, > 0; not used by "L1".

    Raises:
        ConfigError: If there are not two inputs and one output, or `loss_type` or `beta` is not as described.
    """

    def __init__(
        self,
        inputs: Keys,
        outputs: Keys,
        mode: Keys = "!infer",
        ds_id: Keys = None,
        average_loss: bool = True,
        loss_type: str = "L1",
        beta: float = 1.0,
    ) -> None:
        super().__init__(inputs, outputs, mode, ds_id, average_loss)
        check_pair(self)
        if loss_type not in _LOSSES:
            raise ConfigError(
                f"L1_Loss(loss_type) must be one of {', '.join(map(repr, _LOSSES))}, got {loss_type!r}."
                f"{suggest(loss_type, _LOSSES)}"
            )
        if not beta > 0:
            raise ConfigError(f"L1_Loss(beta) must be > 0, got {beta!r}")
        self.loss_type = loss_type
        self.beta = beta

    def forward(self, data: Any, state: dict[str, Any]) -> Any:
        y_pred, y_true = data
        if self.loss_type == "L1":
            return self.averaged(l1_loss(y_true, y_pred))
        return self.averaged(_LOSSES[self.loss_type](y_true, y_pred, self.beta))
