"""UpdateOp: let a model learn from a loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from fastestimator_lite.backend.card import card_of
from fastestimator_lite.backend.framework import framework_of_model
from fastestimator_lite.backend.rule import UpdateRule
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
        merge_grad: Number of steps whose gradients are averaged over their samples before the optimizer steps once. What
            is gathered at the end of an epoch makes an update of its own.
        defer: Whether the optimizer steps at the end of the step, wherever the op stands.
        clip_norm: Largest Euclidean norm of all gradients of the model together; None for no limit. It applies to what
            the optimizer is given: merged, and not scaled by mixed precision.
        clip_value: Largest absolute value of an entry of a gradient; None for no limit. With both, it applies first.
        nan: What a NaN or infinity in the loss or in a gradient leads to, before anything moves: "raise" ends the run,
            "skip" leaves the update out (of merged steps, that step's part), "ignore" does not look. In torch on a GPU
            "raise" lets the step's gradients count as 0 and is told at the next log line, so that no step waits;
            "skip" waits for the GPU in each step.

    Raises:
        ConfigError: If the model was not built, has no optimizer, or an argument is not as described.
        NonFiniteError: In training, under `nan="raise"`.
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
        clip_norm: float | None = None,
        clip_value: float | None = None,
        nan: Literal["raise", "skip", "ignore"] = "raise",
    ) -> None:
        super().__init__(inputs=loss_name if gradients is None else gradients, mode=mode, ds_id=ds_id)
        card = card_of(model)
        if card.optimizer is None:
            raise ConfigError(
                f"UpdateOp: the model {card.name!r} has no optimizer; build it with optimizer_fn, such as 'adam'"
            )
        rule = UpdateRule(loss_name, merge_grad, clip_norm, clip_value, nan)
        self.model = model
        self.loss_name = loss_name
        self.gradients = gradients
        self.merge_grad = merge_grad
        self.defer = defer
        self.nan = nan
        self.retain_graph = False
        self._home = framework_of_model(model)
        self._learner: Any = self._home.Learner(model, rule, defer)
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

    @property
    def is_alone(self) -> bool:
        """What `set_alone` said last."""
        return bool(self._learner.is_alone)

    def set_alone(self, alone: bool) -> None:
        """Say whether the model is the only one in the network's step, and this the only gradient taken there."""
        self._learner.is_alone = alone

    @property
    def waits(self) -> bool:
        """Whether checks are looked at later, by `settle`."""
        return self._learner.waits

    def end_epoch(self) -> None:
        """Update from gradients that wait to be merged, if there are any."""
        self._learner.flush()

    def begin_run(self) -> None:
        """Drop gradients that wait to be merged."""
        self._learner.forget()

    def settle(self) -> None:
        """Look at the checks of losses and gradients that an accelerator was not waited for.

        Raises:
            NonFiniteError: If one failed.
        """
        self._learner.settle()

    def state_dict(self) -> dict[str, Any]:
        """The gradients that wait to be merged."""
        return self._learner.state_dict() if self.merge_grad > 1 else {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on merging where `state_dict` was taken."""
        if self.merge_grad > 1 and state:
            self._learner.load_state_dict(state)

    def forward(self, data: Any, state: dict[str, Any]) -> None:
        if state["mode"] != "train":
            return
        if self.gradients is not None:
            self._learner.take(data, state)
        else:
            self._learner.learn_from(data, state, self.retain_graph)
