"""The worker pool: processes that make batches and write them straight into memory shared with the main one.

The pool is started once and lives over epochs, modes and plan changes. A forked worker inherits the Pipeline as it is, data
and ops and lambdas included; one that is spawned, or forked by a server, gets it pickled. A task names the moment and the
batch. On the way out arrays lie in a slot of shared memory and only their places go through a pipe.
"""

from __future__ import annotations

import collections
import contextlib
import mmap
import multiprocessing
import os
import pickle
import selectors
import signal
import sys
import time
import warnings
import weakref
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any, NoReturn

import numpy as np

from fastestimator_lite.pipeline.plan import Job
from fastestimator_lite.pipeline.shared import Area, Place, reserve
from fastestimator_lite.pipeline.starting import one_thread_each
from fastestimator_lite.pipeline.worker import END, NOTE_NUMBERS, PROTOCOL, STARTING, work
from fastestimator_lite.util import errors
from fastestimator_lite.util.errors import ConfigError, DataError, WorkerDied
from fastestimator_lite.util.log import warn

SLOT_BYTES = 1 << 30
_TASKS_AHEAD = 2  # per worker: one in the making, one waiting, so that a worker never idles between batches
_TASK_SECONDS = 0.002  # of work are worth asking for
_MOST_BATCHES = 32  # in one task
_SILENCE_SECONDS = 60.0  # after which a user wants to know what is going on


class WorkerPool:
    """Worker processes with their shared memory.

    Args:
        maker: Gives the `BatchMaker` of a job; called in the workers. Its second argument takes the note of what the
            worker is doing.
        size: Number of workers, >= 1.
        describe: Turns such a note (op position, sample index), with the job, into words for an error.
        method: "fork", "forkserver" or "spawn".
        timeout: Seconds after which a worker that makes no progress is an error; None for never.

    Raises:
        ConfigError: If the Pipeline cannot be pickled and `method` needs that.

    Attributes:
        size: Number of workers.
    """

    def __init__(
        self,
        maker: Callable[[Job, Any], Any],
        size: int,
        describe: Callable[[int, int, Job | None], str],
        method: str,
        timeout: float | None = None,
    ) -> None:
        context: Any = multiprocessing.get_context(method)
        self.size = size
        self._describe, self._timeout = describe, timeout
        self._slots = [reserve(SLOT_BYTES) for _ in range(_TASKS_AHEAD * size + 2)]
        self._free: collections.deque[int] = collections.deque(range(len(self._slots)))
        self._notes = Area(mmap.PAGESIZE * (1 + size * 8 * NOTE_NUMBERS // mmap.PAGESIZE))
        self._notes.bytes().view(np.int64)[:] = STARTING
        self._connections: list[Connection] = []
        self._processes: list[Any] = []
        self._selector = selectors.DefaultSelector()
        self._jobs: list[Job | None] = [None] * size  # the job that each worker knows
        self._seconds = _TASK_SECONDS  # that a batch takes
        self._ticket = 0
        self._finalizer = weakref.finalize(self, _shut, self._connections, self._processes, self._selector)
        try:
            with one_thread_each(), warnings.catch_warnings():
                # Python 3.12 warns of forking beside threads; the workers touch nothing that a thread may have held
                warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*fork.*")
                for index in range(size):
                    self._start(context, index, maker, os.getpid() if method == "fork" else 0)
        except (pickle.PicklingError, AttributeError, TypeError) as err:
            self.close()
            raise ConfigError(
                f"worker processes started by {method!r} need a Pipeline that can be pickled: {err}. Define functions and "
                f"classes at the top of a module (no lambda), or use start_method='fork' or num_process=0"
            ) from err
        except BaseException:
            self.close()
            raise

    def _start(self, context: Any, index: int, maker: Callable[[Job, Any], Any], parent: int) -> None:
        """Start one worker; `parent` as for `work`."""
        ours, theirs = context.Pipe()
        self._connections.append(ours)
        process = context.Process(
            target=work,
            args=(theirs, maker, self._slots, self._notes, index, parent),
            name=f"fastestimator_lite worker {index}",
            daemon=True,
        )
        process.start()
        theirs.close()
        self._processes.append(process)
        self._selector.register(ours, selectors.EVENT_READ, index)
        self._selector.register(process.sentinel, selectors.EVENT_READ, ~index)

    def batches(self, job: Job, start: int = 0) -> Iterator[tuple[int, dict[str, Any]]]:
        """The batches of a job with their numbers, in order; without those whose samples were all filtered.

        Args:
            job: The job; its number of steps is known.
            start: Number of the first batch.

        Raises:
            DataError: What went wrong in a worker, with its traceback; `WorkerDied` if one ended without an answer.
        """
        self._ticket += 1  # answers to an iteration that was given up are told apart by it
        ticket, total = self._ticket, job.steps or 0
        ready: dict[int, dict[str, Any] | None] = {}
        load = [0] * len(self._connections)
        wanted = step = start
        while True:
            while step < total and min(load) < _TASKS_AHEAD:
                if not self._free and any(load):
                    break  # the reader holds the slots of earlier batches; some will come free as tasks end
                worker = load.index(min(load))
                slot = self._free.popleft() if self._free else None
                count = self._task_length(total - step)
                self._send(worker, ticket, job, step, count, slot)
                load[worker] += 1
                step += count
            while wanted in ready:
                batch = ready.pop(wanted)
                wanted += 1
                if batch is not None:
                    yield wanted - 1, batch
            if step >= total and not any(load) and not ready:
                return
            if any(load):
                self._receive(ticket, load, ready)

    def _task_length(self, left: int) -> int:
        """How many batches to ask for at once: small ones would cost less than asking for them."""
        fitting = int(_TASK_SECONDS / max(self._seconds, 1e-9))
        return max(1, min(fitting, _MOST_BATCHES, left // (2 * self.size)))

    def _send(self, worker: int, ticket: int, job: Job, step: int, count: int, slot: int | None) -> None:
        is_known = self._jobs[worker] == job
        if not is_known:
            self._jobs[worker], self._seconds = job, _TASK_SECONDS
        task = pickle.dumps((ticket, None if is_known else job, step, count, slot), PROTOCOL)
        try:
            self._connections[worker].send_bytes(task)
        except (BrokenPipeError, ConnectionResetError):
            self._raise_death(worker)

    def _receive(self, ticket: int, load: list[int], ready: dict[int, dict[str, Any] | None]) -> None:
        """Wait for at least one answer and file it."""
        for worker in self._wait(load):
            if worker < 0:
                if not self._connections[~worker].poll():
                    self._raise_death(~worker)
                continue
            try:
                answered, step, slot, failure, contents, seconds = pickle.loads(self._connections[worker].recv_bytes())
            except (EOFError, ConnectionResetError):
                self._raise_death(worker)
            if answered != ticket:
                self._release(slot)
                continue
            load[worker] -= 1
            if failure is not None:
                self._release(slot)
                _raise_remote(*failure)
            self._seconds += (seconds / len(contents) - self._seconds) / 4
            ready.update(enumerate(self._open(slot, contents), step))

    def _wait(self, load: list[int]) -> list[int]:
        """Wait until workers have something to say; notice when one that has work makes no progress.

        Returns:
            Numbers of workers that have answered, and ~number of those that have ended.
        """
        pause = min(_SILENCE_SECONDS, self._timeout or _SILENCE_SECONDS) / 4
        said = [key.data for key, _ in self._selector.select(pause)]
        if said:
            return said
        since = time.monotonic()
        progress = {worker: (self._note(worker), since) for worker, count in enumerate(load) if count}
        warned = False
        while not said:
            said = [key.data for key, _ in self._selector.select(pause)]
            now = time.monotonic()
            for worker, (note, begin) in progress.items():
                current = self._note(worker)
                if current != note:
                    progress[worker] = current, now
                elif self._timeout is not None and now - begin > 0.75 * self._timeout:
                    self._raise_hang(worker, note)
                elif now - begin > 0.75 * _SILENCE_SECONDS and not warned:
                    warned = True
                    warn(
                        f"worker process {self._processes[worker].pid} has been busy for over "
                        f"{_SILENCE_SECONDS:.0f} s while {self._doing(worker, note)}; Pipeline(data_timeout=SECONDS) makes "
                        f"that an error"
                    )
        return said

    def _note(self, worker: int) -> tuple[int, ...]:
        first = NOTE_NUMBERS * worker
        return tuple(self._notes.bytes().view(np.int64)[first : first + NOTE_NUMBERS].tolist())

    def _doing(self, worker: int, note: tuple[int, ...]) -> str:
        return self._describe(note[0], note[1], self._jobs[worker])

    def _open(self, slot: int | None, contents: list[dict[str, Any] | None]) -> list[dict[str, Any] | None]:
        """Turn places in a slot into arrays on it; the slot is free again when the last of them is gone."""
        if slot is None:
            return contents
        area = self._slots[slot]
        base = area.bytes()
        is_scarce = len(self._free) < self.size  # a reader that keeps its batches must not starve the workers
        is_used = False
        for content in contents:
            for key, value in (content or {}).items():
                if isinstance(value, Place):
                    array = area.view(value, base)
                    content[key] = array.copy() if is_scarce else array  # type: ignore[index]
                    is_used = True
        if is_scarce or not is_used:
            self._release(slot)
        else:
            weakref.finalize(base, self._free.append, slot).atexit = False
        return contents

    def _release(self, slot: int | None) -> None:
        if slot is not None:
            self._free.append(slot)

    def _raise_death(self, worker: int) -> NoReturn:
        process = self._processes[worker]
        process.join(5)
        code = process.exitcode
        how = f"signal {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"
        doing = self._doing(worker, self._note(worker))
        self.close()
        hint = ""
        if code == -signal.SIGKILL:
            import resource  # not there on every system, and neither is this signal

            scale = 1 if sys.platform == "darwin" else 1024
            megabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * scale / 2**20
            hint = (
                f" The system kills processes when memory runs out (the largest of the workers took {megabytes:.0f} MB): "
                f"try a smaller num_process."
            )
        raise WorkerDied(
            f"worker process {process.pid} ended by {how} while {doing}.{hint} num_process=0 does the same work "
            f"in the main process, where a debugger can follow it"
        )

    def _raise_hang(self, worker: int, note: tuple[int, ...]) -> NoReturn:
        process = self._processes[worker]
        doing = self._doing(worker, note)
        self.close()
        raise DataError(
            f"worker process {process.pid} made no progress for {self._timeout:g} s (data_timeout) while {doing}; "
            f"num_process=0 does the same work in the main process, where a debugger can follow it"
        )

    @property
    def is_open(self) -> bool:
        """Whether the workers are there; they are not after `close`, or after one of them died."""
        return self._finalizer.alive

    def close(self) -> None:
        """End the workers; safe to call again."""
        self._finalizer()


def _shut(connections: list[Connection], processes: list[Any], selector: selectors.BaseSelector) -> None:
    selector.close()
    for connection in connections:
        with contextlib.suppress(OSError, ValueError):
            connection.send_bytes(END)
    deadline = time.monotonic() + 0.5
    for process in processes:
        process.join(max(deadline - time.monotonic(), 0.0))
        if process.is_alive():
            process.kill()
            process.join(5)
    for connection in connections:
        connection.close()


def _raise_remote(kind: str, text: str, trace: str) -> NoReturn:
    error = getattr(errors, kind, DataError)(text)
    raise error from _RemoteError(trace)


class _RemoteError(Exception):
    """The traceback of an error in a worker process."""

    def __str__(self) -> str:
        return f"\n\nIn the worker process:\n{self.args[0]}"
