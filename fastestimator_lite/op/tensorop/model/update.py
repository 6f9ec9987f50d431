"""UpdateOp: let a model learn from a loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastestimator_lite.backend.card import card_of
from fastestimator_lite.backend.framework import framework_of_model
from fastestimator_lite.op.tensorop.tensorop import TensorOp
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError

if TYPE_CHECKING:
    from fastestimator_lite.types import Model


class UpdateOp(TensorOp):
    """Differentiate the mean of a loss with respect to a model's parameters and step its optimizer.

    Update ops at the end of a network's list step together, after all of their gradients are taken, so that models may
    depend on one another.

    Args:
        model: A model from `fe.build` with an optimizer.
        loss_name: Key of the loss: a scalar, or one value per sample.
        gradients: Key of gradients made by another op, one for each trainable parameter; they are used in place of the
            loss's own.
        mode, ds_id: When to run; see `Op`. Parameters only ever move in mode "train".
        merge_grad: Number of steps whose gradients are averaged before the optimizer steps once.
        defer: Whether the optimizer steps at the end of the step, wherever the op stands.

    Raises:
        ConfigError: If the model was not built, has no optimizer, or `merge_grad` is below 1.
    """

    def __init__(
        self,
        model: Model,
        loss_name: str,
        gradients: str | None = None,
        mode: Keys = "train",
        ds_id: Keys = None,
        merge_grad: int = 1,
        defer: bool = False,
    ) -> None:
        super().__init__(inputs=loss_name if gradients is None else gradients, mode=mode, ds_id=ds_id)
        card = card_of(model)
        if card.optimizer is None:
            raise ConfigError(
                f"UpdateOp: the model {card.name!r} has no optimizer; build it with optimizer_fn, such as 'adam'"
            )
        if isinstance(merge_grad, bool) or not isinstance(merge_grad, int) or merge_grad < 1:
            raise ConfigError(f"UpdateOp(merge_grad) must be an int >= 1, got {merge_grad!r}")
        self.model = model
        self.loss_name = loss_name
        self.gradients = gradients
        self.merge_grad = merge_grad
        self.defer = defer
        self.retain_graph = False
        self._home = framework_of_model(model)
        self._merged = self._home.Accumulator(merge_grad) if merge_grad > 1 else None
        card.loss_names.add(loss_name)

    def get_fe_models(self) -> set[Model]:
        return {self.model}

    def get_fe_loss_keys(self) -> set[str]:
        return {self.loss_name}

    def fe_retain_graph(self, retain: bool | None = None) -> bool | None:
        if retain is not None:
            self.retain_graph = retain
        return self.retain_graph

    def list_parameters(self) -> None:
        """Find out which parameters are trained from here on."""
        self._home.list_parameters(self.model)

    def state_dict(self) -> dict[str, Any]:
        """The gradients that wait to be merged."""
        return {} if self._merged is None else self._merged.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on merging where `state_dict` was taken."""
        if self._merged is not None and state:
            self._merged.load_state_dict(state)

    def forward(self, data: Any, state: dict[str, Any]) -> None:
        if self.gradients is not None:
            gradients = data
        else:
            gradients = self._home.loss_gradient(self.model, data, state.get("tape"), self.retain_graph)
        if state.get("warmup"):
            return
        if self._merged is not None:
            self._merged.add(self.model, gradients, self.defer, state.get("deferred"))
            return
        self._home.update_model(self.model, gradients, self.defer or state.get("defer", False), state.get("deferred"))
