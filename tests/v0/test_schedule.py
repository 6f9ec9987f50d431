"""Schedulers and cycles with epochs and steps from 0, held against what FastEstimator 1.0b0 gave."""

import csv
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from fastestimator_lite.op.numpyop import NumpyOp
from fastestimator_lite.schedule import EpochScheduler, RepeatScheduler
from fastestimator_lite.v0.schedule import CyclicLRSchedule, LRSchedule, Scheduler, from_v0

GOLDEN = Path(__file__).parent.parent / "golden"
WRONG = {
    "FZ1": (lambda: Scheduler({-1: 1}), "epochs start at 0 in v0, got key -1"),
    "FZ3": (lambda: Scheduler({0: None}), r"at least one value that is not None, got \{0: None\}"),
    "FZ4": (lambda: Scheduler({}), r"at least one value that is not None, got \{\}"),
    "FZ6": (lambda: CyclicLRSchedule(cycle_multiplier=0.5), r"cycle_multiplier\) must be at least 1, got 0.5"),
}


def rows(name):
    with (GOLDEN / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_scheduler_table():
    checked = 0
    for row in rows("fe_schedulers"):
        params = json.loads(row["params_json"])
        if params["cls"] != "Scheduler_r0":
            continue
        scheduler = Scheduler({int(key): value for key, value in params["epoch_dict"].items()})
        assert scheduler.get_current_value(int(row["epoch"])) == json.loads(row["value_json"]), row
        checked += 1
    assert checked == 14


def test_cyclic_table():
    runs = defaultdict(list)
    for row in rows("fe_cyclic_r0"):
        runs[row["params_json"]].append((int(row["train_step_0based"]), float(row["lr_float32"])))
    assert len(runs) == 4
    for params_json, points in runs.items():
        params = json.loads(params_json)
        initial, total = params.pop("initial_lr"), params.pop("total_train_steps")
        schedule = CyclicLRSchedule(**params)
        schedule.total_train_steps = total
        for step, lr in points:
            # the table holds float32
            assert schedule.schedule_fn(step, initial) == pytest.approx(lr, rel=1e-6, abs=4e-9), (params, step)


@pytest.mark.parametrize("case", [row["case_id"] for row in rows("errors") if row["case_id"].startswith("FZ")])
def test_wrong_input_is_refused(case):
    make, message = WRONG[case]
    with pytest.raises(AssertionError, match=message):
        make()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Scheduler([32, 64]), r"must be a dict \{epoch: value\}, got \[32, 64\]"),
        (lambda: Scheduler({1.5: 2}), r"an epoch must be an int, got 1.5 \(float\)"),
        (lambda: Scheduler({True: 2}), r"an epoch must be an int, got True \(bool\)"),
        (
            lambda: Scheduler({0: NumpyOp(mode="train"), 1: NumpyOp(mode="eval")}),
            r"must have the same mode, got \('eval',\) and \('train',\)",
        ),
        (lambda: CyclicLRSchedule(num_cycle=0), r"num_cycle\) must be an int >= 1, got 0"),
        (lambda: CyclicLRSchedule(decrease_method="cosin"), "got 'cosin'. Did you mean 'cosine'"),
        (lambda: LRSchedule("batch"), "must be 'step' or 'epoch', got 'batch'"),
    ],
)
def test_other_wrong_input_is_refused(make, message):
    with pytest.raises(AssertionError, match=message):
        make()


def test_sequential_value_remembers_the_last_key():
    scheduler = Scheduler({1: "a", 3: None, 5: "b"})
    assert [scheduler.get_sequential_value(epoch) for epoch in range(7)] == [None, "a", "a", None, None, "b", "b"]
    assert scheduler.get_sequential_value(2) == "b"  # no key: what was asked for last
    assert scheduler.get_current_value(2) == "a"
    assert scheduler.get_all_values() == ["a", None, "b"]


def test_the_order_of_the_keys_does_not_matter():
    scheduler = Scheduler({5: 128, 0: 32, 2: 64})
    assert [scheduler.get_current_value(epoch) for epoch in range(7)] == [32, 32, 64, 64, 64, 128, 128]


def test_ops_of_one_mode_may_be_scheduled_with_gaps():
    op = NumpyOp(mode="train")
    assert Scheduler({0: op, 1: None, 2: NumpyOp(mode="train")}).get_current_value(0) is op


def test_the_seam_moves_every_epoch_by_one():
    ours = from_v0(Scheduler({0: 32, 2: None, 5: 128}), change=lambda value: value + 1)
    assert isinstance(ours, EpochScheduler)
    assert ours.epoch_dict == {1: 33, 3: None, 6: 129}
    assert from_v0(7, change=lambda value: value + 1) == 8
    assert from_v0(None, change=lambda value: value + 1) is None


def test_a_scheduler_of_today_passes_the_seam_as_it_is():
    today = RepeatScheduler([32, 64])
    assert from_v0(today) is today


def test_left_over_steps_stretch_the_last_cycle():
    schedule = CyclicLRSchedule(num_cycle=3, cycle_multiplier=1, decrease_method="linear")
    schedule.total_train_steps = 20
    values = [schedule.schedule_fn(step, 1.0) for step in range(20)]
    assert [step for step in range(1, 20) if values[step] > values[step - 1]] == [6, 12, 18]
    assert values[18] == pytest.approx(1 - 6 / 8, abs=1e-5)  # the cycle from 12 now ends at 20, not at 18
    assert np.all(np.array(values) > 1e-6)
