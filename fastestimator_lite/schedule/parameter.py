"""Schedulers that own an optimizer field: bases to subclass, and the cosine and warm-up-stable-decay learning rates.

They work in any loop: make one with the optimizer, call `step()` after each update. The trace `ParameterScheduler` does
so in an Estimator, and `simulate` without a model.
"""

from __future__ import annotations

import abc
import math
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

from fastestimator_lite.backend.optimizer import as_grouped, write
from fastestimator_lite.util.errors import ConfigError, MissingKeyError, suggest

PYTORCH_ACCELERATED = "pytorch_accelerated"
_SAFE_RATIO = 1 / 3  # of the time between two checkpoints


class MissingEntryError(MissingKeyError, ConfigError):
    """An optimizer, a saved state or a configuration lacks an entry; both of its families catch it."""


class SchedulerBase(abc.ABC):
    """Sets a field of an optimizer's parameter groups to a value that depends on the number of updates.

    A subclass writes `get_updated_values`. This base keeps no count: `step_update` is told it.

    Args:
        optimizer: A torch or Keras optimizer, or anything that has `param_groups`.
        param_group_field: The field, such as "lr", "weight_decay", "momentum" or "betas"; torch's names for both
            frameworks.

    Attributes:
        optimizer: What has the `param_groups`: the optimizer itself, or a view of it if it is a Keras optimizer.
        param_group_field: The field.
        base_lr_values: The field's initial value in each group. A second scheduler on the same torch optimizer finds
            the initial value of the first, which groups keep as `initial_<field>`.
        clock: What one step stands for: "step", an optimizer update, or "epoch".

    Raises:
        MissingEntryError: If a group lacks the field; it is a KeyError and a ConfigError.
    """

    clock: str = "step"

    def __init__(self, optimizer: Any, param_group_field: str = "lr") -> None:
        self.optimizer = as_grouped(optimizer)
        self.param_group_field = param_group_field
        self.base_lr_values = [self._initial_value(index) for index in range(len(self.optimizer.param_groups))]
        self.write(self.base_lr_values)

    @abc.abstractmethod
    def get_updated_values(self, num_updates: int) -> float | Iterable[Any] | None:
        """The values after so many updates.

        Args:
            num_updates: Optimizer updates so far, from 0.

        Returns:
            A number for all groups, one value for each group, or None to leave everything as it is.
        """

    def step_update(self, num_updates: int) -> None:
        """Write the values for a number of updates, in any order of calls.

        Args:
            num_updates: Optimizer updates so far, from 0.

        Raises:
            ConfigError: If there is not one value for each group, or a value is NaN or infinite.
        """
        values = self.get_updated_values(num_updates)
        if values is not None:
            self.write(self._one_for_each(values, num_updates))

    def before_update(self, num_updates: int, epoch: int) -> None:
        """Bring the values to where a run stands; `simulate` and `ParameterScheduler` call it before every update.

        Args:
            num_updates: Optimizer updates so far, from 0.
            epoch: Epoch, from 1.
        """
        self.step_update(num_updates)

    @property
    def values(self) -> list[Any]:
        """The field's value in each group now."""
        return [_number(group[self.param_group_field]) for group in self.optimizer.param_groups]

    def write(self, values: Sequence[Any]) -> None:
        """Set the field.

        Args:
            values: One value for each parameter group.
        """
        for group, value in zip(self.optimizer.param_groups, values, strict=True):
            write(group, self.param_group_field, value)

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs, in plain values: initial and current value of each group.

        A subclass that keeps more adds to it.
        """
        return {"base_lr_values": list(self.base_lr_values), "values": self.values}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on where `state_dict` was taken; the optimizer gets the values of then.

        Args:
            state_dict: What `state_dict` gave, perhaps by way of JSON.

        Raises:
            MissingEntryError: If it lacks an entry.
            ConfigError: If it is of an optimizer with another number of groups.
        """
        base, values = (_plain(self._entry(state_dict, name)) for name in ("base_lr_values", "values"))
        groups = self.optimizer.param_groups
        for name, found in (("base_lr_values", base), ("values", values)):
            if len(found) != len(groups):
                raise ConfigError(
                    f"{type(self).__name__}.load_state_dict: {name!r} has {len(found)} values, the "
                    f"optimizer has {len(groups)} parameter groups; make it as it was in the saved run"
                )
        self.base_lr_values = base
        for group, value in zip(groups, base, strict=True):
            group[f"initial_{self.param_group_field}"] = value
        self.write(values)

    def _initial_value(self, index: int) -> Any:
        group, field = self.optimizer.param_groups[index], self.param_group_field
        if field not in group:
            there = [name for name in group if name != "params"]
            raise MissingEntryError(
                f"{type(self).__name__}: {field!r} is missing from param_groups[{index}]; it has "
                f"{', '.join(map(repr, there))}.{suggest(field, there)}"
            )
        return _number(group.setdefault(f"initial_{field}", _number(group[field])))

    def _one_for_each(self, values: Any, num_updates: int) -> list[Any]:
        count = len(self.optimizer.param_groups)
        each = [values] * count if isinstance(values, Real) or not isinstance(values, Iterable) else list(values)
        what = f"{type(self).__name__}.get_updated_values({num_updates})"
        if len(each) != count:
            raise ConfigError(
                f"{what} must give one value for each of the {count} parameter groups, one number for "
                f"all, or None for no change; it gave {len(each)} values"
            )
        for index, value in enumerate(each):
            if isinstance(value, (bool, str)) or (isinstance(value, Real) and not math.isfinite(value)):
                raise ConfigError(
                    f"{what} must give finite numbers, got {value!r} for {self.param_group_field!r} of group {index}"
                )
        return each

    def _entry(self, state: Mapping[str, Any], name: str) -> Any:
        if name not in state:
            raise MissingEntryError(
                f"{type(self).__name__}.load_state_dict: the state has no {name!r}; it has "
                f"{', '.join(map(repr, state)) or 'nothing'}.{suggest(name, state)}"
            )
        return state[name]


class StatefulSchedulerBase(SchedulerBase):
    """A `SchedulerBase` that counts its steps itself, so that it is used like torch's own schedulers.

    `step()` is called after each optimizer update. The first call evaluates `get_updated_values(0)`.

    Args:
        optimizer: A torch or Keras optimizer, or anything that has `param_groups`.
        param_group_field: The field; see `SchedulerBase`.

    Raises:
        MissingEntryError: If a group lacks the field; it is a KeyError and a ConfigError.

    Example:
        >>> class HalveEvery(StatefulSchedulerBase):
        ...     def __init__(self, optimizer, steps):
        ...         super().__init__(optimizer, "lr")
        ...         self.steps = steps
        ...     def get_updated_values(self, num_updates):
        ...         return [base * 0.5 ** (num_updates // self.steps) for base in self.base_lr_values]
    """

    _first = -1  # the count before the first call of `step`

    def __init__(self, optimizer: Any, param_group_field: str = "lr") -> None:
        super().__init__(optimizer, param_group_field)
        self._num_updates = self._first

    @property
    def num_updates(self) -> int:
        """What `get_updated_values` was asked for last; -1 before the first time."""
        return self._num_updates

    def step(self) -> None:
        """Count an update and write the values for it."""
        self._num_updates += 1
        self.step_update(self._num_updates)

    def before_update(self, num_updates: int, epoch: int) -> None:
        while self._num_updates - self._first < num_updates:  # one by one: a value may build on the one before
            self.step()

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "num_updates": self._num_updates}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        count = self._entry(state_dict, "num_updates")
        super().load_state_dict(state_dict)
        self._num_updates = int(count)

    def _begin(self) -> None:
        """Let update n + 1 use f(n): the values for 0 are in force from the start, and the first `step` asks for 1."""
        self._first = 0
        self.step()


class CosineLrScheduler(StatefulSchedulerBase):
    """Warm up in a straight line, come down along half a cosine, and stay at the minimum.

    With T, W and C the updates of the run, of the warm-up and of the cool-down, update n + 1 uses

    - ``start + n / W * (base - start)`` for n < W,
    - ``low + (base - low) / 2 * (1 + cos(pi * (n - W)**k / (T - W - C)**k))`` for W <= n < T - C,
    - ``low`` from n = T - C on.

    Args:
        optimizer: A torch or Keras optimizer; its learning rates are the bases.
        total_num_epochs: Epochs of the run, > 0; it may end in a fraction.
        num_update_steps_per_epoch: Updates in each epoch, > 0.
        k_decay: Exponent k, > 0: above 1 the rate stays high for longer, below 1 it falls sooner.
        lr_min: The minimum, >= 0. It may lie above the base; then the rate rises.
        min_lr_ratio: The minimum as a share of each group's base, >= 0; None for `lr_min`.
        num_warmup_epochs: Epochs of warm-up, >= 0; it may end in a fraction.
        warmup_starting_lr: Rate that warm-up begins at, >= 0.
        warmup_starting_lr_ratio: The same as a share of each group's base; None for `warmup_starting_lr`.
        num_cooldown_epochs: Epochs at the end that stay at the minimum, >= 0; it may end in a fraction.
        compat: None, or "pytorch_accelerated" for the exact numbers of pytorch-accelerated 0.1.61: the values lag one
            update, the cosine is cut off W updates early, the warm-up's slope does not know the ratio, and a loaded
            state leaves the optimizer as it is until the next step.

    Raises:
        ConfigError: If a number is out of its range, or warm-up and cool-down together are longer than the run.

    Source: Loshchilov and Hutter 2017, "SGDR", eq. 5, with the exponent of Zhang and Li 2020, "k-decay"; parameters as
        in pytorch-accelerated.
    """

    _SETTINGS = (
        "total_iterations",
        "lr_min_ratio",
        "lr_min",
        "warmup_iterations",
        "warmup_lr_init",
        "warmup_lr_ratio",
        "k_decay",
        "num_cooldown_iterations",
    )

    def __init__(
        self,
        optimizer: Any,
        total_num_epochs: float,
        num_update_steps_per_epoch: float,
        k_decay: float = 1.0,
        lr_min: float = 1e-6,
        min_lr_ratio: float | None = None,
        num_warmup_epochs: float = 0,
        warmup_starting_lr: float = 1e-6,
        warmup_starting_lr_ratio: float | None = None,
        num_cooldown_epochs: float = 0,
        *,
        compat: str | None = None,
    ) -> None:
        self.compat = _check_compat(compat, "CosineLrScheduler")
        positive = {
            "total_num_epochs": total_num_epochs,
            "num_update_steps_per_epoch": num_update_steps_per_epoch,
            "k_decay": k_decay,
        }
        others: dict[str, float | None] = {
            "lr_min": lr_min,
            "num_warmup_epochs": num_warmup_epochs,
            "warmup_starting_lr": warmup_starting_lr,
            "num_cooldown_epochs": num_cooldown_epochs,
            "min_lr_ratio": min_lr_ratio,
            "warmup_starting_lr_ratio": warmup_starting_lr_ratio,
        }
        for name, number in positive.items():
            check_number(number, f"CosineLrScheduler({name})", 0, above=True)
        for name, value in others.items():
            if value is not None or not name.endswith("_ratio"):
                check_number(value, f"CosineLrScheduler({name})", 0)
        if self.compat is None and num_warmup_epochs + num_cooldown_epochs > total_num_epochs:
            raise ConfigError(
                f"CosineLrScheduler: num_warmup_epochs={num_warmup_epochs!r} and "
                f"num_cooldown_epochs={num_cooldown_epochs!r} are together longer than "
                f"total_num_epochs={total_num_epochs!r}; make them shorter"
            )
        self.total_iterations = total_num_epochs * num_update_steps_per_epoch
        self.lr_min_ratio = min_lr_ratio
        self.lr_min = lr_min
        self.warmup_iterations = num_warmup_epochs * num_update_steps_per_epoch
        self.warmup_lr_init = warmup_starting_lr
        self.warmup_lr_ratio = warmup_starting_lr_ratio
        self.k_decay = k_decay
        self.num_cooldown_iterations = num_cooldown_epochs * num_update_steps_per_epoch
        super().__init__(optimizer, "lr")
        if self.compat is None:
            self._begin()
        elif self.warmup_iterations:
            self.write([self.warmup_lr_init] * len(self.base_lr_values))

    def get_updated_values(self, num_updates: int) -> list[float]:
        return [self._rate(base, num_updates) for base in self.base_lr_values]

    def _rate(self, base: float, n: int) -> float:
        warmup = self.warmup_iterations
        decay = self.total_iterations - warmup - self.num_cooldown_iterations
        if n < warmup:
            start = self.warmup_lr_init if self.warmup_lr_ratio is None else self.warmup_lr_ratio * base
            slope = base - (start if self.compat is None else self.warmup_lr_init)
            return start + n * slope / warmup
        low = self.lr_min if self.lr_min_ratio is None else self.lr_min_ratio * base
        if n < decay + (warmup if self.compat is None else 0):
            return low + (base - low) / 2 * (1 + math.cos(math.pi * (n - warmup) ** self.k_decay / decay**self.k_decay))
        return low

    def state_dict(self) -> dict[str, Any]:
        state = {name: getattr(self, name) for name in self._SETTINGS}
        return {**state, **super().state_dict()} if self.compat is None else {**state, "num_updates": self._num_updates}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        settings = {name: self._entry(state_dict, name) for name in self._SETTINGS}
        if self.compat is None:
            super().load_state_dict(state_dict)
        else:
            self._num_updates = int(self._entry(state_dict, "num_updates"))
        vars(self).update(settings)


class WSDLrScheduler(StatefulSchedulerBase):
    """Warm up in a straight line, stay at the base, and come down before each checkpoint.

    With several checkpoints each is at twice the steps of the one before, and after it the rate goes back to the base:
    a checkpoint is a finished model, and training goes on from it. With x from 0 to 1 over a decay and m = `lr_min`,
    update n + 1 uses ``base * (m + (1 - m) * (1 - sqrt(x)))``, or ``base / (x / m + 1 - x)``.

    Args:
        optimizer: A torch or Keras optimizer; its learning rates are the bases.
        num_epochs: Epochs of the run, > 0; with `num_update_steps_per_epoch` in place of `total_steps`.
        num_update_steps_per_epoch: Updates in each epoch, > 0.
        total_steps: Updates of the run, >= 1.
        num_warmup_steps: Updates of warm-up, >= 0; None for a tenth of the run.
        decay_phase_ratio: Share of the time since the checkpoint before that decays, in (0, 1]; at most 1/3 with
            several checkpoints.
        lr_min: What a decay ends at, as a share of the base, in [0, 1].
        warmup_starting_lr: Rate that warm-up begins at, >= 0 and not above the largest base.
        use_inverse_sqrt_decay: Whether a decay goes by the square root, else inversely.
        num_checkpoints: How many checkpoints, >= 1; the last one is at the end of the run.
        is_continuation_from_checkpoint: Whether training goes on from a checkpoint, so that there is no warm-up.
        compat: None, or "pytorch_accelerated" for the exact numbers of pytorch-accelerated 0.1.61: the values lag one
            update, `num_checkpoints=2` ends at half of the run, and None for `num_warmup_steps` is a hundredth.

    Raises:
        ConfigError: If a number is out of its range, both or neither of the two ways to give the length are used, a
            decay has no step, or warm-up runs into the first decay.

    Source: Hu et al. 2024, "MiniCPM", section 4 (warm-up, stable, decay); Haegele et al. 2024, "Scaling Laws and
        Compute-Optimal Training Beyond Fixed Training Durations" (1 - sqrt); Wen et al. 2024, "Understanding
        Warmup-Stable-Decay Learning Rates" (inverse proportional); parameters as in pytorch-accelerated.
    """

    _SETTINGS = (
        "total_steps",
        "num_warmup_steps",
        "decay_phase_ratio",
        "lr_min",
        "warmup_starting_lr",
        "use_inverse_sqrt_decay",
        "num_checkpoints",
        "is_continuation_from_checkpoint",
        "checkpoint_steps",
    )

    def __init__(
        self,
        optimizer: Any,
        num_epochs: float | None = None,
        num_update_steps_per_epoch: float | None = None,
        total_steps: int | None = None,
        num_warmup_steps: int | None = 0,
        decay_phase_ratio: float = 0.1,
        lr_min: float = 1e-6,
        warmup_starting_lr: float = 1e-6,
        use_inverse_sqrt_decay: bool = True,
        num_checkpoints: int = 1,
        is_continuation_from_checkpoint: bool = False,
        *,
        compat: str | None = None,
    ) -> None:
        self.compat = _check_compat(compat, "WSDLrScheduler")
        self.total_steps = _length(num_epochs, num_update_steps_per_epoch, total_steps)
        if num_warmup_steps is None:
            num_warmup_steps = int((0.1 if compat is None else 0.01) * self.total_steps)
        check_number(num_checkpoints, "WSDLrScheduler(num_checkpoints)", 1, whole=True)
        check_number(lr_min, "WSDLrScheduler(lr_min)", 0, most=1)
        check_number(warmup_starting_lr, "WSDLrScheduler(warmup_starting_lr)", 0)
        check_number(num_warmup_steps, "WSDLrScheduler(num_warmup_steps)", 0)
        check_number(
            decay_phase_ratio,
            f"WSDLrScheduler(decay_phase_ratio) with num_checkpoints={num_checkpoints}",
            0,
            above=True,
            most=1 if num_checkpoints == 1 else _SAFE_RATIO,
        )
        if lr_min == 0 and not use_inverse_sqrt_decay:
            raise ConfigError(
                "WSDLrScheduler(lr_min) must be > 0 with use_inverse_sqrt_decay=False, got 0: a decay in "
                "inverse proportion never comes to 0; give a small share such as 1e-3"
            )
        self.num_warmup_steps = 0 if is_continuation_from_checkpoint else num_warmup_steps
        self.decay_phase_ratio = decay_phase_ratio
        self.lr_min = lr_min
        self.warmup_starting_lr = warmup_starting_lr
        self.use_inverse_sqrt_decay = use_inverse_sqrt_decay
        self.num_checkpoints = num_checkpoints
        self.is_continuation_from_checkpoint = is_continuation_from_checkpoint
        self.checkpoint_steps = self._placed()
        self._check_phases()
        super().__init__(optimizer, "lr")
        if self.num_warmup_steps and warmup_starting_lr > max(self.base_lr_values):
            raise ConfigError(
                f"WSDLrScheduler(warmup_starting_lr) must not be above the largest learning rate of the "
                f"optimizer, {max(self.base_lr_values)!r}, got {warmup_starting_lr!r}"
            )
        if self.compat is None:
            self._begin()

    def get_checkpoint_steps(self) -> list[int]:
        """After how many updates each checkpoint is due."""
        return list(self.checkpoint_steps)

    def get_updated_values(self, num_updates: int) -> list[float]:
        return [self._rate(base, num_updates) for base in self.base_lr_values]

    def _placed(self) -> list[int]:
        if self.num_checkpoints == 1:
            return [self.total_steps]
        if self.compat is None:
            return [self.total_steps // 2**power for power in reversed(range(self.num_checkpoints))]
        quarter = self.total_steps // 4
        return [quarter * 2**power for power in range(self.num_checkpoints) if quarter * 2**power <= self.total_steps]

    def _check_phases(self) -> None:
        for start, decay, end in self._periods():
            if decay >= end:
                raise ConfigError(
                    f"WSDLrScheduler: the decay before the checkpoint at {end} steps has no step: "
                    f"decay_phase_ratio={self.decay_phase_ratio!r} of {end - start} is below 1: make "
                    f"the ratio larger or the run longer"
                )
        first = self._periods()[0][1]
        if self.compat is None and self.num_warmup_steps > first:
            raise ConfigError(
                f"WSDLrScheduler: num_warmup_steps={self.num_warmup_steps!r} is not over when the first "
                f"decay begins, after {first} steps; make it shorter"
            )

    def _periods(self) -> list[tuple[int, int, int]]:
        """For each checkpoint: the update that its period begins with, that its decay begins with, and its own."""
        starts = [0, *self.checkpoint_steps[:-1]]
        return [
            (start, end - int(self.decay_phase_ratio * (end - start)), end)
            for start, end in zip(starts, self.checkpoint_steps, strict=True)
        ]

    def _rate(self, base: float, n: int) -> float:
        if n < self.num_warmup_steps:
            return self.warmup_starting_lr + n * (base - self.warmup_starting_lr) / self.num_warmup_steps
        _, decay, end = next((period for period in self._periods() if n < period[2]), self._periods()[-1])
        if n < decay:
            return base
        x, low = min((n - decay) / (end - decay), 1.0), self.lr_min
        if self.use_inverse_sqrt_decay:
            return base * (low + (1 - low) * (1 - math.sqrt(x)))
        return base / (x / low + 1 - x)

    def state_dict(self) -> dict[str, Any]:
        return {**{name: _plain(getattr(self, name)) for name in self._SETTINGS}, **super().state_dict()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        settings = {name: _plain(self._entry(state_dict, name)) for name in self._SETTINGS}
        super().load_state_dict(state_dict)
        vars(self).update(settings)


def check_number(
    value: Any,
    what: str,
    low: float | None = None,
    *,
    above: bool = False,
    most: float | None = None,
    whole: bool = False,
) -> Any:
    """Check a number that a user gave.

    Args:
        value: The number.
        what: What it is, for the message.
        low: The least that it may be; None for any.
        above: Whether `low` itself is out.
        most: The most that it may be; None for any.
        whole: Whether it must be an int.

    Returns:
        The number.

    Raises:
        ConfigError: If it is none, or out of range.
    """
    kind = Integral if whole else Real
    bad = isinstance(value, bool) or not isinstance(value, kind) or not math.isfinite(value)
    if bad or (low is not None and (value < low or (above and value == low))) or (most is not None and value > most):
        wanted = "an int" if whole else "a number"
        limits = [f"{'>' if above else '>='} {low:g}"] if low is not None else []
        limits += [f"<= {most:.4g}"] if most is not None else []
        raise ConfigError(
            f"{what} must be {' '.join([wanted, ' and '.join(limits)]).strip()}, got {value!r} ({type(value).__name__})"
        )
    return value


def _check_compat(compat: str | None, name: str) -> str | None:
    if compat not in (None, PYTORCH_ACCELERATED):
        raise ConfigError(
            f"{name}(compat) must be None or {PYTORCH_ACCELERATED!r}, got {compat!r}."
            f"{suggest(compat, [PYTORCH_ACCELERATED])}"
        )
    return compat


def _length(num_epochs: Any, steps_per_epoch: Any, total_steps: Any) -> int:
    """Updates of the run, from one of the two ways to say it."""
    epochs = {"num_epochs": num_epochs, "num_update_steps_per_epoch": steps_per_epoch}
    if total_steps is not None:
        given = [name for name, value in epochs.items() if value is not None]
        if given:
            raise ConfigError(
                f"WSDLrScheduler: give total_steps, or num_epochs and num_update_steps_per_epoch; got "
                f"total_steps and {' and '.join(given)}"
            )
        return int(check_number(total_steps, "WSDLrScheduler(total_steps)", 1, whole=True))
    for name, value in epochs.items():
        if value is None:
            raise ConfigError(
                f"WSDLrScheduler needs {name}: give num_epochs and num_update_steps_per_epoch, or total_steps"
            )
        check_number(value, f"WSDLrScheduler({name})", 0, above=True)
    return max(int(num_epochs * steps_per_epoch), 1)


def _number(value: Any) -> Any:
    """A field's value; one that torch holds as a tensor, and sets in place, becomes a number."""
    return float(value) if hasattr(value, "fill_") else value


def _plain(value: Any) -> Any:
    """A copy of a list, in which a list that was a tuple before it went through JSON is one again."""
    if not isinstance(value, (list, tuple)):
        return value
    return [tuple(one) if isinstance(one, list) else one for one in value]
