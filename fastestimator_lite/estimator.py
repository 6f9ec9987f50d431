"""Estimator: asks every schedulable part of a run what it is at each epoch, and drives the loop."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from fastestimator_lite._settings import change
from fastestimator_lite.backend.determinism import seed_frameworks
from fastestimator_lite.backend.device import get_num_gpus
from fastestimator_lite.backend.framework import framework_of_model
from fastestimator_lite.component import When
from fastestimator_lite.network.base import BaseNetwork, Step
from fastestimator_lite.pipeline.loader import Loader
from fastestimator_lite.pipeline.pipeline import Pipeline
from fastestimator_lite.pipeline.verify import check_ds_ids_exist
from fastestimator_lite.schedule.curve import Horizon
from fastestimator_lite.schedule.schedule import (
    Calendar,
    EpochScheduler,
    get_signature_epochs,
    select,
    values_of,
    words_for_epoch,
)
from fastestimator_lite.schedule.timeline import Timeline
from fastestimator_lite.summary.history.recorder import HistoryRecorder, running_script
from fastestimator_lite.summary.summary import Summary
from fastestimator_lite.summary.system import System
from fastestimator_lite.trace.essential import (
    EvalEssential,
    Logger,
    TestEssential,
    TrainEssential,
    check_log_steps,
    is_logged,
)
from fastestimator_lite.trace.forecast import Forecast
from fastestimator_lite.trace.horizon import horizon_of
from fastestimator_lite.trace.order import check_trace_keys, sort_traces
from fastestimator_lite.trace.runner import TraceRunner
from fastestimator_lite.trace.trace import Trace
from fastestimator_lite.util.data import Data
from fastestimator_lite.util.errors import ConfigError, MissingKeyError, NonFiniteError, suggest
from fastestimator_lite.util.log import warn
from fastestimator_lite.util.names import filter_nones, to_list, to_set


class Estimator:
    """Trains a Network on a Pipeline's data, with traces looking on.

    Args:
        pipeline: Makes the batches.
        network: Works on them.
        epochs: Number of epochs, >= 1.
        train_steps_per_epoch: Steps of a training epoch: longer than the data goes round again, shorter cuts; None for
            one pass.
        eval_steps_per_epoch: The same for eval epochs.
        traces: Traces and Schedulers of traces; None entries are skipped.
        log_steps: Training steps between two log lines; 0 logs only at the end of epochs, None prints nothing.
        eval_log_steps: Steps of an eval epoch at which progress is printed; () for the first, the thirds and the last.
        monitor_names: Keys to log beside the losses.

    Raises:
        ConfigError: If an argument cannot work; see the message.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        network: BaseNetwork,
        epochs: int,
        train_steps_per_epoch: int | None = None,
        eval_steps_per_epoch: int | None = None,
        traces: Any = None,
        log_steps: int | None = 100,
        eval_log_steps: Sequence[int] = (),
        monitor_names: None | str | Iterable[str] = None,
    ) -> None:
        _check_kind(pipeline, Pipeline, "pipeline")
        _check_kind(network, BaseNetwork, "network")
        _check_count(epochs, "epochs")
        _check_count(train_steps_per_epoch, "train_steps_per_epoch", optional=True)
        _check_count(eval_steps_per_epoch, "eval_steps_per_epoch", optional=True)
        check_log_steps(log_steps)
        self._asked_for = to_set(monitor_names)
        self.monitor_names = self._asked_for | network.get_loss_keys()
        self._user_traces = filter_nones(to_list(traces))
        for index, item in enumerate(self._user_traces):
            for trace in values_of(item):
                if not isinstance(trace, Trace):
                    raise ConfigError(
                        f"trace #{index} of the Estimator must be a Trace, got {type(trace).__name__}: {trace!r:.100}"
                        f"{words_for_epoch(item, trace)}"
                    )
        check_ds_ids_exist(network.ops, pipeline.data, "op", "the Network")
        check_ds_ids_exist(network.postprocessing, pipeline.data, "op", "the Network's pops")
        check_ds_ids_exist(network.slicers, pipeline.data, "slicer", "the Network")
        check_ds_ids_exist(self._user_traces, pipeline.data, "trace", "the Estimator")
        essentials = [
            TrainEssential(self.monitor_names),
            EvalEssential(self.monitor_names),
            TestEssential(self.monitor_names),
        ]
        self._traces = [*essentials, *self._user_traces, Logger()]
        self.system = System(
            network=network,
            pipeline=pipeline,
            traces=self._traces,
            num_devices=get_num_gpus(),
            log_steps=log_steps,
            total_epochs=epochs,
            train_steps_per_epoch=train_steps_per_epoch,
            eval_steps_per_epoch=eval_steps_per_epoch,
            eval_log_steps=tuple(eval_log_steps),
        )
        self._all_traces = [trace for item in self._traces for trace in values_of(item)]
        for trace in self._all_traces:
            trace.system = self.system
        self.system.find_horizon = self._horizon
        self._horizons: dict[str | None, Horizon] = {}
        self._runners: dict[tuple[int, ...], TraceRunner] = {}
        self._brought: dict[str, set[str]] = {}

    @property
    def pipeline(self) -> Pipeline:
        """The Pipeline."""
        return self.system.pipeline

    @property
    def network(self) -> BaseNetwork:
        """The Network."""
        return self.system.network

    @property
    def traces(self) -> list[Any]:
        """The traces, those of the system included."""
        return self._traces

    # ---- running

    def fit(self, summary: str | None = None, warmup: bool = True, eager: bool = False) -> Summary:
        """Train.

        Each epoch trains on the data of mode "train", then evaluates on that of mode "eval"::

            check everything that can be checked
            for epoch in 1..epochs:
                ask every schedulable part for its value
                for mode in train, eval (if it has data):
                    for batch in the Pipeline: the Network's step

        Args:
            summary: Name for the returned summary.
            warmup: Whether each distinct plan is tried on one batch first. It changes neither weights nor random state.
            eager: Whether TensorFlow works op by op instead of by graph, for debugging.

        Returns:
            What was logged, and why the run ended.

        Raises:
            ConfigError: If there is no training data, or something cannot work.
            MissingKeyError: If an op or trace asks for a key that nothing brings.
        """
        if "train" not in self.pipeline.get_modes():
            raise ConfigError(
                "the Pipeline has no train data; fit() has nothing to do. Give it train_data, or call test()"
            )
        self.system.reset(summary)
        self.network.begin_run()
        self._horizons.clear()
        self.network.eager = eager
        self._check(("train", "eval"), warmup)
        self.system.expected_steps = self._expected_steps()
        return self._guarded(self._train, ("train", "eval"))

    def test(self, summary: str | None = None, eager: bool = False) -> Summary:
        """Run the data of mode "test" once.

        Args:
            summary: Name for the returned summary; None keeps that of training.
            eager: Whether TensorFlow works op by op instead of by graph, for debugging.

        Returns:
            What was logged.

        Raises:
            ConfigError: If there is no test data.
        """
        self.system.reset_for_test(summary)
        if "test" not in self.pipeline.get_modes(self.system.epoch_idx):
            raise ConfigError(f"the Pipeline has no test data at epoch {self.system.epoch_idx}; give it test_data")
        self.network.eager = eager
        self._check(("test",), False)
        return self._guarded(lambda: self._run_epoch(When("test", self.system.epoch_idx)), ("test",))

    def _train(self) -> None:
        for epoch in range(self.system.epoch_idx + 1, self.system.total_epochs + 1):
            self.system.epoch_idx = epoch
            self.network.set_optimizers(epoch)
            for mode in ("train", "eval"):
                if self.pipeline.get_ds_ids(epoch, mode):
                    self._run_epoch(When(mode, epoch))

    def _guarded(self, work: Any, modes: Sequence[str]) -> Summary:
        """Run on record, with on_begin before and on_end (or on_exception) after, whatever happens."""
        with HistoryRecorder(self.system, running_script()):
            return self._attended(work, modes)

    def _attended(self, work: Any, modes: Sequence[str]) -> Summary:
        system = self.system
        runner = TraceRunner(self._sorted([trace for trace in self._all_traces if trace.mode & set(modes)]))
        system.mode = modes[0]
        try:
            runner.run("on_begin")
            self._stop_if_asked()
            work()
            if "train" in modes or not system.summary.stopped:  # a test after a fit leaves its reason alone
                system.summary.stopped = "finished"
        except _Stopped:
            system.summary.stopped = "stop_training"
        except BaseException as error:
            system.summary.stopped = type(error).__name__
            _end_after_error(runner.traces, error)
            raise
        finally:
            self.pipeline.close()
        system.mode = modes[0]
        runner.run("on_end")
        return system.summary

    def _run_epoch(self, when: When) -> None:
        system = self.system
        system.mode, system.batch_idx = when.mode, 0
        around = self._runner(when)
        around.run("on_epoch_begin")
        self._stop_if_asked()
        end = Data()
        for ds_id in self.pipeline.get_ds_ids(when.epoch or 1, when.mode or ""):
            for key, value in self._run_data_set(When(when.mode, when.epoch, ds_id)).read_logs().items():
                end.write_with_log(key, value)
        system.ds_id = ""
        if when.mode == "train":
            self.network.end_epoch()
        around.run("on_epoch_end", end)
        self._stop_if_asked()

    def _run_data_set(self, when: When) -> Data:
        """Go through one data set; what traces write at its end is for the log of the epoch."""
        system, training = self.system, when.mode == "train"
        system.ds_id, system.batch_idx = when.ds_id or "", 0
        step, loader = self._load(when)
        system.epoch_steps = loader.steps
        runner = self._runner(when)
        runner.run("on_ds_begin")
        before, after = runner.hooks["on_batch_begin"], runner.hooks["on_batch_end"]
        clock, waits = time.perf_counter, step.waits
        mark = clock()
        try:
            for batch in loader:
                if training:
                    system.global_step += 1
                    system.data_wait += clock() - mark
                system.batch_idx += 1
                if before:
                    data = Data(batch)
                    for hook in before:
                        hook(data)
                    data.update(step(batch))
                else:
                    data = Data(step(batch))
                for hook in after:
                    hook(data)
                if waits and is_logged(system.global_step, system.log_steps):
                    step.settle()
                if system.stop_training:
                    raise _Stopped
                mark = clock()
            step.settle()
        except NonFiniteError as err:
            raise _placed(err, system, loader) from None
        return runner.run("on_ds_end")

    def _load(self, when: When) -> tuple[Step, Loader]:
        """The network's step and the loader of a moment, each bringing just the keys that somebody reads."""
        step = self.network.load(when, self._wanted(when))
        return step, self.pipeline.load(when, step.plan.keys_of_batch(), self._steps(when.mode))

    def _steps(self, mode: str | None) -> int | None:
        return {"train": self.system.train_steps_per_epoch, "eval": self.system.eval_steps_per_epoch}.get(mode or "")

    def _wanted(self, when: When) -> set[str] | None:
        """The keys that traces read after the step; None for all."""
        traces = select(self._traces, when)
        read = {key for trace in traces for key in trace.inputs}
        if "*" in read:
            return None
        made = {key for trace in traces for key in trace.get_outputs(self._ds_ids(when))}
        return read - (made - self._brought.get(f"{when.mode}|{when.ds_id}", set()))

    def _runner(self, when: When) -> TraceRunner:
        """The hooks of the traces in force; equal selections share one."""
        traces = select(self._traces, when)
        identity = tuple(map(id, traces))
        if identity not in self._runners:
            self._runners[identity] = TraceRunner(self._sorted(traces))
        return self._runners[identity]

    def _sorted(self, traces: list[Trace]) -> list[Trace]:
        return sort_traces(traces, {ds_id for by_id in self.pipeline.data.values() for ds_id in by_id if ds_id})

    def _ds_ids(self, when: When) -> list[str]:
        return [ds_id for ds_id in self.pipeline.get_ds_ids(when.epoch or 1, when.mode or "") if ds_id]

    def _stop_if_asked(self) -> None:
        if self.system.stop_training:
            raise _Stopped

    # ---- checking beforehand

    def _check(self, modes: Sequence[str], warmup: bool) -> None:
        """Check keys at every epoch where something changes, and try each distinct plan on one batch."""
        for trace in self._all_traces:
            trace.check()
        if modes[0] == "train":
            self._warn_of_schedules()
        seen: set[tuple[Any, ...]] = set()
        unread: dict[str, None] = {}
        with self._unchanged() if warmup else contextlib.nullcontext():
            for when in self._distinct_moments(modes):
                step, loader = self._checked(when, unread)
                identity = (loader.plan.identity, step.plan.identity)
                if warmup and identity not in seen:
                    seen.add(identity)
                    self._try(step, loader)
        if modes[0] == "train":
            self.network.set_optimizers(1)
        if unread:
            warn(
                f"nothing reads the key{'s' * (len(unread) > 1)} {', '.join(map(repr, unread))} of the Pipeline, so "
                f"{'they are' if len(unread) > 1 else 'it is'} left out of the batches; name a key in the inputs of a TensorOp or Trace "
                f"to keep it"
            )

    def _distinct_moments(self, modes: Sequence[str]) -> Iterator[When]:
        """Moments that show, between them, everything that will be in force."""
        for mode in modes:
            if mode == "test":
                epochs = [self.system.epoch_idx]
            else:
                epochs = get_signature_epochs(self.get_scheduled_items(mode), self.system.total_epochs, mode)
            found = False
            for epoch in epochs:
                for ds_id in self.pipeline.get_ds_ids(epoch, mode):
                    found = True
                    yield When(mode, epoch, ds_id)
            if mode == "train" and not found:
                raise ConfigError(
                    f"the train data is empty in all of the {self.system.total_epochs} epochs; schedule it from epoch 1"
                )

    def _checked(self, when: When, unread: dict[str, None]) -> tuple[Step, Loader]:
        """The step and loader of a moment, once it is clear that every key will be there."""
        from_data = self.pipeline.load(when, None, self._steps(when.mode)).sample_keys()
        plan = self.network.plan(when)
        plan.check_keys(from_data)
        brought = {*from_data, *plan.output_keys()}
        self._brought[f"{when.mode}|{when.ds_id}"] = brought
        traces = select(self._traces, when)
        in_force = {op.loss_name for op in plan.updates}  # a loss may be scheduled to begin later
        _check_monitored(self._asked_for | in_force, brought, self._all_traces, self._ds_ids(when), when)
        essential = (TrainEssential, EvalEssential, TestEssential)
        check_trace_keys(
            [trace for trace in traces if not isinstance(trace, essential)],
            self._ds_ids(when),
            brought,
            f" (mode {when.mode!r}, epoch {when.epoch})",
        )
        step, loader = self._load(when)
        needed = step.plan.keys_of_batch()
        if needed is not None:
            unread.update(dict.fromkeys(key for key in from_data if key not in needed))
        return step, loader

    def _warn_of_schedules(self) -> None:
        """Tell of entries that never come, and of epochs in which a model is run and updated out of step."""
        total = self.system.total_epochs
        items = {id(item): item for mode in self.pipeline.data for item in self.get_scheduled_items(mode)}
        for item in items.values():
            late = sorted(key for key in item.epoch_dict if key > total) if isinstance(item, EpochScheduler) else []
            for key in late:
                warn(
                    f"the run has {total} epoch{'s' * (total > 1)}, so what a schedule has for epoch {key} never "
                    f"comes: {item.epoch_dict[key]!r:.100}"
                )
        for epoch in get_signature_epochs(self.network.ops, total, "train"):
            if not self.pipeline.get_ds_ids(epoch, "train"):
                continue
            for name, is_run in self.network.out_of_step(epoch).items():
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

    def _horizon(self, model_name: str | None) -> Horizon:
        if model_name not in self._horizons:
            self._horizons[model_name] = horizon_of(self.system, model_name)
        return self._horizons[model_name]

    def _try(self, step: Step, loader: Loader) -> None:
        batch = next(iter(loader.in_main_process(look=True)))
        try:
            step.dry(batch)
        except Exception as err:
            if hasattr(err, "add_note"):
                err.add_note("found while trying one batch before training (fit(warmup=False) skips this)")
            raise

    @contextlib.contextmanager
    def _unchanged(self) -> Iterator[None]:
        """Leave models, optimizers in force and random states as they were."""
        homes: dict[Any, list[Any]] = {}
        for model in self.network.models:
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

    # ---- looking ahead

    def get_scheduled_items(self, mode: str) -> list[Any]:
        """Everything of a mode that may be a Scheduler: of the Pipeline, the Network and the traces."""
        return [*self.pipeline.get_scheduled_items(mode), *self.network.get_scheduled_items(mode), *self._traces]

    def timeline(self) -> Timeline:
        """What every part of the run is at every epoch; nothing is run. Print it to see what changes when."""
        return Forecast(self.system, self._user_traces).timeline()

    def _expected_steps(self) -> int | None:
        """Batches of the whole run, or None if some data has no known length."""
        total = 0
        for mode in ("train", "eval"):
            for epoch, count in Calendar(self.get_scheduled_items(mode), self.system.total_epochs).groups():
                for ds_id in self.pipeline.get_ds_ids(epoch, mode):
                    steps = self.pipeline.load(When(mode, epoch, ds_id), None, self._steps(mode)).steps
                    if steps is None:
                        return None
                    total += count * steps
        return total

    def fe_summary(self) -> list[str]:
        """One line for each part, for reports."""
        return [
            *self.pipeline.fe_summary(),
            *self.network.fe_summary(),
            *(line for trace in self._all_traces for line in trace.fe_summary()),
        ]


class _Stopped(Exception):
    """Somebody set stop_training."""


def _placed(err: NonFiniteError, system: System, loader: Loader) -> NonFiniteError:
    """An error that also says at which step it happened, and on which samples of the data set."""
    batch = system.batch_idx - err.steps_ago
    told = f"step {system.global_step - err.steps_ago} (epoch {system.epoch_idx}, batch {batch}): {err}"
    size = loader.plan.batch_size
    if size is not None:
        first = (batch - 1) * size
        draws = [first + row for row in err.rows[:8]] or range(first, first + min(size, 8))
        try:
            indices = [loader.replay(draw).index for draw in draws]
        except Exception:  # noqa: BLE001 - not all data can be read again, and the error at hand matters more
            indices = []
        if indices:
            more = ", ..." if len(indices) < (len(err.rows) or size) else ""
            which = "these are" if err.rows else "the batch holds"
            told += f"; {which} {', '.join(map(str, indices))}{more} of the data set"
    advice = "" if err.steps_ago else ". The step moved no parameter; UpdateOp(nan='skip') leaves such steps out"
    found = NonFiniteError(told + advice)
    found.rows, found.steps_ago = err.rows, err.steps_ago
    return found


def _end_after_error(traces: Sequence[Trace], error: BaseException) -> None:
    """Let every trace end; what fails on the way is told, and the first error stays the one that is raised."""
    data = Data()
    for trace in traces:
        try:
            trace.on_exception(data, error)
        except Exception as err:  # noqa: BLE001 - the first error is the one to raise
            warn(
                f"{type(trace).__name__} failed while ending after {type(error).__name__}: {type(err).__name__}: {err}"
            )


def _check_monitored(
    names: Iterable[str], brought: set[str], traces: Sequence[Trace], ds_ids: Sequence[str], when: When
) -> None:
    essential = (TrainEssential, EvalEssential, TestEssential)
    made = {key for trace in traces if not isinstance(trace, essential) for key in trace.get_outputs(ds_ids)}
    missing = sorted(set(names) - brought - made)
    if missing:
        raise MissingKeyError(
            f"monitor_names asks for {', '.join(map(repr, missing))} (mode {when.mode!r}, epoch {when.epoch}), "
            f"which nothing brings; there are: {', '.join(map(repr, sorted(brought)))}."
            f"{suggest(missing[0], brought)}"
        )


def _check_kind(value: Any, kind: type, name: str) -> None:
    if not isinstance(value, kind):
        wanted = "fe.Pipeline(...)" if kind is Pipeline else "fe.Network(...)"
        raise ConfigError(f"Estimator({name}) must be a {wanted}, got {type(value).__name__}: {value!r:.100}")


def _check_count(value: Any, name: str, optional: bool = False) -> None:
    if value is None and optional:
        return
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ConfigError(
            f"Estimator({name}) must be an int >= 1{' or None' if optional else ''}, got {value!r}"
            f" ({type(value).__name__})"
        )


def enable_deterministic(seed: int) -> None:
    """Make runs repeat: the same seed gives the same batches, and with the framework's help the same weights.

    Call it before models are built. It seeds Python and numpy now, and each framework that is loaded now or by the time of the
    next `build`, and asks for deterministic kernels.

    Args:
        seed: Any int >= 0.

    Raises:
        ConfigError: If it is none.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ConfigError(f"enable_deterministic(seed) takes an int >= 0, got {seed!r}")
    change(seed=seed, seeded=frozenset())
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - scripts may draw from it
    seed_frameworks()


def record_history(path: bool | str) -> None:
    """Choose where runs are recorded.

    Args:
        path: A file for the database; True for the default place, False for nowhere.
    """
    if not isinstance(path, (bool, str)):
        raise ConfigError(f"record_history(path) takes a file name, True or False, got {path!r}")
    change(history_path=None if path is True else path)
