"""BestModelSaver: the weights with which a metric was best."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from fastestimator_lite.backend.card import card_of
from fastestimator_lite.backend.model import load_model, save_model
from fastestimator_lite.trace.adapt._best import Best, one_number
from fastestimator_lite.trace.io._folder import check_architecture, check_folder
from fastestimator_lite.trace.trace import Trace
from fastestimator_lite.util.errors import ConfigError
from fastestimator_lite.util.log import warn
from fastestimator_lite.util.names import check_file_name

if TYPE_CHECKING:
    from fastestimator_lite.types import Model
    from fastestimator_lite.util.data import Data


class BestModelSaver(Trace):
    """Save a model's weights whenever a metric is better than ever before, each time to the same file.

    It runs in mode "eval", writes `<name>_best_<metric>.pt` (torch) or `.h5` (Keras), and logs the best value as
    `<save_best_mode>_<metric>` and the number of epochs since as `since_best_<metric>`. NaN is never better.

    Args:
        model: A model from `fe.build`.
        save_dir: Folder, made if missing.
        metric: Key of the metric, a single number at the end of an epoch; None for the loss that the model is trained
            on.
        save_best_mode: "min" if smaller values are better, "max" if larger ones are.
        weights_name: File name without ending; None for `<name>_best_<metric>`.
        load_best_final: Whether the best weights are loaded into the model when the run ends, early or not.
        save_architecture: Whether a Keras model is saved whole as well, to be loaded without its code.

    Raises:
        ConfigError: If an argument is not as described, or `metric` is None and the model has several losses; at the
            start of training, if it has none, or if `save_dir` cannot be written to.
    """

    def __init__(
        self,
        model: Model,
        save_dir: str | os.PathLike[str],
        metric: str | None = None,
        save_best_mode: str = "min",
        weights_name: str | None = None,
        load_best_final: bool = False,
        save_architecture: bool = False,
    ) -> None:
        super().__init__(mode="eval")
        check_architecture(model, save_architecture, "BestModelSaver(save_architecture)")
        self.model = model
        self.save_dir = os.path.normpath(save_dir)
        self.save_best_mode = save_best_mode
        self.weights_name = weights_name
        self.load_best_final = load_best_final
        self.save_architecture = save_architecture
        self.since_best = 0
        self._best = Best(save_best_mode, name="BestModelSaver(save_best_mode)")
        self._path: str | None = None
        self._warned = False
        if metric is not None or card_of(model).loss_names:
            self._watch(metric or _only_loss(model))

    @property
    def metric(self) -> str:
        """Key of the metric."""
        if not self.inputs:  # the model was not in an UpdateOp when this trace was made
            self._watch(_only_loss(self.model))
        return self.inputs[0]

    @property
    def best(self) -> Any:
        """The best value so far, a numpy number; an infinity before there is one."""
        return self._best.value

    def _watch(self, metric: str) -> None:
        self.inputs = [metric]
        self.outputs = [f"since_best_{metric}", f"{self.save_best_mode}_{metric}"]
        self._file_name = check_file_name(self.weights_name or f"{card_of(self.model).name}_best_{metric}")

    def check(self) -> None:
        self.metric  # noqa: B018 - late or never: before training
        check_folder(self.save_dir, "BestModelSaver(save_dir)")

    def on_begin(self, data: Data) -> None:
        if self.system.epoch_idx == 0:  # a resumed run goes on with what it knew
            self._best.reset()
            self.since_best, self._path, self._warned = 0, None, False

    def on_epoch_end(self, data: Data) -> None:
        if self.metric not in data:  # not measured in this epoch: a schedule left its source out
            return
        self._warn_if_nan(data[self.metric])
        if self._best.update(data[self.metric]):
            self.since_best = 0
            self._path = save_model(
                self.model, self.save_dir, self._file_name, save_architecture=self.save_architecture
            )
            tqdm.write(f"FastEstimator-BestModelSaver: Saved model to {self._path}")
        else:
            self.since_best += 1
        data.write_with_log(self.outputs[0], self.since_best)
        data.write_with_log(self.outputs[1], self._best.value)

    def on_end(self, data: Data) -> None:
        if not self.load_best_final:
            return
        if self._path is None:
            warn(
                f"BestModelSaver(load_best_final=True) saved no model, because {self.metric!r} was never a number; "
                f"the model {card_of(self.model).name!r} keeps its last weights"
            )
            return
        tqdm.write(f"FastEstimator-BestModelSaver: Restoring model from {self._path}")
        load_model(self.model, self._path)

    def _warn_if_nan(self, value: Any) -> None:
        if not self._warned and np.isnan(one_number(value)):
            self._warned = True
            warn(
                f"BestModelSaver: {self.metric!r} is NaN at epoch {self.system.epoch_idx}, so the model "
                f"{card_of(self.model).name!r} was not saved; this is told once"
            )

    def state_dict(self) -> dict[str, Any]:
        return {"best": self._best.state_dict(), "since_best": self.since_best, "path": self._path}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._best.load_state_dict(state["best"])
        self.since_best, self._path = state["since_best"], state["path"]


def _only_loss(model: Model) -> str:
    card = card_of(model)
    if len(card.loss_names) != 1:
        names = ", ".join(map(repr, sorted(card.loss_names)))
        losses = f"several losses ({names})" if names else "no loss (no UpdateOp trains it)"
        raise ConfigError(
            f"BestModelSaver: the model {card.name!r} has {losses}, so name the metric: "
            f"BestModelSaver(model, save_dir, metric='...')"
        )
    return next(iter(card.loss_names))
