"""The database of runs: where it lies, its tables, how many runs it keeps, and which of them were killed."""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from fastestimator_lite._settings import settings
from fastestimator_lite.util.errors import ConfigError

VARIABLE = "FASTESTIMATOR_LITE_HISTORY"
RUNNING, GONE = "Running", "Aborted/unknown"

_OFF, _ON = {"off", "0", "false", "no"}, {"on", "1", "true", "yes", ""}
_APPLICATION = 0x46454C48  # "FELH", by which SQLite files of one program are told from those of others
_VERSION = 1
_PATIENCE = 5.0  # seconds that a person waits for a lock; a run waits much less, see recorder.py
# A write-ahead log needs memory shared between all who write, which a network file system cannot give.
_NETWORK_KINDS = ("nfs", "cifs", "smb", "lustre", "gpfs", "beegfs", "ceph", "afs", "9p", "fuse")

# pk never comes back (AUTOINCREMENT): the end of a deleted run must not be written into a newer one.
# Lists and dictionaries are JSON; times are local, "YYYY-MM-DD HH:MM:SS"; birth tells apart processes of one pid.
_SCHEMA = (
    """CREATE TABLE history (
        pk INTEGER PRIMARY KEY AUTOINCREMENT, file TEXT, experiment TEXT, mode TEXT, status TEXT,
        started TEXT, finished TEXT, seconds REAL, epochs INTEGER, steps INTEGER,
        framework TEXT, num_gpus INTEGER, versions TEXT, args TEXT,
        features TEXT, datasets TEXT, pipeline TEXT, network TEXT, traces TEXT,
        error TEXT, host TEXT, pid INTEGER, birth TEXT)""",
    "CREATE INDEX history_running ON history(host) WHERE status = 'Running'",
    "CREATE TABLE logs (part INTEGER PRIMARY KEY, run INTEGER REFERENCES history(pk) ON DELETE CASCADE, text TEXT)",
    "CREATE INDEX logs_of_run ON logs(run)",
    "CREATE TABLE settings (n_keep INTEGER, n_keep_logs INTEGER)",
    "INSERT INTO settings VALUES (500, 200)",
    f"PRAGMA application_id = {_APPLICATION}",
    f"PRAGMA user_version = {_VERSION}",
)


class _ForeignDatabase(ConfigError):
    """A database that another program made."""


def connect(db_path: str | None = None) -> sqlite3.Connection:
    """Open the database of runs, making it if there is none.

    Tables: `history` has a row for each run, `logs` the printed lines of a run in parts, `settings` how much is kept.

    Args:
        db_path: The file; None for the place where runs are recorded, by default `~/fastestimator_data/history.db`
            (`history_lite.db` beside it if FastEstimator 1.x has its own history there).

    Returns:
        A connection in which each statement is its own transaction. Close it.

    Raises:
        ConfigError: If the file is the database of something else, or of a newer version.
        sqlite3.Error: If it is no database, or stays locked.
        OSError: If its folder cannot be made.
    """
    return open_database(db_path, _PATIENCE)


def delete(n_keep: int = 20, db_path: str | None = None) -> int:
    """Forget all but the latest runs.

    Args:
        n_keep: How many runs to keep, an int >= 0.
        db_path: The file; see `connect`.

    Returns:
        How many runs were forgotten.

    Raises:
        ConfigError: If `n_keep` is no such number.
    """
    _check_count(n_keep, "delete(n_keep)")
    with contextlib.closing(connect(db_path)) as connection, transaction(connection):
        return _keep_latest(connection, n_keep)


def update_settings(n_keep: int | None = None, n_keep_logs: int | None = None, db_path: str | None = None) -> None:
    """Choose how much a database keeps. It takes effect now and after each run.

    Args:
        n_keep: How many of the latest runs to keep, an int >= 0; None leaves it as it is (500 at first).
        n_keep_logs: How many of the latest runs to keep the printed lines of, an int >= 0; None leaves it as it is
            (200 at first).
        db_path: The file; see `connect`.

    Raises:
        ConfigError: If a number is not of that kind.
    """
    chosen = {"n_keep": n_keep, "n_keep_logs": n_keep_logs}
    for name, count in chosen.items():
        if count is not None:
            _check_count(count, f"update_settings({name})")
    with contextlib.closing(connect(db_path)) as connection, transaction(connection):
        connection.execute(
            "UPDATE settings SET n_keep = coalesce(:n_keep, n_keep), n_keep_logs = coalesce(:n_keep_logs, n_keep_logs)",
            chosen,
        )
        trim(connection)


# ---- where it lies


def is_recording() -> bool:
    """Whether runs are recorded: neither `record_history(False)` nor the environment says no."""
    return settings().history_path is not False and os.environ.get(VARIABLE, "").strip().lower() not in _OFF


def history_file(db_path: str | os.PathLike[str] | None = None) -> Path:
    """The file of the database, absolute.

    Args:
        db_path: A file, if the caller names one. Else that of `record_history`, else that of the environment variable
            FASTESTIMATOR_LITE_HISTORY (where off, 0 and false are no files), else the default place.
    """
    chosen = settings().history_path if db_path is None else db_path
    if isinstance(chosen, (str, os.PathLike)):
        return Path(chosen).expanduser().absolute()
    named = os.environ.get(VARIABLE, "").strip()
    if named.lower() not in _OFF | _ON:
        return Path(named).expanduser().absolute()
    return _default_file()


def _default_file() -> Path:
    return Path.home() / "fastestimator_data" / "history.db"


def open_database(db_path: str | None, patience: float) -> sqlite3.Connection:
    """`connect`, with the seconds to wait for a lock."""
    path = history_file(db_path)
    try:
        return _open(path, patience)
    except _ForeignDatabase:
        if path != _default_file():
            raise
        return _open(path.with_name("history_lite.db"), patience)


def open_empty() -> sqlite3.Connection:
    """A database in memory without runs."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    _prepare(connection, Path(":memory:"))
    return connection


def _open(path: Path, patience: float) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        # Not bound to one thread: log lines may come from another, and SQLite itself takes turns.
        connection = sqlite3.connect(path, timeout=patience, isolation_level=None, check_same_thread=False)
        try:
            _prepare_patiently(connection, path, time.monotonic() + patience)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as err:
        raise type(err)(f"{err}: {path}") from err
    return connection


def _prepare_patiently(connection: sqlite3.Connection, path: Path, deadline: float) -> None:
    while True:
        try:
            return _prepare(connection, path)
        except sqlite3.OperationalError as err:
            # While several processes make the database, SQLite gives up at some locks without waiting.
            if not is_locked(err) or time.monotonic() >= deadline:
                raise
            time.sleep(0.01)


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = NORMAL")
    if _is_ready(connection, path):
        return
    if not _is_on_network(path.parent):
        connection.execute("PRAGMA journal_mode = WAL")
    with transaction(connection):
        if not _is_ready(connection, path):
            for statement in _SCHEMA:
                connection.execute(statement)


def _is_ready(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether the tables are there; a file without any table is ours to fill."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if application == _APPLICATION:
        if version > _VERSION:
            raise ConfigError(
                f"{path} was written by a newer version of fastestimator_lite (format {version}, this "
                f"one knows {_VERSION}); name another file with {VARIABLE} or record_history"
            )
        return True
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise _ForeignDatabase(
            f"{path} is a database, but not of the runs of fastestimator_lite; name another file "
            f"with {VARIABLE} or record_history"
        )
    return False


def _is_on_network(folder: Path, mounts: str | os.PathLike[str] = "/proc/self/mounts") -> bool:
    """Whether a folder lies on a network file system, as far as the system tells."""
    try:
        fields = [line.split() for line in Path(mounts).read_text(encoding="utf-8", errors="replace").splitlines()]
    except OSError:
        return False
    places = {place: kind for _, place, kind, *_ in fields}  # of two mounts at one place the later hides the earlier
    holding = [place for place in places if folder.is_relative_to(place)]
    return bool(holding) and places[max(holding, key=len)].startswith(_NETWORK_KINDS)


# ---- what is in it


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All statements of the block, or none."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def is_locked(error: sqlite3.Error) -> bool:
    """Whether an error only means that somebody else is writing."""
    return "locked" in str(error)


def trim(connection: sqlite3.Connection) -> None:
    """Forget what is beyond the settings of the database."""
    n_keep, n_keep_logs = connection.execute("SELECT n_keep, n_keep_logs FROM settings").fetchone()
    _keep_latest(connection, n_keep)
    connection.execute(
        "DELETE FROM logs WHERE run <= (SELECT pk FROM history ORDER BY pk DESC LIMIT 1 OFFSET ?)", (n_keep_logs,)
    )


def _keep_latest(connection: sqlite3.Connection, n_keep: int) -> int:
    beyond = "SELECT pk FROM history ORDER BY pk DESC LIMIT 1 OFFSET ?"
    return connection.execute(f"DELETE FROM history WHERE pk <= ({beyond})", (n_keep,)).rowcount


def mark_gone(connection: sqlite3.Connection) -> None:
    """Note which runs of this host were killed: they never said how they ended, and their process is gone."""
    running = connection.execute(
        "SELECT pk, pid, birth FROM history WHERE status = 'Running' AND host = ?", (socket.gethostname(),)
    ).fetchall()
    gone = [(GONE, pk, RUNNING) for pk, pid, birth in running if not _is_alive(pid, birth)]
    if gone:
        with transaction(connection):
            connection.executemany("UPDATE history SET status = ? WHERE pk = ? AND status = ?", gone)


def birth_of(pid: int) -> str | None:
    """When a process began, in the words of the system.

    Args:
        pid: Process id on this host.

    Returns:
        The same text at every call for the same process, None if there is no such process, "" if nobody can tell.
    """
    if Path("/proc/self/stat").exists():
        try:
            # the name of the program, in brackets, may hold anything; state and starting time are fields 3 and 22
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        except OSError:
            return ""
        return None if fields[0] in ("Z", "X") else fields[19]
    if sys.platform != "win32":  # where signal 0 would not be a mere question
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return None
        except OSError:
            return ""
    return ""


def _is_alive(pid: int, birth: str | None) -> bool:
    now = birth_of(pid)
    return now is not None and (not now or not birth or now == birth)


def _check_count(count: int, name: str) -> None:
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise ConfigError(f"{name} must be an int >= 0, got {count!r} ({type(count).__name__})")
