"""Schedules of FastEstimator 0.x, whose epochs and steps count from 0, and the seam to ours, which count from 1."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from fastestimator_lite.op.op import Op
from fastestimator_lite.schedule.schedule import EpochScheduler
from fastestimator_lite.util.errors import ConfigError, suggest

T = TypeVar("T")
_FLOOR = 1e-6  # the learning rate at the end of a cycle
_SHAPES: dict[str, Callable[[float], float]] = {
    "cosine": lambda share: (1 + math.cos(math.pi * share)) / 2,
    "linear": lambda share: 1 - share,
}


class Scheduler(Generic[T]):
    """A value for each stretch of epochs, counted from 0, for the `Pipeline`, `Network` and `Estimator` of v0.

    Args:
        epoch_dict: The value from each epoch on, by epoch (an int >= 0). Before the smallest key the value is None.
            None as a value means "nothing here".

    Raises:
        ConfigError: If it is not a dictionary, a key is not an int or is below 0, no value is other than None, or the
            values are ops of different modes.
    """

    def __init__(self, epoch_dict: dict[int, T | None]) -> None:
        if not isinstance(epoch_dict, dict):
            raise ConfigError(f"Scheduler(epoch_dict) must be a dict {{epoch: value}}, got {epoch_dict!r}")
        for key in epoch_dict:
            if not isinstance(key, int) or isinstance(key, bool):
                raise ConfigError(f"Scheduler: an epoch must be an int, got {key!r} ({type(key).__name__})")
            if key < 0:
                raise ConfigError(f"Scheduler: epochs start at 0 in v0, got key {key}")
        if all(value is None for value in epoch_dict.values()):
            raise ConfigError(f"Scheduler needs at least one value that is not None, got {epoch_dict!r}")
        modes = {tuple(sorted(value.mode)) for value in epoch_dict.values() if isinstance(value, Op)}
        if len(modes) > 1:
            raise ConfigError(
                f"Scheduler: all of its ops must have the same mode, got "
                f"{' and '.join(map(str, sorted(modes)))}; make a Scheduler for each mode"
            )
        self.epoch_dict = epoch_dict
        self._keys = sorted(epoch_dict)
        self._last: T | None = None

    def get_current_value(self, epoch: int) -> T | None:
        """The value in force at `epoch` (counted from 0); None when there is none."""
        past = [key for key in self._keys if key <= epoch]
        return self.epoch_dict[past[-1]] if past else None

    def get_sequential_value(self, epoch: int) -> T | None:
        """The value of the last key that was asked for, for a caller that goes through the epochs one by one from 0.

        It depends on earlier calls: `get_current_value` does not.
        """
        self._last = self.epoch_dict.get(epoch, self._last)
        return self._last

    def get_all_values(self) -> list[T | None]:
        """Every value that can ever come, in the order of the dictionary."""
        return list(self.epoch_dict.values())


def from_v0(item: Any, change: Callable[[Any], Any] = lambda value: value) -> Any:
    """The seam: what stands in a slot of 0.x as what stands there today.

    Args:
        item: A plain value, a Scheduler with epochs from 0, or None. A Scheduler of today (from 1) is left as it is.
        change: Makes a value of today from each value.
    """
    if isinstance(item, Scheduler):
        return EpochScheduler(
            {epoch + 1: None if value is None else change(value) for epoch, value in item.epoch_dict.items()}
        )
    return None if item is None else change(item)


class LRSchedule:
    """A learning rate as a function of time, for `LRController`. A subclass writes `schedule_fn`.

    Args:
        schedule_mode: "step" to be asked before each training step, "epoch" before each training epoch.

    Attributes:
        total_epochs: Epochs of the run; set by the `LRController` before the first call.
        total_train_steps: Training steps of the run; set likewise.

    Raises:
        ConfigError: If `schedule_mode` is neither.
    """

    total_epochs: int = 0
    total_train_steps: int = 0

    def __init__(self, schedule_mode: str) -> None:
        if schedule_mode not in ("step", "epoch"):
            raise ConfigError(f"{type(self).__name__}: schedule_mode must be 'step' or 'epoch', got {schedule_mode!r}")
        self.schedule_mode = schedule_mode

    def schedule_fn(self, current_step_or_epoch: int, lr: float) -> float:
        """The learning rate.

        Args:
            current_step_or_epoch: The training step or epoch, from 0.
            lr: Learning rate that the optimizer was built with.
        """
        raise NotImplementedError(f"{type(self).__name__} must define schedule_fn(current_step_or_epoch, lr)")


class CyclicLRSchedule(LRSchedule):
    """Come down from the initial learning rate to 1e-6, once or several times, over the steps of the run.

    Args:
        num_cycle: Number of cycles, >= 1. The last one lasts to the end of the run.
        cycle_multiplier: How much longer each cycle is than the one before, >= 1.
        decrease_method: "cosine" or "linear".

    Raises:
        ConfigError: If an argument is not as described.

    Source: Loshchilov and Hutter 2017, "SGDR", eq. 5, with the lengths of the cycles as in FastEstimator 1.0b0.
    """

    def __init__(self, num_cycle: int = 1, cycle_multiplier: int = 2, decrease_method: str = "cosine") -> None:
        super().__init__("step")
        if isinstance(num_cycle, bool) or not isinstance(num_cycle, int) or num_cycle < 1:
            raise ConfigError(f"CyclicLRSchedule(num_cycle) must be an int >= 1, got {num_cycle!r}")
        if cycle_multiplier < 1:
            raise ConfigError(f"CyclicLRSchedule(cycle_multiplier) must be at least 1, got {cycle_multiplier!r}")
        if decrease_method not in _SHAPES:
            raise ConfigError(
                f"CyclicLRSchedule(decrease_method) must be 'cosine' or 'linear', got "
                f"{decrease_method!r}.{suggest(decrease_method, _SHAPES)}"
            )
        self.num_cycle = num_cycle
        self.cycle_multiplier = cycle_multiplier
        self.decrease_method = decrease_method

    def schedule_fn(self, current_step_or_epoch: int, lr: float) -> float:
        lengths = [self.cycle_multiplier**cycle for cycle in range(self.num_cycle)]
        unit = max(self.total_train_steps // sum(lengths), 1)
        begin, end = 0, unit
        for length in lengths[1:]:
            if current_step_or_epoch >= end:
                begin, end = end, end + unit * length
        if current_step_or_epoch >= end:  # the steps that the division left over
            end = max(self.total_train_steps, current_step_or_epoch)
        share = (current_step_or_epoch - begin) / (end - begin)
        return _FLOOR + (lr - _FLOOR) * _SHAPES[self.decrease_method](share)
