"""LossOp: what the ops that compute a loss have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fastestimator_lite.backend.convert import to_number
from fastestimator_lite.backend.framework import framework_of, is_tensor
from fastestimator_lite.op.tensorop.tensorop import TensorOp
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError

_ROUNDING = 0.02  # halves add up to 1 no better than that


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

    def averaged(self, loss: Any) -> Any:
        """What `forward` returns for the loss of each sample."""
        if self.average_loss:
            loss = framework_of(loss).reduce_mean(loss, None, False)
        return [loss] if self.out_list else loss

    def check(self, data: Any) -> None:
        for key, value in zip(self.inputs, data, strict=True):
            if not is_tensor(value):
                first = value[0] if isinstance(value, (list, tuple)) and value else value
                kind = "text" if isinstance(first, (str, bytes)) else f"of type {type(first).__name__}"
                hint = "; add WordtoId or Onehot to the Pipeline" if kind == "text" else ""
                raise ConfigError(
                    f"{type(self).__name__}: key {key!r} is {kind} ({str(first)!r:.60} in its first sample), of which no loss "
                    f"can be computed{hint}"
                )


def check_pair(op: LossOp) -> None:
    """Check that a loss op has a prediction, a truth and one output.

    Raises:
        ConfigError: If it has not.
    """
    if len(op.inputs) != 2:
        raise ConfigError(f"{type(op).__name__} needs inputs=(y_pred, y_true), two keys, got {op.inputs}")
    if len(op.outputs) != 1:
        raise ConfigError(f"{type(op).__name__} needs one key in outputs, for the loss, got {op.outputs}")


def check_probabilities(op: LossOp, y_pred: Any, axis: int | None = None) -> None:
    """Check that a prediction is probabilities, not logits.

    Args:
        op: The loss op that it was given to.
        y_pred: The prediction, any shape.
        axis: The axis of the classes, over which they add up to 1; None for yes-or-no answers.

    Raises:
        ConfigError: If it cannot be.
    """
    values = to_number(y_pred).astype("float64")
    name, key = type(op).__name__, op.pred_key
    if values.size and (values.min() < 0 or values.max() > 1 + _ROUNDING):
        found = f"has values from {values.min():.4g} to {values.max():.4g}"
    elif axis is not None and np.any(np.abs(values.sum(axis) - 1) > _ROUNDING):
        sums = values.sum(axis)
        found = f"adds up to {sums.flat[np.argmax(np.abs(sums - 1))]:.4g} over the classes of a sample"
    else:
        return
    raise ConfigError(
        f"{name}: key {key!r} is taken for probabilities, but {found}, as logits do; use {name}(from_logits=True), or let "
        f"the model end with softmax or sigmoid"
    )


def check_class_weights(weights: Any, where: str, noun: str = "class") -> dict[int, float] | None:
    """Check factors on classes or channels.

    Args:
        weights: {index: weight}, or None.
        where: What asks, for the messages.
        noun: What the indices count.

    Returns:
        The same with plain ints and floats.

    Raises:
        ConfigError: If it is anything else, an index is no whole number >= 0, or a weight no finite number >= 0.
    """
    if weights is None:
        return None
    if not isinstance(weights, Mapping):
        raise ConfigError(
            f"{where} must be a dictionary {{{noun} index: weight}}, got {type(weights).__name__}: {weights!r:.200}"
        )
    for index, weight in weights.items():
        if isinstance(index, str) or int(index) != index or index < 0:
            raise ConfigError(f"{where}: a {noun} is given by its index, 0 or more, got {index!r}")
        if isinstance(weight, str) or not 0 <= weight < float("inf"):
            raise ConfigError(f"{where}: the weight of {noun} {index} must be a number >= 0, got {weight!r}")
    return {int(index): float(weight) for index, weight in weights.items()}
