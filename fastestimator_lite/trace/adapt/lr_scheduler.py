"""LRScheduler: a learning rate as a function of the step or the epoch, as a Curve, or as ARC decides."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from fastestimator_lite.backend.card import card_of
from fastestimator_lite.backend.model import get_lr, set_lr
from fastestimator_lite.schedule.curve import Curve
from fastestimator_lite.schedule.curves import clock_name
from fastestimator_lite.schedule.lr_schedule import ARC
from fastestimator_lite.trace.adapt._schedule import Value, clock_at, clock_of, first_and_last, multiply_lr
from fastestimator_lite.trace.essential import is_logged
from fastestimator_lite.trace.trace import Trace
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError
from fastestimator_lite.util.log import warn

if TYPE_CHECKING:
    from fastestimator_lite.schedule.curve import Horizon
    from fastestimator_lite.types import Model
    from fastestimator_lite.util.data import Data

_CLOCKS = ("step", "epoch")


class LRScheduler(Trace):
    """Set the learning rate of a model's optimizer as training goes on.

    It logs the learning rate as `<model name>_lr` together with the other values of a training step. What it sets is a
    pure function of the time, so a resumed run needs nothing of it; controllers such as `ReduceLROnPlateau` multiply
    it. For other fields of an optimizer, and for single parameter groups, see `OptimizerSchedule`.

    Args:
        model: A model from `fe.build` with an optimizer.
        lr_fn: Gives the learning rate, >= 0; it is rounded to float32. One of

            - a function; the name of its one argument picks the clock: "step" is asked before each training step with
              the step of the whole run, from 1; "epoch" before each training epoch with the epoch, from 1. Further
              arguments are fine if they have a default;
            - a Curve, which is asked before each update of the optimizer and counts those;
            - an `ARC`, or "arc" for one with its defaults, which needs a model with one loss, and eval data.
        ds_id: Data sets to run for; see `Op`.

    Raises:
        ConfigError: If the model has no optimizer, or `lr_fn` is not as described.

    Example:
        >>> LRScheduler(model, lambda step: 0.1 * 0.99**step)  # doctest: +SKIP
    """

    def __init__(self, model: Model, lr_fn: Callable[[int], float] | Curve | ARC | str, ds_id: Keys = None) -> None:
        card = card_of(model)
        if card.optimizer is None:
            raise ConfigError(
                f"LRScheduler: the model {card.name!r} has no optimizer; build it with optimizer_fn, such as 'adam'"
            )
        self.model = model
        self.lr_fn: Any = ARC() if isinstance(lr_fn, str) and lr_fn == "arc" else lr_fn
        self.schedule_mode = (
            "arc"
            if isinstance(self.lr_fn, ARC)
            else "curve"
            if isinstance(lr_fn, Curve)
            else clock_name(lr_fn, _CLOCKS, "LRScheduler(lr_fn)")
        )
        inputs: str | None = None
        if self.schedule_mode == "arc":
            if len(card.loss_names) != 1:
                known = ", ".join(map(repr, sorted(card.loss_names)))
                raise ConfigError(
                    f"LRScheduler(lr_fn=ARC()) needs a model with one loss; {card.name!r} has "
                    f"{known or 'none (make the Network before the traces)'}"
                )
            inputs = next(iter(card.loss_names))
        super().__init__(inputs, f"{card.name}_lr", mode=["train", "eval"] if inputs else "train", ds_id=ds_id)

    def check(self) -> None:
        if self.schedule_mode == "arc":
            self.lr_fn.lstm_stacked()  # what cannot be had is found out before training
        elif self.schedule_mode == "curve":
            card = card_of(self.model)
            for told in Value(self.lr_fn, "LRScheduler(lr_fn)").check(self.system.horizon(card.name)):
                warn(f"{card.name}_lr: {told}")

    def on_epoch_begin(self, data: Data) -> None:
        if self.system.mode != "train":
            return
        if self.schedule_mode == "epoch":
            self._set(self.lr_fn(self.system.epoch_idx))
        elif (
            self.schedule_mode == "arc"
            and self.system.epoch_idx > 1
            and (self.system.epoch_idx - 1) % self.lr_fn.frequency == 0
        ):
            self._decide()

    def needs_step(self, step: int) -> bool:
        return self.schedule_mode != "epoch" or is_logged(step, self.system.log_steps)

    def on_batch_begin(self, data: Data) -> None:
        if self.system.mode != "train":
            return
        if self.schedule_mode == "step":
            self._set(self.lr_fn(self.system.global_step))
        elif self.schedule_mode == "curve":
            card = card_of(self.model)
            self._set(self.lr_fn.value(clock_of(self.system, card)))

    def on_batch_end(self, data: Data) -> None:
        if self.system.mode != "train" or card_of(self.model).current_optimizer is None:
            return
        if self.schedule_mode == "arc":
            self.lr_fn.accumulate_single_train_loss(data[self.inputs[0]])
            self.lr_fn.accumulate_all_lrs(get_lr(self.model))
        if is_logged(self.system.global_step, self.system.log_steps):
            data.write_with_log(self.outputs[0], np.float32(get_lr(self.model)))

    def on_epoch_end(self, data: Data) -> None:
        if self.schedule_mode == "arc" and self.system.mode == "eval" and self.inputs[0] in data:
            self.lr_fn.accumulate_single_eval_loss(data[self.inputs[0]])

    def planned(self, epoch: int, horizon: Horizon | None) -> dict[str, tuple[Any, Any]]:
        key, card = self.outputs[0], card_of(self.model)
        if self.schedule_mode == "epoch":
            rate = self._checked(self.lr_fn(epoch), f"epoch={epoch}")
            return {key: (rate, rate)}
        own = self.system.horizon(card.name) if self.schedule_mode == "curve" else horizon
        steps = None if self.schedule_mode == "arc" or own is None else first_and_last(own, epoch)
        if own is None or steps is None:
            return {}
        if self.schedule_mode == "step":
            first, last = (self._checked(self.lr_fn(step), f"step={step}") for step in steps)
        else:
            clocks = [clock_at(own, step, epoch) for step in steps]
            first, last = (self._checked(self.lr_fn.value(clock), f"update {clock.step}") for clock in clocks)
        return {key: (first, last)}

    def _set(self, value: Any) -> None:
        card = card_of(self.model)
        if card.current_optimizer is None:  # its schedule has none yet
            return
        now = {"step": f"step={self.system.global_step}", "epoch": f"epoch={self.system.epoch_idx}"}
        rate = self._checked(value, now.get(self.schedule_mode) or f"update {card.updates.count + 1}")
        set_lr(self.model, float(np.float32(card.scaled_lr(rate))) if card.lr_factors else rate)

    def _checked(self, value: Any, now: str) -> float:
        try:
            rate = float(np.float32(value))
        except (TypeError, ValueError):
            rate = np.nan
        if not 0 <= rate < np.inf:
            raise ConfigError(
                f"LRScheduler: lr_fn({now}) of model {card_of(self.model).name!r} must give a finite "
                f"number >= 0, got {value!r:.200}"
            )
        return rate

    def _decide(self) -> None:
        arc, card = self.lr_fn, card_of(self.model)
        arc.gather_multiple_train_losses()
        arc.gather_multiple_eval_losses()
        multiplier = arc.predict_next_multiplier()
        multiply_lr(card, "ARC", multiplier)
        tqdm.write(f"FastEstimator-ARC: learning rate multiplied by {multiplier}")

    def state_dict(self) -> dict[str, Any]:
        return self.lr_fn.state_dict() if self.schedule_mode == "arc" else {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if state and self.schedule_mode != "arc":
            raise ConfigError(
                f"LRScheduler with a {self.schedule_mode} has no state, got one with {sorted(state)}; "
                f"make it with ARC() as in the saved run"
            )
        if state:
            self.lr_fn.load_state_dict(state)
