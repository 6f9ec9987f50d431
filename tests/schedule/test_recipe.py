"""Recipes by name, held against the numbers of NetsPresso Trainer 1.4.1."""

import copy
import csv
import json
import logging
import re
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from fastestimator_lite.schedule.curve import Horizon
from fastestimator_lite.schedule.recipe import (
    Recipe,
    parse_config,
    read_config,
    recipe_from_config,
    scheduler_from_config,
)
from fastestimator_lite.util.errors import ConfigError, MissingDependencyError

GOLDEN = Path(__file__).parent.parent / "golden"
STEP = {"name": "step", "iters_per_phase": 2, "gamma": 0.5, "end_epoch": 8}
POLY = {"name": "poly", "warmup_epochs": 3, "warmup_bias_lr": 1e-5, "min_lr": 1e-6, "power": 1.0, "end_epoch": 9}
NO_SGDR = {"name": "cosine_no_sgdr", "warmup_epochs": 3, "warmup_bias_lr": 1e-5, "min_lr": 1e-6, "end_epoch": 9}
COSINE = {"name": "cosine", "warmup_epochs": 3, "warmup_bias_lr": 1e-5, "min_lr": 1e-6, "iters_per_phase": 5}
MULTI_STEP = {"name": "multi_step", "milestones": [3, 8], "gamma": 0.1}


class Groups:
    def __init__(self, *rates):
        self.param_groups = [{"params": [], "lr": rate} for rate in rates]

    @property
    def rates(self):
        return [group["lr"] for group in self.param_groups]


def config_of(scheduler, epochs=12, lr=0.1):
    training = {"epochs": epochs, "ema": None, "optimizer": {"name": "sgd", "lr": lr}, "scheduler": dict(scheduler)}
    return {"model": {"name": "any"}, "training": training}


def tables(*names):
    found = defaultdict(list)
    for name in names:
        with (GOLDEN / f"netspresso_{name}.csv").open(newline="") as file:
            for row in csv.DictReader(file):
                found[row["setting_id"], row["params_json"]].append(row)
    return [pytest.param(json.loads(spec), rows, id=setting) for (setting, spec), rows in found.items()]


FIVE = ("step", "poly", "cosine_no_sgdr", "cosine", "multi_step")


@pytest.mark.parametrize(("spec", "rows"), tables(*FIVE))
def test_every_epoch_of_the_golden_tables(spec, rows):
    config = config_of(spec["scheduler"], spec["epochs"], spec["base_lr"][0])
    before = copy.deepcopy(config)
    optimizer = Groups(*spec["base_lr"])
    scheduler = scheduler_from_config(optimizer, config)
    recipe = recipe_from_config(config)
    for epoch, row in enumerate(rows, 1):
        assert int(row["epoch_1based"]) == epoch
        golden = [float(row[f"lr_group{group}"]) for group in range(len(spec["base_lr"]))]
        assert optimizer.rates == scheduler.get_last_lr() == pytest.approx(golden, rel=0, abs=1e-12), epoch
        assert scheduler.rate(epoch) == recipe.rate(epoch) == optimizer.rates[0]
        scheduler.step()
    assert config == before


@pytest.mark.parametrize(("spec", "rows"), tables("resume"))
def test_a_resumed_run_has_the_numbers_of_an_uninterrupted_one(spec, rows):
    config = config_of(spec["scheduler"], spec["epochs"])
    first = scheduler_from_config(Groups(*spec["base_lr"]), config)
    for _ in range(spec["checkpoint_after_epoch"]):
        first.step()
    state = json.loads(json.dumps(first.state_dict()))
    optimizer = Groups(*spec["base_lr"])
    resumed = scheduler_from_config(optimizer, config)
    resumed.load_state_dict(state)
    right = {int(row["epoch_1based"]): float(row["lr_group0"]) for row in rows if row["phase"] == "uninterrupted"}
    assert spec["checkpoint_after_epoch"] + 1 < max(right)
    for epoch in range(spec["checkpoint_after_epoch"] + 1, max(right) + 1):
        assert resumed.epoch == epoch
        assert optimizer.rates == pytest.approx([right[epoch]], rel=0, abs=1e-12)
        resumed.step()


def test_all_groups_are_updated():
    optimizer = Groups(0.1, 0.01)  # NE0
    scheduler = scheduler_from_config(optimizer, config_of({**COSINE, "warmup_epochs": 0}))
    scheduler.step()
    assert optimizer.rates[0] < 0.1
    assert optimizer.rates[1] < 0.01


def test_a_rate_is_a_pure_function_of_the_epoch():
    recipe = recipe_from_config(config_of(COSINE))
    forward = [recipe.rate(epoch) for epoch in range(1, 15)]
    assert [recipe.rate(epoch) for epoch in range(14, 0, -1)] == forward[::-1]


def test_a_recipe_is_a_curve():
    recipe = recipe_from_config(config_of(MULTI_STEP))
    horizon = Horizon.even(12, 3)
    assert [recipe.value(horizon.clock(step)) for step in (1, 9, 10, 24, 25)] == [
        recipe.rate(epoch) for epoch in (1, 3, 4, 8, 9)
    ]
    assert [(0.5 * recipe).value(horizon.clock(step)) for step in (9, 10)] == [0.05, 0.5 * recipe.rate(4)]


# where configurations come from

PAGE = {  # the examples of the documentation, as they stand there
    "step": "  name: step\n      iters_per_phase: 1\n      gamma: 0.1\n      end_epoch: 80",
    "poly": "  name: poly\n      warmup_epochs: 5\n      warmup_bias_lr: 1e-5\n      min_lr: 1e-6\n      power: 1.0\n"
    "      end_epoch: 80",
    "cosine_no_sgdr": "  name: cosine_no_sgdr\n      warmup_epochs: 5\n      warmup_bias_lr: 1e-5\n      min_lr: 1e-6\n"
    "      end_epoch: 80",
    "cosine": "  name: cosine\n      warmup_epochs: 5\n      warmup_bias_lr: 1e-5\n      min_lr: 1e-6\n"
    "      iters_per_phase: 10",
    "multi_step": "  name: multi_step\n      milestones: [30, 80]\n      gamma: 0.1",
}


def page(name, head="epochs: 100"):
    return f"training:\n    {head}\n    scheduler:\n    {PAGE[name]}\n"


@pytest.mark.parametrize("name", FIVE)
def test_a_file_says_the_same_as_a_dictionary(name, tmp_path):
    file = tmp_path / "recipe.yaml"
    file.write_text(page(name, "optimizer: {lr: 1e-2}\n    epochs: 100"), encoding="utf-8")
    optimizer, other = Groups(0.01), Groups(0.01)
    read = scheduler_from_config(optimizer, file)
    settings = dict(read.recipe.settings, name=name)
    given = scheduler_from_config(other, {"training": {"epochs": 100, "scheduler": settings}})
    assert read.recipe.name == name
    assert read.recipe.lr == 0.01
    for _ in range(100):
        assert optimizer.rates == other.rates
        read.step()
        given.step()
    assert scheduler_from_config(Groups(0.01), str(file)).recipe.settings == read.recipe.settings


@pytest.mark.parametrize("name", ["step", "poly", "multi_step"])
def test_the_length_of_the_run_may_be_left_out_where_it_does_not_matter(name):
    assert recipe_from_config(parse_config(page(name, "seed: 1"))).epochs is None


@pytest.mark.parametrize("name", ["cosine", "cosine_no_sgdr"])
def test_the_length_of_the_run_may_not_be_left_out_where_it_matters(name):
    with pytest.raises(ConfigError, match=f"training.epochs is missing: '{name}' needs to know"):
        scheduler_from_config(Groups(0.1), parse_config(page(name, "seed: 1")))
    assert recipe_from_config(parse_config(page(name, "seed: 1")), epochs=100).epochs == 100


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-5", 1e-5),
        ("1E5", 1e5),
        ("-2e+3", -2e3),
        ("1.0e-5", 1e-5),
        (".5", 0.5),
        ("5.", 5.0),
        ("+1.5", 1.5),
        ("10", 10),
        ("1e", "1e"),
        ("e5", "e5"),
        ("1.2.3", "1.2.3"),
        ("'1e-5'", "1e-5"),
        ("-.inf", float("-inf")),
        ("true", True),
    ],
)
def test_numbers_are_those_of_yaml_1_2(text, value):
    found = parse_config(f"key: {text}")["key"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("scheduler", [STEP, POLY, NO_SGDR, COSINE, MULTI_STEP], ids=FIVE)
def test_what_yaml_writes_is_read_back(scheduler):
    import yaml

    config = config_of(scheduler)
    assert parse_config(yaml.safe_dump(config)) == config


def test_the_loader_of_others_stays_as_it_is():
    import yaml

    parse_config("key: 1e-5")
    assert yaml.safe_load("1e-5") == "1e-5"


def test_floats_that_pyyaml_took_for_text_are_numbers_all_the_same():
    import yaml

    config = yaml.safe_load(page("poly", "optimizer: {lr: 1e-1}\n    epochs: 100"))
    assert config["training"]["scheduler"]["min_lr"] == "1e-6"
    recipe = recipe_from_config(config)
    assert (recipe.lr, recipe.settings["min_lr"], recipe.settings["warmup_bias_lr"]) == (0.1, 1e-6, 1e-5)
    assert config["training"]["scheduler"]["min_lr"] == "1e-6"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "here must be a YAML mapping with the key 'training', got NoneType"),
        ("- 1", "must be a YAML mapping"),
        ("a: [1", "here is not YAML.*line 1"),
        ("training:\n  epochs: 1\n  epochs: 2", "here, line 3: the key 'epochs' is given twice"),
        ("a: !!python/object/apply:os.getcwd []", "here is not YAML.*python/object"),
    ],
)
def test_text_that_is_no_configuration_is_refused(text, told):
    with pytest.raises(ConfigError, match=f"(?s){told}"):
        parse_config(text, "here")


def test_entries_that_are_merged_in_may_be_given_again():
    text = "base: &base {gamma: 0.1}\nother:\n  <<: *base\n  gamma: 0.5"
    assert parse_config(text)["other"] == {"gamma": 0.5}


@pytest.mark.parametrize("path", ["nowhere.yaml", "", "a\nb: c", "\0"])
def test_a_file_that_cannot_be_read_is_named(path, tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        read_config(str(tmp_path / path) if path else "")
    with pytest.raises(ConfigError, match="a dict or the path of a YAML file, got int"):
        read_config(3)


def test_without_pyyaml_the_way_to_install_it_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(MissingDependencyError, match="pip install pyyaml"):
        parse_config("a: 1")


# what cannot work


def changed(scheduler, **settings):
    return {key: value for key, value in {**scheduler, **settings}.items() if value is not None}


@pytest.mark.parametrize(
    ("scheduler", "told"),
    [
        (
            changed(STEP, name="stepp"),
            "training.scheduler.name must be one of 'step', .*got 'stepp'. Did you mean 'step'",
        ),
        (changed(STEP, name="cosine_sgdr"), "Did you mean 'cosine_no_sgdr'"),
        (changed(STEP, name=3), "name must be one of .*got 3"),
        (
            changed(STEP, gamma=None),
            "training.scheduler.gamma is missing: 'step' needs 'iters_per_phase', 'gamma'",
        ),  # NE2
        (changed(STEP, milestones=[1]), "training.scheduler.milestones is not a setting of 'step'"),  # NE9
        (changed(STEP, gama=0.1), "training.scheduler.gama is not a setting .* Did you mean 'gamma'"),
        (changed(STEP, gamma=None, gama=0.1), "training.scheduler.gama is not a setting .* Did you mean 'gamma'"),
        (changed(STEP, iters_per_phase=0), "training.scheduler.iters_per_phase must be an int >= 1, got 0"),
        (
            changed(STEP, iters_per_phase="2"),
            r"training.scheduler.iters_per_phase must be an int >= 1, got '2' \(str\)",
        ),
        (changed(STEP, iters_per_phase="1e1"), "training.scheduler.iters_per_phase must be an int >= 1, got '1e1'"),
        (changed(STEP, iters_per_phase=2.5), "training.scheduler.iters_per_phase must be an int"),
        (changed(STEP, iters_per_phase=True), "training.scheduler.iters_per_phase must be an int"),
        (changed(STEP, gamma=-0.1), "training.scheduler.gamma must be a number >= 0, got -0.1"),
        (changed(STEP, gamma="0.1"), "training.scheduler.gamma must be a number >= 0, got '0.1'"),
        (changed(STEP, gamma=float("nan")), "training.scheduler.gamma must be a number"),
        (changed(STEP, end_epoch=-1), "training.scheduler.end_epoch must be an int >= 0"),
        (
            changed(POLY, warmup_epochs=9),
            "training.scheduler.warmup_epochs must be less than training.scheduler.end_epoch, got 9 and 9",
        ),  # NE4
        (changed(POLY, warmup_epochs=10), "training.scheduler.warmup_epochs must be less than"),  # NE5
        (changed(POLY, end_epoch=0, warmup_epochs=0), "training.scheduler.end_epoch must be an int >= 1, got 0"),
        (changed(POLY, power=-1), "training.scheduler.power must be a number >= 0"),
        (changed(POLY, min_lr=0.2), "training.scheduler.min_lr=0.2 is above training.optimizer.lr=0.1"),
        (changed(POLY, warmup_bias_lr=-1e-5), "training.scheduler.warmup_bias_lr must be a number >= 0"),
        (changed(NO_SGDR, end_epoch=0), "training.scheduler.end_epoch must be an int >= 1, got 0"),
        (changed(NO_SGDR, warmup_epochs=9), "training.scheduler.warmup_epochs must be less than"),
        (changed(NO_SGDR, min_lr=0.2), "training.scheduler.min_lr=0.2 is above training.optimizer.lr=0.1"),  # NE10
        (changed(NO_SGDR, warmup_epochs=0, end_epoch=1), "end_epoch and training.epochs must be > 1"),
        (changed(COSINE, iters_per_phase="five"), "training.scheduler.iters_per_phase must be an int, got 'five'"),
        (changed(COSINE, end_epoch=9), "training.scheduler.end_epoch is not a setting of 'cosine'"),
        (changed(MULTI_STEP, milestones=5), r"training.scheduler.milestones must be a list such as \[30, 80\], got 5"),
        (changed(MULTI_STEP, milestones=[3, "8"]), r"training.scheduler.milestones\[1\] must be an int >= 0, got '8'"),
        (changed(MULTI_STEP, milestones=[-1]), r"training.scheduler.milestones\[0\] must be an int >= 0, got -1"),
    ],
)
def test_settings_that_cannot_work_are_named(scheduler, told):
    config = config_of(scheduler)
    with pytest.raises(ConfigError, match=told):
        scheduler_from_config(Groups(0.1), config)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"trainin": {}}, "^training is missing in the configuration; it has trainin. Did you mean 'trainin'"),
        ({}, "it has nothing"),
        (
            {"training": {"schedule": {}}},
            "training.scheduler is missing .* has training.schedule. Did you mean 'schedule'",
        ),
        ({"training": None}, "training must hold settings by name, got None"),
        ({"training": {"scheduler": "step"}}, "training.scheduler must hold settings by name, got 'step'"),
        ({"training": {"scheduler": {"nam": "step"}}}, "training.scheduler.name is missing.* Did you mean 'nam'"),
        ({"training": {"epochs": 0, "scheduler": STEP}}, "training.epochs must be an int >= 1, got 0"),
        ({"training": {"epochs": "12", "scheduler": STEP}}, "training.epochs must be an int >= 1, got '12'"),
        (
            {"training": {"optimizer": {"lr": -1}, "scheduler": STEP}},
            "training.optimizer.lr must be a number >= 0, got -1",
        ),
        ({"training": {"optimizer": {"lr": "fast"}, "scheduler": STEP}}, "training.optimizer.lr must be a number"),
    ],
)
def test_configurations_that_cannot_work_are_named(config, told):
    with pytest.raises(ConfigError, match=told):
        scheduler_from_config(Groups(0.1), config)


def test_a_group_below_the_minimum_is_named():
    with pytest.raises(ConfigError, match=r"min_lr=1e-06 is above the learning rate of param_groups\[1\]=1e-07"):
        scheduler_from_config(Groups(0.1, 1e-7), config_of(POLY))


@pytest.mark.parametrize("epoch", [0, -1, 1.5, "1"])
def test_epochs_count_from_1(epoch):
    with pytest.raises(ConfigError, match="epoch must be an int >= 1"):
        recipe_from_config(config_of(STEP)).rate(epoch)


def test_a_rate_needs_one_to_start_from():
    recipe = recipe_from_config({"training": {"scheduler": STEP}})
    with pytest.raises(ConfigError, match="training.optimizer.lr is missing"):
        recipe.rate(1)
    assert recipe.rate(3, 0.2) == 0.1


# what is told before the run


@pytest.mark.parametrize(
    ("scheduler", "told"),
    [
        (changed(MULTI_STEP, milestones=[8, 3]), r"milestones should increase, got \[8, 3\]"),  # NE7
        (changed(MULTI_STEP, milestones=[3, 3]), r"milestones should increase, got \[3, 3\]"),
        (changed(COSINE, iters_per_phase=0), "iters_per_phase=0 cannot be in a run of 12 epochs; 1 is taken"),
        (changed(COSINE, iters_per_phase=20), "iters_per_phase=20 cannot be in a run of 12 epochs; 12 is taken"),
    ],
)
def test_what_is_read_in_another_way_is_told(scheduler, told, caplog):
    with caplog.at_level(logging.WARNING):
        scheduler_from_config(Groups(0.1), config_of(scheduler))
    assert len(caplog.messages) == 1
    assert re.search(told, caplog.messages[0])


def test_another_rate_than_that_of_the_optimizer_is_told(caplog):
    with caplog.at_level(logging.WARNING):
        scheduler_from_config(Groups(0.1), config_of(STEP, lr=0.2))
    assert "training.optimizer.lr=0.2 is not what the optimizer has, 0.1" in caplog.text
    caplog.clear()
    scheduler_from_config(Groups(0.1000000015, 0.5), config_of(STEP, lr=0.1))
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("scheduler", "epochs", "told"),
    [
        (changed(STEP), 12, []),
        (changed(MULTI_STEP), 8, ["milestone 8 is never reached: the run has 8 epochs"]),
        (changed(NO_SGDR, warmup_epochs=0), 12, ["epoch 1 has the rate 0.103109, above training.optimizer.lr=0.1"]),
        (changed(COSINE), 12, ["the rate drops from 0.1 to 0.0345"]),
        (changed(POLY, end_epoch=12), 12, ["min_lr=1e-06 is never reached: it would be in force from epoch 13 on"]),
        (changed(POLY), 12, []),
        (changed(POLY), 3, ["warmup_epochs=3 is not over when the run of 3 epochs ends", "min_lr"]),
    ],
)
def test_what_somebody_would_want_to_know(scheduler, epochs, told):
    found = recipe_from_config(config_of(scheduler, epochs)).check(Horizon.even(epochs))
    assert len(found) == len(told)
    assert all(found[place].startswith(begin) for place, begin in enumerate(told))


def test_a_recipe_does_not_change_what_it_was_given():
    settings = {key: value for key, value in NO_SGDR.items() if key != "name"}
    recipe = Recipe("cosine_no_sgdr", settings, epochs=5)
    assert recipe.settings["end_epoch"] == 5
    assert settings["end_epoch"] == 9


# in both frameworks


def test_a_torch_optimizer():
    import torch

    optimizer = torch.optim.SGD(
        [
            {"params": [torch.nn.Parameter(torch.zeros(1))]},
            {"params": [torch.nn.Parameter(torch.zeros(1))], "lr": 0.01},
        ],
        lr=0.1,
    )
    scheduler = scheduler_from_config(optimizer, config_of(MULTI_STEP))
    for _ in range(3):
        scheduler.step()
    assert [group["lr"] for group in optimizer.param_groups] == [0.1 * 0.1, 0.01 * 0.1]


def test_a_keras_optimizer():
    import keras

    optimizer = keras.optimizers.Adam(0.1)
    scheduler = scheduler_from_config(optimizer, config_of(STEP))
    used = []
    for _ in range(6):
        used.append(float(keras.ops.convert_to_numpy(optimizer.learning_rate)))
        scheduler.step()
    assert used == pytest.approx([0.1, 0.1, 0.05, 0.05, 0.025, 0.025], rel=1e-6)
    state = json.loads(json.dumps(scheduler.state_dict()))
    again = keras.optimizers.Adam(0.1)
    scheduler_from_config(again, config_of(STEP)).load_state_dict(state)
    assert float(again.learning_rate.numpy()) == pytest.approx(0.0125)
