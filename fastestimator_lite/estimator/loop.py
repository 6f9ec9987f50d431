"""The innermost loop of a run: the batches of one data set, the network's step on each, and the traces around it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from fastestimator_lite.network.base import Step
from fastestimator_lite.pipeline.loader import Loader
from fastestimator_lite.summary.system import System
from fastestimator_lite.trace.essential import is_logged
from fastestimator_lite.trace.runner import TraceRunner
from fastestimator_lite.util.data import Data
from fastestimator_lite.util.errors import NonFiniteError

# A call of several steps takes its batches first, and nobody can look on or stop the run meanwhile
_LONGEST_WAIT = 0.05  # seconds


class Stopped(Exception):
    """Somebody set stop_training."""


class Loop:
    """One pass over the batches of a data set.

    Args:
        system: The run.
        step: The network's step.
        loader: The batches.
        runner: The traces in force.
        steps_per_call: The most steps in one call of the framework where no trace needs to see one; None if the step may
            find out.
    """

    def __init__(
        self, system: System, step: Step, loader: Loader, runner: TraceRunner, steps_per_call: int | None
    ) -> None:
        self._system, self._step, self._loader = system, step, loader
        self._before, self._after = runner.hooks["on_batch_begin"], runner.hooks["on_batch_end"]
        self._watchers = runner.watchers()
        self._steps_per_call = steps_per_call

    def run(self) -> None:
        """Go through the batches.

        Raises:
            Stopped: If a trace asked for it.
            NonFiniteError: Told with the step and the samples.
        """
        several = self._step.takes_several and self._steps_per_call != 1 and self._system.mode == "train"
        try:
            if several:
                self._run_several()
            else:
                self._run_each()
            self._step.settle()
        except NonFiniteError as err:
            raise _placed(err, self._system, self._loader) from None
        except Exception as err:
            self._step.explain(err)
            raise

    def _run_each(self) -> None:
        system, step, before, after = self._system, self._step, self._before, self._after
        training, waits, clock = system.mode == "train", step.waits, time.perf_counter
        mark = clock()
        for batch in self._loader:
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
                raise Stopped
            mark = clock()

    def _run_several(self) -> None:
        """The same in training, with one call for several steps that no trace needs to see."""
        system, step = self._system, self._step
        batches = _Batches(iter(self._loader), system)
        while not batches.ended:
            count = self._unseen(self._steps_per_call or step.steps_per_call)
            if count < 2:
                for batch in batches.take(1):
                    self._one(batch)
                continue
            try:
                step.many(batches.take(count), count)
            finally:
                system.global_step += step.reached
                system.batch_idx += step.reached

    def _unseen(self, most: int) -> int:
        """How many of the next steps, from the very next one on, no trace needs to see."""
        step = self._system.global_step
        for count in range(most):
            step += 1
            for trace in self._watchers:
                if trace.needs_step(step):
                    return count
        return most

    def _one(self, batch: dict[str, Any]) -> None:
        """A step that a trace may look at."""
        system = self._system
        system.global_step += 1
        system.batch_idx += 1
        data = Data(batch)
        for hook in self._before:
            hook(data)
        begin = time.perf_counter()
        data.update(self._step(batch))
        self._step.took(time.perf_counter() - begin)
        for hook in self._after:
            hook(data)
        if system.stop_training:
            raise Stopped


class _Batches:
    """Batches to be taken a few at a time; what goes wrong in making one comes up once those before it are used."""

    def __init__(self, batches: Iterator[dict[str, Any]], system: System) -> None:
        self._batches, self._system = batches, system
        self._error: Exception | None = None
        self.ended = False

    def take(self, most: int) -> Iterator[dict[str, Any]]:
        """The next batches, fewer than asked for if they are slow to come, or none are left."""
        if self._error is not None:
            raise self._error
        clock, system = time.perf_counter, self._system
        mark = begin = clock()
        for number in range(most):
            try:
                batch = next(self._batches)
            except StopIteration:
                self.ended = True
                return
            except Exception as err:
                if not number:
                    raise
                self._error = err
                return
            now = clock()
            system.data_wait += now - mark
            yield batch
            mark = clock()
            if mark - begin > _LONGEST_WAIT:
                return


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
