"""The main job, as `make demo` runs it: one script, both frameworks, everything scheduled."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "apphub" / "image_classification" / "digits" / "digits.py"
OTHERS = {"torch": ("tensorflow", "keras"), "tensorflow": ("torch",)}
ENDING = {"torch": "pt", "tensorflow": "h5"}
NUMBER = r"-?\d+(\.\d+)?(e-\d+)?"
# runs the script as it is, then says which of the frameworks are loaded
WRAPPER = """
import runpy, sys
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
print("LOADED", sorted({"torch", "tensorflow", "keras"} & set(sys.modules)))
"""


@pytest.fixture(scope="module", params=["torch", "tensorflow"])
def demo(request, tmp_path_factory):
    out = tmp_path_factory.mktemp(request.param)
    environment = {**os.environ, "FASTESTIMATOR_LITE_HISTORY": "off", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-c", WRAPPER, str(SCRIPT), "--backend", request.param, "--out", str(out)],
        capture_output=True,
        text=True,
        env=environment,
        cwd=ROOT,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return request.param, out, done.stdout.splitlines()


def test_it_learns_and_loads_one_framework(demo):
    backend, _, lines = demo
    accuracy = float(next(line for line in lines if line.startswith("Test accuracy: ")).split()[-1])
    assert accuracy >= 0.97
    loaded = next(line for line in lines if line.startswith("LOADED"))
    assert backend in loaded
    assert not any(f"'{other}'" in loaded for other in OTHERS[backend])


def test_the_timeline_comes_first(demo):
    _, _, lines = demo
    start = next(index for index, line in enumerate(lines) if line.startswith("FastEstimator-Start"))
    table = "\n".join(lines[:start])
    assert lines[0].startswith("Timeline of ")
    for word in ("m1 (Adam)", "m1 (SGD) *", "m2 (Adam) *", "Rotate", "NumpyDataset #2", "ModelSaver", "BestModelSaver"):
        assert word in table


def test_the_lines_are_those_of_1x(demo):
    backend, out, lines = demo
    start = next(index for index, line in enumerate(lines) if line.startswith("FastEstimator-Start"))
    known = [
        r"FastEstimator-Start: step: 1; logging_interval: 10; num_device: \d+;",
        rf"FastEstimator-Train: step: 1; ce: {NUMBER};",
        rf"FastEstimator-Train: step: \d+; ce: {NUMBER};( data_wait%: {NUMBER};)?( m2_lr: {NUMBER};)? steps/sec: {NUMBER};",
        rf"FastEstimator-Train: step: \d+; epoch: \d+; epoch_time\(sec\): {NUMBER};",
        rf"Eval Progress: \d+/\d+;( steps/sec: {NUMBER};)?",
        rf"FastEstimator-Eval: step: \d+; epoch: [12]; accuracy: {NUMBER}; ce: {NUMBER};",
        rf"FastEstimator-Eval: step: \d+; epoch: \d+; accuracy: {NUMBER}; ce: {NUMBER}; max_accuracy: {NUMBER}; since_best_accuracy: \d+;",
        rf"FastEstimator-ModelSaver: Saved model to {re.escape(str(out))}/models/m[12]_epoch_\d+\.{ENDING[backend]}",
        r"FastEstimator-ModelSaver: Removed model .*",
        rf"FastEstimator-BestModelSaver: Saved model to {re.escape(str(out))}/models/m2_best_accuracy\.{ENDING[backend]}",
        r"FastEstimator-BestModelSaver: Restoring model from .*",
        rf"FastEstimator-Finish: step: \d+; m1_lr: 0.01; m2_lr: {NUMBER}; total_time\(sec\): {NUMBER};",
        rf"FastEstimator-Test: step: \d+; epoch: \d+; accuracy: {NUMBER}; ce: {NUMBER};",
    ]
    log = [line for line in lines[start:] if line.startswith(("FastEstimator", "Eval Progress"))]
    for line in log:
        assert any(re.fullmatch(pattern, line) for pattern in known), line
    for pattern in known:
        assert any(re.fullmatch(pattern, line) for line in log), pattern


def test_models_and_pages_are_there(demo):
    backend, out, lines = demo
    models = {path.name for path in (out / "models").iterdir()}
    assert f"m1_epoch_2.{ENDING[backend]}" in models
    assert f"m2_best_accuracy.{ENDING[backend]}" in models
    assert sum(name.startswith("m2_epoch_") for name in models) == 1  # max_to_keep
    page = (out / "report.html").read_text()
    for word in ("<html", "accuracy", "batch size", "m2 (Adam)"):
        assert word in page
    assert (out / "report.png").read_bytes().startswith(b"\x89PNG")
    assert any(str(out / "report.html") in line for line in lines)
