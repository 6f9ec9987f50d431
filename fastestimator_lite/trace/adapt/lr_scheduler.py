"""LRScheduler: a learning rate as a function of the step or the epoch."""
from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastestimator_lite.backend.card import card_of
from fastestimator_lite.backend.model import get_lr, set_lr
from fastestimator_lite.trace.essential import is_logged
from fastestimator_lite.trace.trace import Trace
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError

if TYPE_CHECKING:
    from fastestimator_lite.types import Model
    from fastestimator_lite.util.data import Data

_CLOCKS = ("step", "epoch")


class LRScheduler(Trace):
    """Set the learning rate of a model's optimizer as training goes on.

    It runs in mode "train" and logs the learning rate as `<model name>_lr` together with the other values of a step.
    What it sets is a pure function of the time, so a resumed run needs nothing of it.

    Args:
        model: A model from `fe.build` with an optimizer.
        lr_fn: Gives the learning rate, >= 0; it is rounded to float32. The name of its one argument picks the clock:
            "step" is asked before each training step with the step of the whole run, from 1; "epoch" before each
            training epoch with the epoch, from 1. Further arguments are allowed if they have a default.
        ds_id: Data sets to run for; see `Op`.

    Raises:
        ConfigError: If the model has no optimizer, or `lr_fn` is not as described.

    Example:
        >>> LRScheduler(model, lambda step: 0.1 * 0.99**step)  # doctest: +SKIP
    """

    def __init__(self, model: Model, lr_fn: Callable[[int], float], ds_id: Keys = None) -> None:
        card = card_of(model)
        if card.optimizer is None:
            raise ConfigError(f"LRScheduler: the model {card.name!r} has no optimizer; build it with optimizer_fn, "
                              f"such as 'adam'")
        super().__init__(outputs=f"{card.name}_lr", mode="train", ds_id=ds_id)
        self.model = model
        self.lr_fn = lr_fn
        self.schedule_mode = _clock_of(lr_fn)

    def on_epoch_begin(self, data: Data) -> None:
        if self.schedule_mode == "epoch":
            self._set(self.system.epoch_idx)

    def on_batch_begin(self, data: Data) -> None:
        if self.schedule_mode == "step":
            self._set(self.system.global_step)

    def on_batch_end(self, data: Data) -> None:
        if card_of(self.model).current_optimizer is None:
            return
        if is_logged(self.system.global_step, self.system.log_steps):
            data.write_with_log(self.outputs[0], np.float32(get_lr(self.model)))

    def _set(self, now: int) -> None:
        if card_of(self.model).current_optimizer is None:  # its schedule has none yet
            return
        value: Any = self.lr_fn(now)
        try:
            lr = float(np.float32(value))
        except (TypeError, ValueError):
            lr = np.nan
        if not 0 <= lr < np.inf:
            raise ConfigError(f"LRScheduler: lr_fn({self.schedule_mode}={now}) of model {card_of(self.model).name!r} "
                              f"must give a finite number >= 0, got {value!r:.200}")
        set_lr(self.model, lr)


def _clock_of(lr_fn: Any) -> str:
    """The name of a function's one argument."""
    example = "such as lambda step: 0.1 / step"
    if not callable(lr_fn):
        raise ConfigError(f"LRScheduler(lr_fn) must be a function of 'step' or of 'epoch', {example}, got {lr_fn!r}")
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    found = [one for one in inspect.signature(lr_fn).parameters.values() if one.kind not in variadic]
    names = [one.name for one in found if one.default is inspect.Parameter.empty] or [one.name for one in found]
    if len(names) != 1 or names[0] not in _CLOCKS:
        raise ConfigError(f"LRScheduler(lr_fn) must take one argument named 'step' or 'epoch', which picks the clock, "
                          f"{example}; it takes {', '.join(map(repr, names)) or 'none'}")
    return names[0]
