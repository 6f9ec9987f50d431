"""CrossEntropy: the loss of a classifier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fastestimator_lite.backend.convert import to_number
from fastestimator_lite.backend.framework import framework_of
from fastestimator_lite.backend.loss import (
    binary_crossentropy,
    categorical_crossentropy,
    sparse_categorical_crossentropy,
)
from fastestimator_lite.op.tensorop.loss.loss import LossOp, check_class_weights, check_pair, check_probabilities
from fastestimator_lite.types import Array, Keys
from fastestimator_lite.util.errors import ConfigError, DataError, suggest

_FORMS = {
    "binary": binary_crossentropy,
    "categorical": categorical_crossentropy,
    "sparse": sparse_categorical_crossentropy,
}


class CrossEntropy(LossOp):
    """Cross entropy between predicted classes and true ones.

    Args:
        inputs: Two keys: of the prediction, then of the truth. The prediction is float, of shape (B, K) for K classes;
            for images (B, K, H, W) in PyTorch and (B, H, W, K) in TensorFlow; (B,) or (B, 1) for a yes-or-no answer.
        outputs: Key of the loss, in nats.
        mode, ds_id: When to run; see `Op`.
        from_logits: Whether the prediction is logits; else it is probabilities.
        average_loss: Whether the loss is one number for the batch, the mean; else it is one for each sample, shape
            (B,).
        form: "binary" (truth: 0 or 1, the shape of the prediction), "categorical" (truth: one-hot or soft, the shape of
            the prediction) or "sparse" (truth: index of the class, whole numbers). None tells it by the shapes: one
            class is binary, truth in the shape of the prediction is categorical, all else is sparse.
        class_weights: Factor on the loss of each class, by index, such as `{0: 1.0, 1: 3.5}`; 1.0 for a class that is
            not listed. None for no weighting.

    Raises:
        ConfigError: If there are not two inputs and one output, or `form` or `class_weights` cannot be understood.
    """

    def __init__(
        self,
        inputs: Keys,
        outputs: Keys,
        mode: Keys = "!infer",
        ds_id: Keys = None,
        from_logits: bool = False,
        average_loss: bool = True,
        form: str | None = None,
        class_weights: Mapping[int, float] | None = None,
    ) -> None:
        super().__init__(inputs, outputs, mode, ds_id, average_loss)
        check_pair(self)
        if form is not None and form not in _FORMS:
            raise ConfigError(
                f"CrossEntropy(form) must be one of {', '.join(map(repr, _FORMS))} or None, got {form!r}."
                f"{suggest(form, _FORMS)}"
            )
        self.from_logits = from_logits
        self.form = form
        self.class_weights = check_class_weights(class_weights, "CrossEntropy(class_weights)")

    def check(self, data: Any) -> None:
        super().check(data)
        y_pred, y_true = data
        form, axis = self.form or _form_for(y_pred, y_true), framework_of(y_pred).CHANNEL_AXIS
        if form == "sparse":
            classes = y_pred.shape[axis]
            labels = to_number(y_true)
            wrong = np.argwhere((labels < 0) | (labels >= classes))
            if len(wrong):
                place = wrong[0]
                raise DataError(
                    f"CrossEntropy: key {self.true_key!r} holds the label {labels[tuple(place)]} in sample {place[0]} of the "
                    f"batch (from 0), but {self.pred_key!r} has {classes} classes, 0 to {classes - 1}"
                )
        if not self.from_logits:
            check_probabilities(self, y_pred, None if form == "binary" else axis)

    def forward(self, data: Any, state: dict[str, Any]) -> Any:
        y_pred, y_true = data
        crossentropy = _FORMS[self.form or _form_for(y_pred, y_true)]
        loss = crossentropy(y_pred, y_true, self.from_logits, self.average_loss, self.class_weights)
        return [loss] if self.out_list else loss


def _form_for(y_pred: Array, y_true: Array) -> str:
    """The form that fits the shapes; see `CrossEntropy`."""
    axis = framework_of(y_pred).CHANNEL_AXIS
    if len(y_pred.shape) == 1 or y_pred.shape[axis] == 1:
        return "binary"
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[axis] == y_pred.shape[axis]:
        return "categorical"
    return "sparse"
