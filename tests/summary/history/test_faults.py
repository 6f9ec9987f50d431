"""Whatever is wrong with the history, training gives the same result, and says so once."""

import contextlib
import resource
import sqlite3

import pytest

from fastestimator_lite.summary.history import recorder as module
from fastestimator_lite.summary.history.database import connect
from fastestimator_lite.trace.trace import Trace


def weights(one):
    return [value.detach().numpy().tolist() for value in one.network.models[0].parameters()]


@pytest.fixture
def expected(estimator, monkeypatch):
    """The weights of a run that is not recorded."""
    with monkeypatch.context() as patch:
        patch.setenv("FASTESTIMATOR_LITE_HISTORY", "off")
        one = estimator()
        summary = one.fit("x")
    return weights(one), summary.history["train"]["mse"]


@pytest.fixture
def quick(monkeypatch):
    """Waits for locks that suit a test."""
    for name in ("_START_PATIENCE", "_END_PATIENCE"):
        monkeypatch.setattr(module, name, 0.05)


@contextlib.contextmanager
def locked(path):
    """Hold the lock that keeps all others out."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")


def garbage(path):
    path.parent.mkdir()
    path.write_bytes(b"no database at all\n" * 100)


def damaged(path):
    """The first page is well, all others are not."""
    connect().close()
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xaa" * (len(content) - 4096))


def folder(path):
    path.mkdir(parents=True)


def no_folder(path):
    path.parent.write_text("a file where the folder should be")


def of_a_newer_version(path):
    with contextlib.closing(connect()) as connection:
        connection.execute("PRAGMA user_version = 99")


def of_another_program(path):
    path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE history (pk INTEGER)")


def without_a_column(path):
    with contextlib.closing(connect()) as connection:
        connection.execute("ALTER TABLE history DROP COLUMN traces")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (garbage, "file is not a database"),
        (damaged, "malformed"),
        (folder, "unable to open database file"),
        (no_folder, "exists"),
        (of_a_newer_version, "newer version"),
        (of_another_program, "is a database, but not"),
        (without_a_column, "traces"),
    ],
)
def test_faults_at_the_start(history, estimator, expected, caplog, fault, words):
    fault(history)
    before = history.read_bytes() if history.is_file() else None
    one = estimator()
    summary = one.fit("x")
    assert (weights(one), summary.history["train"]["mse"]) == expected
    (warning,) = caplog.messages
    assert "this run is not recorded in the history" in warning
    assert words in warning
    assert one.system.log_sinks == []
    if before is not None:
        assert history.read_bytes() == before


def test_a_home_that_cannot_be_written(estimator, expected, caplog, monkeypatch, tmp_path):
    (tmp_path / "home").write_text("")  # no folder: nothing can be made in it, even by root
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("FASTESTIMATOR_LITE_HISTORY")
    one = estimator()
    one.fit("x")
    assert weights(one) == expected[0]
    (warning,) = caplog.messages
    assert "NotADirectoryError" in warning


def test_locked_all_the_time(history, estimator, expected, caplog, quick, rows):
    connect().close()
    one = estimator()
    with locked(history):
        one.fit("x")
    assert weights(one) == expected[0]
    (warning,) = caplog.messages
    assert f"database is locked ({history})" in warning
    assert rows(history) == []


class AtStep(Trace):
    """Enters a context at one training step and leaves it at another, or at the end."""

    def __init__(self, context, first, last):
        super().__init__(mode="train")
        self.context, self.first, self.last, self.stack = context, first, last, contextlib.ExitStack()

    def on_batch_end(self, data):
        if self.system.global_step == self.first:
            self.stack.enter_context(self.context())
        if self.system.global_step == self.last:
            self.stack.close()


def test_locked_for_a_while(history, estimator, expected, caplog, monkeypatch, quick, rows, capsys):
    monkeypatch.setattr(module, "_FLUSH_SECONDS", 0.0)
    one = estimator(AtStep(lambda: locked(history), 2, 4), log_steps=1)
    one.fit("x")
    assert weights(one) == expected[0]
    assert caplog.messages == []
    assert rows(history)[0]["status"] == "Completed"
    assert "".join(row["text"] for row in rows(history, "logs")) == capsys.readouterr().out


def test_locked_from_the_middle_on(history, estimator, expected, caplog, quick, rows):
    trace = AtStep(lambda: locked(history), 2, -1)
    one = estimator(trace)
    one.fit("x")
    trace.stack.close()
    assert weights(one) == expected[0]
    (warning,) = caplog.messages
    assert "locked" in warning
    assert rows(history)[0]["status"] == "Running"


def test_damaged_while_it_runs(history, estimator, expected, caplog):
    @contextlib.contextmanager
    def drop():
        with contextlib.closing(sqlite3.connect(history)) as connection:
            connection.execute("DROP TABLE logs")
        yield

    one = estimator(AtStep(drop, 2, -1))
    one.fit("x")
    assert weights(one) == expected[0]
    (warning,) = caplog.messages
    assert "no such table: logs" in warning


def test_deleted_while_it_runs(history, estimator, expected, caplog):
    @contextlib.contextmanager
    def remove():
        for path in history.parent.iterdir():
            path.unlink()
        history.parent.rmdir()
        yield

    one = estimator(AtStep(remove, 2, -1))
    one.fit("x")
    assert weights(one) == expected[0]
    assert len(caplog.messages) <= 1
    assert not history.exists()


@contextlib.contextmanager
def disk_full(size):
    """No file may grow beyond some bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [0, 512, 5000, 20_000])
def test_disk_full_at_the_start(history, estimator, expected, caplog, capsys, size):
    with capsys.disabled():  # what pytest captures lands in a file, which is not to be full
        one = estimator(log_steps=None)
        with disk_full(size):
            one.fit("x")
    assert weights(one) == expected[0]
    (warning,) = caplog.messages
    assert "this run is not recorded" in warning


def test_disk_full_while_it_runs(history, estimator, expected, caplog, capsys, rows):
    trace = AtStep(lambda: disk_full(0), 2, -1)
    with capsys.disabled(), trace.stack:
        one = estimator(trace, log_steps=None)
        one.fit("x")
    assert weights(one) == expected[0]
    (warning,) = caplog.messages
    assert "this run is not recorded" in warning
    with contextlib.closing(sqlite3.connect(history)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert [row["status"] for row in rows(history)] == ["Running"]


def test_anything_else(history, estimator, expected, caplog, monkeypatch):
    def surprise(*args):
        raise RecursionError("who would have thought")

    monkeypatch.setattr(module, "describe", surprise)
    one = estimator()
    one.fit("x")
    assert weights(one) == expected[0]
    (warning,) = caplog.messages
    assert "RecursionError: who would have thought" in warning


def test_the_error_of_training_is_the_one_that_is_raised(history, estimator, caplog):
    @contextlib.contextmanager
    def drop_and_fail():
        with contextlib.closing(sqlite3.connect(history)) as connection:
            connection.execute("DROP TABLE history")
        raise ZeroDivisionError("mine")
        yield

    with pytest.raises(ZeroDivisionError, match="mine"):
        estimator(AtStep(drop_and_fail, 2, -1)).fit()
    assert len(caplog.messages) == 1


def test_a_history_of_1x_is_left_alone(estimator, rows, monkeypatch, tmp_path, caplog):
    monkeypatch.delenv("FASTESTIMATOR_LITE_HISTORY")
    monkeypatch.setenv("HOME", str(tmp_path))
    old = tmp_path / "fastestimator_data" / "history.db"
    of_another_program(old)
    before = old.read_bytes()
    estimator(epochs=1).fit()
    assert caplog.messages == []
    assert old.read_bytes() == before
    assert len(rows(old.with_name("history_lite.db"))) == 1
