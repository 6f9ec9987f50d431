"""What a HistoryReader prints."""

import contextlib
import csv
import io
import json
import socket
import sqlite3
import subprocess
import sys

import pytest

from fastestimator_lite.summary import HistoryReader, connect
from fastestimator_lite.summary.history.reader import csv_text, table
from fastestimator_lite.util.errors import ConfigError

RUNS = [
    {
        "file": "/a.py",
        "experiment": "first",
        "mode": "train, eval",
        "status": "Completed",
        "started": "2024-01-02 03:04:05",
        "seconds": 12.345,
        "epochs": 2,
        "steps": 100,
        "framework": "torch",
        "num_gpus": 0,
        "args": ["--lr", "0.1"],
        "features": ["EpochScheduler"],
        "datasets": ["train: MNIST"],
        "pipeline": ["Minmax"],
        "network": ["ModelOp", "UpdateOp"],
        "traces": ["Accuracy"],
        "versions": {"python": "3.11"},
    },
    {
        "file": "/b.py",
        "experiment": None,
        "mode": "test",
        "status": "Failed",
        "started": "2024-01-03 03:04:05",
        "seconds": 1.0,
        "epochs": 2,
        "steps": 7,
        "framework": "tf",
        "num_gpus": 1,
        "args": [],
        "features": [],
        "datasets": ["test: MNIST"],
        "pipeline": [],
        "network": ["ModelOp"],
        "traces": [],
        "error": "Traceback (most recent call last):\n  File ...\nValueError: too bad\n",
    },
    {
        "file": "/c.py",
        "experiment": "third",
        "mode": "train",
        "status": "Running",
        "started": "2024-01-04 03:04:05",
        "epochs": 10,
        "steps": 0,
        "framework": "torch",
        "num_gpus": 8,
    },
]


@pytest.fixture
def reader(history):
    """A reader of three runs."""
    with contextlib.closing(connect()) as connection:
        for run in RUNS:
            values = [json.dumps(value) if isinstance(value, (list, dict)) else value for value in run.values()]
            connection.execute(f"INSERT INTO history ({', '.join(run)}) VALUES ({', '.join('?' * len(run))})", values)
        parts = [(1, "step 1\n"), (2, "other\n"), (1, "step 2\n")]
        connection.executemany("INSERT INTO logs (run, text) VALUES (?, ?)", parts)
    with HistoryReader() as reader:
        yield reader


@pytest.fixture
def answers(monkeypatch):
    """Answer the questions of an interactive reader: answers("1", "e 2"); after the last one comes the end of file."""

    def set_answers(*lines):
        waiting = iter(lines)

        def read(prompt):
            try:
                return next(waiting)
            except StopIteration:
                raise EOFError from None

        monkeypatch.setattr("builtins.input", read)

    return set_answers


def test_the_table(reader, capsys):
    reader.read_basic()
    assert capsys.readouterr().out == (
        "file   experiment  mode         status     started              seconds  epochs  steps  framework  num_gpus\n"
        "-----  ----------  -----------  ---------  -------------------  -------  ------  -----  ---------  --------\n"
        "/c.py  third       train        Running    2024-01-04 03:04:05        -      10      0  torch             8\n"
        "/b.py  -           test         Failed     2024-01-03 03:04:05      1.0       2      7  tf                1\n"
        "/a.py  first       train, eval  Completed  2024-01-02 03:04:05     12.3       2    100  torch             0\n"
    )


def parsed(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_and_further_columns(reader, capsys):
    reader.read_basic(
        include_args=True,
        include_pk=True,
        include_features=True,
        include_traces=True,
        include_datasets=True,
        include_pipeline=True,
        include_network=True,
        as_csv=True,
    )
    third, second, first = parsed(capsys.readouterr().out)
    assert first == {
        "pk": "1",
        "file": "/a.py",
        "experiment": "first",
        "mode": "train, eval",
        "status": "Completed",
        "started": "2024-01-02 03:04:05",
        "seconds": "12.3",
        "epochs": "2",
        "steps": "100",
        "framework": "torch",
        "num_gpus": "0",
        "args": "'--lr, 0.1",
        "features": "EpochScheduler",
        "datasets": "train: MNIST",
        "pipeline": "Minmax",
        "network": "ModelOp, UpdateOp",
        "traces": "Accuracy",
    }
    assert (second["pk"], second["experiment"], second["args"]) == ("2", "", "")
    assert (third["pk"], third["seconds"], third["traces"]) == ("3", "", "")


@pytest.mark.parametrize("column", ["args", "pk", "features", "traces", "datasets", "pipeline", "network"])
def test_each_further_column_is_asked_for(reader, capsys, column):
    reader.read_basic(as_csv=True)
    basic = set(parsed(capsys.readouterr().out)[0])
    reader.read_basic(as_csv=True, **{f"include_{column}": True})
    assert set(parsed(capsys.readouterr().out)[0]) - basic == {column}
    assert column not in basic


def test_the_limit(reader, capsys):
    reader.read_basic(limit=2, as_csv=True)
    assert [row["file"] for row in parsed(capsys.readouterr().out)] == ["/c.py", "/b.py"]
    for limit in (0, True, "3", 1.0):
        with pytest.raises(ConfigError, match="limit"):
            reader.read_basic(limit=limit)


def test_errors_alone(reader, capsys):
    reader.read_basic(errors=True, limit=1, as_csv=True)
    (row,) = parsed(capsys.readouterr().out)
    assert (row["file"], row["status"], row["error"]) == ("/b.py", "Failed", "ValueError: too bad")


def test_queries(reader, capsys):
    reader.read_sql(
        "SELECT pk, experiment AS name, steps * 2 AS twice FROM history WHERE epochs = ? ORDER BY pk", (2,), {"pk"}
    )
    assert capsys.readouterr().out == "name   twice\n-----  -----\nfirst    200\n-         14\n"
    reader.read_sql("SELECT error FROM history WHERE pk = 2")
    expected = r"Traceback (most recent call last):\n  File ...\nValueError: too bad\n"
    assert capsys.readouterr().out.splitlines()[2] == expected
    reader.read_sql("SELECT error FROM history WHERE pk = 2", as_csv=True)
    assert parsed(capsys.readouterr().out) == [{"error": RUNS[1]["error"]}]


def test_a_query_changes_nothing(reader, rows, history):
    for query in ("DELETE FROM history", "UPDATE settings SET n_keep = 0", "DROP TABLE logs"):
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader.read_sql(query)
    assert len(rows(history)) == 3


def test_nothing_found(reader, capsys, history):
    reader.read_sql("SELECT pk FROM history WHERE pk > 100", interactive=True)
    assert capsys.readouterr().out == f"nothing found in {history}\n"
    reader.read_sql("SELECT pk FROM history WHERE pk > 100", as_csv=True)
    assert capsys.readouterr().out == "pk\n"


def test_a_file_that_does_not_exist_is_not_made(tmp_path, capsys):
    with HistoryReader(str(tmp_path / "sub" / "none.db")) as reader:
        reader.read_basic()
    assert capsys.readouterr().out == f"nothing found in {tmp_path}/sub/none.db\n"
    assert list(tmp_path.iterdir()) == []


def test_asking_for_more(reader, capsys, answers):
    answers("3", "e 2", "e 1", "9", "x 1", "1 2 3", "d 3", "t", "", "never asked")
    reader.read_basic(include_pk=True)
    plain = capsys.readouterr().out.splitlines()
    reader.read_basic(include_pk=True, interactive=True)
    lines = capsys.readouterr().out.splitlines()
    help_line = "N: what run N printed; e N: its error; d N: all about it; t: the table again; empty line: leave"
    head = [f"{number}  {line}" for number, line in zip("#-123", plain, strict=True)]
    assert lines[:6] == [*head, help_line]
    assert lines[6:15] == [
        "step 1",
        "step 2",
        "Traceback (most recent call last):",
        "  File ...",
        "ValueError: too bad",
        "this run has no error",
        help_line,
        help_line,
        help_line,
    ]
    assert "network     ModelOp, UpdateOp" in lines
    assert "versions    python 3.11" in lines
    assert lines[-5:] == head


def test_asking_until_the_end_of_file(reader, capsys, answers):
    answers("1")
    reader.read_sql("SELECT pk, file FROM history ORDER BY pk DESC LIMIT 1", (), ["pk"], interactive=True)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == ["#  file", "-  -----", "1  /c.py"]
    assert lines[-1] == "no lines are kept of this run"
    with pytest.raises(ConfigError, match="needs the column pk"):
        reader.read_sql("SELECT file FROM history", interactive=True)


def test_only_inside_a_with_block(history):
    with pytest.raises(ConfigError, match="with HistoryReader"):
        HistoryReader().read_basic()


def test_runs_that_were_killed_are_shown_as_such(history, capsys):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with contextlib.closing(connect()) as connection:
        connection.execute(
            "INSERT INTO history (status, host, pid) VALUES ('Running', ?, ?)", (socket.gethostname(), gone.pid)
        )
    with HistoryReader() as reader:
        reader.read_basic(as_csv=True)
    assert parsed(capsys.readouterr().out)[0]["status"] == "Aborted/unknown"


def test_a_real_run(history, estimator, capsys):
    estimator(epochs=1).fit("real")
    capsys.readouterr()
    with HistoryReader() as reader:
        reader.read_basic(include_network=True, as_csv=True)
    (row,) = parsed(capsys.readouterr().out)
    assert (row["experiment"], row["status"], row["steps"], row["network"]) == (
        "real",
        "Completed",
        "3",
        "ModelOp, MeanSquaredError, UpdateOp",
    )


def test_text_cannot_steer_the_terminal():
    assert table(["name"], [["\x1b[2J\rgone\n"]]).splitlines()[-1] == r"\x1b[2J\rgone\n"


def test_text_cannot_become_a_formula():
    assert csv_text(["a", "b"], [["=1+1", "@x"], [-1, 'a "b", c']]) == 'a,b\n\'=1+1,\'@x\n-1,"a ""b"", c"'
