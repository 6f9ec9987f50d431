"""The database: made once, by whoever comes first; it keeps what it is told to keep, and notes who was killed."""

import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import fastestimator_lite as fe
from fastestimator_lite.summary import HistoryRecorder, connect, delete, update_settings
from fastestimator_lite.summary.history import database
from fastestimator_lite.util.errors import ConfigError

ROOT = Path(__file__).parents[3]

# Four processes that fit at once. The first hangs in the middle until it is killed; what each prints goes to a file.
SCRIPT = textwrap.dedent("""
    import os, signal, sys, time
    from pathlib import Path
    import numpy as np, torch
    import fastestimator_lite as fe
    from fastestimator_lite.dataset.numpy_dataset import NumpyDataset
    from fastestimator_lite.op.tensorop.loss.mean_squared_error import MeanSquaredError
    from fastestimator_lite.op.tensorop.model.model import ModelOp
    from fastestimator_lite.op.tensorop.model.update import UpdateOp
    from fastestimator_lite.summary.history import recorder
    from fastestimator_lite.trace.trace import Trace

    recorder._FLUSH_SECONDS = 0.0  # many writes, so that they meet
    folder = Path(sys.argv[1])

    class Hang(Trace):
        def on_batch_end(self, data):
            if self.system.summary.name == "fit 0" and self.system.global_step == 3:
                (folder / "hanging").touch()
                time.sleep(300)

    def fit(number):
        torch.set_num_threads(1)
        out = os.open(folder / f"{number}.txt", os.O_WRONLY | os.O_CREAT)
        os.dup2(out, 1), os.dup2(out, 2)
        data = NumpyDataset({"x": np.ones((8, 2), np.float32), "y": np.ones((8, 1), np.float32)})
        model = fe.build(lambda: torch.nn.Linear(2, 1), "sgd")
        loss = MeanSquaredError(("pred", "y"), "mse")
        network = fe.Network([ModelOp(model, "x", "pred"), loss, UpdateOp(model, "mse")])
        pipeline = fe.Pipeline(train_data=data, batch_size=2, num_process=0)
        fe.Estimator(pipeline, network, epochs=3, traces=Hang(), log_steps=1).fit(f"fit {number}")

    def child(number):
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                fit(number)
                status = 0
            finally:
                os._exit(status)
        return pid

    children = [child(number) for number in range(4)]
    while not (folder / "hanging").exists():
        time.sleep(0.01)
    os.kill(children[0], signal.SIGKILL)
    print([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children])
""")


def add_runs(path, count):
    with contextlib.closing(connect(str(path))) as connection:
        for number in range(count):
            cursor = connection.execute("INSERT INTO history (status, steps) VALUES ('Completed', ?)", (number,))
            connection.execute("INSERT INTO logs (run, text) VALUES (?, 'lines')", (cursor.lastrowid,))


def pks(rows, path, table="history", column="pk"):
    return [row[column] for row in rows(path, table)]


def test_delete_keeps_the_latest(history, rows):
    add_runs(history, 5)
    assert delete(n_keep=2) == 3
    assert pks(rows, history) == [4, 5]
    assert pks(rows, history, "logs", "run") == [4, 5]
    assert delete(n_keep=2) == 0
    assert delete(0, str(history)) == 2
    assert rows(history) == rows(history, "logs") == []
    add_runs(history, 1)
    assert pks(rows, history) == [6]  # the number of a deleted run does not come back


def test_delete_keeps_twenty_unless_told(history, rows):
    add_runs(history, 25)
    delete()
    assert pks(rows, history) == list(range(6, 26))


def test_settings_are_kept_and_obeyed(history, rows):
    update_settings()
    assert rows(history, "settings") == [{"n_keep": 500, "n_keep_logs": 200}]
    add_runs(history, 6)
    update_settings(n_keep=4)
    assert pks(rows, history) == [3, 4, 5, 6]
    update_settings(n_keep_logs=1)
    assert rows(history, "settings") == [{"n_keep": 4, "n_keep_logs": 1}]
    assert pks(rows, history) == [3, 4, 5, 6]
    assert pks(rows, history, "logs", "run") == [6]


def test_each_run_forgets_the_oldest(history, estimator, rows):
    update_settings(n_keep=3, n_keep_logs=2)
    system = estimator().system
    for _ in range(5):
        with HistoryRecorder(system, "s.py") as recorder:
            recorder.write("text\n")
    assert pks(rows, history) == [3, 4, 5]
    assert pks(rows, history, "logs", "run") == [4, 5]


def test_a_run_that_is_deleted_meanwhile_stays_deleted(history, estimator, rows, caplog):
    with HistoryRecorder(estimator().system, "s.py") as recorder:
        delete(0)
        recorder.write("text\n")
    assert rows(history) == rows(history, "logs") == []
    assert caplog.messages == []


@pytest.mark.parametrize("count", [-1, True, 1.5, "3"])
@pytest.mark.parametrize(
    ("call", "name"),
    [
        (delete, "n_keep"),
        (update_settings, "n_keep"),
        (update_settings, "n_keep_logs"),
    ],
)
def test_wrong_numbers(history, call, name, count):
    with pytest.raises(ConfigError, match=rf"{call.__name__}\({name}\) must be an int >= 0, got"):
        call(**{name: count})
    assert not history.exists()


def test_errors_of_connect_name_the_file(tmp_path):
    (tmp_path / "a.db").write_text("no database\n" * 100)
    with pytest.raises(sqlite3.DatabaseError, match=rf"file is not a database: {tmp_path}/a\.db"):
        connect(str(tmp_path / "a.db"))
    with contextlib.closing(sqlite3.connect(tmp_path / "b.db")) as connection:
        connection.execute("CREATE TABLE mine (x)")
    with pytest.raises(ConfigError, match=r"b\.db is a database, but not of the runs"):
        connect(str(tmp_path / "b.db"))


def test_where_the_file_is(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    default = tmp_path / "fastestimator_data" / "history.db"
    assert database.history_file() == default  # the environment says off: what was recorded before can still be read
    monkeypatch.setenv("FASTESTIMATOR_LITE_HISTORY", "~/of_variable.db")
    assert database.history_file() == tmp_path / "of_variable.db"
    fe.record_history(str(tmp_path / "of_call.db"))
    assert database.history_file() == tmp_path / "of_call.db"
    assert database.history_file(tmp_path / "of_argument.db") == tmp_path / "of_argument.db"
    fe.record_history(False)
    assert database.history_file() == tmp_path / "of_variable.db"


def test_network_file_systems_are_told(tmp_path):
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "/dev/sda / ext4 rw 0 0\nserver:/home /home nfs4 rw 0 0\n/dev/sdb /home/local ext4 rw 0 0\n"
        "tmpfs /mnt tmpfs rw 0 0\nserver:/mnt /mnt cifs rw 0 0\n"
    )
    found = {
        folder: database._is_on_network(Path(folder), mounts)
        for folder in ("/", "/var", "/home", "/home/me", "/home/local/me", "/homely", "/mnt/data")
    }
    assert found == {
        "/": False,
        "/var": False,
        "/home": True,
        "/home/me": True,
        "/home/local/me": False,
        "/homely": False,
        "/mnt/data": True,
    }
    assert not database._is_on_network(Path("/home"), tmp_path / "missing")


def test_no_write_ahead_log_on_a_network(history, monkeypatch):
    monkeypatch.setattr(database, "_is_on_network", lambda folder: True)
    with contextlib.closing(connect()) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_a_process_is_known_by_its_birth():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    birth = database.birth_of(child.pid)
    assert birth is not None
    assert birth == database.birth_of(child.pid)
    child.kill()
    child.communicate()
    assert database.birth_of(child.pid) is None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_runs_whose_process_is_gone(history, rows):
    me, birth = os.getpid(), database.birth_of(os.getpid())
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    runs = [
        (socket.gethostname(), me, birth, "Running"),
        (socket.gethostname(), me, "1", "Running"),
        (socket.gethostname(), gone.pid, "1", "Running"),
        ("elsewhere", gone.pid, "1", "Running"),
        (socket.gethostname(), gone.pid, "1", "Completed"),
    ]
    with contextlib.closing(connect()) as connection:
        connection.executemany("INSERT INTO history (host, pid, birth, status) VALUES (?, ?, ?, ?)", runs)
        database.mark_gone(connection)
    killed = "Aborted/unknown"
    assert pks(rows, history, column="status") == ["Running", killed, killed, "Running", "Completed"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs fork and /proc")
def test_four_fits_at_once_and_one_is_killed(history, rows, tmp_path):
    pytest.importorskip("torch")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    printed = [(tmp_path / f"{number}.txt").read_text() for number in range(4)]
    assert done.stdout == f"[{-signal.SIGKILL}, 0, 0, 0]\n", (done.stderr, printed)
    with contextlib.closing(connect()) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        database.mark_gone(connection)
    found = {row["experiment"]: row for row in rows(history)}
    assert {name: (row["status"], row["steps"]) for name, row in found.items()} == {
        "fit 0": ("Aborted/unknown", 0),
        **{f"fit {number}": ("Completed", 12) for number in (1, 2, 3)},
    }
    logs = {
        name: "".join(part["text"] for part in rows(history, "logs") if part["run"] == row["pk"])
        for name, row in found.items()
    }
    assert [logs[f"fit {number}"] for number in (1, 2, 3)] == printed[1:]
    assert "FastEstimator-Train: step: 2;" in logs["fit 0"]  # what was stored before the kill is still there
