"""Recipes: learning rates by name from a configuration, a dictionary or a YAML file laid out as NetsPresso Trainer's.

A recipe is a pure function of the epoch, so a resumed run has the numbers of an uninterrupted one.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fastestimator_lite.schedule.curve import Clock, Curve, Horizon, whole
from fastestimator_lite.schedule.parameter import MissingEntryError, StatefulSchedulerBase, check_number
from fastestimator_lite.util.errors import ConfigError, MissingDependencyError, suggest
from fastestimator_lite.util.log import warn

_DROP = 0.75  # a rate below this share of the one before is told as a sudden drop
_AS_TEXT = re.compile(r"[-+]?[0-9]+[eE][-+]?[0-9]+")  # floats of YAML 1.2 that readers of YAML 1.1 take for text
_FLOAT = re.compile(
    r"""(?:[-+]?(?:(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+
                        |\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN))$""",
    re.VERBOSE,
)
_HERE = "training.scheduler"


@dataclasses.dataclass(frozen=True)
class _Setting:
    """What a setting may be: a number, a whole number or a list of them, not below `low`."""

    low: float | None = None
    whole: bool = False
    listed: bool = False


_COUNT, _RATE = _Setting(0, whole=True), _Setting(0)
_WARMUP = {"warmup_epochs": _COUNT, "warmup_bias_lr": _RATE, "min_lr": _RATE}
_SETTINGS: dict[str, dict[str, _Setting]] = {
    "step": {"iters_per_phase": _Setting(1, whole=True), "gamma": _RATE, "end_epoch": _COUNT},
    "poly": {**_WARMUP, "power": _RATE, "end_epoch": _Setting(1, whole=True)},
    "cosine_no_sgdr": {**_WARMUP, "end_epoch": _Setting(1, whole=True)},
    "cosine": {**_WARMUP, "iters_per_phase": _Setting(whole=True)},
    "multi_step": {"milestones": _Setting(0, whole=True, listed=True), "gamma": _RATE},
}
_NAMES = ", ".join(map(repr, _SETTINGS))


@dataclasses.dataclass(frozen=True, eq=False)
class Recipe(Curve):
    """A learning rate for each epoch, by the name and settings of a scheduler of NetsPresso Trainer.

    With b the rate of the optimizer, e the epoch counted from 0, W, w and m for `warmup_epochs`, `warmup_bias_lr` and
    `min_lr`, E for `end_epoch` (after which the rate stays) and S for `iters_per_phase`:

    - "step": ``b * gamma**(min(e, E) // S)``
    - "multi_step": ``b * gamma**(number of milestones <= e)``
    - "poly": ``m + (b - m) * ((E - e) / (E - W + 1))**power``
    - "cosine_no_sgdr": ``m + (b - m) * (1 + cos(pi * e / E)) / (1 + cos(pi * (W - 1) / E))``, E at most `epochs`
    - "cosine": ``m + (b - m) / 2 * (1 + cos(pi * t / L))``, t epochs into a phase of L = S epochs; the last phase takes
      what is left

    and in the last three, while e < W, ``w + (e + 1) / W * (b - w)``.

    It is a Curve, and `recipe.rate` is a function of the epoch for `LRScheduler`.

    Args:
        name: "step", "poly", "cosine_no_sgdr", "cosine" or "multi_step".
        settings: The settings by their names in the configuration; all of them, and no others.
        epochs: Epochs of the run, >= 1; "cosine" and "cosine_no_sgdr" need it.
        lr: Rate of the optimizer, >= 0; None if it is to come from an optimizer.

    Attributes:
        notes: What was read in another way than it was written, one sentence each.

    Raises:
        ConfigError: If the name or a setting is unknown, is missing, or cannot work; it names the key.

    Source: NetsPresso Trainer, documentation of its schedulers; the numbers are those of its version 1.4.1.
    """

    name: str
    settings: Mapping[str, Any]
    epochs: int | None = None
    lr: float | None = None
    notes: tuple[str, ...] = dataclasses.field(default=(), init=False)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or self.name not in _SETTINGS:
            raise ConfigError(
                f"{_HERE}.name must be one of {_NAMES}, got {self.name!r}.{suggest(self.name, _SETTINGS)}"
            )
        epochs = None if self.epochs is None else _read("training.epochs", self.epochs, _Setting(1, whole=True))
        lr = None if self.lr is None else _read("training.optimizer.lr", self.lr, _RATE)
        notes: list[str] = []
        settings = _fitted(self.name, _checked(self.name, self.settings), epochs, notes)
        for name, value in (("epochs", epochs), ("lr", lr), ("settings", settings), ("notes", tuple(notes))):
            object.__setattr__(self, name, value)
        if lr is not None:
            self.check_base(lr, "training.optimizer.lr")

    def rate(self, epoch: int, base: float | None = None) -> float:
        """The learning rate that an epoch trains with.

        Args:
            epoch: Epoch, from 1; it may lie beyond the run.
            base: Rate to start from, >= 0; None for `lr`.

        Raises:
            ConfigError: If there is no such epoch, or no rate to start from.
        """
        check_number(epoch, "epoch", 1, whole=True)
        start = self.lr if base is None else base
        if start is None:
            raise MissingEntryError("training.optimizer.lr is missing: give the learning rate to start from")
        return _FORMULAS[self.name](self, epoch - 1, start)

    def at(self, time: float, horizon: Horizon) -> float:
        return self.rate(whole(horizon.epoch_of_step(time)) + 1)

    def value(self, clock: Clock) -> float:
        return self.rate(clock.epoch)

    def check(self, horizon: Horizon) -> list[str]:
        """What somebody who looks at the recipe would want to know before the run; one sentence each.

        Besides `notes` that is a first epoch above the optimizer's rate, a sudden drop when warm-up ends, a warm-up
        that does not end, and milestones and minima that the run does not come to.
        """
        found, epochs, warmup = list(self.notes), horizon.epochs, self.settings.get("warmup_epochs", 0)
        found += [
            f"milestone {one} is never reached: the run has {epochs} epochs"
            for one in self.settings.get("milestones", ())
            if one >= epochs
        ]
        if warmup >= epochs:
            found.append(f"warmup_epochs={warmup} is not over when the run of {epochs} epochs ends")
        if self.lr is not None:
            first, full, then = (self.rate(epoch) for epoch in (1, max(warmup, 1), warmup + 1))
            if first > self.lr * (1 + 1e-9):
                found.append(
                    f"epoch 1 has the rate {first:.6g}, above training.optimizer.lr={self.lr:g}: without "
                    f"warmup_epochs {self.name!r} begins so"
                )
            if 0 < warmup < epochs and then < _DROP * full:
                found.append(
                    f"the rate drops from {full:.6g} to {then:.6g} when the warm-up ends, after epoch "
                    f"{warmup}: {self.name!r} counts its epochs from the begin of the run"
                )
        end = self.settings.get("end_epoch", 0)
        if "min_lr" in self.settings and end >= epochs:
            found.append(
                f"min_lr={self.settings['min_lr']:g} is never reached: it would be in force from epoch "
                f"{end + 1} on, and the run has {epochs} epochs"
            )
        return found

    def check_base(self, base: float, what: str) -> None:
        """Check a rate to start from.

        Args:
            base: The rate.
            what: Where it is from, for the message.

        Raises:
            ConfigError: If it is below `min_lr`.
        """
        low = self.settings.get("min_lr", 0)
        if low > base:
            raise ConfigError(
                f"{_HERE}.min_lr={low:g} is above {what}={base:g}, from which the rate is to come down; make it smaller"
            )


class RecipeScheduler(StatefulSchedulerBase):
    """Sets the learning rate of an optimizer by a `Recipe`, epoch by epoch. `scheduler_from_config` makes one.

    Epoch 1's rate is in force from the start; `step()` after each epoch puts the next one's in force.

    Args:
        optimizer: A torch or Keras optimizer, or anything that has `param_groups`; each group starts from its own rate.
        recipe: The recipe.

    Attributes:
        recipe: The recipe.

    Raises:
        ConfigError: If a group's learning rate is below the recipe's minimum.
    """

    clock = "epoch"

    def __init__(self, optimizer: Any, recipe: Recipe) -> None:
        super().__init__(optimizer, "lr")
        self.recipe = recipe
        for index, base in enumerate(self.base_lr_values):
            recipe.check_base(base, f"the learning rate of param_groups[{index}]")
        self._begin()

    @property
    def epoch(self) -> int:
        """The epoch whose rates are in force, from 1."""
        return self.num_updates + 1

    def get_updated_values(self, num_updates: int) -> list[float]:
        return [self.recipe.rate(num_updates + 1, base) for base in self.base_lr_values]

    def before_update(self, num_updates: int, epoch: int) -> None:
        if epoch != self.epoch:
            self._num_updates = epoch - 1
            self.step_update(epoch - 1)

    def rate(self, epoch: int) -> float:
        """The rate of the first parameter group in an epoch, from 1; a function for `LRScheduler`."""
        return self.recipe.rate(epoch, self.base_lr_values[0])

    def get_last_lr(self) -> list[float]:
        """The rate in force of each parameter group."""
        return [float(value) for value in self.values]


def scheduler_from_config(optimizer: Any, config: Mapping[str, Any] | str | os.PathLike[str]) -> RecipeScheduler:
    """A scheduler for an optimizer by a configuration.

    Each parameter group starts from its own learning rate, whatever the configuration says of the optimizer.

    Args:
        optimizer: A torch or Keras optimizer, or anything that has `param_groups`.
        config: A dictionary, or the path of a YAML file, with the sections `training` and in it `scheduler`; it is not
            changed. See `Recipe` for names and settings.

    Returns:
        A scheduler whose `step()` is called after each epoch, with `state_dict` and `load_state_dict`. The trace
        `ParameterScheduler` calls it in an Estimator; or give its `rate` to `LRScheduler`.

    Raises:
        ConfigError: If the configuration cannot work; it names the key.

    Example:
        >>> config = {"training": {"scheduler": {"name": "multi_step", "milestones": [30, 80], "gamma": 0.1}}}
        >>> scheduler = scheduler_from_config(optimizer, config)  # doctest: +SKIP
        >>> for epoch in range(90):  # doctest: +SKIP
        ...     train(model, optimizer)
        ...     scheduler.step()
    """
    recipe = recipe_from_config(config)
    scheduler = RecipeScheduler(optimizer, recipe)
    for note in recipe.notes:
        warn(note)
    bases = scheduler.base_lr_values
    if recipe.lr is not None and not any(math.isclose(recipe.lr, base, rel_tol=1e-6) for base in bases):
        warn(
            f"training.optimizer.lr={recipe.lr:g} is not what the optimizer has, "
            f"{', '.join(f'{base:g}' for base in bases)}; the schedule starts from what the optimizer has"
        )
    return scheduler


def recipe_from_config(config: Mapping[str, Any] | str | os.PathLike[str], epochs: int | None = None) -> Recipe:
    """The recipe in a configuration.

    Args:
        config: A dictionary, or the path of a YAML file; see `scheduler_from_config`. Entries beside `training.epochs`,
            `training.optimizer.lr` and `training.scheduler` are for others and are not looked at.
        epochs: Epochs of the run where the configuration does not say; None for unknown.

    Raises:
        ConfigError: If the configuration cannot work; it names the key.
    """
    training = _section(read_config(config), "training", "")
    scheduler = _section(training, "scheduler", "training.")
    if "name" not in scheduler:
        raise MissingEntryError(f"{_HERE}.name is missing; it is one of {_NAMES}.{suggest('name', scheduler)}")
    optimizer = training.get("optimizer")
    lr = optimizer.get("lr") if isinstance(optimizer, Mapping) else None
    given = training.get("epochs")
    settings = {key: value for key, value in scheduler.items() if key != "name"}
    return Recipe(scheduler["name"], settings, epochs if given is None else given, lr)


def read_config(config: Mapping[str, Any] | str | os.PathLike[str]) -> Mapping[str, Any]:
    """A configuration as a dictionary.

    Args:
        config: A dictionary, which is returned as it is, or the path of a YAML file.

    Raises:
        ConfigError: If there is no such file, or it is no YAML mapping.
        MissingDependencyError: If a file is given and PyYAML is not installed.
    """
    if isinstance(config, Mapping):
        return config
    if not isinstance(config, (str, os.PathLike)):
        raise ConfigError(
            f"a configuration must be a dict or the path of a YAML file, got {type(config).__name__}: {config!r:.100}"
        )
    try:
        text = Path(config).read_text(encoding="utf-8")
    except (OSError, ValueError) as err:
        raise ConfigError(f"the configuration file {str(config)!r:.200} cannot be read: {err}") from err
    return parse_config(text, str(config))


def parse_config(text: str, where: str = "the configuration") -> Mapping[str, Any]:
    """Read a configuration in YAML.

    Floats are those of YAML 1.2, so ``1e-5`` is one. Nothing but plain values is read.

    Args:
        text: YAML with a mapping at the top.
        where: Where the text is from, for messages.

    Raises:
        ConfigError: If it is no YAML, no mapping, or has a key twice.
        MissingDependencyError: If PyYAML is not installed.
    """
    try:
        import yaml
    except ImportError as err:
        raise MissingDependencyError("to read YAML, PyYAML is needed: pip install pyyaml") from err

    class Loader(yaml.SafeLoader):
        """PyYAML's safe loader, with the floats of YAML 1.2, and without keys given twice."""

        yaml_implicit_resolvers = {
            first: [one for one in known if one[0] != "tag:yaml.org,2002:float"]
            for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            keys = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<"]
            values = [key.value for key in keys]
            for place, key in enumerate(keys):
                if key.value in values[:place]:
                    raise ConfigError(
                        f"{where}, line {key.start_mark.line + 1}: the key {key.value!r} is given twice; "
                        f"keep one of them"
                    )
            return dict(super().construct_mapping(node, deep))

    Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))
    try:
        found = yaml.load(text, Loader)
    except yaml.YAMLError as err:
        raise ConfigError(f"{where} is not YAML: {err}") from err
    if not isinstance(found, Mapping):
        raise ConfigError(
            f"{where} must be a YAML mapping with the key 'training', got {type(found).__name__}: {found!r:.100}"
        )
    return found


def _section(config: Mapping[str, Any], name: str, above: str) -> Mapping[str, Any]:
    if name not in config:
        raise MissingEntryError(
            f"{above}{name} is missing in the configuration; it has "
            f"{', '.join(f'{above}{key}' for key in config) or 'nothing'}.{suggest(name, config)}"
        )
    found = config[name]
    if not isinstance(found, Mapping):
        raise ConfigError(f"{above}{name} must hold settings by name, got {found!r:.100} ({type(found).__name__})")
    return found


def _checked(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a scheduler, each the number that it must be."""
    known = _SETTINGS[name]
    for key in given:
        if key not in known:
            raise ConfigError(
                f"{_HERE}.{key} is not a setting of {name!r}, which has {', '.join(map(repr, known))}."
                f"{suggest(key, [one for one in known if one not in given] or known)}"
            )
    for key in known:
        if key not in given:
            raise MissingEntryError(f"{_HERE}.{key} is missing: {name!r} needs {', '.join(map(repr, known))}")
    return {key: _read(f"{_HERE}.{key}", given[key], setting) for key, setting in known.items()}


def _fitted(name: str, settings: dict[str, Any], epochs: int | None, notes: list[str]) -> dict[str, Any]:
    """The settings as they work in a run of so many epochs; what is read in another way than written is noted."""
    warmup, end = settings.get("warmup_epochs", 0), settings.get("end_epoch", math.inf)
    if "warmup_epochs" in settings and warmup >= end:
        raise ConfigError(
            f"{_HERE}.warmup_epochs must be less than {_HERE}.end_epoch, got {warmup} and {end}: the "
            f"warm-up would not end"
        )
    if name in ("cosine", "cosine_no_sgdr") and epochs is None:
        raise MissingEntryError(f"training.epochs is missing: {name!r} needs to know how long the run is")
    if name == "cosine_no_sgdr":
        settings["end_epoch"] = min(end, epochs or 1)
        if settings["end_epoch"] == 1 and not warmup:
            raise ConfigError(
                f"{_HERE}.end_epoch and training.epochs must be > 1 for {name!r} without warmup_epochs, "
                f"got {end} and {epochs}"
            )
    if name == "cosine":
        settings["iters_per_phase"] = _phase(settings["iters_per_phase"], epochs or 1, notes)
    milestones = settings.get("milestones", [])
    if not all(before < after for before, after in itertools.pairwise(milestones)):
        notes.append(
            f"{_HERE}.milestones should increase, got {milestones}: their order does not matter, and one that "
            f"is given twice counts twice"
        )
    return settings


def _phase(given: int, epochs: int, notes: list[str]) -> int:
    """The epochs of a phase of "cosine" that can be."""
    taken = min(given, epochs) if given > 0 else epochs // 10 or epochs
    if taken != given:
        notes.append(f"{_HERE}.iters_per_phase={given} cannot be in a run of {epochs} epochs; {taken} is taken")
    return taken


def _read(key: str, value: Any, setting: _Setting) -> Any:
    """A setting as a number or a list of numbers."""
    if setting.listed:
        if not isinstance(value, (list, tuple)):
            raise ConfigError(f"{key} must be a list such as [30, 80], got {value!r} ({type(value).__name__})")
        one_of_it = dataclasses.replace(setting, listed=False)
        return [_read(f"{key}[{index}]", one, one_of_it) for index, one in enumerate(value)]
    if isinstance(value, str) and not setting.whole and _AS_TEXT.fullmatch(value):
        value = float(value)
    if setting.whole and isinstance(value, float) and value.is_integer():
        value = int(value)
    return check_number(value, key, setting.low, whole=setting.whole)


def _step(recipe: Recipe, e: int, base: float) -> float:
    settings = recipe.settings
    return float(base * settings["gamma"] ** (min(e, settings["end_epoch"]) // settings["iters_per_phase"]))


def _multi_step(recipe: Recipe, e: int, base: float) -> float:
    return float(base * recipe.settings["gamma"] ** sum(one <= e for one in recipe.settings["milestones"]))


def _warming_up(share: Callable[[Mapping[str, Any], int, int], float]) -> Callable[[Recipe, int, float], float]:
    """A formula with a warm-up before it.

    Args:
        share: Gives the share of the way from the minimum to the base, from settings, epochs and epoch.
    """

    def rate(recipe: Recipe, e: int, base: float) -> float:
        settings = recipe.settings
        e, warmup = min(e, settings.get("end_epoch", e)), settings["warmup_epochs"]
        if e < warmup:
            return float(settings["warmup_bias_lr"] + (e + 1) / warmup * (base - settings["warmup_bias_lr"]))
        return float(settings["min_lr"] + (base - settings["min_lr"]) * share(settings, recipe.epochs or 0, e))

    return rate


def _poly(settings: Mapping[str, Any], epochs: int, e: int) -> float:
    end = settings["end_epoch"]
    return float(((end - e) / (end - settings["warmup_epochs"] + 1)) ** settings["power"])


def _cosine_no_sgdr(settings: Mapping[str, Any], epochs: int, e: int) -> float:
    end, warmup = settings["end_epoch"], settings["warmup_epochs"]
    return (1 + math.cos(math.pi * e / end)) / (1 + math.cos(math.pi * (warmup - 1) / end))


def _cosine(settings: Mapping[str, Any], epochs: int, e: int) -> float:
    length = settings["iters_per_phase"]
    last = (epochs // length - 1) * length  # begin of the last phase, which comes again after the run
    if e < last:
        time = e % length
    else:
        time, length = (e - last) % (epochs - last), epochs - last
    return (1 + math.cos(math.pi * time / length)) / 2


_FORMULAS = {
    "step": _step,
    "multi_step": _multi_step,
    "poly": _warming_up(_poly),
    "cosine_no_sgdr": _warming_up(_cosine_no_sgdr),
    "cosine": _warming_up(_cosine),
}
