"""A run does not wait for its GPU between two log lines; seen without one, on a device that only says it is one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
ROOT = Path(__file__).parents[2]
STEPS = 12  # of each run

QUIET = [
    *("adadelta", "adagrad", "adam", "adamax", "rmsprop", "sgd"),
    *("L1_Loss", "MeanSquaredError", "Hinge", "one-hot CrossEntropy"),
    *("merge_grad", "clip_norm", "clip_value", "nan ignored", "defer", "bf16"),
    *("Accuracy", "Accuracy of many batches", "EMA", "LRScheduler", "LRScheduler of a curve", "all of it"),
    *("CutMixBatch", "MixUpBatch", "slicers", "evaluation", "filled", "pinned"),
]
LOUD = {
    "item": "_local_scalar_dense",
    "float": "_local_scalar_dense",
    "bool": "_local_scalar_dense",
    "numpy": "to the CPU",
    "tolist": "to the CPU",
    "nonzero": "nonzero",
    "mask": "index by a mask",
    "unique": "_unique2",
    "equal": "equal",
    "new constant": "to the GPU, blocking",
    "new scalar": "to the GPU, blocking",
    "not pinned": "to the GPU, not pinned",
    "copied to the CPU": "to the CPU",
}
# each of them needs constants on the device in every step
CONSTANTS = ["class weights", "op Resize3D", "op UnHadamard"]


@pytest.fixture(scope="module")
def found():
    """What the jobs saw, by name."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.gpu.jobs"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "FASTESTIMATOR_LITE_HISTORY": "off"},
        text=True,
        capture_output=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def steps_of(found, name):
    """What waited in each step, in a list for each."""
    assert "error" not in found[name], found[name]["error"]
    *steps, _after = found[name]["steps"]
    assert len(steps) == STEPS
    return steps


def test_every_job_is_looked_at(found):
    by_kind = {kind: {name for name, job in found.items() if job["kind"] == kind} for kind in ("quiet", "loud")}
    assert by_kind["quiet"] == {*QUIET, "class weights"}
    assert by_kind["loud"] == set(LOUD)


@pytest.mark.parametrize("name", LOUD)
def test_what_waits_is_seen(found, name):
    """A user's op that asks the device for something; the runs below would show it."""
    for step in steps_of(found, name):
        assert step == [f"{LOUD[name]} at tensorop.py:{step[0].split(':')[-1]}"]


@pytest.mark.parametrize("name", QUIET)
def test_no_step_waits(found, name):
    assert steps_of(found, name) == [[]] * STEPS


def test_every_op_works_without_waiting(found):
    waiting = {}
    for name, job in found.items():
        if job["kind"] == "ops":
            assert "error" not in job, job["error"]
            assert len(job["steps"]) == 2
            if any(job["steps"]):
                waiting[name] = job["steps"]
    assert sum(job["kind"] == "ops" for job in found.values()) > 20
    assert waiting == {}


@pytest.mark.parametrize("name", CONSTANTS)
def test_constants_are_copied_without_waiting(found, name):
    assert "error" not in found[name], found[name]["error"]
    assert not any(found[name]["steps"][:-1])


@pytest.mark.parametrize("name", ["nan skipped", "fp16"])
def test_a_step_that_may_be_left_out_waits(found, name):
    """Whether the optimizer steps is decided on the host: for the loss, and for all gradients together."""
    for step in steps_of(found, name):
        assert 1 <= len(step) <= 2
        assert {place.split(" at ")[0] for place in step} == {"_local_scalar_dense"}


@pytest.mark.parametrize("name", ["log_steps=4", "log_steps=4, Accuracy and EMA"])
def test_a_run_waits_at_log_lines_alone(found, name):
    *steps, after = [*steps_of(found, name), found[name]["steps"][-1]]
    # a log line, and the reading of the checks behind it, come after the hook that looks on
    waited = [number for number, step in enumerate([*steps[1:], after], 1) if step]
    assert waited == [1, 4, 8, 12]
    assert max(map(len, steps)) <= 3


def test_a_bad_step_is_told_at_the_next_log_line(found):
    told = found["NaN"]["steps"]
    assert told.startswith("step 6 (epoch 1, batch 6): the loss 'loss' of model ")
    assert "moved no parameter" not in told
    assert len(found["NaN"]["pinned"]) == 2 * (1 + 8)  # the trial, and the steps up to the log line


def test_all_that_ops_read_comes_from_pinned_memory(found):
    assert found["adam"]["pinned"] == [[4, 3, 8, 8], [4]] * (1 + STEPS)
