"""SuperLoss: a loss that trusts easy samples more than hard ones."""

from __future__ import annotations

import copy
import math
from typing import Any

from fastestimator_lite.backend.framework import framework_of, primitives
from fastestimator_lite.backend.special import lambertw
from fastestimator_lite.op.tensorop.loss.loss import LossOp
from fastestimator_lite.op.tensorop.tensorop import TensorOp
from fastestimator_lite.util.errors import ConfigError

_MODES = ("train", "eval", "test", "infer")
_KEPT = 0.9  # of the running mean, in each step


class SuperLoss(LossOp):
    """Weight each sample's loss by a confidence that is high for easy samples, low for hard ones (which may be mislabeled).

    With `c` the confidence of a sample of loss `l`, its new loss is `c * (l - threshold) + regularization * log(c) ** 2`,
    and `c` is the one for which that is smallest. It reads, writes and runs when the loss that it wraps does.

    Args:
        loss: A loss op; each sample's loss is asked of it, whatever its own `average_loss`.
        threshold: Loss of a sample that is neither easy nor hard, > 0; or "exp" for the running mean of the loss, of
            each mode by itself.
        regularization: How strongly confidences are held near 1, > 0.
        average_loss: Whether the loss is one number for the batch, the mean; else it is one for each sample.
        output_confidence: Key to write each sample's confidence to, in (0, e]; None for no such output.

    Raises:
        ConfigError: If `loss` is no loss op, or `threshold` or `regularization` is not as described.

    Source: Castells et al. 2020, "SuperLoss: A Generic Loss for Robust Curriculum Learning", eq. 1 and 2. Running mean
        as in FastEstimator 1.7.
    """

    def __init__(
        self,
        loss: TensorOp,
        threshold: float | str = "exp",
        regularization: float = 1.0,
        average_loss: bool = True,
        output_confidence: str | None = None,
    ) -> None:
        if not isinstance(loss, LossOp) or isinstance(loss, SuperLoss):
            raise ConfigError(f"SuperLoss(loss) must be a loss op, such as CrossEntropy, got {loss!r:.100}")
        is_number = isinstance(threshold, (int, float)) and not isinstance(threshold, bool)
        if threshold != "exp" and not (is_number and 0 < float(threshold) < math.inf):
            raise ConfigError(f"SuperLoss(threshold) must be 'exp' or a number > 0, got {threshold!r}")
        if not regularization > 0:
            raise ConfigError(f"SuperLoss(regularization) must be > 0, got {regularization!r}")
        extra = [] if output_confidence is None else [output_confidence]
        outputs: Any = [*loss.outputs, *extra] if extra or loss.out_list else loss.outputs[0]
        super().__init__(loss.inputs, outputs, loss.mode, loss.ds_id, average_loss)
        self.loss = copy.copy(loss)
        self.loss.average_loss = False
        self.threshold = threshold
        self.regularization = regularization
        self.output_confidence = output_confidence
        self._means: dict[str, Any] = {}

    @property
    def pred_key_idx(self) -> int:
        return self.loss.pred_key_idx

    @property
    def true_key_idx(self) -> int:
        return self.loss.true_key_idx

    def build(self, framework: str, device: Any = None) -> None:
        self.loss.build(framework, device)
        # NaN: no batch was seen yet
        self._means = {mode: primitives(framework).variable(math.nan, device) for mode in _MODES}

    def check(self, data: Any) -> None:
        self.loss.check(data)

    def forward(self, data: Any, state: dict[str, Any]) -> Any:
        loss = self.loss.forward(data, state)
        loss = loss[0] if self.loss.out_list else loss
        framework = framework_of(loss)
        fixed = framework.detach(loss)
        center = self._center(fixed, state)
        distance = (fixed - center) / self.regularization
        confidence = framework.exp(-lambertw(0.5 * framework.clip(distance, -2 / math.e, None)))
        # where the confidence is best, its own gradient is 0
        total = confidence * (loss - center) + self.regularization * framework.pow(framework.log(confidence), 2.0)
        if self.average_loss:
            total = framework.reduce_mean(total, None, False)
        if self.output_confidence is not None:
            return [total, confidence]
        return [total] if self.out_list else total

    def _center(self, loss: Any, state: dict[str, Any]) -> Any:
        """The loss of a sample that is neither easy nor hard."""
        if self.threshold != "exp":
            return self.threshold
        framework, variable = framework_of(loss), self._means[state["mode"]]
        now = framework.cast(framework.reduce_mean(loss, None, False), "float32")
        before = framework.read(variable)
        mean = framework.where(before == before, _KEPT * before + (1 - _KEPT) * now, now)
        if not state.get("warmup"):
            framework.assign(variable, mean)
        return framework.cast(mean, framework.dtype_name(loss))

    def state_dict(self) -> dict[str, Any]:
        return {mode: float(variable) for mode, variable in self._means.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for mode, variable in self._means.items():
            if mode in state:
                framework_of(variable).assign(variable, framework_of(variable).constant(state[mode], variable))
