"""LRController, the learning rate trace of FastEstimator 0.x."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastestimator_lite.backend.card import card_of
from fastestimator_lite.backend.model import get_lr, set_lr
from fastestimator_lite.component import When
from fastestimator_lite.trace.essential import is_logged
from fastestimator_lite.trace.trace import Trace
from fastestimator_lite.util.errors import ConfigError, suggest
from fastestimator_lite.v0.schedule import LRSchedule

if TYPE_CHECKING:
    from fastestimator_lite.util.data import Data


class LRController(Trace):
    """Set the learning rate of a model: a schedule, times a factor that falls when the eval loss does not get better.

    The factor falls after `reduce_patience` epochs without a better loss, and again after each further one.

    Args:
        model_name: Name of a model of the Network.
        lr_schedule: The schedule; None for the learning rate that the optimizer was built with.
        reduce_on_eval: Whether there is such a factor.
        reduce_patience: Eval epochs without a better loss that are borne, >= 1.
        reduce_factor: What the factor is multiplied by.
        reduce_mode: "min" if a smaller loss is better, "max" if a larger one is.
        min_lr: What the learning rate never falls below.

    Raises:
        ConfigError: If `lr_schedule` is no LRSchedule, or `reduce_mode` is neither.
    """

    def __init__(
        self,
        model_name: str,
        lr_schedule: LRSchedule | None = None,
        reduce_on_eval: bool = False,
        reduce_patience: int = 10,
        reduce_factor: float = 0.1,
        reduce_mode: str = "min",
        min_lr: float = 1e-6,
    ) -> None:
        super().__init__(outputs=f"{model_name}_lr", mode=("train", "eval"))
        if lr_schedule is not None and not isinstance(lr_schedule, LRSchedule):
            raise ConfigError(
                f"LRController(lr_schedule) must be an LRSchedule such as CyclicLRSchedule(), got {lr_schedule!r:.100}"
            )
        if reduce_mode not in ("min", "max"):
            raise ConfigError(f"LRController(reduce_mode) must be 'min' or 'max', got {reduce_mode!r}")
        self.model_name, self.lr_schedule, self.reduce_on_eval = model_name, lr_schedule, reduce_on_eval
        self.reduce_patience, self.reduce_factor, self.min_lr = reduce_patience, reduce_factor, min_lr
        self._sign = 1 if reduce_mode == "min" else -1

    def on_begin(self, data: Data) -> None:
        system = self.system
        models = {card_of(model).name: model for model in system.network.models}
        if self.model_name not in models:
            raise ConfigError(
                f"LRController: the Network has no model {self.model_name!r}; it has: "
                f"{', '.join(map(repr, models))}.{suggest(self.model_name, models)}"
            )
        self.model: Any = models[self.model_name]
        self._base = get_lr(self.model)
        self._factor, self._wait, self._best = 1.0, 0, math.inf
        if self.lr_schedule is not None:
            self.lr_schedule.total_epochs = system.total_epochs
            self.lr_schedule.total_train_steps = self._total_steps()

    def on_epoch_begin(self, data: Data) -> None:
        if self.system.mode == "train" and (self.lr_schedule is None or self.lr_schedule.schedule_mode == "epoch"):
            self._set(self.system.epoch_idx - 1)

    def on_batch_begin(self, data: Data) -> None:
        if self.system.mode == "train" and self.lr_schedule is not None and self.lr_schedule.schedule_mode == "step":
            self._set(self.system.global_step - 1)

    def on_batch_end(self, data: Data) -> None:
        if self.system.mode == "train" and is_logged(self.system.global_step, self.system.log_steps):
            data.write_with_log(self.outputs[0], np.float32(get_lr(self.model)))

    def on_epoch_end(self, data: Data) -> None:
        if self.system.mode != "eval" or not self.reduce_on_eval:
            return
        loss = self._sign * float(data[min(card_of(self.model).loss_names)])
        if loss < self._best:
            self._best, self._wait = loss, 0
            return
        self._wait += 1
        if self._wait >= self.reduce_patience:
            self._factor *= self.reduce_factor

    def _set(self, now: int) -> None:
        lr = self._base if self.lr_schedule is None else self.lr_schedule.schedule_fn(now, self._base)
        set_lr(self.model, float(np.float32(max(lr * self._factor, self.min_lr))))

    def _total_steps(self) -> int:
        pipeline, system = self.system.pipeline, self.system
        total = 0
        for epoch in range(1, system.total_epochs + 1):
            for ds_id in pipeline.get_ds_ids(epoch, "train"):
                steps = pipeline.load(When("train", epoch, ds_id), None, system.train_steps_per_epoch).steps
                if steps is None:
                    raise ConfigError("LRController needs to know how many steps there are; give steps_per_epoch")
                total += steps
        return total
