"""OptimizerSchedule: any field of an optimizer as a function of time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastestimator_lite.backend.card import card_of
from fastestimator_lite.schedule.schedule import value_at
from fastestimator_lite.trace.adapt._schedule import Field, clock_at, clock_of, first_and_last
from fastestimator_lite.trace.essential import is_logged
from fastestimator_lite.trace.trace import Trace
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError
from fastestimator_lite.util.log import warn

if TYPE_CHECKING:
    from fastestimator_lite.schedule.curve import Horizon
    from fastestimator_lite.types import Model
    from fastestimator_lite.util.data import Data


class OptimizerSchedule(Trace):
    """Set a field of a model's optimizer before each update.

    The clock counts updates of the model's optimizer: a step that only gathers gradients (`UpdateOp(merge_grad=...)`)
    or that is skipped does not move it. What is set is a pure function of that clock, so a resumed run goes on exactly.
    It runs in mode "train" and logs `<model name>_<field>`, with `_<group>` where groups differ.

    Args:
        model: A model from `fe.build` with an optimizer. Where its optimizers are scheduled, the field is set in those
            that have it.
        field: "lr", "weight_decay", "momentum", "betas" or another entry of the optimizer's parameter groups; torch's
            names for both frameworks.
        value: A Curve, a number, a function of one argument named "step" (number of the update, from 1), "epoch",
            "samples", "progress" or "clock"; a Scheduler of those by epoch; a tuple of those for a field of several
            numbers, such as "betas". A list or dictionary (by name or index) has one for each parameter group. None,
            and a function's None, leave the field as it is.
        group: Name (the group's entry "name") or index of the one parameter group to set; None for all.
        ds_id: Data sets to run for; see `Op`.

    Raises:
        ConfigError: If the model has no optimizer, the optimizer no such field or group, or the value cannot be one.

    Example:
        >>> OptimizerSchedule(model, "weight_decay", linear(0.1, 0.0, over=Fraction(1)))  # doctest: +SKIP
    """

    def __init__(
        self, model: Model, field: str = "lr", value: Any = None, group: str | int | None = None, ds_id: Keys = None
    ) -> None:
        card = card_of(model)
        if card.optimizer is None:
            raise ConfigError(
                f"OptimizerSchedule: the model {card.name!r} has no optimizer; build it with "
                f"optimizer_fn, such as 'adam'"
            )
        if value is None:
            raise ConfigError(
                f"OptimizerSchedule(model, field={field!r}) needs a value: a curve, a number, a function "
                f"of 'step' or 'epoch', or a Scheduler"
            )
        self.field = Field(card, field, value, group, f"OptimizerSchedule(field={field!r})")
        super().__init__(outputs=self.field.keys, mode="train", ds_id=ds_id)
        self.model = model

    def check(self) -> None:
        for told in self.field.check(self.system.horizon(self.field.card.name)):
            warn(f"{self.field.card.name}_{self.field.name}: {told}")

    def on_batch_begin(self, data: Data) -> None:
        if self.field.card.current_optimizer is not None:  # else its schedule has none yet
            self.field.write(clock_of(self.system, self.field.card))

    def on_batch_end(self, data: Data) -> None:
        if is_logged(self.system.global_step, self.system.log_steps):
            for key, value in self.field.now().items():
                data.write_with_log(key, value)

    def planned(self, epoch: int, horizon: Horizon | None) -> dict[str, tuple[Any, Any]]:
        card = self.field.card
        own = self.system.horizon(card.name)
        steps = first_and_last(own, epoch)
        if steps is None:
            return {}
        optimizer = value_at(card.optimizer, epoch)
        first, last = (self.field.at(clock_at(own, step, epoch), optimizer) for step in steps)
        return {key: (first[key][1], last[key][1]) for key in first if key in last}
