"""System: the state of a run, which every trace can reach as `trace.system`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastestimator_lite.backend.card import card_of
from fastestimator_lite.backend.convert import to_number
from fastestimator_lite.backend.model import load_model, save_model
from fastestimator_lite.schedule.curve import Horizon
from fastestimator_lite.summary.summary import Summary
from fastestimator_lite.util.atomic import write_text
from fastestimator_lite.util.errors import CheckpointError

if TYPE_CHECKING:
    from fastestimator_lite.network.base import BaseNetwork
    from fastestimator_lite.pipeline.pipeline import Pipeline


class System:
    """The state of a run.

    Args:
        network: The Network.
        pipeline: The Pipeline.
        traces: All traces.
        mode: Mode in force.
        ds_id: Data set id in force.
        num_devices: Number of GPUs.
        log_steps: Training steps between two log lines; 0 logs only at the end of epochs, None never.
        total_epochs: Epochs of the run.
        train_steps_per_epoch: Steps of a training epoch; None for one pass over the data.
        eval_steps_per_epoch: Steps of an eval epoch; None for one pass over the data.
        eval_log_steps: Steps of an eval epoch at which progress is logged.
        system_config: Tables about the set-up, for the summary.

    Attributes:
        epoch_idx: Epoch in force, from 1; 0 before training.
        global_step: Training steps taken over the whole run.
        data_wait: Seconds that training steps have waited for their batches.
        batch_idx: Batch in force within the epoch and data set, from 1.
        stop_training: Set it to True to end the run after the hook.
        summary: What was logged.
        experiment_time: When the run began, "YYYY-MM-DD HH:MM:SS".
        custom_graphs: Figures and summaries added by traces, by name.
        expected_steps: Batches of the whole run, training and eval; None if nobody knows.
        find_horizon: Finds out how many updates each epoch has; see `horizon`. The Estimator sets it.
        log_sinks: Who else gets the text that the Logger prints, line by line, such as the `write` of an open file.
    """

    def __init__(
        self,
        network: BaseNetwork,
        pipeline: Pipeline,
        traces: list[Any],
        mode: str | None = None,
        ds_id: str = "",
        num_devices: int = 0,
        log_steps: int | None = None,
        total_epochs: int = 0,
        train_steps_per_epoch: int | None = None,
        eval_steps_per_epoch: int | None = None,
        eval_log_steps: Sequence[int] = (),
        system_config: Any = None,
    ) -> None:
        self.network = network
        self.pipeline = pipeline
        self.traces = traces
        self.mode = mode
        self.ds_id = ds_id
        self.num_devices = num_devices
        self.log_steps = log_steps
        self.total_epochs = total_epochs
        self.train_steps_per_epoch = train_steps_per_epoch
        self.eval_steps_per_epoch = eval_steps_per_epoch
        self.eval_log_steps = eval_log_steps
        self.expected_steps: int | None = None
        self.epoch_steps: int | None = None
        self.find_horizon: Callable[[str | None], Horizon] | None = None
        self.log_sinks: list[Callable[[str], object]] = []
        self.reset(None, system_config)

    @property
    def steps_per_epoch(self) -> int | None:
        """Steps of an epoch in the mode in force; None for one pass over the data."""
        return {"train": self.train_steps_per_epoch, "eval": self.eval_steps_per_epoch}.get(self.mode or "")

    def horizon(self, model_name: str | None = None) -> Horizon:
        """How long the run is, by the updates of each epoch.

        Args:
            model_name: The model whose updates count: a step that only gathers gradients is none, and neither is one
                that does not train it. None for training steps.

        Returns:
            The horizon; one without steps where some data has no known length.
        """
        return Horizon(()) if self.find_horizon is None else self.find_horizon(model_name)

    def update_global_step(self) -> None:
        """Count a training step."""
        self.global_step += 1

    def update_batch_idx(self) -> None:
        """Count a batch."""
        self.batch_idx += 1

    def reset(self, summary_name: str | None = None, system_config: Any = None) -> None:
        """Go back to before training.

        Args:
            summary_name: Name for the new summary.
            system_config: Tables about the set-up, for the summary.
        """
        self.mode = "train"
        self.ds_id = ""
        self.epoch_idx = 0
        self.global_step = 0
        self.data_wait = 0.0
        self.batch_idx = 0
        self.stop_training = False
        self.summary = Summary(summary_name, system_config)
        self.custom_graphs: dict[str, list[Any]] = {}
        self.experiment_time = time.strftime("%Y-%m-%d %H:%M:%S")

    def reset_for_test(self, summary_name: str | None = None) -> None:
        """Get ready for a test, keeping what training logged.

        Args:
            summary_name: A new name for the summary; None keeps the old one.
        """
        self.mode = "test"
        self.ds_id = ""
        self.batch_idx = 0
        self.stop_training = False
        if not self.epoch_idx:
            self.epoch_idx = self.total_epochs
        if summary_name is not None:
            self.summary.name = summary_name

    def write_summary(self, key: str, value: Any) -> None:
        """Log a value for the mode and step in force.

        Args:
            key: Key of the value.
            value: A number, a string, or a tensor, which is turned into numpy.
        """
        self.summary.history[self.mode or ""][key][self.global_step] = (
            value if isinstance(value, str) else to_number(value)
        )

    def add_graph(self, graph_name: str, graph: Any) -> None:
        """Keep a figure or summary for reports; the same one is kept once."""
        known = self.custom_graphs.setdefault(graph_name, [])
        if all(graph is not one for one in known):
            known.append(graph)

    def state_dict(self) -> dict[str, Any]:
        """Where the run stands. What the script chose (epochs, log steps) is not part of it."""
        return {
            "epoch_idx": self.epoch_idx,
            "global_step": self.global_step,
            "batch_idx": self.batch_idx,
            "stop_training": self.stop_training,
            "experiment_time": self.experiment_time,
            "summary": self.summary.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        for name in ("epoch_idx", "global_step", "batch_idx", "stop_training", "experiment_time"):
            setattr(self, name, state[name])
        self.summary.load_state_dict(state["summary"])

    def save_state(self, save_dir: str) -> None:
        """Save where the run stands: counters and log as JSON, and the models with their optimizers.

        Args:
            save_dir: Folder, made if missing.
        """
        for model in self.network.models:
            trained = card_of(model).optimizer is not None
            save_model(model, save_dir, save_optimizer=trained)
        cards = {card.name: card.state_dict() for card in map(card_of, self.network.models)}
        state = {"system": self.state_dict(), "pipeline": self.pipeline.state_dict(), "models": cards}
        write_text(Path(save_dir) / "system.json", json.dumps(state, default=_plain))

    def load_state(self, load_dir: str) -> None:
        """Go on where `save_state` was called.

        Args:
            load_dir: The folder.

        Raises:
            CheckpointError: If a file is missing or of another run.
        """
        path = Path(load_dir) / "system.json"
        if not path.exists():
            raise CheckpointError(f"{load_dir} holds no saved run: there is no system.json")
        state = json.loads(path.read_text(encoding="utf-8"))
        for model in self.network.models:
            card = card_of(model)
            found = [path for ending in ("pt", "h5") if (path := Path(load_dir) / f"{card.name}.{ending}").exists()]
            if not found:
                raise CheckpointError(f"{load_dir} holds no weights of model {card.name!r}")
            load_model(model, found[0], load_optimizer=card.optimizer is not None)
            card.load_state_dict(state["models"][card.name])
        self.load_state_dict(state["system"])
        self.pipeline.load_state_dict(state["pipeline"])


def _plain(value: Any) -> Any:
    """Arrays and numpy numbers for JSON."""
    return to_number(value).tolist()
