"""DiceLoss: the loss of a segmentation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastestimator_lite.backend.framework import framework_of
from fastestimator_lite.backend.overlap import dice_score
from fastestimator_lite.op.tensorop.loss.loss import LossOp, check_class_weights, check_pair
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError


class DiceLoss(LossOp):
    """The Dice score between predicted and true masks, with its sign changed; see `backend.dice_score`.

    Args:
        inputs: Two keys: of the prediction, probabilities, then of the truth, 0 or 1; both of shape (B, C, ...) in
            PyTorch and (B, ..., C) in TensorFlow.
        outputs: Key of the loss, mostly in [-1, 0].
        mode, ds_id: When to run; see `Op`.
        soft_dice: Whether the divisor adds up squares.
        average_loss: Whether to average over the batch; else the loss is one number for each sample.
        channel_average: Whether to average over channels; else there is one number for each channel as well.
        channel_weights: Factor on the score of each channel, by index, such as `{1: 3.5}`; 1.0 for a channel that is
            not listed. None for no weighting.
        epsilon: Added to the divisor, so that it is not zero.

    Raises:
        ConfigError: If there are not two inputs and one output, or `channel_weights` cannot be understood.
    """

    def __init__(
        self,
        inputs: Keys,
        outputs: Keys,
        mode: Keys = "!infer",
        ds_id: Keys = None,
        soft_dice: bool = False,
        average_loss: bool = True,
        channel_average: bool = True,
        channel_weights: Mapping[int, float] | None = None,
        epsilon: float = 1e-6,
    ) -> None:
        super().__init__(inputs, outputs, mode, ds_id, average_loss)
        check_pair(self)
        self.soft_dice = soft_dice
        self.channel_average = channel_average
        self.channel_weights = check_class_weights(channel_weights, "DiceLoss(channel_weights)", "channel")
        self.epsilon = epsilon

    def forward(self, data: Any, state: dict[str, Any]) -> Any:
        y_pred, y_true = data
        score = dice_score(
            y_pred,
            y_true,
            soft_dice=self.soft_dice,
            sample_average=self.average_loss,
            channel_average=self.channel_average,
            channel_weights=self._weights(y_pred),
            epsilon=self.epsilon,
        )
        return [-score] if self.out_list else -score

    def _weights(self, y_pred: Any) -> list[float] | None:
        if not self.channel_weights:
            return None
        channels = y_pred.shape[framework_of(y_pred).CHANNEL_AXIS]
        unknown = [index for index in self.channel_weights if index >= channels]
        if unknown:
            raise ConfigError(
                f"DiceLoss(channel_weights) names the channels {unknown}, but {self.pred_key!r} has the channels 0 to "
                f"{channels - 1}"
            )
        return [self.channel_weights.get(index, 1.0) for index in range(channels)]
