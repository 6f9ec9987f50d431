"""Accuracy: the share of predictions that are right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastestimator_lite.backend.convert import to_number
from fastestimator_lite.backend.framework import framework_of
from fastestimator_lite.trace.meta._per_ds import per_ds
from fastestimator_lite.trace.trace import Trace
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError

if TYPE_CHECKING:
    from fastestimator_lite.types import Array
    from fastestimator_lite.util.data import Data

_MANY = 256  # batches whose results wait, until they are added up where they are


@per_ds
class Accuracy(Trace):
    """The share of predictions that are right, in [0, 1].

    In each batch it also writes whether each sample is right (for samples with several labels, their share), for traces
    that keep a row per sample.

    Args:
        true_key: Key of the labels: class indices of shape (B,) or (B, 1), or one-hot of shape (B, K).
        pred_key: Key of the predictions: scores of shape (B, K), of which the largest counts; or of shape (B, 1) or
            (B,) the probability of class 1, which counts as predicted above 0.5. Both keys may have further axes after
            the first, such as (B, T, K) with labels (B, T).
        mode, ds_id: When to run; see `Op`.
        from_logits: Whether predictions of shape (B, 1) or (B,) are logits, so that class 1 is predicted above 0.
        output_name: Key of the accuracy.
        per_ds: Whether it is also computed for each named data set, as `<output_name>|<ds_id>`.

    Raises:
        ConfigError: While running, if the shapes of labels and predictions do not go together.
    """

    def __init__(
        self,
        true_key: str,
        pred_key: str,
        mode: Keys = ("eval", "test"),
        ds_id: Keys = None,
        from_logits: bool = False,
        output_name: str = "accuracy",
        per_ds: bool = True,
    ) -> None:
        super().__init__(inputs=[true_key, pred_key], outputs=output_name, mode=mode, ds_id=ds_id)
        self.from_logits = from_logits
        self.per_ds = per_ds
        self.correct = 0
        self.total = 0
        self._waiting: list[Array] = []  # how many labels of each sample are right, a batch each
        self._sum: Array | None = None  # of those that waited before
        self._threshold = 0.0 if from_logits else 0.5

    def on_epoch_begin(self, data: Data) -> None:
        self.correct = self.total = 0
        self._waiting, self._sum = [], None

    def on_batch_end(self, data: Data) -> None:
        true_key, pred_key = self.inputs
        right, labels = self._compare(data[true_key], data[pred_key])
        home = framework_of(right)
        share = right if labels == 1 else home.cast(right, "float32") / labels
        data.write_per_instance_log(self.outputs[0], share)
        if self._waiting and type(right) is not type(self._waiting[0]):
            self._count()
        self._waiting.append(right)  # read at the end, so that no step waits for the device
        self.total += int(right.shape[0]) * labels
        if len(self._waiting) >= _MANY:
            self._add_up()

    def on_epoch_end(self, data: Data) -> None:
        self._count()
        if self.total:
            data.write_with_log(self.outputs[0], self.correct / self.total)

    def _compare(self, truth: Any, scores: Any) -> tuple[Array, int]:
        """How many labels of each sample are right, shape (B,), and how many it has; of one label whether it is."""
        if _is_on_host(scores) or type(truth) is not type(scores) or truth.device != scores.device:
            truth, scores = to_number(truth), to_number(scores)  # numpy needs the least time for small arrays
        home, shape = framework_of(scores), scores.shape
        is_numpy = isinstance(scores, np.ndarray)  # which compares any types
        if len(shape) > 1 and shape[-1] > 1:  # (B, ..., K)
            predicted = home.argmax(scores, -1)
        else:
            predicted = scores > self._threshold
            if len(shape) > 1:
                predicted = predicted[..., 0]
            if not is_numpy:
                predicted = home.cast(predicted, "int64")
        wanted, given = predicted.shape, truth.shape
        if len(given) == len(wanted) + 1:
            truth = truth[..., 0] if given[-1] == 1 else home.argmax(truth, -1)
        if truth.shape != wanted:
            true_key, pred_key = self.inputs
            raise ConfigError(
                f"Accuracy expects labels of shape {tuple(wanted)}, the same with a last axis of 1, or "
                f"one-hot, for the predictions {pred_key!r} of shape {tuple(shape)}; {true_key!r} has "
                f"shape {tuple(given)}"
            )
        if truth.dtype.kind == "f" if is_numpy else truth.dtype != predicted.dtype:
            truth = home.cast(truth, "int64")
        right = truth == predicted
        if len(wanted) == 1:
            return right, 1
        hits = home.reduce_sum(home.cast(right, "int64"), tuple(range(1, len(wanted))), False)
        return hits, int(np.prod(tuple(wanted[1:])))

    def _add_up(self) -> None:
        """Put the sum of what waits in its place, without looking at it."""
        home = framework_of(self._waiting[0])
        total = home.reduce_sum(home.concat(self._waiting, 0), None, False)
        self._sum = total if self._sum is None else self._sum + total
        self._waiting = []

    def _count(self) -> None:
        """Look at what waits."""
        if self._waiting:
            self._add_up()
        if self._sum is not None:
            self.correct, self._sum = self.correct + int(to_number(self._sum)), None

    def state_dict(self) -> dict[str, Any]:
        self._count()
        return {"correct": self.correct, "total": self.total}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.correct, self.total = state["correct"], state["total"]
        self._waiting, self._sum = [], None


def _is_on_host(array: Array) -> bool:
    """Whether an array lies in the memory of the host, where numpy can use it as it is."""
    return "cpu" in str(array.device).lower()
