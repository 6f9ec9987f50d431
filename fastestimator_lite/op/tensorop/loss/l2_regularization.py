"""L2Regularizaton: a charge for large weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastestimator_lite.backend.card import card_of
from fastestimator_lite.backend.framework import framework_of, is_tensor
from fastestimator_lite.backend.penalty import l2_regularization
from fastestimator_lite.op.tensorop.tensorop import TensorOp
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError

if TYPE_CHECKING:
    from fastestimator_lite.types import Model


class L2Regularizaton(TensorOp):
    """Add to a loss half the sum of the squares of a model's trained parameters, times a factor.

    Args:
        inputs: Key of a loss: a scalar, or one value for each sample.
        outputs: Key of the sum, in the shape of the loss.
        model: A model from `fe.build`.
        mode, ds_id: When to run; see `Op`.
        beta: The factor, >= 0.

    Raises:
        ConfigError: If there are not one input and one output, `model` did not come from `fe.build`, or `beta` is
            negative.
    """

    def __init__(
        self,
        inputs: str,
        outputs: str,
        model: Model,
        mode: Keys = None,
        beta: float = 0.01,
        ds_id: Keys = None,
    ) -> None:
        super().__init__(inputs, outputs, mode, ds_id)
        if len(self.inputs) != 1 or len(self.outputs) != 1:
            raise ConfigError(
                f"L2Regularizaton needs one key in inputs and one in outputs, got {self.inputs} and {self.outputs}"
            )
        if not beta >= 0:
            raise ConfigError(f"L2Regularizaton(beta) must be >= 0, got {beta!r}")
        card_of(model)
        self.model = model
        self.beta = beta

    def forward(self, data: Any, state: dict[str, Any]) -> Any:
        loss = data[0] if self.in_list else data
        penalty = l2_regularization(self.model, self.beta)
        if is_tensor(penalty):  # in the type of the weights, as losses of halves are
            framework = framework_of(penalty)
            loss = framework.cast(loss, framework.dtype_name(penalty))
        total = loss + penalty
        return [total] if self.out_list else total
