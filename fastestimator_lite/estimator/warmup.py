"""Warmup: find out before the first step what cannot work."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np

from fastestimator_lite.backend.framework import framework_of_model
from fastestimator_lite.component import When
from fastestimator_lite.estimator.moments import Moments
from fastestimator_lite.network.base import Step
from fastestimator_lite.pipeline.loader import Loader
from fastestimator_lite.schedule.schedule import EpochScheduler, get_signature_epochs, select, values_of
from fastestimator_lite.summary.system import System
from fastestimator_lite.trace.essential import EvalEssential, TestEssential, TrainEssential
from fastestimator_lite.trace.order import check_trace_keys
from fastestimator_lite.util.errors import MissingKeyError, suggest
from fastestimator_lite.util.log import warn

_ESSENTIAL = (TrainEssential, EvalEssential, TestEssential)


class Warmup:
    """Checks keys at every epoch where something changes, and tries each distinct plan on one batch.

    Args:
        system: The run.
        moments: Its steps and loaders.
        monitor_names: Keys that the user wants to see in the log.
    """

    def __init__(self, system: System, moments: Moments, monitor_names: Collection[str]) -> None:
        self._system, self._moments, self._asked_for = system, moments, monitor_names
        self._traces = [trace for item in system.traces for trace in values_of(item)]

    def run(self, modes: Sequence[str], tries: bool) -> None:
        """Check.

        Args:
            modes: Modes of the run.
            tries: Whether plans are tried, which changes neither weights nor random state.

        Raises:
            ConfigError: If something cannot work; it says what.
            MissingKeyError: If somebody reads a key that nothing brings.
        """
        for trace in self._traces:
            trace.check()
        if modes[0] == "train":
            self._warn_of_schedules()
        seen: set[tuple[Any, ...]] = set()
        unread: dict[str, bool] = {}  # by key of the data, in order
        with self._unchanged() if tries else contextlib.nullcontext():
            for when in self._moments.distinct(modes):
                step, loader = self._checked(when, unread)
                identity = (loader.plan.identity, step.plan.identity)
                if tries and identity not in seen:
                    seen.add(identity)
                    _try(step, loader)
        if modes[0] == "train":
            self._system.network.set_optimizers(1)
        keys = [key for key, is_unread in unread.items() if is_unread]
        if keys:
            warn(
                f"nothing reads the key{'s' * (len(keys) > 1)} {', '.join(map(repr, keys))} of the Pipeline, so "
                f"{'they are' if len(keys) > 1 else 'it is'} left out of the batches; name a key in the inputs of a "
                f"TensorOp or Trace to keep it"
            )

    def _checked(self, when: When, unread: dict[str, bool]) -> tuple[Step, Loader]:
        """The step and loader of a moment, once it is clear that every key will be there."""
        moments = self._moments
        from_data = moments.everything(when).sample_keys()
        plan = self._system.network.plan(when)
        plan.check_keys(from_data)
        brought = {*from_data, *plan.output_keys()}
        moments.brought[when.mode, when.ds_id] = brought
        traces = select(self._system.traces, when)
        in_force = {op.loss_name for op in plan.updates}  # a loss may be scheduled to begin later
        self._check_monitored({*self._asked_for, *in_force}, brought, when)
        check_trace_keys(
            [trace for trace in traces if not isinstance(trace, _ESSENTIAL)],
            moments.ds_ids(when),
            brought,
            f" (mode {when.mode!r}, epoch {when.epoch})",
        )
        step, loader = moments.load(when)
        needed = step.plan.keys_of_batch()
        if needed is not None:
            for key in from_data:
                unread[key] = unread.get(key, True) and key not in needed
        return step, loader

    def _check_monitored(self, names: Collection[str], brought: Collection[str], when: When) -> None:
        ds_ids = self._moments.ds_ids(when)
        traces = [trace for trace in self._traces if not isinstance(trace, _ESSENTIAL)]
        made = {key for trace in traces for key in trace.get_outputs(ds_ids)}
        missing = sorted(name for name in names if name not in brought and name not in made)
        if missing:
            raise MissingKeyError(
                f"monitor_names asks for {', '.join(map(repr, missing))} (mode {when.mode!r}, epoch {when.epoch}), "
                f"which nothing brings; there are: {', '.join(map(repr, sorted(brought)))}."
                f"{suggest(missing[0], brought)}"
            )

    def _warn_of_schedules(self) -> None:
        """Tell of entries that never come, and of epochs in which a model is run and updated out of step."""
        system, total = self._system, self._system.total_epochs
        items = {id(item): item for mode in system.pipeline.data for item in self._moments.scheduled_items(mode)}
        for item in items.values():
            late = sorted(key for key in item.epoch_dict if key > total) if isinstance(item, EpochScheduler) else []
            for key in late:
                warn(
                    f"the run has {total} epoch{'s' * (total > 1)}, so what a schedule has for epoch {key} never "
                    f"comes: {item.epoch_dict[key]!r:.100}"
                )
        for epoch in get_signature_epochs(system.network.ops, total, "train"):
            if not system.pipeline.get_ds_ids(epoch, "train"):
                continue
            for name, is_run in system.network.out_of_step(epoch).items():
                if is_run:
                    warn(
                        f"at epoch {epoch} the model {name!r} is run in training, but not updated; schedule the "
                        f"ModelOp like the UpdateOp, unless that is meant"
                    )
                else:
                    warn(
                        f"at epoch {epoch} the model {name!r} is updated, but no ModelOp runs it in training; schedule "
                        f"the UpdateOp like the ModelOp"
                    )

    @contextlib.contextmanager
    def _unchanged(self) -> Iterator[None]:
        """Leave models, optimizers in force and random states as they were."""
        homes: dict[Any, list[Any]] = {}
        for model in self._system.network.models:
            homes.setdefault(framework_of_model(model), []).append(model)
        python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002 - scripts may draw from it
        with contextlib.ExitStack() as stack:
            for home, models in homes.items():
                stack.enter_context(home.unchanged(models))
            try:
                yield
            finally:
                random.setstate(python_state)
                np.random.set_state(numpy_state)  # noqa: NPY002


def _try(step: Step, loader: Loader) -> None:
    batch = next(iter(loader.in_main_process(look=True)))
    try:
        step.dry(batch)
    except Exception as err:
        if hasattr(err, "add_note"):
            err.add_note("found while trying one batch before training (fit(warmup=False) skips this)")
        raise
