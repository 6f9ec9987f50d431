"""HistoryRecorder: writes a run into the database of runs, and never stands in its way."""

from __future__ import annotations

import json
import os
import platform
import socket
import sqlite3
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import fastestimator_lite
from fastestimator_lite._settings import settings
from fastestimator_lite.backend.card import card_of
from fastestimator_lite.backend.framework import framework_of_model
from fastestimator_lite.schedule.schedule import Scheduler, values_of
from fastestimator_lite.summary.history.database import (
    RUNNING,
    VARIABLE,
    birth_of,
    history_file,
    is_locked,
    is_recording,
    open_database,
    transaction,
    trim,
)
from fastestimator_lite.util.log import warn

if TYPE_CHECKING:
    from fastestimator_lite.summary.system import System

_START_PATIENCE = 0.5  # seconds that a run waits for a lock before it begins,
_FLUSH_PATIENCE = 0.05  # while it goes on,
_END_PATIENCE = 1.0  # and when it is over
_FLUSH_SECONDS = 5.0
_ERROR_CHARS = 20_000  # of a long error, the end tells most
_LIBRARIES = ("torch", "tensorflow", "keras", "numpy")


class HistoryRecorder:
    """Records a fit or a test.

    It stands around it as a context manager::

        with HistoryRecorder(system, "train.py"):
            ...  # runs; what the Logger prints is recorded as well

    It writes a row at the start, so that a killed run leaves a trace, and fills it in at the end. Whatever goes wrong
    with the database becomes one warning, and the run goes on unrecorded.

    Args:
        system: The state of the run.
        est_path: The script that it is started from.
        db_path: File of the database; None for the place that `record_history` or the environment chose, where both may
            say that nothing is recorded.
    """

    def __init__(self, system: System, est_path: str, db_path: str | None = None) -> None:
        self.system = system
        self.est_path = est_path
        self.db_path = db_path
        self._connection: sqlite3.Connection | None = None
        self._pid = self._run = 0
        self._begin = self._flushed = 0.0
        self._file = ""
        self._lines: list[str] = []

    def __enter__(self) -> HistoryRecorder:
        self._begin = self._flushed = time.monotonic()
        self._pid = os.getpid()
        self._lines = []
        if self.db_path is not None or is_recording():
            self._safely(self._start)
        if self._connection is not None:
            self.system.log_sinks.append(self.write)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.write in self.system.log_sinks:
            self.system.log_sinks.remove(self.write)
        if self._is_open():
            self._safely(lambda: self._finish(error))
            self._close()

    def write(self, output: str) -> None:
        """Take text for the log of the run. It is kept in memory and written every few seconds.

        Args:
            output: The text, line ends included.
        """
        if not self._is_open():
            return
        self._lines.append(output)
        if time.monotonic() - self._flushed >= _FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write the text that is waiting. If the database is locked, the text waits on."""
        if self._is_open():
            self._safely(self._flush)

    def _is_open(self) -> bool:
        # a forked process must not touch the connection of its parent
        return self._connection is not None and os.getpid() == self._pid

    def _safely(self, work: Callable[[], None]) -> None:
        """Do something; if it fails, say so once and record nothing more."""
        try:
            work()
        except Exception as err:  # noqa: BLE001 - no error of a side system may reach training
            self._close()
            where = "" if self._file in str(err) else f" ({self._file})"
            warn(
                f"this run is not recorded in the history, and goes on without: {type(err).__name__}: {err}{where}. "
                f"Set the environment variable {VARIABLE} to another file, or to off"
            )

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except sqlite3.Error as err:
                warn(f"the history of runs could not be closed: {err}")

    # ---- what is written

    def _start(self) -> None:
        self._file = str(history_file(self.db_path))
        row = describe(self.system, self.est_path)
        connection = self._connection = open_database(self.db_path, _START_PATIENCE)
        places = ", ".join("?" * len(row))
        cursor = connection.execute(
            f"INSERT INTO history ({', '.join(row)}) VALUES ({places})", tuple(map(_storable, row.values()))
        )
        self._run = cursor.lastrowid or 0
        self._wait_for_locks(_FLUSH_PATIENCE)

    def _flush(self) -> None:
        self._flushed = time.monotonic()
        try:
            self._store_lines()
        except sqlite3.OperationalError as err:
            if not is_locked(err):
                raise

    def _store_lines(self) -> None:
        if self._connection is None or not self._lines:
            return
        count = len(self._lines)
        # A run that was deleted meanwhile has no log.
        self._connection.execute(
            "INSERT INTO logs (run, text) SELECT pk, ? FROM history WHERE pk = ?",
            (_storable("".join(self._lines[:count])), self._run),
        )
        del self._lines[:count]

    def _finish(self, error: BaseException | None) -> None:
        if self._connection is None:
            return
        text = None if error is None else "".join(traceback.format_exception(error))[-_ERROR_CHARS:]
        row = {
            "status": _status(error, self.system.summary.stopped),
            "finished": _now(),
            "seconds": round(time.monotonic() - self._begin, 3),
            "steps": self.system.global_step,
            "error": text,
        }
        self._wait_for_locks(_END_PATIENCE)
        with transaction(self._connection):
            self._store_lines()
            self._connection.execute(
                f"UPDATE history SET {', '.join(f'{name} = ?' for name in row)} WHERE pk = ?",
                (*map(_storable, row.values()), self._run),
            )
            trim(self._connection)

    def _wait_for_locks(self, seconds: float) -> None:
        if self._connection is not None:
            self._connection.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")


def running_script() -> str:
    """The file that this program was started with; "" in a console or notebook."""
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    if not main:
        return ""
    called = sys.argv[0] if sys.argv and Path(sys.argv[0]).is_file() else main
    return str(Path(called).absolute())


def describe(system: System, est_path: str) -> dict[str, Any]:
    """What is known of a run at its start, by column of the table `history`; lists and dictionaries are JSON.

    Args:
        system: The state of the run.
        est_path: The script that it is started from.
    """
    pipeline, network = system.pipeline, system.network
    modes = ("test",) if system.mode == "test" else ("train", "eval")
    data = {(mode, ds_id): item for mode in modes for ds_id, item in pipeline.data.get(mode, {}).items()}
    parts = [*network.slicers, *network.ops, *network.postprocessing]
    versions = {
        "fastestimator_lite": fastestimator_lite.__version__,
        "python": platform.python_version(),
        **{name: str(getattr(sys.modules[name], "__version__", "")) for name in _LIBRARIES if name in sys.modules},
    }
    return {
        "file": est_path,
        "experiment": system.summary.name,
        "mode": ", ".join(dict.fromkeys(mode for mode, _ in data)),
        "status": RUNNING,
        "started": _now(),
        "epochs": system.total_epochs,
        "steps": system.global_step,
        "framework": ", ".join(dict.fromkeys(framework_of_model(model).NAME for model in network.models)),
        "num_gpus": system.num_devices,
        "versions": json.dumps(versions),
        "args": json.dumps(sys.argv[1:]),
        "features": json.dumps(_features(system, [*data.values(), *pipeline.ops, *parts, *system.traces])),
        "datasets": json.dumps(
            [
                f"{mode} {ds_id}: {name}" if ds_id else f"{mode}: {name}"
                for (mode, ds_id), item in data.items()
                for name in _class_names([item])
            ]
        ),
        "pipeline": json.dumps(_class_names(pipeline.ops)),
        "network": json.dumps(_class_names(parts)),
        "traces": json.dumps(_class_names(system.traces)),
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "birth": birth_of(os.getpid()),
    }


def _class_names(items: Iterable[Any]) -> list[str]:
    return [type(value).__name__ for item in items for value in values_of(item)]


def _features(system: System, items: Iterable[Any]) -> list[str]:
    """What is special about a run."""
    cards = [card_of(model) for model in system.network.models]
    scheduled = [*items, *(card.optimizer for card in cards)]
    special = {
        "deterministic": settings().seed is not None,
        "mixed precision": any(card.mixed_precision for card in cards),
        "eager": bool(getattr(system.network, "eager", False)),
        "several GPUs": system.num_devices > 1,
    }
    return [
        *dict.fromkeys(type(item).__name__ for item in scheduled if isinstance(item, Scheduler)),
        *(name for name, used in special.items() if used),
    ]


def _status(error: BaseException | None, stopped: str) -> str:
    if error is None:
        return "Stopped" if stopped == "stop_training" else "Completed"
    return "Failed" if isinstance(error, Exception) else "Aborted"


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S")


def _storable(value: Any) -> Any:
    """Text that SQLite takes: names of files may hold bytes that are no Unicode."""
    return value.encode("utf-8", "backslashreplace").decode("utf-8") if isinstance(value, str) else value
