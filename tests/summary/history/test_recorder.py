"""What is recorded of a run, by how it ends."""

import json
import os
import socket
import sys

import pytest

import fastestimator_lite as fe
from fastestimator_lite.schedule.schedule import EpochScheduler, RepeatScheduler
from fastestimator_lite.slicer.axis_slicer import AxisSlicer
from fastestimator_lite.slicer.mean_unslicer import MeanUnslicer
from fastestimator_lite.summary.history import recorder as module
from fastestimator_lite.summary.history.database import birth_of, connect
from fastestimator_lite.summary.history.recorder import HistoryRecorder, running_script
from fastestimator_lite.trace.trace import Trace


class Does(Trace):
    """Does something after the second training step."""

    def __init__(self, work):
        super().__init__(mode="train")
        self.work = work

    def on_batch_end(self, data):
        if self.system.global_step == 2:
            self.work(self.system)


def fails(error):
    def work(system):
        raise error

    return Does(work)


def test_a_finished_run(history, estimator, rows):
    import torch

    one = estimator(EpochScheduler({2: Trace(mode="eval")}))
    one.fit("first")
    (row,) = rows(history)
    assert row["experiment"] == "first"
    assert (row["mode"], row["status"], row["error"]) == ("train, eval", "Completed", None)
    assert (row["epochs"], row["steps"], row["framework"], row["num_gpus"]) == (2, 6, "torch", one.system.num_devices)
    assert (row["host"], row["pid"], row["birth"]) == (socket.gethostname(), os.getpid(), birth_of(os.getpid()))
    assert row["started"] <= row["finished"]
    assert 0 < row["seconds"] < 300
    assert row["file"] == running_script()
    assert json.loads(row["args"]) == sys.argv[1:]
    assert json.loads(row["versions"])["torch"] == torch.__version__
    assert json.loads(row["versions"])["fastestimator_lite"] == fe.__version__
    assert json.loads(row["features"]) == ["EpochScheduler", "deterministic"]
    assert json.loads(row["datasets"]) == ["train: NumpyDataset", "eval: NumpyDataset"]
    assert json.loads(row["pipeline"]) == []
    assert json.loads(row["network"]) == ["ModelOp", "MeanSquaredError", "UpdateOp"]
    assert json.loads(row["traces"]) == ["TrainEssential", "EvalEssential", "TestEssential", "Trace", "Logger"]


def test_slicers_are_parts_of_the_network(history, estimator, rows):
    slicers = [RepeatScheduler([AxisSlicer(0, ["x", "y"]), None]), MeanUnslicer("mse")]
    estimator(slicers=slicers, epochs=2).fit()
    (row,) = rows(history)
    assert json.loads(row["network"]) == ["AxisSlicer", "MeanUnslicer", "ModelOp", "MeanSquaredError", "UpdateOp"]
    assert "RepeatScheduler" in json.loads(row["features"])


def test_a_test_is_a_run_too(history, estimator, rows):
    one = estimator(epochs=1)
    one.fit("both")
    one.test()
    fit, test = rows(history)
    assert (fit["mode"], fit["status"], fit["experiment"]) == ("train, eval", "Completed", "both")
    assert (test["mode"], test["status"], test["experiment"]) == ("test", "Completed", "both")
    assert json.loads(test["datasets"]) == ["test a: NumpyDataset"]


def test_what_is_printed_is_kept(history, estimator, rows, capsys):
    estimator(log_steps=1).fit()
    printed = capsys.readouterr().out
    (log,) = rows(history, "logs")
    assert log["run"] == rows(history)[0]["pk"]
    assert log["text"] == printed
    assert printed.count("\n") > 8


def test_a_stopped_run(history, estimator, rows):
    estimator(Does(lambda system: setattr(system, "stop_training", True))).fit()
    (row,) = rows(history)
    assert (row["status"], row["steps"], row["error"]) == ("Stopped", 2, None)


@pytest.mark.parametrize(
    ("error", "status", "last_line"),
    [
        (ValueError("too bad"), "Failed", "ValueError: too bad"),
        (KeyboardInterrupt(), "Aborted", "KeyboardInterrupt"),
        (SystemExit(143), "Aborted", "SystemExit: 143"),
    ],
)
def test_a_run_that_ends_with_an_error(history, estimator, rows, error, status, last_line):
    one = estimator(fails(error))
    with pytest.raises(type(error)) as caught:
        one.fit()
    assert caught.value is error
    (row,) = rows(history)
    assert (row["status"], row["steps"]) == (status, 2)
    assert row["finished"] is not None
    lines = row["error"].splitlines()
    assert (lines[0], lines[-1]) == ("Traceback (most recent call last):", last_line)
    assert "FastEstimator-Train: step: 1;" in rows(history, "logs")[0]["text"]
    assert one.system.log_sinks == []


def test_the_row_is_there_while_the_run_goes_on(history, estimator, rows):
    seen = []
    estimator(Does(lambda system: seen.extend(rows(history)))).fit()
    assert [(row["status"], row["finished"], row["seconds"]) for row in seen] == [("Running", None, None)]


def test_lines_are_stored_in_few_pieces(history, estimator, rows, monkeypatch):
    one = estimator()
    with HistoryRecorder(one.system, "s.py") as recorder:
        recorder.write("a\n")
        recorder.write("b\n")
        assert rows(history, "logs") == []
        recorder.flush()
        assert [row["text"] for row in rows(history, "logs")] == ["a\nb\n"]
        recorder.flush()
        monkeypatch.setattr(module, "_FLUSH_SECONDS", 0.0)
        recorder.write("c\n")
        assert [row["text"] for row in rows(history, "logs")] == ["a\nb\n", "c\n"]
        monkeypatch.setattr(module, "_FLUSH_SECONDS", 1000.0)
        recorder.write("d")
    assert [row["text"] for row in rows(history, "logs")] == ["a\nb\n", "c\n", "d"]
    recorder.write("too late")
    recorder.flush()
    assert len(rows(history, "logs")) == 3


def test_text_that_is_no_unicode_is_kept_readable(history, estimator, rows):
    one = estimator()
    with HistoryRecorder(one.system, "caf\udce9.py") as recorder:
        recorder.write("\udce9 and \0")
    assert rows(history)[0]["file"] == "caf\\udce9.py"
    assert rows(history, "logs")[0]["text"] == "\\udce9 and \0"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_leaves_the_record_alone(history, estimator, rows):
    one = estimator()
    with HistoryRecorder(one.system, "s.py") as recorder:
        child = os.fork()
        if child == 0:
            recorder.write("from the child")
            recorder.flush()
            recorder.__exit__(None, None, None)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert rows(history)[0]["status"] == "Running"
    assert rows(history)[0]["status"] == "Completed"
    assert rows(history, "logs") == []


@pytest.mark.parametrize("word", ["off", "OFF", "0", "false", " no "])
def test_the_environment_says_no(history, estimator, monkeypatch, word, tmp_path):
    monkeypatch.setenv("FASTESTIMATOR_LITE_HISTORY", word)
    monkeypatch.setenv("HOME", str(tmp_path))
    estimator(epochs=1).fit()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("word", [None, "", "on", "1"])
def test_the_default_place(estimator, rows, monkeypatch, word, tmp_path):
    if word is None:
        monkeypatch.delenv("FASTESTIMATOR_LITE_HISTORY")
    else:
        monkeypatch.setenv("FASTESTIMATOR_LITE_HISTORY", word)
    monkeypatch.setenv("HOME", str(tmp_path))
    estimator(epochs=1).fit()
    assert len(rows(tmp_path / "fastestimator_data" / "history.db")) == 1


def test_record_history_chooses(history, estimator, rows, tmp_path):
    fe.record_history(False)
    estimator(epochs=1).fit()
    assert not history.exists()
    fe.record_history(str(tmp_path / "mine.db"))
    estimator(epochs=1).fit()
    assert not history.exists()
    assert len(rows(tmp_path / "mine.db")) == 1
    fe.record_history(True)
    estimator(epochs=1).fit()
    assert len(rows(history)) == 1


def test_off_wins_over_record_history(estimator, tmp_path, monkeypatch):
    fe.record_history(str(tmp_path / "mine.db"))
    estimator(epochs=1).fit()
    assert list(tmp_path.iterdir()) == []


def test_a_named_file_wins_over_off(estimator, rows, tmp_path):
    with HistoryRecorder(estimator().system, "s.py", str(tmp_path / "named.db")):
        pass
    assert rows(tmp_path / "named.db")[0]["file"] == "s.py"


def test_the_running_script(tmp_path, monkeypatch):
    script = tmp_path / "train.py"
    script.write_text("")
    monkeypatch.setattr(sys.modules["__main__"], "__file__", "/somewhere/main.py", raising=False)
    monkeypatch.setattr(sys, "argv", [str(script), "--epochs", "2"])
    assert running_script() == str(script)
    monkeypatch.setattr(sys, "argv", ["-c"])
    assert running_script() == "/somewhere/main.py"
    monkeypatch.delattr(sys.modules["__main__"], "__file__")
    assert running_script() == ""


def test_nothing_stays_open(history, estimator):
    estimator(epochs=1).fit()
    assert [path.name for path in history.parent.iterdir()] == ["history.db"]  # the last to close removes the -wal file
    connection = connect()
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
