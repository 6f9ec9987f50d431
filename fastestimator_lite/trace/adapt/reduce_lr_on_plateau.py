"""ReduceLROnPlateau: a smaller learning rate when a metric gets no better."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from fastestimator_lite.backend.card import card_of
from fastestimator_lite.backend.model import get_lr
from fastestimator_lite.trace.adapt._best import Best
from fastestimator_lite.trace.adapt._schedule import multiply_lr
from fastestimator_lite.trace.trace import Trace
from fastestimator_lite.util.errors import ConfigError

if TYPE_CHECKING:
    from fastestimator_lite.types import Model
    from fastestimator_lite.util.data import Data


class ReduceLROnPlateau(Trace):
    """Multiply the learning rate of a model by a factor when a metric has got no better for some eval epochs.

    It works beside a schedule: what an `LRScheduler` or `OptimizerSchedule` sets from then on is multiplied too. All
    optimizers of a model are reduced, so a change of optimizer keeps it.

    Args:
        model: A model from `fe.build` with an optimizer.
        metric: Key of the metric, a single number at the end of an epoch; None for the model's loss.
        patience: After how many epochs in a row without getting better the rate is reduced, and counting begins anew.
        factor: What the rate is multiplied by, in (0, 1).
        best_mode: "min" if smaller values are better, "max" if larger ones are.
        min_lr: The rate is not reduced below this one.

    Raises:
        ConfigError: If the model has no optimizer or several losses to choose from, or an argument is out of range.
    """

    def __init__(
        self,
        model: Model,
        metric: str | None = None,
        patience: int = 10,
        factor: float = 0.1,
        best_mode: str = "min",
        min_lr: float = 1e-6,
    ) -> None:
        card = card_of(model)
        if card.optimizer is None:
            raise ConfigError(
                f"ReduceLROnPlateau: the model {card.name!r} has no optimizer; build it with "
                f"optimizer_fn, such as 'adam'"
            )
        if metric is None and len(card.loss_names) != 1:
            known = ", ".join(map(repr, sorted(card.loss_names)))
            raise ConfigError(
                f"ReduceLROnPlateau(metric=None) needs a model with one loss; {card.name!r} has "
                f"{known or 'none'} (make the Network before the traces); name the metric to watch"
            )
        if isinstance(patience, bool) or not isinstance(patience, int) or patience < 0:
            raise ConfigError(f"ReduceLROnPlateau(patience) must be an int >= 0, got {patience!r}")
        if isinstance(factor, bool) or not isinstance(factor, (int, float)) or not 0 < factor < 1:
            raise ConfigError(f"ReduceLROnPlateau(factor) must be between 0 and 1, got {factor!r}")
        if isinstance(min_lr, bool) or not isinstance(min_lr, (int, float)) or not 0 <= min_lr < np.inf:
            raise ConfigError(f"ReduceLROnPlateau(min_lr) must be a number >= 0, got {min_lr!r}")
        monitor = next(iter(card.loss_names)) if metric is None else metric
        super().__init__(inputs=monitor, outputs=f"{card.name}_lr", mode="eval")
        self.model, self.patience, self.factor, self.min_lr = model, patience, factor, min_lr
        self.wait = 0
        self._best = Best(best_mode, name="ReduceLROnPlateau(best_mode)")

    def on_begin(self, data: Data) -> None:
        if self.system.epoch_idx == 0:  # a resumed run goes on with what it knew
            self._best.reset()
            self.wait = 0

    def on_epoch_end(self, data: Data) -> None:
        monitor = self.inputs[0]
        if monitor not in data:  # not measured in this epoch: a schedule left its source out
            return
        if self._best.update(data[monitor]):
            self.wait = 0
            return
        self.wait += 1
        if self.wait < self.patience:
            return
        self.wait = 0
        card = card_of(self.model)
        before = get_lr(self.model)
        multiply_lr(card, f"ReduceLROnPlateau {monitor}", self.factor, self.min_lr)
        now = np.float32(get_lr(self.model))
        if now < np.float32(before):
            data.write_with_log(self.outputs[0], now)
            tqdm.write(f"FastEstimator-ReduceLROnPlateau: learning rate reduced to {now}")

    def state_dict(self) -> dict[str, Any]:
        return {"best": self._best.state_dict(), "wait": self.wait}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._best.load_state_dict(state["best"])
        self.wait = state["wait"]
