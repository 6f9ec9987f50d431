"""Every benchmark runs and says what it found; how fast anything is, no test asks."""

import importlib.util
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
# script -> the rows of docs/performance.md that it measures
ROWS = {
    "first_step": "KL",
    "gpu_step": ["GPU1", "GPU2", "GPU3", "GPU4"],
    "import_time": "J",
    "memory": "M",
    "pipeline_images": "HI",
    "pipeline_in_memory": "F",
    "pipeline_workers": "GOSW",
    "planning": "V",
    "progressive_resizing": "X",
    "step_lenet": "D",
    "step_tensorflow": "BP",
    "step_torch": "ACPQT",
}
# these import TensorFlow, some of them several times
SLOW = {
    "progressive_resizing",
    "first_step",
    "import_time",
    "memory",
    "pipeline_in_memory",
    "step_lenet",
    "step_tensorflow",
}
MARKS = {**dict.fromkeys(SLOW, pytest.mark.slow), "gpu_step": [pytest.mark.gpu, pytest.mark.timeout(900)]}
SCRIPTS = [pytest.param(name, marks=MARKS.get(name, ())) for name in ROWS]


def load_common():
    spec = importlib.util.spec_from_file_location("_common", FOLDER / "_common.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["_common"] = module  # its dataclass looks itself up there
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def common(monkeypatch):
    before = dict(os.environ)
    monkeypatch.delitem(sys.modules, "_common", raising=False)
    yield load_common()
    sys.modules.pop("_common", None)
    os.environ.clear()
    os.environ.update(before)


def expected(line):
    """The comparison that a line's figures must come to, as far as one figure a turn tells it."""
    if line["kind"] == "value":
        return line["ours"]
    return line["ours"] - line["raw"] if line["kind"] == "difference" else line["ours"] / line["raw"]


@pytest.mark.parametrize("name", SCRIPTS)
def test_benchmark_prints_its_table_and_writes_json(name, tmp_path):
    if name == "gpu_step" and not pytest.importorskip("torch").cuda.is_available():
        pytest.skip("needs a GPU")
    file = tmp_path / "figures.json"
    done = subprocess.run(
        [sys.executable, FOLDER / f"{name}.py", "--quick", "--json", file],
        cwd=tmp_path,
        text=True,
        capture_output=True,
        timeout=800 if name == "gpu_step" else 240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    written = json.loads(file.read_text())
    assert written["script"] == f"{name}.py"
    assert written["quick"] is True
    lines = written["lines"]
    assert {line["row"] for line in lines} == set(ROWS[name])
    heads, *printed = done.stdout.splitlines()[1 : len(lines) + 2]
    assert heads.split() == "row quantity ours raw compared of the best goal reached".split()
    for line, text in zip(lines, printed, strict=True):
        assert text.split()[0] == (line["row"] if line["peer"] is None else line["peer"].split()[0])
        assert all(math.isfinite(line[key]) for key in ("ours", "compared", "compared_best"))
        assert text.endswith({True: "yes", False: "NO", None: ""}[line["reached"]])
        assert (line["goal"] is None) == (line["reached"] is None)
    assert any(line["goal"] for line in lines)
    assert "--quick: too short to mean anything" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["figures.json"]


def test_the_benchmark_of_a_gpu_ends_well_without_one(tmp_path):
    pytest.importorskip("torch")
    file = tmp_path / "figures.json"
    done = subprocess.run(
        [sys.executable, FOLDER / "gpu_step.py", "--quick", "--json", file],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        text=True,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "skipped: no GPU\n"), done.stderr[-2000:]
    written = json.loads(file.read_text())
    assert (written["script"], written["lines"], written["skipped"]) == ("gpu_step.py", [], {"all": "no GPU"})


SAME_WEIGHTS = """
import json, sys
sys.path.insert(0, {folder!r})
import {script} as script
nets, make = [], script.model
def kept():
    nets.append(make())
    return nets[-1]
script.model = kept
data = {data}
for loop in (script.raw_loop(data, 20), script.framework_loop("fastestimator_lite", data, 20{options})):
    assert loop() > 0
    assert loop() > 0
weights = [[weight.tolist() for weight in {weights}] for net in nets]
print(json.dumps(weights))
"""


@pytest.mark.parametrize(
    ("script", "data", "weights", "options", "within"),
    [
        ("step_torch", "script.ReadyBatches(20)", "net.parameters()", "", 1e-6),
        # in another layout rounding differs, and which of two pixels a pooling takes hangs on it now and then
        (
            "step_lenet",
            "script.ReadyBatches(20)",
            "(one.flatten() for one in net.parameters())",
            ", channels_last=False",
            1e-5,
        ),
        pytest.param(
            "step_tensorflow",
            "script.dataset(script.arrays(20))",
            "net.get_weights()",
            "",
            1e-6,
            marks=pytest.mark.slow,
        ),
    ],
)
def test_raw_loop_and_ours_do_the_same_work(script, data, weights, options, within):
    code = SAME_WEIGHTS.format(folder=str(FOLDER), script=script, data=data, weights=weights, options=options)
    done = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    by_hand, ours = json.loads(done.stdout.splitlines()[-1])
    for one, other in zip(by_hand, ours, strict=True):
        assert one == [pytest.approx(row, abs=within) for row in other]


def test_every_script_is_tested_and_says_which_rows_it_measures():
    for name, rows in ROWS.items():
        first = (FOLDER / f"{name}.py").read_text().splitlines()[0]
        assert first.endswith("of docs/performance.md).")
        assert [letter for letter in rows if letter not in first.split("(row")[1].split(" of ")[0]] == []


def test_performance_page_names_the_script_of_each_row():
    page = (FOLDER.parent / "docs" / "performance.md").read_text()
    for name, rows in ROWS.items():
        for row in rows:
            assert any(line.startswith(f"| {row} ") and f"{name}.py" in line for line in page.splitlines()), (row, name)


def test_contestants_take_turns_and_warm_ups_do_not_count(common):
    calls = []

    def contestant(name):
        def work():
            calls.append(name)
            return len(calls)

        return work

    figures = common.interleaved({"a": contestant("a"), "b": contestant("b")}, 2, warm_ups=1)
    assert calls == ["b", "a", "a", "b", "b", "a"]
    assert figures == {"a": [3, 6], "b": [4, 5]}


def test_comparisons_are_made_turn_by_turn(common):
    ours, raw = [11.0, 22.0, 39.0], [10.0, 20.0, 30.0]
    assert common.compare("difference", ours, raw) == (2.0, 1.0)
    assert common.compare("ratio", ours, raw) == (1.1, 1.1)
    assert common.compare("ratio", ours, raw, max) == (1.1, 1.3)
    assert common.compare("value", ours, None) == (22.0, 11.0)


def test_what_something_adds_is_divided_by_how_many_there_were(common):
    added = common.Added([6.0, 9.0, 8.0], [2.0, 3.0, 4.0], 2)
    assert added == [2.0, 3.0, 2.0]
    assert common.compare("value", added, None) == (2.0, 2.0)


@pytest.mark.parametrize(
    ("goal", "unit", "text", "kept", "missed"),
    [
        (("difference", "<=", 30e-6), "us", "<= +30 us", 30e-6, 31e-6),
        (("ratio", "<=", 1.05), "s", "<= 1.05x", 1.04, 1.06),
        (("ratio", ">=", 0.7), "k samples/s", ">= 0.7x", 0.8, 0.6),
        (("value", "<=", 1e-3), "ms", "<= 1 ms", 0.0, 2e-3),
        (("difference", "<=", 30 * 2**20), "MB", "<= +30 MB", -1.0, 31 * 2.0**20),
    ],
)
def test_goals_say_what_they_are_and_know_when_they_are_reached(common, goal, unit, text, kept, missed):
    goal = common.Goal(*goal)
    assert goal.text(unit) == text
    assert goal.reached(kept)
    assert not goal.reached(missed)


def test_a_table_holds_ours_against_raw_and_peers_against_raw(common, capsys, tmp_path):
    import argparse

    arguments = argparse.Namespace(quick=False, json=str(tmp_path / "figures.json"), cpu=False)
    table = common.Table("something", arguments)
    table.add("A", "a step", "us", [130e-6], [100e-6], common.Goal("difference", "<=", 20e-6))
    table.add_peer("another", [250e-6], [100e-6])
    table.skip("a third")
    table.finish()
    printed = capsys.readouterr().out.splitlines()
    assert printed[2].split() == "A a step 130 us 100 us +30 us +30 us <= +20 us NO".split()
    assert printed[3].split() == "another 250 us 100 us +150 us +150 us".split()
    assert printed[4] == "skipped: a third (not installed here)"
    ours, peer = json.loads((tmp_path / "figures.json").read_text())["lines"]
    assert (ours["reached"], ours["peer"], peer["reached"], peer["peer"]) == (False, None, None, "another")
    assert ours["compared"] == pytest.approx(expected(ours)) == pytest.approx(30e-6)
    assert peer["compared"] == pytest.approx(expected(peer)) == pytest.approx(150e-6)


def test_a_child_process_reports_what_it_is_asked_and_what_it_cost(common):
    child = common.run_child(f"{common.REPORT}\nx = bytearray(60 * 2**20)\nprint('hidden')\nreport([1, 'two'])")
    assert child.result == [1, "two"]
    assert child.cpu > 0
    assert child.peak > 60 * 2**20
    with pytest.raises(RuntimeError, match=r"ended with 1.*\n.*\nZeroDivisionError"):
        common.run_child("1 / 0")


def test_output_goes_nowhere_and_looks_like_a_terminal_if_asked(common, capsys):
    with common.output_to_null():
        print("hidden")
        assert not sys.stdout.isatty()
    with common.output_to_null(terminal=True):
        print("hidden", file=sys.stderr)
        assert sys.stdout.isatty()
        assert sys.stderr.isatty()
    print("seen")
    assert capsys.readouterr() == ("seen\n", "")
