"""Estimator: asks every schedulable part of a run what it is at each epoch, and drives the loop."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from fastestimator_lite.backend.device import get_num_gpus
from fastestimator_lite.component import When
from fastestimator_lite.estimator.loop import Loop, Stopped
from fastestimator_lite.estimator.moments import Moments
from fastestimator_lite.estimator.warmup import Warmup
from fastestimator_lite.network.base import BaseNetwork
from fastestimator_lite.pipeline.pipeline import Pipeline
from fastestimator_lite.pipeline.verify import check_ds_ids_exist
from fastestimator_lite.schedule.curve import Horizon
from fastestimator_lite.schedule.schedule import (
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
)
from fastestimator_lite.trace.forecast import Forecast
from fastestimator_lite.trace.horizon import horizon_of
from fastestimator_lite.trace.order import sort_traces
from fastestimator_lite.trace.runner import TraceRunner
from fastestimator_lite.trace.trace import Trace
from fastestimator_lite.util.data import Data
from fastestimator_lite.util.errors import ConfigError
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
        steps_per_call: The most training steps that TensorFlow runs in one call where no trace needs to see each of them
            (`Trace.needs_step`); None to find out: many while a step is short, one where it is long. Results are the
            same. It changes nothing in torch, where a call costs little.

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
        steps_per_call: int | None = None,
    ) -> None:
        _check_kind(pipeline, Pipeline, "pipeline")
        _check_kind(network, BaseNetwork, "network")
        _check_count(epochs, "epochs")
        _check_count(train_steps_per_epoch, "train_steps_per_epoch", optional=True)
        _check_count(eval_steps_per_epoch, "eval_steps_per_epoch", optional=True)
        _check_count(steps_per_call, "steps_per_call", optional=True)
        check_log_steps(log_steps)
        self.steps_per_call = steps_per_call
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
        self._moments = Moments(self.system)
        self._warmup = Warmup(self.system, self._moments, self._asked_for)

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
        self._warmup.run(("train", "eval"), warmup)
        self.system.expected_steps = self._moments.expected_steps()
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
        self._warmup.run(("test",), False)
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
        except Stopped:
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
        system = self.system
        system.ds_id, system.batch_idx = when.ds_id or "", 0
        step, loader = self._moments.load(when)
        system.epoch_steps = loader.steps
        runner = self._runner(when)
        runner.run("on_ds_begin")
        Loop(system, step, loader, runner, self.steps_per_call).run()
        return runner.run("on_ds_end")

    def _runner(self, when: When) -> TraceRunner:
        """The hooks of the traces in force; equal selections share one."""
        traces = select(self._traces, when)
        identity = tuple(map(id, traces))
        if identity not in self._runners:
            self._runners[identity] = TraceRunner(self._sorted(traces))
        return self._runners[identity]

    def _sorted(self, traces: list[Trace]) -> list[Trace]:
        return sort_traces(traces, {ds_id for by_id in self.pipeline.data.values() for ds_id in by_id if ds_id})

    def _stop_if_asked(self) -> None:
        if self.system.stop_training:
            raise Stopped

    def _horizon(self, model_name: str | None) -> Horizon:
        if model_name not in self._horizons:
            self._horizons[model_name] = horizon_of(self.system, model_name)
        return self._horizons[model_name]

    # ---- looking ahead

    def get_scheduled_items(self, mode: str) -> list[Any]:
        """Everything of a mode that may be a Scheduler: of the Pipeline, the Network and the traces."""
        return self._moments.scheduled_items(mode)

    def timeline(self) -> Timeline:
        """What every part of the run is at every epoch; nothing is run. Print it to see what changes when."""
        return Forecast(self.system, self._user_traces).timeline()

    def fe_summary(self) -> list[str]:
        """One line for each part, for reports."""
        return [
            *self.pipeline.fe_summary(),
            *self.network.fe_summary(),
            *(line for trace in self._all_traces for line in trace.fe_summary()),
        ]


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
