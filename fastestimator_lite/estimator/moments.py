"""Moments: the network's step and the loader of each moment of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from fastestimator_lite.component import When
from fastestimator_lite.network.base import Step
from fastestimator_lite.pipeline.loader import Loader
from fastestimator_lite.schedule.schedule import Calendar, get_signature_epochs, select
from fastestimator_lite.summary.system import System
from fastestimator_lite.util.errors import ConfigError


class Moments:
    """What a run works with at each moment. Batches and steps bring just the keys that somebody reads.

    Args:
        system: The run.

    Attributes:
        brought: Keys that data and network bring, by mode and ds_id, as far as is known.
    """

    def __init__(self, system: System) -> None:
        self._system = system
        self.brought: dict[tuple[str | None, str | None], set[str]] = {}

    def load(self, when: When) -> tuple[Step, Loader]:
        """The step and the loader of a moment."""
        step = self._system.network.load(when, self.wanted(when))
        return step, self._system.pipeline.load(when, step.plan.keys_of_batch(), self.steps(when.mode))

    def everything(self, when: When) -> Loader:
        """The loader of a moment with all keys of the data."""
        loader: Loader = self._system.pipeline.load(when, None, self.steps(when.mode))
        return loader

    def steps(self, mode: str | None) -> int | None:
        """Steps that were asked for in an epoch of a mode; None for one pass over the data."""
        return {"train": self._system.train_steps_per_epoch, "eval": self._system.eval_steps_per_epoch}.get(mode or "")

    def wanted(self, when: When) -> set[str] | None:
        """The keys that traces read after the step; None for all."""
        traces = select(self._system.traces, when)
        read = {key for trace in traces for key in trace.inputs}
        if "*" in read:
            return None
        made = {key for trace in traces for key in trace.get_outputs(self.ds_ids(when))}
        return read - (made - self.brought.get((when.mode, when.ds_id), set()))

    def ds_ids(self, when: When) -> list[str]:
        """The named data sets in force in the mode and epoch of a moment."""
        ids = self._system.pipeline.get_ds_ids(when.epoch or 1, when.mode or "")
        return [ds_id for ds_id in ids if ds_id]

    def scheduled_items(self, mode: str) -> list[Any]:
        """Everything of a mode that may be a Scheduler: of the Pipeline, the Network and the traces."""
        system = self._system
        return [
            *system.pipeline.get_scheduled_items(mode),
            *system.network.get_scheduled_items(mode),
            *system.traces,
        ]

    def distinct(self, modes: Sequence[str]) -> Iterator[When]:
        """Moments that show, between them, everything that will be in force.

        Args:
            modes: Modes of the run.

        Raises:
            ConfigError: If there is never any data to train on.
        """
        system = self._system
        for mode in modes:
            if mode == "test":
                epochs = [system.epoch_idx]
            else:
                epochs = get_signature_epochs(self.scheduled_items(mode), system.total_epochs, mode)
            found = False
            for epoch in epochs:
                for ds_id in system.pipeline.get_ds_ids(epoch, mode):
                    found = True
                    yield When(mode, epoch, ds_id)
            if mode == "train" and not found:
                raise ConfigError(
                    f"the train data is empty in all of the {system.total_epochs} epochs; schedule it from epoch 1"
                )

    def expected_steps(self) -> int | None:
        """Batches of the whole run, or None if some data has no known length."""
        system, total = self._system, 0
        for mode in ("train", "eval"):
            for epoch, count in Calendar(self.scheduled_items(mode), system.total_epochs).groups():
                for ds_id in system.pipeline.get_ds_ids(epoch, mode):
                    steps = self.everything(When(mode, epoch, ds_id)).steps
                    if steps is None:
                        return None
                    total += count * steps
        return total
