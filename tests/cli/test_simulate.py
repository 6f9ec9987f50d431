"""`fastestimator-lite simulate`: files, words and exit codes."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from fastestimator_lite.cli.main import main

GOLDEN = Path(__file__).parent.parent / "golden"
COSINE = """\
training:
  epochs: 25
  optimizer:
    name: sgd
    lr: 0.1
  scheduler:
    name: cosine
    warmup_epochs: 5
    warmup_bias_lr: 1e-5
    min_lr: 1e-6
    iters_per_phase: 10
"""


@pytest.fixture
def config(tmp_path):
    def write(text=COSINE, **replaced):
        for old, new in replaced.items():
            assert f"{old}:" in text
            text = "\n".join(
                f"{line.split(old)[0]}{old}: {new}" if line.strip().startswith(f"{old}:") else line
                for line in text.splitlines()
            )
        path = tmp_path / "run.yaml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def values(folder):
    with (folder / "run.csv").open(newline="") as file:
        return [float(row["value"]) for row in csv.DictReader(file)]


def test_files_and_words(config, tmp_path, capsys):
    assert main(["simulate", config(), "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "Learning rate: cosine" in said
    assert "6-10  | 0.05 -> 0.002448 *" in said
    assert "Warning: the rate drops from 0.1 to 0.0500005 when the warm-up ends" in said
    for ending in ("csv", "png", "html"):
        assert f"Wrote {tmp_path / 'out' / 'run'}.{ending}" in said
    assert (tmp_path / "out" / "run.png").read_bytes()[:4] == b"\x89PNG"
    assert "Plotly.newPlot" in (tmp_path / "out" / "run.html").read_text(encoding="utf-8")
    assert len(values(tmp_path / "out")) == 25


@pytest.mark.parametrize("name", ["step", "poly", "cosine_no_sgdr", "cosine", "multi_step"])
def test_values_are_those_of_the_golden_table(tmp_path, name):
    """From the file that a user writes to the file that comes out."""
    with (GOLDEN / f"netspresso_{name}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    setting = json.loads(rows[0]["params_json"])
    (rate,) = setting["base_lr"]
    training = {"epochs": setting["epochs"], "optimizer": {"lr": rate}, "scheduler": setting["scheduler"]}
    (tmp_path / "run.yaml").write_text(json.dumps({"training": training}), encoding="utf-8")
    assert main(["simulate", str(tmp_path / "run.yaml"), "--out", str(tmp_path)]) == 0
    expected = [float(row["lr_group0"]) for row in rows if row["setting_id"] == rows[0]["setting_id"]]
    assert values(tmp_path) == pytest.approx(expected[: setting["epochs"]], rel=1e-12, abs=0)


def test_another_number_of_epochs_is_another_run(config, tmp_path):
    assert main(["simulate", config(), "--epochs", "10", "--out", str(tmp_path)]) == 0
    shorter = values(tmp_path)
    assert main(["simulate", config(epochs=10), "--out", str(tmp_path)]) == 0
    assert shorter == values(tmp_path)
    assert len(shorter) == 10


def test_several_updates_in_an_epoch(config, tmp_path):
    assert main(["simulate", config(), "--steps-per-epoch", "4", "--out", str(tmp_path)]) == 0
    found = values(tmp_path)
    assert len(found) == 100
    assert found[0] == found[3] != found[4]


@pytest.mark.parametrize(
    ("replaced", "message"),
    [
        ({"name": "cosin"}, "training.scheduler.name must be one of"),
        ({"min_lr": "small"}, "training.scheduler.min_lr"),
        ({"warmup_epochs": -1}, "training.scheduler.warmup_epochs"),
        ({"lr": "high"}, "training.optimizer.lr"),
        ({"epochs": 0}, "training.epochs"),
        ({"iters_per_phase": "[1, 2]"}, "training.scheduler.iters_per_phase"),
    ],
)
def test_a_bad_setting_is_named(config, tmp_path, capsys, replaced, message):
    text = COSINE.replace("    name: sgd\n", "")
    assert main(["simulate", config(text, **replaced), "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr()
    assert said.err.startswith("simulate: ")
    assert message in said.err
    assert "Traceback" not in said.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must be a YAML mapping"),
        ("training: [", "is not YAML"),
        ("train:\n  epochs: 3\n", "training is missing in the configuration; it has train. Did you mean 'train'?"),
        ("training:\n  epochs: 3\n", "training.scheduler is missing"),
        (COSINE.replace("    lr: 0.1\n", ""), "training.optimizer.lr is missing"),
        (COSINE.replace("  epochs: 25\n", ""), "training.epochs is missing"),
        (COSINE.replace("min_lr", "mim_lr"), "Did you mean 'min_lr'?"),
        (COSINE + "    gamma: 0.1\n", "training.scheduler.gamma is not a setting of 'cosine'"),
    ],
)
def test_a_bad_file_is_told(config, tmp_path, capsys, text, message):
    assert main(["simulate", config(text), "--out", str(tmp_path / "out")]) == 1
    assert message in capsys.readouterr().err


def test_a_file_that_is_not_there(tmp_path, capsys):
    assert main(["simulate", str(tmp_path / "none.yaml")]) == 1
    assert "none.yaml' cannot be read" in capsys.readouterr().err


def test_an_output_folder_that_cannot_be_made(config, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["simulate", config(), "--out", str(tmp_path / "file" / "out")]) == 1
    assert "simulate: " in capsys.readouterr().err


def test_called_wrongly(config, capsys):
    assert main(["simulate"]) == 2
    assert "name a CONFIG.yaml, or --serve" in capsys.readouterr().err
    for words in (["--epochs", "0"], ["--steps-per-epoch", "2.5"], ["--epoch", "3"]):
        with pytest.raises(SystemExit) as stop:
            main(["simulate", config(), *words])
        assert stop.value.code == 2


def test_no_framework_is_imported(config, tmp_path):
    code = (
        "import sys; from fastestimator_lite.cli.main import main; code = main(sys.argv[1:]); "
        "print(sorted({'torch', 'tensorflow', 'keras', 'gradio', 'cv2'} & set(sys.modules))); sys.exit(code)"
    )
    words = [sys.executable, "-c", code, "simulate", config(), "--out", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "[]"), done.stderr


def test_a_missing_library_is_named_and_the_numbers_are_there(config, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["simulate", config(), "--out", str(tmp_path)]) == 1
    assert "pip install 'fastestimator-lite[plot,report]'" in capsys.readouterr().err
    assert len(values(tmp_path)) == 25


def test_serving_without_gradio_says_what_to_install(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    assert main(["simulate", "--serve"]) == 1
    assert "pip install 'fastestimator-lite[simulator]'" in capsys.readouterr().err
