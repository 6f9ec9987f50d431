"""One worker process: it takes tasks, makes batches in shared memory and answers with the places of their arrays."""

from __future__ import annotations

import gc
import os
import pickle
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from fastestimator_lite.pipeline.plan import Job
from fastestimator_lite.pipeline.shared import Area

PROTOCOL = pickle.HIGHEST_PROTOCOL
END = b"end"  # no pickle begins so
STARTING = -2  # the note of a worker that has not begun
NOTE_NUMBERS = 2  # op position and sample index


def work(
    connection: Connection, maker: Callable[[Job, Any], Any], slots: list[Area], notes: Area, index: int, parent: int
) -> None:
    """A worker's life: take a task, make the batch, answer; until told to stop or the parent is gone.

    A forked worker shares its siblings' ends of the pipes, so only the process id of the parent tells that it is gone; in
    others the pipe ends with it (`parent` is 0).
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the main process's to handle
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    gc.freeze()  # what was inherited is never collected, so its pages stay shared
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    first = 8 * NOTE_NUMBERS * index
    note = memoryview(notes.memory)[first : first + 8 * NOTE_NUMBERS].cast("q")
    batch_maker: Any = None
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN | select.POLLHUP)
    while not parent or os.getppid() == parent:
        try:
            if not waiting.poll(1000):
                continue
            task = connection.recv_bytes()
        except (EOFError, OSError):
            break
        if task == END:
            break
        ticket, job, step, count, slot = pickle.loads(task)
        failure, contents, begin = None, [], time.perf_counter()
        try:
            if job is not None:
                batch_maker = None
                asked = job
            batch_maker = batch_maker or maker(asked, note)
            contents = _make(batch_maker, step, count, None if slot is None else slots[slot])
        except Exception as err:  # noqa: BLE001 - every error travels to the main process
            failure = (type(err).__name__, str(err), traceback.format_exc())
        try:
            seconds = time.perf_counter() - begin
            answer = pickle.dumps((ticket, step, slot, failure, contents, seconds), PROTOCOL)
        except Exception as err:  # noqa: BLE001 - a value that does not pickle
            text = f"a batch cannot be handed over from a worker: {type(err).__name__}: {err}"
            failure = ("DataError", text, traceback.format_exc())
            answer = pickle.dumps((ticket, step, slot, failure, [], 0.0), PROTOCOL)
        try:
            connection.send_bytes(answer)
        except OSError:
            break
    os._exit(0)  # the parent's exit handlers are not this process's to run


def _make(maker: Any, step: int, count: int, area: Area | None) -> list[dict[str, Any] | None]:
    """Make batches in an area, and leave the places of their arrays instead of them."""
    if area is None:
        return [maker.make(number, keep_globals=False) for number in range(step, step + count)]
    area.clear()
    contents: list[dict[str, Any] | None] = []
    for number in range(step, step + count):
        batch = maker.make(number, area.empty, keep_globals=False)
        contents.append(None if batch is None else {key: area.place(value) for key, value in batch.items()})
    return contents
