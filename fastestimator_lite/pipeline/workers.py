"""The worker pool: forked processes that make batches and write them straight into memory shared with the main one.

The pool is forked once and lives over epochs, modes and plan changes. A worker inherits the Pipeline as it was at the
fork, data and ops and lambdas included, so nothing is pickled on the way in; a task names the moment and the batch. On the
way out arrays lie in a slot of shared memory and only their places go through a pipe. The slots are anonymous mappings:
when the processes are gone, so are they.
"""

from __future__ import annotations

import collections
import contextlib
import mmap
import multiprocessing
import os
import signal
import sys
import traceback
import weakref
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple, NoReturn

import numpy as np

from fastestimator_lite.util import errors
from fastestimator_lite.util.errors import DataError, WorkerDied

SLOT_BYTES = 1 << 30  # address space, not memory: a page is taken when a batch first reaches it
_ALIGN = 64
_TASKS_AHEAD = 2  # per worker: one in the making, one waiting, so that a worker never idles between batches


class Job(NamedTuple):
    """The epoch of a data set that a pool makes batches for."""

    mode: str
    epoch: int
    ds_id: str
    steps: int
    endless: bool
    shuffle: bool
    wanted: tuple[str, ...] | None
    seed: int


class _Place(NamedTuple):
    """Where an array lies in a slot."""

    dtype: str
    shape: tuple[int, ...]
    offset: int


class WorkerPool:
    """Worker processes with their shared memory.

    Args:
        maker: Gives the `BatchMaker` of a job; called in the workers. Its second argument takes the note of what the
            worker is doing.
        size: Number of workers, >= 1.
        describe: Turns such a note (op position, sample index) into words for an error.
    """

    def __init__(self, maker: Callable[[Job, Any], Any], size: int, describe: Callable[[int, int], str]) -> None:
        context = multiprocessing.get_context("fork")
        self._describe = describe
        self._slots = [_reserve() for _ in range(_TASKS_AHEAD * size + 2)]
        self._free: collections.deque[int] = collections.deque(range(len(self._slots)))
        self._notes = mmap.mmap(-1, mmap.PAGESIZE * (1 + size * 16 // mmap.PAGESIZE))
        self._connections: list[Connection] = []
        self._processes = []
        self._ticket = 0
        for index in range(size):
            ours, theirs = context.Pipe()
            process = context.Process(
                target=_work,
                args=(theirs, maker, self._slots, self._notes, index, os.getpid()),
                name=f"fastestimator_lite worker {index}",
                daemon=True,
            )
            process.start()
            theirs.close()
            self._connections.append(ours)
            self._processes.append(process)
        self._finalizer = weakref.finalize(self, _shut, self._connections, self._processes)

    def batches(self, job: Job, start: int = 0) -> Iterator[dict[str, Any]]:
        """The batches of a job, in order.

        Args:
            job: The job.
            start: Number of the first batch.

        Raises:
            DataError: What went wrong in a worker, with its traceback; `WorkerDied` if one ended without an answer.
        """
        self._ticket += 1  # answers to an iteration that was given up are told apart by it
        ticket, todo = self._ticket, iter(range(start, job.steps))
        ready: dict[int, dict[str, Any] | None] = {}
        load = [0] * len(self._connections)
        wanted = start
        exhausted = False
        while True:
            while not exhausted and min(load) < _TASKS_AHEAD:
                if not self._free and any(load):
                    break  # the reader holds the slots of earlier batches; some will come free as tasks end
                step = next(todo, None)
                if step is None:
                    exhausted = True
                    break
                worker = load.index(min(load))
                slot = self._free.popleft() if self._free else None
                self._send(worker, (ticket, job, step, slot))
                load[worker] += 1
            while wanted in ready:
                batch = ready.pop(wanted)
                wanted += 1
                if batch is not None:
                    yield batch
            if exhausted and not any(load) and not ready:
                return
            if any(load):
                self._receive(ticket, load, ready)

    def _send(self, worker: int, task: tuple[Any, ...]) -> None:
        try:
            self._connections[worker].send(task)
        except (BrokenPipeError, ConnectionResetError):
            self._raise_death(worker)

    def _receive(self, ticket: int, load: list[int], ready: dict[int, dict[str, Any] | None]) -> None:
        """Wait for at least one answer and file it."""
        sentinels: dict[Any, int] = {process.sentinel: index for index, process in enumerate(self._processes)}
        source: Any
        for source in wait([*self._connections, *sentinels]):
            if source in sentinels:
                worker = sentinels[source]
                if not self._connections[worker].poll():
                    self._raise_death(worker)
                continue
            worker = self._connections.index(source)
            try:
                answered, step, slot, failure, content = source.recv()
            except (EOFError, ConnectionResetError):
                self._raise_death(worker)
            if answered != ticket:
                self._release(slot)
                continue
            load[worker] -= 1
            if failure is not None:
                self._release(slot)
                _raise_remote(*failure)
            ready[step] = self._open(slot, content)

    def _open(self, slot: int | None, content: dict[str, Any] | None) -> dict[str, Any] | None:
        """Turn places in a slot into arrays on it; the slot is free again when the last of them is gone."""
        places = [] if content is None else [key for key, value in content.items() if isinstance(value, _Place)]
        if content is None or slot is None or not places:
            self._release(slot)
            return content
        if len(self._free) < len(self._processes):  # a reader that keeps its batches must not starve the workers
            area = np.frombuffer(self._slots[slot], np.uint8)
            for key in places:
                content[key] = _view(area, content[key]).copy()
            self._release(slot)
            return content
        area = np.frombuffer(self._slots[slot], np.uint8)
        for key in places:
            content[key] = _view(area, content[key])
        weakref.finalize(area, self._free.append, slot).atexit = False
        return content

    def _release(self, slot: int | None) -> None:
        if slot is not None:
            self._free.append(slot)

    def _raise_death(self, worker: int) -> NoReturn:
        process = self._processes[worker]
        process.join(5)
        code = process.exitcode
        how = f"signal {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"
        note = np.frombuffer(self._notes, np.int64)[2 * worker : 2 * worker + 2].tolist()
        doing = self._describe(*note)
        self.close()
        hint = " The system kills processes when memory runs out: try a smaller num_process." if code == -9 else ""
        raise WorkerDied(
            f"worker process {process.pid} ended by {how} while {doing}.{hint} num_process=0 does the same work "
            f"in the main process, where a debugger can follow it"
        )

    @property
    def is_open(self) -> bool:
        """Whether the workers are there; they are not after `close`, or after one of them died."""
        return self._finalizer.alive

    def close(self) -> None:
        """End the workers; safe to call again."""
        self._finalizer()


def can_fork() -> bool:
    """Whether this system forks processes."""
    return "fork" in multiprocessing.get_all_start_methods() and sys.platform != "darwin"


def _reserve() -> mmap.mmap:
    flags = mmap.MAP_SHARED | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0x4000)
    size = SLOT_BYTES
    while True:
        try:
            return mmap.mmap(-1, size, flags=flags)
        except OSError:  # address space is limited here
            size //= 4
            if size < 1 << 20:
                raise


def _view(area: np.ndarray, place: _Place) -> np.ndarray:
    dtype = np.dtype(place.dtype)
    count = int(np.prod(place.shape, dtype=np.int64))
    return area[place.offset : place.offset + count * dtype.itemsize].view(dtype).reshape(place.shape)


def _shut(connections: list[Connection], processes: list[Any]) -> None:
    for connection in connections:
        with contextlib.suppress(OSError, ValueError):
            connection.send(None)
    for process in processes:
        process.join(0.5)
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


def _work(
    connection: Connection,
    maker: Callable[[Job, Any], Any],
    slots: list[mmap.mmap],
    notes: mmap.mmap,
    index: int,
    parent: int,
) -> None:
    """A worker's life: take a task, make the batch, answer; until told to stop or the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the main process's to handle
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if "cv2" in sys.modules:
        sys.modules["cv2"].setNumThreads(1)  # parallel work comes from the number of workers
    note = memoryview(notes).cast("q")[2 * index : 2 * index + 2]
    makers: dict[Job, Any] = {}
    while os.getppid() == parent:
        try:
            if not connection.poll(1.0):
                continue
            task = connection.recv()
        except (EOFError, OSError):
            break
        if task is None:
            break
        ticket, job, step, slot = task
        failure, content = None, None
        try:
            if job not in makers:
                makers = {job: maker(job, note)}
            content = makers[job].make(step)
            if slot is not None and content is not None:
                content = _place(content, slots[slot])
        except Exception as err:  # noqa: BLE001 - every error travels to the main process
            failure = (type(err).__name__, str(err), traceback.format_exc())
            content = None
        try:
            connection.send((ticket, step, slot, failure, content))
        except OSError:
            break
        except Exception as err:  # noqa: BLE001 - a value that does not pickle
            text = f"a batch cannot be handed over from a worker: {type(err).__name__}: {err}"
            connection.send((ticket, step, slot, ("DataError", text, traceback.format_exc()), None))
    os._exit(0)  # the parent's exit handlers are not this process's to run


def _place(batch: dict[str, Any], slot: mmap.mmap) -> dict[str, Any]:
    """Copy the arrays of a batch into a slot, as far as they fit, and leave their places instead."""
    area = np.frombuffer(slot, np.uint8)
    offset = 0
    placed: dict[str, Any] = {}
    for key, value in batch.items():
        if isinstance(value, np.ndarray) and value.dtype.kind in "biufc" and offset + value.nbytes <= len(area):
            place = _Place(value.dtype.str, value.shape, offset)
            _view(area, place)[...] = value
            placed[key] = place
            offset += -(-value.nbytes // _ALIGN) * _ALIGN
        else:
            placed[key] = value
    return placed
