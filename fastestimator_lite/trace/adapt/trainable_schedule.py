"""TrainableSchedule: freezing and freeing parameters by name as training goes on."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING, Any

from fastestimator_lite.backend.card import card_of
from fastestimator_lite.backend.framework import framework_of_model
from fastestimator_lite.schedule.schedule import EpochScheduler, Scheduler, value_at, values_of
from fastestimator_lite.trace.trace import Trace
from fastestimator_lite.util.errors import ConfigError, suggest
from fastestimator_lite.util.names import to_list

if TYPE_CHECKING:
    from fastestimator_lite.schedule.curve import Horizon
    from fastestimator_lite.types import Model
    from fastestimator_lite.util.data import Data


class TrainableSchedule(Trace):
    """Choose by the epoch which parameters of a model are trained; the others are frozen.

    A frozen parameter does not move, neither by weight decay nor by momentum; the optimizer keeps what it knows of it.
    Layers go on working as before: BatchNorm follows its statistics.

    Args:
        model: A model from `fe.build` with an optimizer.
        patterns: Names of the parameters to train from each epoch on, by epoch (from 1), or a Scheduler of them: a
            pattern such as "head*", in which "*" stands for any letters, or a list of patterns. A parameter is called
            "head.weight" in torch, "head.kernel" in Keras. Before the first epoch, and for None, what was trained when
            the trace was made.

    Raises:
        ConfigError: If the model has no optimizer or is not built yet, or a pattern fits no parameter.

    Example:
        >>> TrainableSchedule(model, {1: "head*", 5: "*"})  # doctest: +SKIP
    """

    def __init__(self, model: Model, patterns: dict[int, str | list[str]] | Scheduler[Any]) -> None:
        super().__init__(mode="train")
        card = card_of(model)
        if card.optimizer is None:
            raise ConfigError(
                f"TrainableSchedule: the model {card.name!r} has no optimizer; build it with "
                f"optimizer_fn, such as 'adam'"
            )
        self.model = model
        given: Any = patterns
        self.schedule: Scheduler[Any] = given if isinstance(given, Scheduler) else EpochScheduler(given)
        self._home = framework_of_model(model)
        self._named = self._home.named_parameters(model)
        if not self._named:
            raise ConfigError(
                f"TrainableSchedule: the model {card.name!r} has no parameters yet; run it once, or give "
                f"its input shape"
            )
        self._as_made = {name for name, parameter in self._named if self._home.is_trained(parameter)}
        for value in values_of(self.schedule):
            self.names(value)
        self._home.reserve(model)

    def names(self, patterns: Any) -> set[str]:
        """The names of the parameters that fit one of some patterns.

        Args:
            patterns: One pattern or a list of them.

        Raises:
            ConfigError: If a pattern fits none.
        """
        every = [name for name, _ in self._named]
        found: set[str] = set()
        for pattern in to_list(patterns):
            fitting = {name for name in every if isinstance(pattern, str) and fnmatch.fnmatchcase(name, pattern)}
            if not fitting:
                parts = dict.fromkeys([*every, *(name.split(".")[0] for name in every)])
                raise ConfigError(
                    f"TrainableSchedule: {pattern!r} fits no parameter of model "
                    f"{card_of(self.model).name!r}; they are {', '.join(every[:20])}"
                    f"{', ...' if len(every) > 20 else ''}.{suggest(pattern, parts)}"
                )
            found |= fitting
        if not found:
            raise ConfigError(
                f"TrainableSchedule: with {patterns!r} nothing of model {card_of(self.model).name!r} is "
                f"trained; schedule its UpdateOp for that"
            )
        return found

    def trained_at(self, epoch: int) -> set[str]:
        """The names of the parameters that are trained in an epoch."""
        value = value_at(self.schedule, epoch)
        return self._as_made if value is None else self.names(value)

    def on_epoch_begin(self, data: Data) -> None:
        trained = self.trained_at(self.system.epoch_idx)
        self._home.set_trained(self.model, [(parameter, name in trained) for name, parameter in self._named])

    def planned(self, epoch: int, horizon: Horizon | None) -> dict[str, tuple[Any, Any]]:
        value = value_at(self.schedule, epoch)
        words = "as made" if value is None else ", ".join(map(str, to_list(value)))
        return {f"{card_of(self.model).name} trains": (words, words)}

    def fe_summary(self) -> list[str]:
        return [f"TrainableSchedule: {card_of(self.model).name} {getattr(self.schedule, 'epoch_dict', self.schedule)}"]
