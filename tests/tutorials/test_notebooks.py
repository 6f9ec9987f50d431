"""The notebooks in tutorials/ run from their first cell to their last, and show what they speak of."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "tutorials").glob("*.ipynb"))
SHOWN = {
    "t01_schedule_anything": [
        "[16, 32, 32, 64, 64, 64]\n[32, 64, 32, 64, 32, 64]\n[32, 64, 128, 128, 128, 128]\n",
        "epoch 3: a batch has the shape (128, 8, 8)",
        "Timeline of 3 epochs (* = changes here",
        "| digits (SGD) * |",
        "FastEstimator-Finish: step: 50;",
        "epoch 1: 479 samples in 15 batches of 32\nepoch 2: 1437 samples in 23 batches of 64\n"
        "epoch 3: 1437 samples in 12 batches of 128\n",
        "2 evaluations measured accuracy; the last one is above 0.8: True",
    ],
    "t02_curves": [
        "over needs a unit: Epochs(10), Steps(10)",
        "{'epoch': 2, 'step': 4, 'field': 'lr', 'group': 0, 'value': 0.25}",
        "digits_lr at update 20: simulated 0.007960, logged 0.007960",
        "digits_weight_decay at update 40: simulated 0.002500, logged 0.002500",
        "the body has moved: {1: False, 2: True, 3: True, 4: True}",
        "epoch 2: the curve times {1.0}\nepoch 3: the curve times {0.5}\nepoch 4: the curve times {0.25}\n",
    ],
    "t03_simulator": [
        "epoch 1: 0.020008\n",
        "epoch 7: 0.034550\n",
        "6-10  | 0.05 -> 0.002448 *",
        "Warning: the rate drops from 0.1 to 0.0500005 when the warm-up ends",
        "milestone 80 is never reached",
        "min_lr=1e-06 is never reached",
        "Did you mean 'iters_per_phase'?",
        "Learning rate: cosine (run.yaml), 25 epochs",
        "exit code 0",
        "used is simulated: True",
    ],
    "t04_timeline": [
        "Timeline of 4 epochs (* = changes here",
        "| Rotate, Minmax | digits (AdamW) | 0.001 -> 0.0098 ",
        "[(1, 2, '32'), (3, 4, '64')]",
        "4 epochs in 4 stretches; courses: digits_lr, digits_weight_decay",
        "Timeline of 6 epochs (* = changes here",
        "exit code 0",
        "epoch 3 planned: batch size 64, 23 steps, rate 0.005135 to 0.001704\n"
        "epoch 3 applied: batch size 64, 23 steps, rate 0.005135 to 0.001704\n",
    ],
}
PICTURES = {"t01_schedule_anything": 0, "t02_curves": 2, "t03_simulator": 2, "t04_timeline": 1}


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    nbformat = pytest.importorskip("nbformat")
    return request.param.stem, nbformat.read(request.param, as_version=4)


@pytest.mark.slow
def test_every_cell_runs_and_shows_what_it_should(notebook, tmp_path, monkeypatch):
    pytest.importorskip("torch")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    name, cells = notebook[0], notebook[1].cells
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("FASTESTIMATOR_LITE_HISTORY", "off")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))  # not the settings of whoever runs this
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    folder = tmp_path / "run"
    folder.mkdir()
    nbclient.NotebookClient(
        notebook[1],
        timeout=120,
        kernel_name="python3",
        allow_errors=True,
        resources={"metadata": {"path": str(folder)}},
    ).execute()

    code = [cell for cell in cells if cell.cell_type == "code"]
    failed = [
        f"{cell.source}\n{output.ename}: {output.evalue}"
        for cell in code
        for output in cell.outputs
        if output.output_type == "error"
    ]
    assert failed == []
    assert all(cell.execution_count for cell in code), "a cell was not run"
    outputs = [output for cell in code for output in cell.outputs]
    text = "".join(output.text for output in outputs if output.output_type == "stream" and output.name == "stdout")
    assert [wanted for wanted in SHOWN[name] if wanted not in text] == [], text
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) == PICTURES[name]


def test_is_kept_without_outputs(notebook):
    for cell in notebook[1].cells:
        assert not cell.get("outputs"), cell.source
        assert cell.get("execution_count") is None, cell.source


def test_every_notebook_is_tested_and_listed():
    names = [path.stem for path in NOTEBOOKS]
    assert names == sorted(SHOWN) == sorted(PICTURES)
    listed = re.findall(
        r"^- \[(\w+)\.ipynb\]\(\1\.ipynb\): \S",
        (ROOT / "tutorials" / "README.md").read_text(encoding="utf-8"),
        flags=re.MULTILINE,
    )
    assert listed == names
