"""FGSM: samples changed a little so that a model errs."""

from __future__ import annotations

from typing import Any

from fastestimator_lite.backend.framework import framework_of
from fastestimator_lite.op.tensorop.gradient.taken import GradientTaker
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError
from fastestimator_lite.util.names import to_list


class FGSM(GradientTaker):
    """Move each element of the data by a small step in the direction in which the loss grows (fast gradient sign method).

    `Watch(data)` must stand before the ops that compute the loss.

    Args:
        data: Key of the data, float.
        loss: Key of the loss: a scalar, or one value for each sample.
        outputs: Key of the adversarial data, in the shape of the data.
        epsilon: Size of the step.
        clip_low: Smallest value of the adversarial data; None for the smallest in the batch.
        clip_high: Largest value of the adversarial data; None for the largest in the batch.
        mode, ds_id: When to run; see `Op`.

    Raises:
        ConfigError: If there is not one key of each; or, when it runs, if the loss does not depend on watched data.

    Source: Goodfellow et al. 2015, "Explaining and Harnessing Adversarial Examples", section 4.
    """

    def __init__(
        self,
        data: str,
        loss: str,
        outputs: str,
        epsilon: float = 0.01,
        clip_low: float | None = None,
        clip_high: float | None = None,
        mode: Keys = None,
        ds_id: Keys = None,
    ) -> None:
        super().__init__([*to_list(data), *to_list(loss)], outputs, mode, ds_id)
        if len(self.inputs) != 2 or len(self.outputs) != 1:
            raise ConfigError(
                f"FGSM needs one key of data, one of a loss and one in outputs, got {data!r}, {loss!r} and {outputs!r}"
            )
        self.epsilon = epsilon
        self.clip_low = clip_low
        self.clip_high = clip_high

    def forward(self, data: Any, state: dict[str, Any]) -> Any:
        samples, loss = data
        framework = framework_of(samples)
        gradient = self.gradient(loss, samples, (self.inputs[1], self.inputs[0]), state, self.retain_graph)
        moved = samples + self.epsilon * framework.sign(gradient)
        low = framework.reduce_min(samples, None, False) if self.clip_low is None else self.clip_low
        high = framework.reduce_max(samples, None, False) if self.clip_high is None else self.clip_high
        moved = framework.clip(framework.clip(moved, low, None), None, high)
        return [moved] if self.out_list else moved
