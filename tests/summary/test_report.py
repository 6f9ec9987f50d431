"""Reports of a run: what they hold, that they stand alone, and that names cannot break them."""

import base64
import hashlib
import html.parser
import importlib
import itertools
import json
import math

import numpy as np
import pytest
from PIL import Image

from fastestimator_lite.schedule.timeline import Stretch, Timeline
from fastestimator_lite.summary import Summary, ValWithError, write_png, write_report
from fastestimator_lite.summary.picture import distinct, picture_of
from fastestimator_lite.summary.report import fitted
from fastestimator_lite.util.errors import ConfigError, MissingDependencyError

EVIL = "</script><img src=x onerror=alert(1)><script>alert(2)</script> \"quoted\" 'q' & $x^2$ %{y}"


def stretch(first, last, data, batch_size, steps, ops, trains):
    return Stretch(
        first,
        last,
        {
            "train data": data,
            "eval data": "NumpyDataset (9 samples)",
            "batch size": batch_size,
            "steps": steps,
            "train ops": ops,
            "trains": trains,
        },
    )


TIMELINE = Timeline(
    [
        stretch(1, 1, "NumpyDataset #1 (320 samples)", "32", "10", "Resize, Rotate, Minmax", "m1 (Adam)"),
        stretch(2, 2, "NumpyDataset #1 (320 samples)", "64", "5", "Resize, Rotate, Minmax", "m1 (SGD)"),
        stretch(3, 3, "NumpyDataset #2 (640 samples)", "32", "20", "Resize, Minmax", "m2 (Adam)"),
        stretch(4, 4, "NumpyDataset #2 (640 samples)", "64", "10", "Resize, Minmax", "m2 (Adam)"),
    ],
    4,
)


@pytest.fixture
def summary():
    summary = Summary("digits")
    train, evaluation, test = (summary.history[mode] for mode in ("train", "eval", "test"))
    train["num_device"][0] = 0
    train["logging_interval"][0] = 10
    train["ce"] = {1: np.float32(2.5), 10: np.float32(1.5), 20: 1.25, 30: 0.5, 40: np.array(0.25)}
    train["steps/sec"] = {10: 100.0, 20: 300.0, 30: 200.0}
    train["epoch_time(sec)"] = {10: 0.1, 15: 0.1, 35: 0.1, 45: 0.1}
    train["m2_lr"] = {20: 0.001, 30: 0.0005, 45: 0.0}
    train["m1_lr"] = {45: 0.01}
    train["total_time(sec)"] = {45: 3.25}
    evaluation["ce"] = {10: 1.5, 15: 1.0, 35: 0.75, 45: 0.5}
    evaluation["accuracy"] = {10: 0.5, 15: 0.75, 35: 0.875, 45: 0.9375}
    evaluation["max_accuracy"] = {10: 0.5, 15: 0.75, 35: 0.875, 45: 0.9375}
    evaluation["since_best_accuracy"] = {10: 0, 15: 0, 35: 0, 45: 0}
    evaluation["confusion"] = {45: np.zeros((3, 3))}
    test["ce"] = {45: 0.625}
    test["accuracy"] = {45: 0.96875}
    summary.stopped = "finished"
    return summary


class Page(html.parser.HTMLParser):
    """What a browser makes of a page: its elements, its text outside scripts, and its scripts."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.scripts, self.cells, self._path = [], [], [], []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in ("meta", "br"):
            self._path.append(tag)
        if tag == "script":
            self.scripts.append([dict(attributes), ""])
        if tag == "td":
            self.cells.append([dict(attributes).get("class"), ""])

    def handle_endtag(self, tag):
        assert self._path.pop() == tag

    def handle_data(self, data):
        if "script" in self._path:
            self.scripts[-1][1] += data
        elif "style" not in self._path:
            self.text += data
            if "td" in self._path:
                self.cells[-1][1] += data

    @property
    def figure(self):
        (text,) = [text for attributes, text in self.scripts if attributes.get("id") == "figure-data"]
        return json.loads(text)


def page_of(path):
    page = Page(path.read_text(encoding="utf-8"))
    assert not page._path
    return page


# ---- the data


def test_curves_hold_what_was_logged(summary):
    panels = {
        panel.title: {one.label: dict(zip(one.steps, one.values, strict=True)) for one in panel.series}
        for panel in picture_of(summary).panels
    }
    assert list(panels) == ["ce", "accuracy", "learning rate"]
    assert panels["ce"]["train"] == {1: 2.5, 10: 1.5, 20: 1.25, 30: 0.5, 40: 0.25}
    assert panels["ce"]["test"] == {45: 0.625}
    assert panels["accuracy"] == {"eval": {10: 0.5, 15: 0.75, 35: 0.875, 45: 0.9375}, "test": {45: 0.96875}}
    assert panels["learning rate"] == {"m2_lr": {20: 0.001, 30: 0.0005, 45: 0.0}}  # m1_lr is known at the end only


def test_final_values_stand_by_metric_and_mode(summary):
    picture = picture_of(summary)
    assert [mode.split(" ")[0] for mode in picture.modes] == ["train", "eval", "test"]
    assert {row[0]: row[1:] for row in picture.finals} == {
        "ce": ["0.25", "0.5", "0.625"],
        "accuracy": ["", "0.9375", "0.96875"],
        "max_accuracy": ["", "0.9375", ""],
        "confusion": ["", "array of shape (3, 3)", ""],
        "m1_lr": ["0.01", "", ""],
        "m2_lr": ["0", "", ""],
    }


def test_facts_are_those_of_the_run(summary):
    facts = dict(picture_of(summary, TIMELINE, facts={"seed": 3}).facts)
    assert facts == {
        "epochs": "4 of 4",
        "steps": "45",
        "total time": "3.25 sec",
        "speed": "200 steps/sec (median)",
        "GPUs": "0",
        "seed": "3",
    }


@pytest.mark.parametrize(("seconds", "words"), [(119.0, "119 sec"), (200.4, "3 min 20 sec"), (7325, "2 h 2 min")])
def test_long_times_are_told_in_minutes_and_hours(summary, seconds, words):
    summary.history["train"]["total_time(sec)"][45] = seconds
    assert dict(picture_of(summary).facts)["total time"] == words


def test_the_schedule_lies_on_the_steps_of_its_epochs(summary):
    picture = picture_of(summary, TIMELINE)
    assert picture.epoch_ends == [10, 15, 35, 45]
    strips = {
        strip.part: [(one.begin, one.end, one.epochs, one.label, one.tint) for one in strip.segments]
        for strip in picture.strips
    }
    assert strips == {
        "train data": [(0, 15, "1-2", "#1 (320 samples)", 0), (15, 45, "3-4", "#2 (640 samples)", 1)],
        "batch size": [(0, 10, "1", "32", 0), (10, 15, "2", "64", 1), (15, 35, "3", "32", 0), (35, 45, "4", "64", 1)],
        "train ops": [(0, 15, "1-2", "Rotate", 0), (15, 45, "3-4", "no Rotate", 1)],
        "trains": [(0, 10, "1", "m1 (Adam)", 0), (10, 15, "2", "m1 (SGD)", 1), (15, 45, "3-4", "m2 (Adam)", 2)],
    }
    assert picture.constants == [("eval data", "NumpyDataset (9 samples)")]


def test_a_run_that_broke_off_shows_what_it_reached(summary):
    for mode in ("train", "eval"):
        for by_step in summary.history[mode].values():
            for step in [step for step in by_step if step > 20]:
                del by_step[step]
    del summary.history["test"]
    summary.stopped = "ValueError"
    picture = picture_of(summary, TIMELINE)
    assert (picture.outcome, picture.ended) == ("Broke off: ValueError", "badly")
    assert picture.epoch_ends == [10, 15, 20]
    assert [segment.end for segment in picture.strips[0].segments] == [15, 20]
    assert dict(picture.facts)["epochs"] == "3 of 4"


@pytest.mark.parametrize(
    ("stopped", "ended"),
    [("finished", "well"), ("stop_training", "early"), ("", "early"), ("KeyboardInterrupt", "badly")],
)
def test_the_end_is_told(summary, stopped, ended):
    summary.stopped = stopped
    assert picture_of(summary).ended == ended


def test_an_epoch_without_training_has_no_width(summary):
    pause = Timeline(
        [
            Stretch(1, 1, {"trains": "m1", "steps": "10"}),
            Stretch(2, 2, {"trains": "-", "steps": "-"}),
            Stretch(3, 5, {"trains": "m2", "steps": "12"}),
        ],
        5,
    )
    picture = picture_of(summary, pause)
    assert picture.epoch_ends == [10, 10, 15, 35, 45]
    assert [(one.begin, one.end, one.text) for one in picture.strips[0].segments] == [(0, 10, "m1"), (10, 45, "m2")]


def test_what_is_no_number_is_left_out_of_curves(summary):
    train = summary.history["train"]
    train["ce"].update({50: math.nan, 51: math.inf, 52: "text", 53: np.zeros(2), 54: ValWithError(0.0, 0.125, 0.25)})
    (ce,) = [one for one in picture_of(summary).panels[0].series if one.label == "train"]
    assert dict(zip(ce.steps, ce.values, strict=True)) == {
        1: 2.5,
        10: 1.5,
        20: 1.25,
        30: 0.5,
        40: 0.25,
        50: None,
        51: None,
        54: 0.125,
    }


def test_data_sets_share_the_panel_of_their_metric(summary):
    summary.history["eval"]["accuracy|real"] = {45: 0.25}
    (panel,) = [panel for panel in picture_of(summary).panels if panel.title == "accuracy"]
    assert [one.label for one in panel.series] == ["eval", "test", "eval real"]


def test_long_curves_are_thinned_but_keep_their_end(summary):
    summary.history["train"]["ce"] = {step: 1.0 / step for step in range(1, 10_002)}
    (ce,) = [one for one in picture_of(summary).panels[0].series if one.label == "train"]
    assert len(ce.steps) <= 4000
    assert (ce.steps[-1], ce.values[-1]) == (10_001, 1 / 10_001)


def test_metrics_chooses_and_orders_the_panels(summary):
    picture = picture_of(summary, metrics=["m1_lr", "accuracy"])
    assert [panel.title for panel in picture.panels] == ["learning rate", "accuracy"]
    with pytest.raises(ConfigError, match=r"'acuracy', which was not logged.* Did you mean 'accuracy'\?"):
        picture_of(summary, metrics=["acuracy"])


@pytest.mark.parametrize(
    ("texts", "labels"),
    [
        (["a, b", "a"], ["b", "no b"]),
        (["a, b, c", "a"], ["b, c", "no b or c"]),
        (["32", "64"], ["32", "64"]),
        (["-", "f(x, y), b"], ["none", "f(x, y), b"]),
        (["a, a", "a"], ["a, a", "a"]),
    ],
)
def test_labels_say_what_tells_values_apart(texts, labels):
    assert [distinct(texts)[text] for text in texts] == labels


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("m1 (Adam)", 200, ["m1 (Adam)"]),
        ("m1 (SGD)", 34, ["m1", "(SGD)"]),
        ("abcdefgh ijklmnop qrstuvwx", 44, ["abcdef", "gh\u2026"]),
        ("32", 10, []),
    ],
)
def test_text_is_fitted_into_its_segment(text, width, lines):
    assert fitted(text, width) == lines


# ---- the page


def test_the_page_shows_everything(summary, tmp_path):
    path = write_report(tmp_path / "new" / "report.html", summary, TIMELINE, title="My digits", facts={"seed": 3})
    assert path == tmp_path / "new" / "report.html"
    page = page_of(path)
    for words in (
        "My digits",
        "Finished",
        "4 of 4",
        "3.25 sec",
        "accuracy",
        "0.96875",
        "0.9375",
        "NumpyDataset (9 samples)",
    ):
        assert words in page.text
    for part in TIMELINE.parts:
        assert part in page.text
    for row in TIMELINE.stretches:
        assert row.values["train ops"] in page.text
    assert [text for kind, text in page.cells if kind == "new"] == [
        "64",
        "5",
        "m1 (SGD)",
        "NumpyDataset #2 (640 samples)",
        "32",
        "20",
        "Resize, Minmax",
        "m2 (Adam)",
        "64",
        "10",
    ]


def test_the_figure_holds_curves_and_schedule_on_one_axis(summary, tmp_path):
    figure = page_of(write_report(tmp_path / "report.html", summary, TIMELINE)).figure
    curves = {(one["meta"][0], one["name"]): one for one in figure["data"] if one["type"] == "scatter"}
    assert curves["ce", "train"]["x"] == [1, 10, 20, 30, 40]
    assert curves["ce", "train"]["y"] == [2.5, 1.5, 1.25, 0.5, 0.25]
    assert curves["accuracy", "test"]["mode"] == "markers"
    bars = {one["name"]: one for one in figure["data"] if one["type"] == "bar"}
    assert (bars["batch size"]["base"], bars["batch size"]["x"]) == ([0, 10, 15, 35], [10, 5, 20, 10])
    assert bars["train ops"]["hovertext"][0] == "train ops, epochs 1-2: Resize, Rotate, Minmax"
    assert {one["xaxis"] for one in figure["data"]} == {"x"}
    assert [shape["x0"] for shape in figure["layout"]["shapes"]] == [10, 15, 35, 45]
    axes = [figure["layout"][name]["domain"] for name in ("yaxis", "yaxis2", "yaxis3", "yaxis4")]
    assert all(below[1] < above[0] for above, below in itertools.pairwise(axes))


def test_plotly_accepts_the_figure(summary, tmp_path):
    import plotly.graph_objects

    figure = page_of(write_report(tmp_path / "report.html", summary, TIMELINE)).figure
    known = plotly.graph_objects.Figure({"data": figure["data"], "layout": figure["layout"]})
    assert len(known.data) == 10  # 3 curves of ce, 2 of accuracy, 1 rate, 4 strips


def test_the_page_asks_for_nothing_from_outside(summary, tmp_path):
    page = page_of(write_report(tmp_path / "report.html", summary, TIMELINE))
    assert not [one for one in page.elements if {"src", "href", "data", "action"} & set(one[1])]
    assert not {"link", "iframe", "object", "embed", "img", "base"} & {tag for tag, _ in page.elements}
    policy = next(one["content"] for _, one in page.elements if one.get("http-equiv") == "Content-Security-Policy")
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data: blob:"
    hashes = [
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for attributes, text in page.scripts
        if "type" not in attributes
    ]
    assert rules["script-src"].split() == hashes  # these two scripts run, and no other


def test_names_cannot_break_the_page(summary, tmp_path):
    summary.history["eval"][EVIL] = {10: 0.5, 45: 0.75}
    summary.history["train"][f"{EVIL}_lr"] = {10: 0.5, 45: 0.75}
    evil = Timeline([Stretch(1, 3, {EVIL: EVIL, "b": "1"}), Stretch(4, 4, {EVIL: "other", "b": EVIL})], 4)
    summary.stopped = EVIL
    page = page_of(write_report(tmp_path / "report.html", summary, evil, title=EVIL, facts={EVIL: EVIL}))
    assert [tag for tag, _ in page.elements].count("script") == 3
    assert "img" not in {tag for tag, _ in page.elements}
    assert page.text.count(EVIL) >= 6
    # plotly reads tags in its texts, so they must come escaped; what it reads as a template must hold no names
    data = page.figure["data"]
    keys = ("name", "hovertext", "text", "y", "meta")
    texts = [text for one in data for key in keys for text in np.ravel(one.get(key, ""))]
    texts = [text for text in texts if isinstance(text, str)]
    texts += [one["text"] for one in page.figure["layout"]["annotations"]]
    assert any("&lt;/script&gt;" in text for text in texts)
    assert not [text for text in texts if "<" in text.replace("<br>", "")]
    assert {one.get("hovertemplate") for one in data} == {None, "%{meta[0]}, %{meta[1]}: %{y:.5g}<extra></extra>"}


def test_a_page_without_timeline_or_values(tmp_path):
    page = page_of(write_report(tmp_path / "report.html", Summary(None)))
    assert "Training run" in page.text
    assert "Nothing was logged that can be drawn." in page.text
    assert not page.scripts


def test_the_old_page_stays_if_the_new_one_fails(summary, tmp_path):
    path = write_report(tmp_path / "report.html", summary)
    before = path.read_bytes()
    with pytest.raises(ConfigError):
        write_report(path, summary, metrics=["unknown"])
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["report.html"]


# ---- the PNG


def image_of(path):
    with Image.open(path) as image:
        return image.convert("RGB")


def test_the_png_has_the_width_and_shows_colours(summary, tmp_path):
    path = write_png(tmp_path / "report.png", summary, TIMELINE, width=1120)
    image = image_of(path)
    assert image.width == 1120
    pixels = np.asarray(image).reshape(-1, 3)
    for color in ("0072B2", "D55E00", "C3DDEE", "FBDFAE", "BFE5D6"):  # train, eval, and three tints of the schedule
        distance = np.abs(pixels - np.frombuffer(bytes.fromhex(color), np.uint8).astype(int)).max(axis=1)
        assert (distance < 3).sum() > 30, color


def test_the_png_grows_with_what_it_shows(summary, tmp_path):
    heights = []
    for number, timeline in enumerate((None, TIMELINE)):
        heights.append(image_of(write_png(tmp_path / f"{number}.png", summary, timeline, width=1120)).height)
    assert heights[1] == heights[0] + 4 * 40 + 26  # four strips and the gap above them


def test_the_png_scales(summary, tmp_path):
    small = image_of(write_png(tmp_path / "small.png", summary, TIMELINE, width=800))
    large = image_of(write_png(tmp_path / "large.png", summary, TIMELINE, width=1600))
    assert abs(large.height - 2 * small.height) <= 2


def test_names_cannot_break_the_png(summary, tmp_path):
    summary.history["eval"][f"{EVIL} \u6570"] = {10: 0.5, 45: 0.75}
    evil = Timeline([Stretch(1, 3, {"$\\frac{$": EVIL}), Stretch(4, 4, {"$\\frac{$": "other"})], 4)
    assert image_of(write_png(tmp_path / "report.png", summary, evil, title=EVIL)).width == 1600


def test_drawing_leaves_pyplot_alone(summary, tmp_path):
    import matplotlib
    import matplotlib.pyplot as plt

    before = plt.get_fignums(), matplotlib.get_backend(), dict(matplotlib.rcParams)
    write_png(tmp_path / "report.png", summary, TIMELINE)
    assert (plt.get_fignums(), matplotlib.get_backend(), dict(matplotlib.rcParams)) == before


@pytest.mark.parametrize("width", [399, True, 800.0, None])
def test_a_width_that_cannot_be_is_refused(summary, tmp_path, width):
    with pytest.raises(ConfigError, match=r"width.*must be an int >= 400 \(pixels\), got"):
        write_png(tmp_path / "report.png", summary, width=width)


# ---- what is not installed


@pytest.mark.parametrize(
    ("package", "write"), [("jinja2", write_report), ("plotly", write_report), ("matplotlib", write_png)]
)
def test_a_missing_package_is_named_with_the_line_that_installs_it(summary, tmp_path, monkeypatch, package, write):
    real = importlib.import_module
    monkeypatch.setattr(importlib, "import_module", lambda name, *rest: _refuse(name, package) or real(name, *rest))
    line = rf"{write.__name__}\(\) needs {package}.*pip install 'fastestimator-lite\[plot,report\]'"
    with pytest.raises(MissingDependencyError, match=line):
        write(tmp_path / "report", summary)
    assert not list(tmp_path.iterdir())


def _refuse(name, package):
    if name.split(".")[0] == package:
        raise ModuleNotFoundError(f"No module named {package!r}")
