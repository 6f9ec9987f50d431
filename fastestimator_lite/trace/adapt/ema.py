"""EMA: evaluate and save a running average of a model's weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastestimator_lite.backend.card import card_of
from fastestimator_lite.backend.framework import framework_of_model
from fastestimator_lite.trace.trace import Stage, Trace
from fastestimator_lite.util.errors import CheckpointError, ConfigError

if TYPE_CHECKING:
    from fastestimator_lite.types import Model
    from fastestimator_lite.util.data import Data


class EMA(Trace):
    """Keep an exponential moving average of a model's weights, and let the model have it wherever it is not trained.

    After each update the average moves by 1 - `decay` of the way to the weights. From the end of a training epoch to the
    beginning of the next the model holds the average, so that it is evaluated and saved; training goes on with the
    weights. After the run the model holds the average. What is no weight, such as BatchNorm's statistics, is not averaged.

    Args:
        model: A model from `fe.build` with an optimizer.
        decay: How much of the average stays at each update, from 0 to below 1.
        warm_up: Whether the n-th update leaves at most (1 + n) / (10 + n) of it, so that the first weights, which know
            nothing, are soon forgotten.

    Raises:
        ConfigError: If the model has no optimizer or is not built yet, or `decay` is not as described.

    Source: Polyak and Juditsky 1992, "Acceleration of Stochastic Approximation by Averaging"; the warm-up as
        TensorFlow's ExponentialMovingAverage.
    """

    stage = Stage.FIRST

    def __init__(self, model: Model, decay: float = 0.999, warm_up: bool = True) -> None:
        super().__init__(mode="train")
        card = card_of(model)
        if card.optimizer is None:
            raise ConfigError(
                f"EMA: the model {card.name!r} has no optimizer; build it with optimizer_fn, such as 'adam'"
            )
        if isinstance(decay, bool) or not isinstance(decay, (int, float)) or not 0 <= decay < 1:
            raise ConfigError(f"EMA(decay) must be a number from 0 to below 1, got {decay!r}")
        self.model, self.decay, self.warm_up = model, decay, warm_up
        self._home = framework_of_model(model)
        if not self._home.named_parameters(model):
            raise ConfigError(
                f"EMA: the model {card.name!r} has no parameters yet; run it once, or give its input shape"
            )
        self._begin()

    def _begin(self) -> None:
        self._average = self._home.Average([parameter for _, parameter in self._home.named_parameters(self.model)])
        self._updates = card_of(self.model).updates.count  # that are part of the average
        self._is_out = False  # whether the model holds the average, and the average the weights

    def on_begin(self, data: Data) -> None:
        if self.system.epoch_idx == 0:  # a resumed run goes on with what it knew
            self._begin()

    def on_epoch_begin(self, data: Data) -> None:
        if self._is_out:
            self._swap()

    def on_batch_end(self, data: Data) -> None:
        self._follow()

    def on_epoch_end(self, data: Data) -> None:
        self._follow()  # merged gradients may have made an update since the last batch
        self._swap()

    def on_end(self, data: Data) -> None:
        if not self._is_out:  # the run was stopped in mid-epoch
            self._follow()
            self._swap()

    def _follow(self) -> None:
        """Blend in what updates changed."""
        count = card_of(self.model).updates.count
        if count == self._updates:
            return
        kept = 1.0
        for update in range(self._updates + 1, count + 1):
            kept *= min(self.decay, (1 + update) / (10 + update)) if self.warm_up else self.decay
        self._updates = count
        self._average.blend(1 - kept)

    def _swap(self) -> None:
        self._average.swap()
        self._is_out = not self._is_out

    def state_dict(self) -> dict[str, Any]:
        return {"average": self._average.state(), "updates": self._updates, "is_out": self._is_out}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        shapes = [tuple(value.shape) for value in self._average.state()]
        saved = [value.shape if hasattr(value, "shape") else None for value in state["average"]]
        if len(shapes) != len(saved) or any(one not in (None, other) for one, other in zip(saved, shapes, strict=True)):
            raise CheckpointError(
                f"the state of EMA is of another model than {card_of(self.model).name!r}: it holds arrays of shapes {saved}, "
                f"the model has {shapes}"
            )
        self._average.load(state["average"])
        self._updates, self._is_out = int(state["updates"]), bool(state["is_out"])
