"""The values of a schedule over a run, without a model."""

import copy
import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

import fastestimator_lite as fe
from fastestimator_lite.schedule.curve import Epochs, Horizon
from fastestimator_lite.schedule.curves import function, linear, per_group
from fastestimator_lite.schedule.parameter import CosineLrScheduler, SchedulerBase, StatefulSchedulerBase
from fastestimator_lite.schedule.recipe import recipe_from_config, scheduler_from_config
from fastestimator_lite.schedule.schedule import EpochScheduler, RepeatScheduler, Scheduler
from fastestimator_lite.schedule.simulation import simulate
from fastestimator_lite.util.errors import ConfigError

GOLDEN = Path(__file__).parent.parent / "golden"
CONFIG = {
    "training": {
        "epochs": 4,
        "optimizer": {"lr": 0.1},
        "scheduler": {"name": "multi_step", "milestones": [1, 3], "gamma": 0.5},
    }
}


class Groups:
    def __init__(self, *groups):
        self.param_groups = [dict(group) for group in groups]


class Halve(StatefulSchedulerBase):
    def __init__(self, optimizer, field="lr"):
        super().__init__(optimizer, field)

    def get_updated_values(self, num_updates):
        return [value * 0.5 for value in self.values]


def values(rows):
    return [row["value"] for row in rows]


def test_a_row_for_each_update_field_and_group():
    rows = simulate({"lr": [lambda step: step, 7], "weight_decay": lambda epoch: 10 * epoch}, 2, 2)
    assert [tuple(row) for row in rows] == [("epoch", "step", "field", "group", "value")] * 12
    assert [tuple(row.values()) for row in rows] == [
        (1, 1, "lr", 0, 1),
        (1, 1, "lr", 1, 7),
        (1, 1, "weight_decay", 0, 10),
        (1, 2, "lr", 0, 2),
        (1, 2, "lr", 1, 7),
        (1, 2, "weight_decay", 0, 10),
        (2, 3, "lr", 0, 3),
        (2, 3, "lr", 1, 7),
        (2, 3, "weight_decay", 0, 20),
        (2, 4, "lr", 0, 4),
        (2, 4, "lr", 1, 7),
        (2, 4, "weight_decay", 0, 20),
    ]


def test_it_is_public():
    assert fe.schedule.simulate(lambda epoch: 0.1 / epoch, 2) == [
        {"epoch": 1, "step": 1, "field": "lr", "group": 0, "value": 0.1},
        {"epoch": 2, "step": 2, "field": "lr", "group": 0, "value": 0.05},
    ]


@pytest.mark.parametrize(
    ("schedule", "found"),
    [
        (linear(0.0, 1.0, Epochs(2)), [0.0, 0.25, 0.5, 0.75]),
        (0.5 * linear(0.0, 1.0, Epochs(2)), [0.0, 0.125, 0.25, 0.375]),
        (0.3, [0.3] * 4),
        (lambda step: 1 / step, [1, 1 / 2, 1 / 3, 1 / 4]),
        (lambda epoch, base=2: base**epoch, [2, 2, 4, 4]),
        (lambda progress: progress, [0.0, 0.25, 0.5, 0.75]),
        (lambda clock: 10 * clock.epoch + clock.step, [11, 12, 23, 24]),
        (function(lambda step: step), [1, 2, 3, 4]),
        (EpochScheduler({2: 0.1}), [None, None, 0.1, 0.1]),
        (EpochScheduler({1: 0.1, 2: lambda step: step}), [0.1, 0.1, 3, 4]),
        (RepeatScheduler([0.1, linear(0.0, 1.0, Epochs(2))]), [0.1, 0.1, 0.5, 0.75]),
        ((0.9, lambda step: step), [(0.9, 1), (0.9, 2), (0.9, 3), (0.9, 4)]),
        (lambda step: (0.9, step), [(0.9, 1), (0.9, 2), (0.9, 3), (0.9, 4)]),
        (lambda step: None if step % 2 else step, [None, 2, None, 4]),
    ],
)
def test_what_a_schedule_may_be(schedule, found):
    assert values(simulate(schedule, 2, 2)) == found


def test_a_scheduler_of_ones_own():
    class Own(Scheduler):
        def get_current_value(self, epoch):
            return epoch / 10

        def get_all_values(self):
            return []

    assert values(simulate(Own(), 3)) == [0.1, 0.2, 0.3]


def test_several_groups():
    assert [(row["group"], row["value"]) for row in simulate(per_group({1: 5, 0: 3}), 1)] == [(0, 3), (1, 5)]
    assert values(simulate(lambda step: [step, 2 * step], 2)) == [1, 2, 2, 4]
    assert values(simulate(0.1, 1, groups=[{"lr": 1.0}, {"lr": 2.0}, {"lr": 3.0}])) == [0.1] * 3
    groups = [{"name": "head"}, {"name": "body"}]
    assert values(simulate(per_group({"body": 5}), 1, groups=groups)) == [None, 5]
    assert values(simulate(per_group({"body": 5}), 1)) == [5]


def test_epochs_of_different_lengths():
    rows = simulate(lambda step: step, Horizon((2, 0, 3)))
    assert [(row["epoch"], row["value"]) for row in rows] == [(1, 1), (1, 2), (3, 3), (3, 4), (3, 5)]


# configurations


@pytest.mark.parametrize("name", ["step", "poly", "cosine_no_sgdr", "cosine", "multi_step"])
def test_configurations_give_the_golden_tables(name):
    with (GOLDEN / f"netspresso_{name}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    seen = 0
    for params in dict.fromkeys(row["params_json"] for row in rows):
        spec = json.loads(params)
        config = {"training": {"epochs": spec["epochs"], "scheduler": spec["scheduler"]}}
        before = copy.deepcopy(config)
        wanted = [row for row in rows if row["params_json"] == params]
        found = simulate(config, len(wanted), groups=[{"lr": base} for base in spec["base_lr"]])
        golden = [float(row[f"lr_group{group}"]) for row in wanted for group in range(len(spec["base_lr"]))]
        assert values(found) == pytest.approx(golden, rel=0, abs=1e-12)
        assert config == before
        seen += len(found)
    assert seen > 50


def test_the_length_of_the_run_comes_from_the_configuration():
    assert values(simulate(CONFIG)) == [0.1, 0.05, 0.05, 0.025]
    assert values(simulate(CONFIG, 2, 2)) == [0.1, 0.1, 0.05, 0.05]
    assert values(simulate(recipe_from_config(CONFIG))) == [0.1, 0.05, 0.05, 0.025]


def test_a_file(tmp_path):
    file = tmp_path / "recipe.yaml"
    file.write_text(
        "training:\n  epochs: 2\n  optimizer: {lr: 1e-1}\n  scheduler: {name: multi_step, milestones: [1], "
        "gamma: 0.5}\n",
        encoding="utf-8",
    )
    assert values(simulate(file)) == values(simulate(str(file), 2)) == [0.1, 0.05]


def test_the_length_that_is_asked_for_counts_where_the_configuration_says_none():
    scheduler = {"name": "cosine", "iters_per_phase": 4, "warmup_epochs": 0, "warmup_bias_lr": 0, "min_lr": 0}
    config = {"training": {"optimizer": {"lr": 0.1}, "scheduler": scheduler}}
    assert values(simulate(config, 4)) == values(simulate({"training": {**config["training"], "epochs": 4}}, 4))


# schedulers of an optimizer


def test_a_function_of_an_optimizer():
    rows = simulate(lambda optimizer: Halve(optimizer, "weight_decay"), 2, 2, groups=[{"weight_decay": 8.0}, {}])
    assert [(row["field"], row["group"], row["value"]) for row in rows] == [
        ("weight_decay", group, value)
        for pair in ((8.0, 0.01), (4.0, 0.005), (2.0, 0.0025), (1.0, 0.00125))
        for group, value in enumerate(pair)
    ]
    assert values(simulate(Halve, 1, 2)) == [1e-3, 5e-4]


def test_the_documented_cosine_update_by_update():
    rows = simulate(lambda optimizer: CosineLrScheduler(optimizer, 2, 5), 2, 5, groups=[{"lr": 0.1}])
    scheduler = CosineLrScheduler(Groups({"lr": 0.1}), 2, 5)
    assert values(rows) == [scheduler.get_updated_values(n)[0] for n in range(10)]


def test_the_cosine_as_it_was_lags_one_update():
    made = [
        lambda optimizer, compat=compat: CosineLrScheduler(optimizer, 2, 5, compat=compat)
        for compat in (None, "pytorch_accelerated")
    ]
    documented, as_it_was = (values(simulate(one, 2, 5)) for one in made)
    assert as_it_was == [documented[0], *documented[:-1]]


def test_a_scheduler_without_a_count_is_told_it():
    class Stateless(SchedulerBase):
        def get_updated_values(self, num_updates):
            return num_updates

    assert values(simulate(Stateless, 2, 2)) == [0, 1, 2, 3]


def test_a_scheduler_goes_on_from_where_it_stands_and_stays_there():
    optimizer = Groups({"lr": 8.0, "params": object()})
    scheduler = Halve(optimizer)
    scheduler.step()
    state = scheduler.state_dict()
    assert values(simulate(scheduler, 1, 4)) == [4.0, 4.0, 2.0, 1.0]
    assert scheduler.state_dict() == state
    assert optimizer.param_groups[0]["lr"] == 4.0


def test_a_recipe_on_an_optimizer_counts_epochs():
    assert values(simulate(lambda optimizer: scheduler_from_config(optimizer, CONFIG), 4, 2, groups=[{"lr": 0.1}])) == [
        0.1,
        0.1,
        0.05,
        0.05,
        0.05,
        0.05,
        0.025,
        0.025,
    ]


# bad input


@pytest.mark.parametrize(
    ("schedule", "arguments", "told"),
    [
        ("nowhere.yaml", {"epochs": 2}, "'nowhere.yaml' cannot be read"),
        (object(), {"epochs": 2}, "must be a Curve, a number, a function of 'step' or 'epoch'"),
        (None, {}, "must say how many epochs"),
        ({1: 0.1}, {"epochs": 2}, "values by epoch are an EpochScheduler"),
        ({}, {"epochs": 2}, "a dictionary holds schedules by optimizer field"),
        ({"lr": "fast"}, {"epochs": 2}, "simulate: 'lr' must be a Curve.* got str: 'fast'"),
        (True, {"epochs": 2}, "got bool: True"),
        (lambda steps: 1, {"epochs": 2}, "it takes 'steps'. Did you mean 'step'"),
        (CosineLrScheduler, {"epochs": 2}, "it takes 'optimizer', 'total_num_epochs', 'num_update_steps_per_epoch'"),
        (lambda optimizer: 1, {"epochs": 2}, "must return a SchedulerBase, got int"),
        (lambda step: "fast", {"epochs": 2}, "at epoch 1, step 1, it gave 'fast'"),
        (EpochScheduler({1: 0.1, 2: "fast"}), {"epochs": 2}, "at epoch 2 must be a Curve.* got str: 'fast'"),
        (0.1, {}, r"simulate\(epochs\) must say how many epochs the run has"),
        (0.1, {"epochs": 0}, "epochs must be an int >= 1, got 0"),
        (0.1, {"epochs": 2, "steps_per_epoch": 0}, "steps_per_epoch must be an int >= 1, got 0"),
        ([0.1, 0.2], {"epochs": 2, "groups": [{"lr": 1}]}, "2 values for 1 parameter groups"),
        (CONFIG, {"groups": [{"weight_decay": 1}]}, "group 0 needs 'lr'"),
        (
            {"training": {"scheduler": CONFIG["training"]["scheduler"]}},
            {"epochs": 2},
            "training.optimizer.lr is missing",
        ),
        ({"training": {"scheduler": {"name": "stepp"}}}, {"epochs": 2}, "Did you mean 'step'"),
    ],
)
def test_what_cannot_be_simulated_is_refused(schedule, arguments, told):
    with pytest.raises(ConfigError, match=told):
        simulate(schedule, **arguments)


def test_groups_beside_a_scheduler_that_has_its_own_are_refused():
    with pytest.raises(ConfigError, match="a SchedulerBase has its optimizer's groups"):
        simulate(Halve(Groups({"lr": 1.0})), 2, groups=[{"lr": 2.0}])


def test_no_framework_is_needed():
    code = (
        "import sys, fastestimator_lite.schedule.simulation\nimport fastestimator_lite as fe\n"
        "rows = fe.schedule.simulate(lambda optimizer: fe.schedule.CosineLrScheduler(optimizer, 2, 2), 2, 2)\n"
        "assert len(rows) == 4\n"
        "print([name for name in ('torch', 'tensorflow', 'keras', 'yaml', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
