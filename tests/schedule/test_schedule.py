"""Schedulers answer by epoch, exactly as FastEstimator 1.7's."""

import csv
import json
from pathlib import Path

import pytest

from fastestimator_lite.component import Component, When
from fastestimator_lite.schedule import (
    EpochScheduler,
    RepeatScheduler,
    Scheduler,
    get_current_items,
    get_signature_epochs,
    value_at,
)
from fastestimator_lite.schedule.schedule import Calendar, select, values_of
from fastestimator_lite.util.errors import ConfigError

GOLDEN = Path(__file__).parent.parent / "golden"


def rows(name):
    with (GOLDEN / name).open(newline="") as file:
        return list(csv.DictReader(file))


def scheduler(spec):
    if "epoch_dict" in spec:
        return EpochScheduler({int(epoch): value for epoch, value in spec["epoch_dict"].items()})
    return RepeatScheduler(spec["repeat_list"])


@pytest.mark.parametrize(
    "row",
    [row for row in rows("fe_schedulers.csv") if "Scheduler_r0" not in row["params_json"]],
    ids=lambda row: f"{row['setting_id']}-{row['epoch']}",
)
def test_values_equal_the_golden_table(row):
    spec = json.loads(row["params_json"])
    assert scheduler(spec).get_current_value(int(row["epoch"])) == json.loads(row["value_json"])


class Named(Component):
    def __init__(self, name, **kwargs):
        super().__init__(**kwargs)
        self.name = name


RULES = {"T": {"mode": "train"}, "V": {"mode": "eval"}, "D1": {"ds_id": "ds1"}, "ND1": {"ds_id": "!ds1"}}


def item(spec, made):
    if isinstance(spec, dict):
        ((kind, values),) = spec.items()
        if kind == "EpochScheduler":
            return EpochScheduler({int(epoch): item(value, made) for epoch, value in values.items()})
        return RepeatScheduler([item(value, made) for value in values])
    if spec in (None, "None"):
        return None
    if spec not in made:
        made[spec] = Named(spec, **RULES.get(spec, {}))
    return made[spec]


@pytest.mark.parametrize("row", rows("fe_signature_epochs.csv"), ids=lambda row: row["setting_id"])
def test_signature_epochs_and_selection_equal_the_golden_table(row):
    spec, made = json.loads(row["params_json"]), {}
    items = [item(one, made) for one in spec["items"]]
    assert get_signature_epochs(items, spec["total_epochs"], spec["mode"]) == json.loads(row["signature_epochs_json"])
    found = [
        [one.name for one in get_current_items(items, spec["mode"], epoch)]
        for epoch in range(1, spec["total_epochs"] + 1)
    ]
    assert found == json.loads(row["current_items_per_epoch_json"])


@pytest.mark.parametrize("row", rows("fe_current_items.csv"), ids=lambda row: row["setting_id"])
def test_selection_by_mode_and_data_set_equals_the_golden_table(row):
    spec = json.loads(row["params_json"])
    items = [Named(name, **RULES.get(name, {})) for name in spec["items"]]
    assert [one.name for one in get_current_items(items, spec["run_modes"], ds_id=spec["ds_id"])] == json.loads(
        row["selected_json"]
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EpochScheduler([1, 2]), "must be a dict"),
        (lambda: EpochScheduler({0: 1}), "epochs start at 1, got key 0"),
        (lambda: EpochScheduler({"1": 1}), "must be an int, got '1'"),
        (lambda: EpochScheduler({1.5: 1}), "must be an int, got 1.5"),
        (lambda: EpochScheduler({True: 1}), "must be an int, got True"),
        (lambda: RepeatScheduler([1]), r"at least 2 values to take turns, got \[1\]"),
        (lambda: RepeatScheduler((1, 2)), r"must be a list, got \(1, 2\)"),
    ],
)
def test_bad_schedulers_are_refused(make, message):
    with pytest.raises(ConfigError, match=message) as caught:
        make()
    assert isinstance(caught.value, AssertionError)  # what 1.x raises


def test_falsy_values_are_values():
    """Only None means nothing; 1.x drops 0 and empty containers as well."""
    assert get_current_items([EpochScheduler({1: 0, 2: None})], epoch=1) == [0]
    assert get_current_items([EpochScheduler({1: 0, 2: None})], epoch=2) == []


def test_value_at_and_values_of():
    assert value_at(5, 3) == 5
    assert value_at(EpochScheduler({2: "a"}), 1) is None
    assert values_of(EpochScheduler({2: "a", 3: None})) == ["a"]
    assert values_of(None) == []


def test_items_of_all_epochs_come_without_an_epoch():
    assert select([EpochScheduler({1: "a", 2: "b"}), None, "c"], When()) == ["a", "b", "c"]


class Odd(Scheduler):
    """A user's scheduler that only knows the two methods of 1.x."""

    def __init__(self, a, b):
        self.a, self.b = a, b

    def get_current_value(self, epoch):
        return self.a if epoch < 4 else self.b

    def get_all_values(self):
        return [self.a, self.b]


def test_a_scheduler_of_ones_own_works_in_selection():
    assert get_signature_epochs([Odd("a", "b")], 6) == [1, 4]


@pytest.mark.parametrize(
    "items",
    [
        [EpochScheduler({1: "a", 3: None, 6: "c"}), RepeatScheduler(["x", "y", None])],
        [RepeatScheduler([1, 2]), RepeatScheduler([1, 2, 3])],
        [EpochScheduler({2: "a"})],
        [Odd("a", "b"), RepeatScheduler([1, 2])],
        ["plain"],
    ],
)
def test_calendar_agrees_with_asking_every_epoch(items):
    calendar = Calendar(items, 20)
    for epoch in range(1, 21):
        twin = calendar.twin(epoch)
        assert twin <= epoch
        assert select(items, When(None, twin)) == select(items, When(None, epoch))
    groups = calendar.groups()
    assert sum(count for _, count in groups) == 20
    for epoch, count in groups:
        assert sum(calendar.twin(other) == epoch for other in range(1, 21)) == count
    epochs = list(range(21))
    for epoch, where in calendar.slices():
        assert epochs[where] == [other for other in range(1, 21) if calendar.twin(other) == epoch]
    stretches = list(calendar.stretches())
    assert [epoch for first, last in stretches for epoch in range(first, last + 1)] == epochs[1:]
    for first, last in stretches:
        for epoch in range(first + calendar.period, last + 1):
            assert select(items, When(None, epoch)) == select(items, When(None, epoch - calendar.period))


def test_calendar_work_does_not_grow_with_the_epochs():
    class Counting(EpochScheduler):
        asked = 0

        def get_current_value(self, epoch):
            Counting.asked += 1
            return super().get_current_value(epoch)

    assert get_signature_epochs([Counting({1: "a", 50_000: "b"}), RepeatScheduler(["x", "y"])], 1_000_000) == [
        1,
        2,
        50_000,
        50_001,
    ]
    assert Counting.asked < 20
