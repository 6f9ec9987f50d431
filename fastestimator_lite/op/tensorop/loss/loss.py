"""LossOp: what the ops that compute a loss have in common."""

from __future__ import annotations

from fastestimator_lite.op.tensorop.tensorop import TensorOp
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError


class LossOp(TensorOp):
    """A step of work that compares a prediction with the truth.

    Args:
        inputs: Two keys: of the prediction, then of the truth.
        outputs: Key of the loss.
        mode, ds_id: When to run; see `Op`.
        average_loss: Whether the loss is one number for the batch, the mean; else it is one for each sample, shape
            (B,).
    """

    def __init__(
        self,
        inputs: Keys = None,
        outputs: Keys = None,
        mode: Keys = "!infer",
        ds_id: Keys = None,
        average_loss: bool = True,
    ) -> None:
        super().__init__(inputs, outputs, mode, ds_id)
        self.average_loss = average_loss

    @property
    def pred_key(self) -> str:
        """The key of the prediction."""
        return self.inputs[self.pred_key_idx]

    @property
    def true_key(self) -> str:
        """The key of the truth."""
        return self.inputs[self.true_key_idx]

    @property
    def pred_key_idx(self) -> int:
        """Where the prediction stands among the inputs."""
        return 0

    @property
    def true_key_idx(self) -> int:
        """Where the truth stands among the inputs."""
        return 1


def check_pair(op: LossOp) -> None:
    """Check that a loss op has a prediction, a truth and one output.

    Raises:
        ConfigError: If it has not.
    """
    if len(op.inputs) != 2:
        raise ConfigError(f"{type(op).__name__} needs inputs=(y_pred, y_true), two keys, got {op.inputs}")
    if len(op.outputs) != 1:
        raise ConfigError(f"{type(op).__name__} needs one key in outputs, for the loss, got {op.outputs}")
