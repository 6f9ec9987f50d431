"""ParameterScheduler: lets a scheduler of any optimizer field, written for a bare loop, work in an Estimator."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastestimator_lite.backend.card import ModelCard, card_of
from fastestimator_lite.schedule.curves import clock_name
from fastestimator_lite.schedule.parameter import SchedulerBase
from fastestimator_lite.schedule.schedule import value_at
from fastestimator_lite.schedule.simulation import detached
from fastestimator_lite.trace.essential import is_logged
from fastestimator_lite.trace.trace import Trace
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError

if TYPE_CHECKING:
    from fastestimator_lite.schedule.curve import Horizon
    from fastestimator_lite.types import Model
    from fastestimator_lite.util.data import Data

_Plan = dict[int, dict[str, tuple[Any, Any]]]


class ParameterScheduler(Trace):
    """Step a scheduler after each update of a model's optimizer, or after each epoch if that is its clock.

    A step that only gathers gradients (`UpdateOp(merge_grad=...)`) or that is skipped does not count. It runs in mode
    "train" and logs `<model name>_<field>`, with `_<group>` where there are several parameter groups.

    Args:
        model: A model from `fe.build` with an optimizer.
        scheduler: A `SchedulerBase` such as `CosineLrScheduler` or what `scheduler_from_config` returns, made with the
            optimizer of the model; or a function of an optimizer that makes one, which is called for each optimizer if
            they are scheduled.
        ds_id: Data sets to run for; see `Op`.

    Raises:
        ConfigError: If the model has no optimizer, or the scheduler is none, or is that of another optimizer.

    Example:
        >>> ParameterScheduler(model, lambda optimizer: CosineLrScheduler(optimizer, 10, 100))  # doctest: +SKIP
    """

    def __init__(
        self, model: Model, scheduler: SchedulerBase | Callable[[Any], SchedulerBase], ds_id: Keys = None
    ) -> None:
        card = card_of(model)
        if card.optimizer is None:
            raise ConfigError(
                f"ParameterScheduler: the model {card.name!r} has no optimizer; build it with "
                f"optimizer_fn, such as 'adam'"
            )
        self.schedulers = _schedulers(card, scheduler)
        fields = {one.param_group_field for one in self.schedulers.values()}
        if len(fields) > 1:
            raise ConfigError(f"ParameterScheduler: one field is scheduled at a time, got {', '.join(sorted(fields))}")
        self.field = fields.pop()
        most = max(len(one.values) for one in self.schedulers.values())
        names = [f"{card.name}_{self.field}"] if most == 1 else [f"{card.name}_{self.field}_{i}" for i in range(most)]
        super().__init__(outputs=names, mode="train", ds_id=ds_id)
        self.model = model
        self._card = card
        self._own: dict[str, list[Any]] = {}  # learning rates before controllers multiplied them
        self._begin = self.state_dict()
        self._planned: tuple[Horizon, dict[str, _Plan]] | None = None

    def on_begin(self, data: Data) -> None:
        if self.system.epoch_idx == 0:  # a resumed run goes on with what was loaded
            self.load_state_dict(self._begin)

    def on_batch_begin(self, data: Data) -> None:
        for phase, scheduler in self.schedulers.items():
            if phase in self._own:  # a value may build on the one before
                scheduler.write(self._own[phase])
            scheduler.before_update(self._card.updates.count, self.system.epoch_idx)
            if self.field == "lr":
                self._own[phase] = scheduler.values
                scheduler.write([self._card.scaled_lr(value) for value in self._own[phase]])

    def on_batch_end(self, data: Data) -> None:
        scheduler = self._current()
        if scheduler is not None and is_logged(self.system.global_step, self.system.log_steps):
            for key, value in zip(self.outputs, scheduler.values, strict=False):
                data.write_with_log(key, np.float32(value))

    def planned(self, epoch: int, horizon: Horizon | None) -> dict[str, tuple[Any, Any]]:
        own = self.system.horizon(self._card.name)
        optimizer = value_at(self._card.optimizer, epoch)
        phase = next((name for name, one in self._card.optimizers().items() if one is optimizer), "")
        if phase not in self.schedulers or not own.steps:
            return {}
        if self._planned is None or not (self._planned[0] is own or self._planned[0] == own):
            self._planned = own, {name: self._simulated(name, own) for name in self.schedulers}
        return dict(self._planned[1][phase].get(epoch, {}))

    def state_dict(self) -> dict[str, Any]:
        state = {}
        for phase, scheduler in self.schedulers.items():
            in_force = scheduler.values
            scheduler.write(self._own.get(phase, in_force))
            state[phase] = {"scheduler": scheduler.state_dict(), "values": scheduler.values}
            scheduler.write(in_force)
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if sorted(state) != sorted(self.schedulers):
            raise ConfigError(
                f"ParameterScheduler: the state is of optimizers {sorted(state)}, the model "
                f"{self._card.name!r} has {sorted(self.schedulers)}"
            )
        for phase, scheduler in self.schedulers.items():
            _load(scheduler, state[phase])
            if self.field == "lr":
                self._own[phase] = scheduler.values

    def _current(self) -> SchedulerBase | None:
        """The scheduler of the optimizer in force."""
        for phase, optimizer in self._card.optimizers().items():
            if optimizer is self._card.current_optimizer:
                return self.schedulers.get(phase)
        return None

    def _simulated(self, phase: str, horizon: Horizon) -> _Plan:
        """What the scheduler will do from the begin of the run on: first and last values by epoch and key."""
        copied = detached(self.schedulers[phase])
        _load(copied, self._begin[phase])
        found: _Plan = {}
        done = 0
        for epoch, updates in enumerate(horizon.steps, 1):
            first: list[Any] = []
            for _ in range(updates):
                copied.before_update(done, epoch)
                done += 1
                first = first or copied.values
            if updates:
                found[epoch] = dict(zip(self.outputs, zip(first, copied.values, strict=True), strict=False))
        return found


def _schedulers(card: ModelCard, scheduler: Any) -> dict[str, SchedulerBase]:
    """The scheduler of each of a model's optimizers that has one, by phase."""
    optimizers = card.optimizers()
    if isinstance(scheduler, SchedulerBase):
        phase = next((phase for phase, one in optimizers.items() if _is_of(scheduler, one)), None)
        if phase is None:
            raise ConfigError(
                f"ParameterScheduler: the {type(scheduler).__name__} was made with another optimizer "
                f"than that of model {card.name!r}; give a function of the optimizer that makes it, "
                f"such as lambda optimizer: {type(scheduler).__name__}(optimizer, ...)"
            )
        return {phase: scheduler}
    if not callable(scheduler):
        raise ConfigError(
            f"ParameterScheduler(scheduler) must be a SchedulerBase, or a function of 'optimizer' that "
            f"makes one, got {type(scheduler).__name__}: {scheduler!r:.100}"
        )
    clock_name(scheduler, ("optimizer",), "ParameterScheduler(scheduler)")
    made = {phase: scheduler(one) for phase, one in optimizers.items()}
    for one in made.values():
        if not isinstance(one, SchedulerBase):
            raise ConfigError(
                f"ParameterScheduler: the function of 'optimizer' must return a SchedulerBase, got "
                f"{type(one).__name__}: {one!r:.100}"
            )
    return made


def _load(scheduler: SchedulerBase, state: dict[str, Any]) -> None:
    scheduler.load_state_dict(state["scheduler"])
    scheduler.write([tuple(value) if isinstance(value, list) else value for value in state["values"]])


def _is_of(scheduler: SchedulerBase, optimizer: Any) -> bool:
    held = scheduler.optimizer
    return held is optimizer or getattr(held, "optimizer", None) is optimizer
