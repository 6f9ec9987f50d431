"""What is told about a schedule before it runs."""

import csv
import io

import pytest

from fastestimator_lite.schedule import Epochs, EpochScheduler, cosine, linear, preview, simulate
from fastestimator_lite.schedule.outlook import rows_to_csv, warnings_of
from fastestimator_lite.util.errors import ConfigError


def config(epochs=25, lr=0.1, **scheduler):
    return {"training": {"epochs": epochs, "optimizer": {"name": "sgd", "lr": lr}, "scheduler": scheduler}}


COSINE = config(name="cosine", warmup_epochs=5, warmup_bias_lr=1e-5, min_lr=1e-6, iters_per_phase=10)


def rows(*values):
    return [
        {"epoch": step, "step": step, "field": "lr", "group": 0, "value": value} for step, value in enumerate(values, 1)
    ]


def test_a_preview_has_the_values_of_simulate():
    assert list(preview(COSINE).rows) == simulate(COSINE)
    assert preview(COSINE).epochs == 25


def test_the_drop_after_warmup_and_the_restart_are_told_each_once():
    drop, restart = preview(COSINE).warnings
    assert "drops from 0.1 to 0.0500005 when the warm-up ends, after epoch 5" in drop
    assert restart == "lr jumps up from 0.002448 to 0.1 at epoch 11."


def test_many_jumps_are_one_sentence():
    many = config(epochs=100, name="cosine", warmup_epochs=0, warmup_bias_lr=0, min_lr=1e-6, iters_per_phase=10)
    assert preview(many).warnings == ("lr jumps up from 0.002448 to 0.1 at epoch 11, the first of 9 jumps.",)


def test_a_first_value_above_the_base_is_told():
    above = config(name="cosine_no_sgdr", warmup_epochs=0, warmup_bias_lr=0, min_lr=1e-6, end_epoch=20)
    assert any("above training.optimizer.lr=0.1" in told for told in preview(above).warnings)


def test_a_minimum_that_is_never_reached_is_told():
    late = config(epochs=10, name="poly", warmup_epochs=0, warmup_bias_lr=0, min_lr=1e-6, power=1.0, end_epoch=80)
    assert any("min_lr=1e-06 is never reached" in told for told in preview(late).warnings)
    assert any("never reached" in told for told in preview(cosine(0.1, 0, Epochs(30)), 10).warnings)


def test_steps_that_are_meant_are_not_told():
    stairs = config(epochs=90, name="multi_step", milestones=[30, 60], gamma=0.1)
    assert preview(stairs).warnings == ()
    assert preview(lambda epoch: 0.1 * 0.5**epoch, 20).warnings == ()
    assert preview(linear(0.1, 0, Epochs(10)), 10, 7).warnings == ()


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ((0.1, 0.09, 0.08, 0.02, 0.01, 0.005), "lr jumps down from 0.08 to 0.02 at epoch 4."),
        ((0.1, -0.1), "lr is -0.1 at epoch 2 (update 2), which no optimizer can use."),
        ((0.1, float("nan")), "lr is nan at epoch 2 (update 2), which no optimizer can use."),
        ((0.0, 0.1, 0.05), "lr is 0 in epoch 1, in which nothing is learned."),
        ((0.1, 0.05, 0.0, 0.0), "lr is 0 in 2 epochs from epoch 3 on, in which nothing is learned."),
    ],
)
def test_what_is_odd_about_values(values, told):
    assert told in warnings_of(rows(*values))


def test_a_jump_within_an_epoch_names_its_update():
    found = preview(lambda step: 0.1 - step / 1000 if step < 25 else 0.01 + step / 1e4, 3, 10).warnings
    assert found == ("lr jumps down from 0.076 to 0.0125 at epoch 3 (update 25).",)


def test_fields_and_groups_have_names_of_their_own():
    shown = preview({"lr": [0.1, lambda epoch: 0.01 * epoch], "weight_decay": 0.05}, 4)
    assert [course.name for course in shown.timeline().courses] == ["lr, group 0", "lr, group 1", "weight_decay"]
    assert shown.timeline().course("lr, group 1").words(1, 4) == "0.01 -> 0.04"


def test_schedulers_are_shown_by_what_is_in_force():
    shown = preview(
        EpochScheduler({1: cosine(0.1, 0, Epochs(3)), 4: 0.01}),
        6,
        switches={"batch size": EpochScheduler({1: 32, 3: 64, 5: None})},
    )
    assert shown.switches["lr"] == ["Cosine", "Cosine", "Cosine", "0.01", "0.01", "0.01"]
    assert shown.timeline().segments("batch size") == [(1, 2, "32"), (3, 4, "64"), (5, 6, "-")]
    with pytest.raises(ConfigError, match=r"switches\['size'\] must be a Scheduler, got int"):
        preview(0.1, 2, switches={"size": 3})


def test_epochs_without_a_value_are_left_out():
    shown = preview(lambda epoch: None if epoch < 3 else 0.1, 4)
    assert shown.timeline().courses[0].pairs == (None, None, (0.1, 0.1), (0.1, 0.1))
    assert shown.warnings == ()


def test_csv_keeps_every_digit():
    shown = preview(COSINE)
    read = list(csv.DictReader(io.StringIO(shown.to_csv())))
    assert [float(row["value"]) for row in read] == [row["value"] for row in simulate(COSINE)]
    assert read[0] == {"epoch": "1", "step": "1", "field": "lr", "group": "0", "value": repr(shown.rows[0]["value"])}
    assert rows_to_csv([]) == "epoch,step,field,group,value\n"


def test_a_run_too_long_to_show_is_refused():
    with pytest.raises(ConfigError, match="too long to be shown"):
        preview(config(epochs=10**9, name="multi_step", milestones=[1], gamma=0.1))
