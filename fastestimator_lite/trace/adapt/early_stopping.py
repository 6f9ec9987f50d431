"""EarlyStopping: end the run when a metric gets no better."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from fastestimator_lite.trace.adapt._best import Best
from fastestimator_lite.trace.trace import Trace
from fastestimator_lite.util.errors import ConfigError

if TYPE_CHECKING:
    from fastestimator_lite.util.data import Data


class EarlyStopping(Trace):
    """Stop training when a metric has got no better for some epochs.

    Args:
        monitor: Key of the metric, a single number at the end of an epoch.
        min_delta: By how much the metric must get better to count, in its own unit.
        patience: After how many epochs in a row without getting better the run ends; 0 and 1 both end it after the
            first.
        compare: "min" if smaller values are better, "max" if larger ones are.
        baseline: The value to beat at first; None for any.
        mode: When to run; see `Op`.

    Raises:
        ConfigError: If `compare` or `patience` is not as described.
    """

    def __init__(
        self,
        monitor: str = "loss",
        min_delta: float = 0.0,
        patience: int = 0,
        compare: str = "min",
        baseline: float | None = None,
        mode: str = "eval",
    ) -> None:
        super().__init__(inputs=monitor, mode=mode)
        if isinstance(patience, bool) or not isinstance(patience, int) or patience < 0:
            raise ConfigError(f"EarlyStopping(patience) must be an int >= 0, got {patience!r}")
        self.patience = patience
        self.wait = 0
        self._best = Best(compare, min_delta, baseline, "EarlyStopping(compare)")
        self._best_epoch = 0

    def on_begin(self, data: Data) -> None:
        if self.system.epoch_idx == 0:  # a resumed run goes on with what it knew
            self._best.reset()
            self.wait, self._best_epoch = 0, 0

    def on_epoch_end(self, data: Data) -> None:
        monitor = self.inputs[0]
        if monitor not in data:  # not measured in this epoch: a schedule left its source out
            return
        if self._best.update(data[monitor]):
            self.wait, self._best_epoch = 0, self.system.epoch_idx
            return
        self.wait += 1
        if self.wait >= self.patience:
            self.system.stop_training = True
            tqdm.write(
                f"FastEstimator-EarlyStopping: '{monitor}' triggered an early stop. Its best value was "
                f"{self._best.value} at epoch {self._best_epoch}"
            )

    def state_dict(self) -> dict[str, Any]:
        return {"best": self._best.state_dict(), "best_epoch": self._best_epoch, "wait": self.wait}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._best.load_state_dict(state["best"])
        self._best_epoch, self.wait = state["best_epoch"], state["wait"]
