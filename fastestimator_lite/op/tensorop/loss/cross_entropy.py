"""CrossEntropy: the loss of a classifier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastestimator_lite.backend.framework import framework_of
from fastestimator_lite.backend.loss import (
    binary_crossentropy,
    categorical_crossentropy,
    sparse_categorical_crossentropy,
)
from fastestimator_lite.op.tensorop.loss.loss import LossOp, check_pair
from fastestimator_lite.types import Array, Keys
from fastestimator_lite.util.errors import ConfigError, suggest

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
        self.class_weights = _checked(class_weights)

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


def _checked(class_weights: Mapping[int, float] | None) -> dict[int, float] | None:
    if class_weights is None:
        return None
    if not isinstance(class_weights, Mapping):
        raise ConfigError(
            f"CrossEntropy(class_weights) must be a dictionary {{class index: weight}}, got "
            f"{type(class_weights).__name__}: {class_weights!r:.200}"
        )
    for index, weight in class_weights.items():
        if isinstance(index, str) or int(index) != index or index < 0:
            raise ConfigError(f"CrossEntropy(class_weights): a class is given by its index, 0 or more, got {index!r}")
        if isinstance(weight, str) or not 0 <= weight < float("inf"):
            raise ConfigError(
                f"CrossEntropy(class_weights): the weight of class {index} must be a number >= 0, got {weight!r}"
            )
    return {int(index): float(weight) for index, weight in class_weights.items()}
