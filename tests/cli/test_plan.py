"""`fastestimator-lite plan`: the timeline of a script, without training."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fastestimator_lite.cli import plan
from fastestimator_lite.cli.main import main
from fastestimator_lite.util.errors import ConfigError

SCRIPT = '''\
"""A job."""
import numpy as np
import torch

import fastestimator_lite as fe
from fastestimator_lite.dataset import NumpyDataset
from fastestimator_lite.op.tensorop.loss import MeanSquaredError
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp
from fastestimator_lite.schedule import EpochScheduler
from fastestimator_lite.trace.adapt import LRScheduler
from helper import COUNT


def get_estimator(epochs=4, batch_size=2, rate=0.1, sizes=(2, 4)):
    data = NumpyDataset({"x": np.ones((COUNT, 1), np.float32), "y": np.ones((COUNT, 1), np.float32)})
    model = fe.build(lambda: torch.nn.Linear(1, 1), "sgd", model_name="m")
    pipeline = fe.Pipeline(train_data=data, batch_size=EpochScheduler({1: sizes[0], 3: sizes[1]}), num_process=0)
    network = fe.Network([ModelOp(model, "x", "p"), MeanSquaredError(("p", "y"), "mse"), UpdateOp(model, "mse")])
    trace = LRScheduler(model, lambda epoch: rate / epoch)
    return fe.Estimator(pipeline, network, epochs=epochs, traces=trace, log_steps=None)


if __name__ == "__main__":
    get_estimator().fit()
'''


@pytest.fixture
def script(tmp_path, monkeypatch):
    """Write a script beside a module of its own; what importing them leaves behind is taken away."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "helper.py").write_text("COUNT = 8\n")

    def write(text=SCRIPT):
        path = tmp_path / "job_to_plan.py"
        path.write_text(text)
        return str(path)

    yield write
    for name in ("job_to_plan", "helper"):
        sys.modules.pop(name, None)


def test_the_timeline_is_printed(script, capsys):
    assert main(["plan", script()]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Timeline of 4 epochs")
    assert "  train network: ModelOp(m), MeanSquaredError, UpdateOp(m)" in lines
    assert [line.split() for line in lines if line.strip()[:1].isdigit()] == [
        ["1-2", "|", "2", "|", "4", "|", "0.1", "->", "0.05"],
        ["3-4", "|", "4", "*", "|", "2", "*", "|", "0.03333", "->", "0.025", "*"],
    ]


def test_arguments_reach_get_estimator(script, capsys):
    assert main(["plan", script(), "--epochs", "3", "--sizes=[4, 8]", "--rate", "1e-3"]) == 0
    said = capsys.readouterr().out
    assert "Timeline of 3 epochs" in said
    assert "| 8 *" in said
    assert "0.001" in said


def test_nothing_is_trained(script, capsys):
    kept = "    global made\n    made = model, model.weight.clone()\n"
    text = SCRIPT.replace("    return fe.Est", f"{kept}    return fe.Est")
    assert main(["plan", script(text)]) == 0
    model, before = sys.modules["job_to_plan"].made
    assert bool((model.weight == before).all())
    assert "FastEstimator-" not in capsys.readouterr().out


@pytest.mark.parametrize("place", ["before", "after"])
def test_files(script, tmp_path, capsys, place):
    out = ["--out", str(tmp_path / "out")]
    assert main(["plan", *out, script()] if place == "before" else ["plan", script(), "--epochs", "4", *out]) == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {f"job_to_plan.{ending}" for ending in plan.ENDINGS}
    data = json.loads((tmp_path / "out" / "job_to_plan.json").read_text())
    assert [(one["first"], one["last"], one["batch size"]) for one in data["stretches"]] == [(1, 2, "2"), (3, 4, "4")]
    assert [pair[0] for pair in data["courses"]["m_lr"]] == pytest.approx([0.1, 0.05, 0.1 / 3, 0.025], rel=1e-6)
    lines = (tmp_path / "out" / "job_to_plan.csv").read_text().splitlines()
    assert lines[0].split(",")[0] == "epoch"
    assert len(lines) == 5
    assert "Timeline of job_to_plan" in (tmp_path / "out" / "job_to_plan.html").read_text()
    assert (tmp_path / "out" / "job_to_plan.png").read_bytes()[:4] == b"\x89PNG"
    assert capsys.readouterr().out.count("Wrote ") == 4


@pytest.mark.parametrize(
    ("text", "words", "message"),
    [
        (
            SCRIPT.replace("def get_estimator", "def get_estimater"),
            [],
            "has no function get_estimator(), whose Estimator is to be looked at. Did you mean 'get_estimater'?",
        ),
        ("import sys\nsys.exit(3)\n", [], "ended itself (exit code 3) when it was imported"),
        ("get_estimator = 5\n", [], "has no function get_estimator()"),
        ("def get_estimator():\n    return 5\n", [], "must return an Estimator, got int: 5"),
        ("def get_estimator(data_dir):\n    return 5\n", [], "needs the argument 'data_dir': --data_dir VALUE"),
        (
            SCRIPT,
            ["--epoch", "3"],
            "takes no argument 'epoch'; it takes epochs, batch_size, rate, sizes. Did you mean 'epochs'?",
        ),
        (SCRIPT, ["--epochs"], "--epochs needs a value"),
        (SCRIPT, ["--epochs", "--rate", "1"], "--epochs needs a value"),
        (SCRIPT, ["epochs", "3"], "are given as --name value, got 'epochs'"),
        (SCRIPT, ["--epochs", "3", "--epochs=4"], "--epochs is given twice"),
        (SCRIPT, ["--epochs", "0"], "Estimator(epochs) must be an int >= 1, got 0"),
        (SCRIPT, ["--epochs", "three"], "Estimator(epochs) must be an int >= 1, got 'three'"),
    ],
)
def test_what_cannot_work_is_told(script, capsys, text, words, message):
    assert main(["plan", script(text), *words]) == 1
    said = capsys.readouterr().err
    assert said.startswith("plan: ")
    assert message in said
    assert "Traceback" not in said


def test_an_error_of_the_script_is_shown_by_its_own_lines(script, capsys):
    text = SCRIPT.replace("    model = fe", "    broken = {}['missing']\n    model = fe")
    assert main(["plan", script(text)]) == 1
    said = capsys.readouterr().err
    assert "job_to_plan.py failed when get_estimator() was called:" in said
    assert "broken = {}['missing']" in said
    assert "KeyError: 'missing'" in said
    assert "importlib" not in said


def test_a_script_that_does_not_compile(script, capsys):
    assert main(["plan", script("def get_estimator(:\n")]) == 1
    assert "SyntaxError" in capsys.readouterr().err


def test_a_file_that_is_not_there(script, tmp_path, capsys):
    script()
    assert main(["plan", str(tmp_path / "job_to_plam.py")]) == 1
    assert "Did you mean 'job_to_plan.py'?" in capsys.readouterr().err


def test_called_without_a_script(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["plan"])
    assert stop.value.code == 2


def test_values_are_read_as_python():
    words = ["--a", "5", "--b", "[1, 2]", "--c", "true", "--d-e", "adam", "--f=-1e-3", "--g", "-2"]
    assert plan.read_arguments(words) == {"a": 5, "b": [1, 2], "c": True, "d_e": "adam", "f": -1e-3, "g": -2}
    with pytest.raises(ConfigError, match="--name value"):
        plan.read_arguments(["-a", "5"])


def test_other_commands_do_not_import_the_estimator():
    code = (
        "import sys; from fastestimator_lite.cli.main import main; main(['doctor']); "
        "sys.exit('numpy' in sys.modules or 'fastestimator_lite.estimator' in sys.modules)"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, check=False, timeout=120, cwd=Path(__file__).parents[2]
        ).returncode
        == 0
    )
