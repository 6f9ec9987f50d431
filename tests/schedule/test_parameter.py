"""Schedulers of optimizer fields, held against the numbers of pytorch-accelerated 0.1.61, and in bare loops."""

import csv
import json
import math
from collections import defaultdict
from pathlib import Path

import pytest

from fastestimator_lite.schedule.parameter import (
    CosineLrScheduler,
    SchedulerBase,
    StatefulSchedulerBase,
    WSDLrScheduler,
)
from fastestimator_lite.util.errors import ConfigError, MissingKeyError

GOLDEN = Path(__file__).parent.parent / "golden"
UPSTREAM = "pytorch_accelerated"


class Groups:
    """An optimizer, as far as a scheduler looks at it."""

    def __init__(self, *groups):
        self.param_groups = [dict(group) for group in groups]


def lrs(*rates):
    return Groups(*({"lr": rate} for rate in rates))


def values_of(optimizer, field="lr"):
    return [group[field] for group in optimizer.param_groups]


# the two examples of pytorch-accelerated's documentation


class MilestoneLrScheduler(StatefulSchedulerBase):
    def __init__(self, optimizer, gamma=0.5, epoch_milestones=(2, 4, 5), num_steps_per_epoch=100):
        super().__init__(optimizer, param_group_field="lr")
        self.milestones = set(  # noqa: C401 - as printed there
            (num_steps_per_epoch * milestone for milestone in epoch_milestones)  # noqa: UP034
        )
        self.gamma = gamma

    def get_updated_values(self, num_updates: int):
        if num_updates in self.milestones:
            lr_values = [group[self.param_group_field] for group in self.optimizer.param_groups]
            updated_lrs = [lr * self.gamma for lr in lr_values]
            return updated_lrs


class StepWdScheduler(StatefulSchedulerBase):
    def __init__(self, optimizer, n=1000, gamma=1.1):
        super().__init__(optimizer, param_group_field="weight_decay")
        self.n = n
        self.gamma = gamma

    def get_updated_values(self, num_updates: int):
        if num_updates % self.n == 0 and num_updates > 0:
            wd_values = [group[self.param_group_field] for group in self.optimizer.param_groups]
            updated_wd_values = [wd * self.gamma for wd in wd_values]
            return updated_wd_values


def table(name):
    """Settings of a golden table: (id, parameters, rows)."""
    found = defaultdict(list)
    with (GOLDEN / f"{name}.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            found[row["setting_id"], row["params_json"]].append(row)
    return [pytest.param(json.loads(spec), rows, id=setting) for (setting, spec), rows in found.items()]


def numbers(row, field="lr"):
    return [float(row[f"{field}_group{group}"]) for group in (0, 1) if row[f"{field}_group{group}"]]


def close(values):
    return pytest.approx(values, rel=0, abs=1e-12)


def follow(scheduler, optimizer, rows, field="lr"):
    """Hold a table against as many calls of `step` as each row says."""
    calls = 0
    for row in rows:
        while calls < int(row["step_calls"]):
            scheduler.step()
            calls += 1
        assert values_of(optimizer, {"wd": "weight_decay"}.get(field, field)) == close(numbers(row, field)), calls


@pytest.mark.parametrize(("spec", "rows"), table("pta_milestone_seed"))
def test_the_milestones_of_the_documentation(spec, rows):
    spec = dict(spec)
    optimizer = lrs(*spec.pop("base_lr"))
    follow(MilestoneLrScheduler(optimizer, **spec), optimizer, rows)


@pytest.mark.parametrize(("spec", "rows"), table("pta_stepwd_seed"))
def test_the_weight_decay_of_the_documentation(spec, rows):
    spec = dict(spec)
    optimizer = Groups(*({"lr": 0.1, "weight_decay": value} for value in spec.pop("base_weight_decay")))
    follow(StepWdScheduler(optimizer, **spec), optimizer, rows, "wd")
    assert values_of(optimizer) == [0.1] * len(optimizer.param_groups)


@pytest.mark.parametrize(("spec", "rows"), table("pta_cosine"))
def test_the_cosine_as_it_was(spec, rows):
    spec = dict(spec)
    optimizer = lrs(*spec.pop("base_lr"))
    follow(CosineLrScheduler(optimizer, **spec, compat=UPSTREAM), optimizer, rows)


@pytest.mark.parametrize(("spec", "rows"), table("pta_wsd"))
def test_warmup_stable_decay_as_it_was(spec, rows):
    spec = dict(spec)
    optimizer = lrs(*spec.pop("base_lr"))
    follow(WSDLrScheduler(optimizer, **spec, compat=UPSTREAM), optimizer, rows)


RETURNS = {
    "scalar": lambda n, base: 0.1 + 0.01 * n,
    "list": lambda n, base: [one + 0.01 * n for one in base],
    "tuple": lambda n, base: tuple(one + 0.01 * n for one in base),
    "none_on_odd": lambda n, base: None if n % 2 else [one + 0.01 * n for one in base],
}


@pytest.mark.parametrize(("spec", "rows"), table("pta_stateless_base"))
def test_a_stateless_scheduler_is_told_the_updates_in_any_order(spec, rows):
    class Stateless(SchedulerBase):
        def get_updated_values(self, num_updates):
            return RETURNS[spec["returns"]](num_updates, self.base_lr_values)

    optimizer = lrs(*spec["base_lr"])
    scheduler = Stateless(optimizer)
    assert rows[0]["num_updates_arg"] == ""
    for row in rows:
        if row["num_updates_arg"]:
            scheduler.step_update(int(row["num_updates_arg"]))
        assert values_of(optimizer) == close(numbers(row))


@pytest.mark.parametrize("compat", [UPSTREAM, None])
@pytest.mark.parametrize(("spec", "rows"), table("pta_cosine_resume"))
def test_a_resumed_cosine_goes_on(spec, rows, compat):
    spec = dict(spec)

    def made():
        optimizer = lrs(*base)
        return optimizer, CosineLrScheduler(optimizer, **spec, compat=compat)

    base, saved_after, loads = (spec.pop(key) for key in ("base_lr", "save_after_step_calls", "optimizer_state_loaded"))
    optimizer, scheduler = made()
    uninterrupted = [values_of(optimizer)]
    for call in range(1, 40):
        scheduler.step()
        uninterrupted.append(values_of(optimizer))
        if call == saved_after:
            state, groups = json.loads(json.dumps(scheduler.state_dict())), [dict(g) for g in optimizer.param_groups]
    again, resumed = made()
    if loads:
        again.param_groups = groups
    resumed.load_state_dict(state)
    calls = saved_after
    for row in rows:
        while calls < int(row["step_calls_total"]):
            resumed.step()
            calls += 1
        if compat is None:
            assert values_of(again) == uninterrupted[calls]
        elif row["phase"] == "uninterrupted":
            assert uninterrupted[calls] == close(numbers(row))
        else:
            assert values_of(again) == close(numbers(row))


# the documented curves


def curve(scheduler_class, bases, updates, **spec):
    """The values that update 1, 2, ... uses."""
    optimizer = lrs(*bases)
    scheduler = scheduler_class(optimizer, **spec)
    found = []
    for _ in range(updates):
        found.append(values_of(optimizer))
        scheduler.step()
    return found


@pytest.mark.parametrize("setting", ["C01", "C04", "C05", "C07"])
def test_the_documented_cosine_without_warmup_is_one_update_earlier(setting):
    spec, rows = next(one.values for one in table("pta_cosine") if one.id == setting)  # read anew
    found = curve(CosineLrScheduler, spec.pop("base_lr"), len(rows) - 1, **spec)
    for value, row in zip(found, rows[1:], strict=True):
        assert value == close(numbers(row))


def test_the_documented_cosine_comes_to_its_minimum_when_the_cooldown_starts():
    found = [
        one
        for (one,) in curve(
            CosineLrScheduler,
            [0.1],
            25,
            total_num_epochs=5,
            num_update_steps_per_epoch=4,
            num_warmup_epochs=1,
            num_cooldown_epochs=1,
            lr_min=0.01,
        )
    ]
    assert found[:5] == close([1e-6 + share * (0.1 - 1e-6) for share in (0, 0.25, 0.5, 0.75, 1)])
    assert found[4:16] == close([0.01 + 0.09 / 2 * (1 + math.cos(math.pi * n / 12)) for n in range(12)])
    assert found[15] > 0.01
    assert found[16:] == [0.01] * 9


def test_the_documented_warmup_rises_in_a_straight_line_from_its_ratio():
    found = curve(
        CosineLrScheduler,
        [0.1, 0.01],
        6,
        total_num_epochs=4,
        num_update_steps_per_epoch=5,
        num_warmup_epochs=1,
        warmup_starting_lr_ratio=0.5,
    )
    assert [one for one, _ in found[:6]] == close([0.05, 0.06, 0.07, 0.08, 0.09, 0.1])
    assert [other for _, other in found[:6]] == close([0.005, 0.006, 0.007, 0.008, 0.009, 0.01])


def test_epochs_may_end_in_a_fraction():
    found = [
        one
        for (one,) in curve(
            CosineLrScheduler,
            [0.1],
            8,
            total_num_epochs=1.5,
            num_update_steps_per_epoch=4,
            num_warmup_epochs=0.5,
            warmup_starting_lr=0.0,
            lr_min=0.0,
        )
    ]
    assert found == close([0.0, 0.05, 0.1, *(0.05 * (1 + math.cos(math.pi * n / 4)) for n in (1, 2, 3)), 0.0, 0.0])


def test_the_documented_checkpoints_double_up_to_the_end_of_the_run():
    optimizer = lrs(0.1)
    scheduler = WSDLrScheduler(optimizer, total_steps=40, num_checkpoints=2, decay_phase_ratio=0.2, lr_min=0.0)
    assert scheduler.get_checkpoint_steps() == [20, 40]
    found = [
        one
        for (one,) in curve(
            WSDLrScheduler, [0.1], 43, total_steps=40, num_checkpoints=2, decay_phase_ratio=0.2, lr_min=0.0
        )
    ]
    down = [0.1 * (1 - math.sqrt(n / 4)) for n in range(4)]
    assert found == close([*[0.1] * 16, *down, *[0.1] * 16, *down, 0.0, 0.0, 0.0])
    as_it_was = WSDLrScheduler(lrs(0.1), total_steps=40, num_checkpoints=2, compat=UPSTREAM)
    assert as_it_was.get_checkpoint_steps() == [10, 20]


def test_a_tenth_of_the_run_is_warmup_if_nothing_is_said():
    assert WSDLrScheduler(lrs(0.1), total_steps=40, num_warmup_steps=None).num_warmup_steps == 4
    assert WSDLrScheduler(lrs(0.1), total_steps=400, num_warmup_steps=None, compat=UPSTREAM).num_warmup_steps == 4


def test_a_continuation_has_no_warmup():
    found = curve(WSDLrScheduler, [0.1], 3, total_steps=40, num_warmup_steps=4, is_continuation_from_checkpoint=True)
    assert found == [[0.1]] * 3


# state


MAKERS = {
    "milestones": lambda optimizer: MilestoneLrScheduler(optimizer, epoch_milestones=(1, 2, 3), num_steps_per_epoch=4),
    "weight decay": lambda optimizer: StepWdScheduler(optimizer, n=3),
    "cosine": lambda optimizer: CosineLrScheduler(optimizer, 3, 5, num_warmup_epochs=1),
    "wsd": lambda optimizer: WSDLrScheduler(optimizer, total_steps=16, num_warmup_steps=3, decay_phase_ratio=0.3),
    "wsd as it was": lambda optimizer: WSDLrScheduler(
        optimizer, total_steps=16, num_warmup_steps=3, decay_phase_ratio=0.3, compat=UPSTREAM
    ),
}


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("saved_after", [0, 1, 5, 9])
def test_resuming_equals_going_on_whether_or_not_the_optimizer_was_loaded(kind, saved_after):
    def made():
        optimizer = Groups({"lr": 0.1, "weight_decay": 0.01}, {"lr": 0.01, "weight_decay": 0.1})
        return optimizer, MAKERS[kind](optimizer)

    optimizer, scheduler = made()
    again, resumed = made()
    for _ in range(saved_after):
        scheduler.step()
    resumed.load_state_dict(json.loads(json.dumps(scheduler.state_dict())))
    for _ in range(12):
        assert (values_of(again), values_of(again, "weight_decay")) == (
            values_of(optimizer),
            values_of(optimizer, "weight_decay"),
        )
        scheduler.step()
        resumed.step()


def test_the_saved_settings_hold_after_loading():
    saved = CosineLrScheduler(lrs(0.1), 3, 5)
    other = CosineLrScheduler(lrs(0.5), 30, 50, k_decay=2.0, lr_min=0.3)
    other.load_state_dict(saved.state_dict())
    assert other.get_updated_values(7) == saved.get_updated_values(7)


def test_states_of_the_original_can_be_loaded():
    original = {
        "total_iterations": 6,
        "lr_min_ratio": None,
        "lr_min": 1e-06,
        "warmup_iterations": 0,
        "warmup_lr_init": 1e-06,
        "warmup_lr_ratio": None,
        "k_decay": 1.0,
        "num_cooldown_iterations": 0,
        "num_updates": 2,
    }
    scheduler = CosineLrScheduler(lrs(0.1), 10, 10, compat=UPSTREAM)
    scheduler.load_state_dict(original)
    assert scheduler.state_dict() == original
    scheduler.step()
    assert scheduler.values == close([1e-6 + (0.1 - 1e-6) / 2])


def test_a_second_scheduler_finds_the_first_values():
    optimizer = lrs(0.1)
    optimizer.param_groups[0]["lr"] = 0.1
    first = CosineLrScheduler(optimizer, 2, 5)
    for _ in range(4):
        first.step()
    assert values_of(optimizer) != [0.1]
    assert CosineLrScheduler(optimizer, 2, 5).base_lr_values == [0.1]


def test_several_numbers_survive_json():
    class Betas(StatefulSchedulerBase):
        def get_updated_values(self, num_updates):
            return [(0.9 - 0.1 * num_updates, 0.99)]

    scheduler = Betas(Groups({"betas": (0.9, 0.999)}), "betas")
    scheduler.step()
    scheduler.step()
    again = Betas(Groups({"betas": (0.9, 0.999)}), "betas")
    again.load_state_dict(json.loads(json.dumps(scheduler.state_dict())))
    assert again.values == [(0.8, 0.99)]
    assert again.base_lr_values == [(0.9, 0.999)]


# bad input


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({"total_num_epochs": 0}, r"CosineLrScheduler\(total_num_epochs\) must be a number > 0, got 0"),  # PE1
        ({"num_update_steps_per_epoch": 0}, "num_update_steps_per_epoch.* > 0, got 0"),
        ({"total_num_epochs": "5"}, "total_num_epochs.* got '5'"),
        ({"total_num_epochs": True}, "got True"),
        ({"lr_min": -1e-3}, r"CosineLrScheduler\(lr_min\) must be a number >= 0, got -0.001"),  # PE3
        ({"lr_min": math.nan}, "lr_min.*nan"),
        ({"k_decay": 0}, "k_decay.* > 0"),
        ({"min_lr_ratio": -0.1}, "min_lr_ratio.* >= 0"),
        ({"num_warmup_epochs": 3, "num_cooldown_epochs": 3}, "together longer than total_num_epochs=5"),
        ({"compat": "pytorch-accelerated"}, "Did you mean 'pytorch_accelerated'"),
    ],
)
def test_a_cosine_that_cannot_work_is_refused(spec, told):
    with pytest.raises(ConfigError, match=told) as found:
        CosineLrScheduler(lrs(0.1), **{"total_num_epochs": 5, "num_update_steps_per_epoch": 4, **spec})
    assert isinstance(found.value, AssertionError)


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        (
            {"num_epochs": 2, "num_update_steps_per_epoch": 20},
            "total_steps, or num_epochs and .*; got total_steps",
        ),  # PE9
        ({"total_steps": None}, "needs num_epochs"),
        ({"total_steps": None, "num_epochs": 3}, "needs num_update_steps_per_epoch"),
        ({"total_steps": 0}, "total_steps.* int >= 1, got 0"),
        ({"num_checkpoints": 2, "decay_phase_ratio": 0.5}, "ratio.* num_checkpoints=2 .*<= 0.3333, got 0.5"),  # PE11
        (
            {"lr_min": 0, "use_inverse_sqrt_decay": False},
            "lr_min.* must be > 0 with use_inverse_sqrt_decay=False",
        ),  # PE13
        ({"lr_min": 2}, "lr_min.* <= 1"),
        ({"decay_phase_ratio": 0}, "decay_phase_ratio.* > 0"),
        ({"decay_phase_ratio": 0.01}, "decay_phase_ratio=0.01 of 40 is below 1"),
        ({"num_checkpoints": 0}, "num_checkpoints.* int >= 1"),
        ({"num_warmup_steps": -1}, "num_warmup_steps.* >= 0"),
        ({"num_warmup_steps": 39}, "num_warmup_steps=39 is not over when the first decay begins, after 36"),
        (
            {"num_warmup_steps": 2, "warmup_starting_lr": 0.5},
            "must not be above the largest learning rate.* 0.1, got 0.5",
        ),
    ],
)
def test_a_warmup_stable_decay_that_cannot_work_is_refused(spec, told):
    with pytest.raises(ConfigError, match=told):
        WSDLrScheduler(lrs(0.1), **{"total_steps": 40, **spec})


class Named(StatefulSchedulerBase):
    """Leaves the field alone that it is told."""

    def get_updated_values(self, num_updates):
        return None


def test_a_field_that_no_group_has_is_named():
    optimizer = Groups({"params": [], "lr": 0.1, "weight_decay": 0.0})
    for family in (KeyError, MissingKeyError, ConfigError):  # PE4
        with pytest.raises(family) as found:
            Named(optimizer, "weight_decay_x")
        assert str(found.value) == (
            "Named: 'weight_decay_x' is missing from param_groups[0]; it has 'lr', "
            "'weight_decay'. Did you mean 'weight_decay'?"
        )


@pytest.mark.parametrize("base", [SchedulerBase, StatefulSchedulerBase])
def test_a_base_without_values_is_refused(base):
    with pytest.raises(TypeError, match="get_updated_values"):  # PE6
        base(lrs(0.1))


def test_a_state_without_an_entry_is_refused():
    scheduler = CosineLrScheduler(lrs(0.1), 5, 4)
    for key, state in ((key, scheduler.state_dict()) for key in scheduler.state_dict()):  # PE8
        del state[key]
        with pytest.raises(KeyError, match=f"the state has no '{key}'"):
            scheduler.load_state_dict(state)


def test_a_state_of_another_optimizer_is_refused():
    with pytest.raises(ConfigError, match="'base_lr_values' has 1 values, the optimizer has 2 parameter groups"):
        MilestoneLrScheduler(lrs(0.1, 0.2)).load_state_dict(MilestoneLrScheduler(lrs(0.1)).state_dict())


@pytest.mark.parametrize(
    ("gives", "told"),
    [
        ([0.1], "one value for each of the 2 parameter groups.* it gave 1 values"),
        ([0.1, 0.2, 0.3], "it gave 3 values"),
        (math.nan, "finite numbers, got nan"),
        ([0.1, math.inf], "got inf for 'lr' of group 1"),
        (True, "got True"),
    ],
)
def test_values_that_do_not_fit_are_refused(gives, told):
    class Bad(StatefulSchedulerBase):
        def get_updated_values(self, num_updates):
            return gives

    scheduler = Bad(lrs(0.1, 0.2))
    with pytest.raises(ConfigError, match=rf"Bad.get_updated_values\(0\).*{told}"):
        scheduler.step()
    assert scheduler.values == [0.1, 0.2]


def test_what_is_no_optimizer_is_refused():
    with pytest.raises(ConfigError, match="a torch or Keras optimizer is wanted, got int"):
        CosineLrScheduler(3, 5, 4)


# in bare loops of both frameworks


def test_a_bare_torch_loop():
    import torch

    layer = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(
        [{"params": [layer.weight]}, {"params": [layer.bias], "lr": 0.01}], lr=0.1, weight_decay=0.5
    )
    rates, decay = CosineLrScheduler(optimizer, 2, 3), StepWdScheduler(optimizer, n=2, gamma=0.5)
    used = []
    for _ in range(6):
        optimizer.zero_grad()
        layer(torch.ones(4, 2)).mean().backward()
        optimizer.step()
        used.append([(group["lr"], group["weight_decay"]) for group in optimizer.param_groups])
        rates.step()
        decay.step()
    wave = [(1 + math.cos(math.pi * n / 6)) / 2 for n in range(6)]
    assert [row[0][0] for row in used] == close([1e-6 + (0.1 - 1e-6) * share for share in wave])
    assert [row[1][0] for row in used] == close([1e-6 + (0.01 - 1e-6) * share for share in wave])
    assert [row[0][1] for row in used] == [0.5, 0.5, 0.5, 0.25, 0.25, 0.125]


def test_rates_that_torch_holds_as_tensors_stay_tensors():
    import torch

    rate = torch.tensor(0.5, dtype=torch.float64)
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=rate, capturable=True)
    scheduler = CosineLrScheduler(optimizer, 1, 4)
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] is rate
    assert scheduler.base_lr_values == [0.5]
    assert float(rate) == close(1e-6 + (0.5 - 1e-6) * (1 + math.cos(math.pi / 4)) / 2)
    json.dumps(scheduler.state_dict())


def test_a_keras_optimizer():
    import keras

    optimizer = keras.optimizers.AdamW(learning_rate=0.1, weight_decay=0.5)
    rates = MilestoneLrScheduler(optimizer, num_steps_per_epoch=2, epoch_milestones=(1, 2))
    decay = StepWdScheduler(optimizer, n=2, gamma=0.5)
    used = []
    for _ in range(6):
        fields = optimizer.learning_rate, optimizer.weight_decay
        used.append([float(keras.ops.convert_to_numpy(field)) for field in fields])
        rates.step()
        decay.step()
    assert [rate for rate, _ in used] == pytest.approx([0.1, 0.1, 0.1, 0.05, 0.05, 0.025], rel=1e-6)
    assert [wd for _, wd in used] == [0.5, 0.5, 0.5, 0.25, 0.25, 0.125]
    cosine = CosineLrScheduler(keras.optimizers.SGD(0.1), 1, 4)
    cosine.step()
    assert cosine.values == pytest.approx([1e-6 + (0.1 - 1e-6) * (1 + math.cos(math.pi / 4)) / 2], rel=1e-6)
    with pytest.raises(KeyError, match="'rho' is missing"):
        Named(keras.optimizers.SGD(0.1), "rho")
