"""Plans as pages, pictures and data."""

import json
import re

import pytest

from fastestimator_lite.schedule import EpochScheduler, Timeline, preview
from fastestimator_lite.schedule.course import Course
from fastestimator_lite.schedule.timeline import Stretch
from fastestimator_lite.summary.picture import distinct
from fastestimator_lite.summary.planned import picture_of_plan, plotly_of_plan, write_plan
from fastestimator_lite.util.errors import ConfigError

COSINE = {
    "training": {
        "epochs": 25,
        "optimizer": {"lr": 0.1},
        "scheduler": {
            "name": "cosine",
            "warmup_epochs": 5,
            "warmup_bias_lr": 1e-5,
            "min_lr": 1e-6,
            "iters_per_phase": 10,
        },
    }
}
TIMELINE = Timeline(
    [
        Stretch(1, 2, {"train data": "a", "batch size": "32", "steps": "10"}),
        Stretch(3, 3, {"train data": "-", "batch size": "-", "steps": "-"}),
        Stretch(4, 4, {"train data": "a", "batch size": "64", "steps": "5"}),
    ],
    4,
    [Course("m_lr", [(0.1, 0.08), (0.08, 0.06), None, (0.06, 0.05)])],
)


@pytest.fixture
def shown():
    return preview(COSINE, switches={"batch size": EpochScheduler({1: 32, 10: 64})}, title="One & <only>")


def test_curves_of_a_preview_are_its_values(shown):
    (panel,) = picture_of_plan(shown).panels
    (series,) = panel.series
    assert panel.title == "learning rate"
    assert series.steps == list(range(1, 26))
    assert series.values == [row["value"] for row in shown.rows]


def test_every_field_and_group_is_drawn():
    both = preview({"lr": [0.1, 0.01], "weight_decay": lambda epoch: 0.1 * epoch}, 3)
    panels = picture_of_plan(both).panels
    assert [(panel.title, [series.label for series in panel.series]) for panel in panels] == [
        ("learning rate", ["lr, group 0", "lr, group 1"]),
        ("weight decay", ["weight_decay"]),
    ]


def test_strips_show_switches_and_the_way_of_the_rate(shown):
    strips = {strip.part: strip.segments for strip in picture_of_plan(shown).strips}
    assert [(one.begin, one.end, one.label) for one in strips["batch size"]] == [(0, 9, "32"), (9, 25, "64")]
    assert [(one.epochs, one.label) for one in strips["lr"]] == [
        ("1-5", "rises to 0.1"),
        ("6-10", "falls to 0.002448"),
        ("11-25", "falls to 0.001094"),
    ]
    assert strips["lr"][0].text == "rises, 0.02001 -> 0.1"


def test_a_timeline_is_drawn_over_its_training_steps():
    picture = picture_of_plan(TIMELINE)
    assert picture.last_step == 25
    assert picture.epoch_ends == [10, 20, 20, 25]
    (panel,) = picture.panels
    assert panel.series[0].steps == [1, 10, 11, 20, 21, 25]
    assert panel.series[0].values == [0.1, 0.08, 0.08, 0.06, 0.06, 0.05]
    assert ("training steps", "25") in picture.facts
    assert picture.columns == ["epoch", "train data", "batch size", "steps", "m_lr"]
    assert picture.rows[1] == [("3", False), ("-", True), ("-", True), ("-", True), ("-", True)]


def test_a_long_run_is_thinned_out_and_keeps_its_ends():
    (panel,) = picture_of_plan(preview(lambda step: 1 / step, 10, 1000)).panels
    steps = panel.series[0].steps
    assert len(steps) <= 4001
    assert (steps[0], steps[-1]) == (1, 10_000)


def test_a_page_is_whole_and_escapes_what_it_is_told(shown, tmp_path):
    page = write_plan(tmp_path / "new" / "plan.html", shown).read_text(encoding="utf-8")
    assert "<h1>One &amp; &lt;only&gt;</h1>" in page
    assert "when the warm-up ends, after epoch 5: &#39;cosine&#39; counts" in page
    assert not re.findall(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=", page)
    data = json.loads(re.search(r'id="figure-data">(.*?)</script>', page, flags=re.DOTALL).group(1))
    assert data["data"][0]["y"] == [row["value"] for row in shown.rows]
    assert [one["name"] for one in data["data"]] == ["lr", "batch size", "lr"]


@pytest.mark.parametrize("plan", [TIMELINE, preview(COSINE), preview({"betas": lambda epoch: [0.9, 0.999]}, 3)])
def test_a_png_is_drawn(plan, tmp_path):
    import matplotlib.image

    pixels = matplotlib.image.imread(write_plan(tmp_path / "plan.png", plan))
    assert pixels.shape[1] == 1600
    assert pixels[..., :3].min() < 0.3 < pixels[..., :3].mean() < 1  # ink on white


def test_warnings_make_the_png_higher(tmp_path):
    import matplotlib.image

    fine = preview(
        {
            **COSINE,
            "training": {
                **COSINE["training"],
                "scheduler": {"name": "multi_step", "milestones": [5, 10], "gamma": 0.1},
            },
        }
    )
    told = preview(COSINE)
    assert fine.warnings == ()
    heights = [
        matplotlib.image.imread(write_plan(tmp_path / f"{name}.png", plan)).shape[0]
        for name, plan in (("fine", fine), ("told", told))
    ]
    assert heights[1] - heights[0] >= 20 * len(told.warnings)


def test_data_of_plans(shown, tmp_path):
    assert write_plan(tmp_path / "a.csv", shown).read_text().splitlines()[0] == "epoch,step,field,group,value"
    assert write_plan(tmp_path / "b.csv", TIMELINE).read_text() == TIMELINE.to_csv()
    assert json.loads(write_plan(tmp_path / "b.json", TIMELINE).read_text())["total_epochs"] == 4


def test_another_ending_is_refused(shown, tmp_path):
    with pytest.raises(ConfigError, match=r"must end in .html, .png, .csv, .json, got .*Did you mean '.html'\?"):
        write_plan(tmp_path / "plan.htm", TIMELINE)
    with pytest.raises(ConfigError, match=r"of a Preview must end in .html, .png, .csv, got"):
        write_plan(tmp_path / "plan.json", shown)


def test_a_plotly_figure_has_curves_and_strips(shown):
    figure = plotly_of_plan(shown)
    assert [trace.type for trace in figure.data] == ["scatter", "bar", "bar"]


def test_commas_within_brackets_part_nothing():
    assert distinct(["Resize(8, (1, 2), 8), Minmax", "Resize(16, (1, 2), 16), Minmax"]) == {
        "Resize(8, (1, 2), 8), Minmax": "Resize(8, (1, 2), 8)",
        "Resize(16, (1, 2), 16), Minmax": "Resize(16, (1, 2), 16)",
    }
