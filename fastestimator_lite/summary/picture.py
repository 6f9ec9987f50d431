"""Picture: what a report shows of a run, as plain data, computed once and drawn by `report` as a page and as a PNG."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from fastestimator_lite.schedule.timeline import Stretch, Timeline
from fastestimator_lite.summary.summary import Summary, ValWithError
from fastestimator_lite.util.errors import ConfigError, suggest

# Shown in words beside the curves, not as curves.
_CLOCKS = ("steps/sec", "data_wait%", "epoch_time(sec)", "total_time(sec)", "num_device", "logging_interval")
_MODES = {"train": "train (last logged step)", "eval": "eval (last epoch)", "test": "test"}
_LEARNING_RATE = "learning rate"
_History: TypeAlias = Mapping[str, Mapping[str, Mapping[int, Any]]]
_MAX_POINTS = 4000  # of one series: more than there are pixels


@dataclasses.dataclass(frozen=True)
class Series:
    """One curve.

    Attributes:
        label: What the legend calls it.
        mode: Mode it was logged in.
        steps: Training steps, ascending.
        values: A value for each step; None where it was not a finite number.
    """

    label: str
    mode: str
    steps: list[int]
    values: list[float | None]


@dataclasses.dataclass(frozen=True)
class Panel:
    """The curves that share a vertical axis."""

    title: str
    series: list[Series]


@dataclasses.dataclass(frozen=True)
class Segment:
    """A part of the run during which one thing stayed what it is.

    Attributes:
        begin: Last step before it.
        end: Its last step.
        epochs: Its epochs in words: "3" or "3-5".
        label: What tells it from the other segments of its strip.
        text: What it is, in full.
        tint: Segments of one strip with the same text have the same number, from 0; -1 if there is nothing.
    """

    begin: int
    end: int
    epochs: str
    label: str
    text: str
    tint: int


@dataclasses.dataclass(frozen=True)
class Strip:
    """One part of the schedule over the whole run."""

    part: str
    segments: list[Segment]


@dataclasses.dataclass(frozen=True)
class Picture:
    """Everything that a report shows.

    Attributes:
        title: Heading.
        outcome: How the run ended, in words.
        ended: "well", "early" or "badly".
        facts: Names and values of single numbers about the run.
        modes: Headings of the table of final values.
        finals: A row for each metric: its name, then its last value in each mode, in words.
        panels: The curves.
        last_step: Training steps of the run, >= 1.
        epoch_ends: The last step of each epoch, from epoch 1; an epoch that broke off ends where the run ended.
        strips: The parts of the schedule that change.
        constants: The other parts and what they are.
        columns: Headings of the table of the schedule.
        rows: Its rows, each a list of (text, whether it is new).
        unseen: What the table leaves out, in words; "" for nothing.
        warnings: What to look at, one sentence each.
        clock: What the horizontal axis counts.
    """

    title: str
    outcome: str
    ended: str
    facts: list[tuple[str, str]]
    modes: list[str]
    finals: list[list[str]]
    panels: list[Panel]
    last_step: int
    epoch_ends: list[int]
    strips: list[Strip]
    constants: list[tuple[str, str]]
    columns: list[str]
    rows: list[list[tuple[str, bool]]]
    unseen: str
    warnings: list[str] = dataclasses.field(default_factory=list)
    clock: str = "step"


def picture_of(
    summary: Summary,
    timeline: Timeline | None = None,
    title: str | None = None,
    metrics: Sequence[str] | None = None,
    facts: Mapping[str, object] | None = None,
) -> Picture:
    """Compute what a report shows.

    Args:
        summary: What the run logged.
        timeline: What was scheduled; None leaves the schedule out.
        title: Heading; None for the name of the summary.
        metrics: Keys to draw, from top to bottom; None for all that are curves.
        facts: More to say beside the outcome, by name.

    Returns:
        Text as it came, not escaped for any format.

    Raises:
        ConfigError: If `metrics` names a key that was not logged.
    """
    history = summary.history
    last_step = max([step for by_key in history.values() for by_step in by_key.values() for step in by_step], default=0)
    ends = _epoch_ends(history, timeline, last_step)
    outcome, ended = _outcome(summary.stopped)
    modes = [mode for mode in (*_MODES, *sorted(set(history) - set(_MODES))) if history.get(mode)]
    keys = _in_order(history)
    changing = [] if timeline is None else [part for part in timeline.parts if len(timeline.segments(part)) > 1]
    return Picture(
        title=title or summary.name or "Training run",
        outcome=outcome,
        ended=ended,
        facts=[
            *_clock_facts(history, last_step, ends, timeline),
            *((key, str(value)) for key, value in (facts or {}).items()),
        ],
        modes=[_MODES.get(mode, mode) for mode in modes],
        finals=[[key, *(_last(history[mode].get(key)) for mode in modes)] for key in keys],
        panels=_panels(history, modes, keys, metrics),
        last_step=max(last_step, 1),
        epoch_ends=ends,
        strips=[] if timeline is None else strips_of(timeline, changing, ends),
        constants=[]
        if timeline is None
        else [(part, timeline.stretches[0].values[part]) for part in timeline.parts if part not in changing],
        columns=["epoch", *changing],
        rows=[] if timeline is None or not changing else rows_of(timeline.stretches, changing),
        unseen="" if timeline is None else unseen_of(timeline),
    )


# ---- words


def _outcome(stopped: str) -> tuple[str, str]:
    if stopped == "finished":
        return "Finished", "well"
    if stopped == "stop_training":
        return "Stopped early: a trace asked for it", "early"
    return (f"Broke off: {stopped}", "badly") if stopped else ("Has not ended", "early")


def _clock_facts(
    history: _History, last_step: int, ends: Sequence[int], timeline: Timeline | None
) -> list[tuple[str, str]]:
    train = history.get("train", {})
    epochs = str(len(ends)) if timeline is None else f"{len(ends)} of {timeline.total_epochs}"
    facts = [("epochs", epochs), ("steps", f"{last_step}")]
    total = _numbers(train.get("total_time(sec)"))
    if total:
        facts.append(("total time", _duration(total[-1])))
    speeds = _numbers(train.get("steps/sec"))
    if speeds:
        facts.append(("speed", f"{np.median(speeds):.4g} steps/sec (median)"))
    waits = _numbers(train.get("data_wait%"))
    if waits:
        facts.append(("waiting for data", f"{waits[-1]:.3g} % of the time in training"))
    devices = _numbers(train.get("num_device"))
    if devices:
        facts.append(("GPUs", f"{devices[-1]:.0f}"))
    return facts


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.4g} sec"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} sec"


def _last(by_step: Mapping[int, Any] | None) -> str:
    """The last value of a metric in words; "" if there is none."""
    if not by_step:
        return ""
    value = by_step[max(by_step)]
    number = _number(value)
    if number is not None:
        return f"{number:.5g}"
    shape = np.shape(value) if not isinstance(value, str) else ()
    return f"array of shape {shape}" if shape else str(value)


# ---- curves


def _number(value: Any) -> float | None:
    """A single number as float, NaN and infinities included; None for anything else."""
    if isinstance(value, ValWithError):
        value = value.y
    if value is None or isinstance(value, str):
        return None
    array = np.asarray(value)
    return float(array.reshape(-1)[0]) if array.size == 1 and array.dtype.kind in "biuf" else None


def _numbers(by_step: Mapping[int, Any] | None) -> list[float]:
    found = [_number(by_step[step]) for step in sorted(by_step)] if by_step else []
    return [number for number in found if number is not None]


def _in_order(history: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The metrics: first those of training and evaluation (the losses), then the others, learning rates last."""
    keys = {key for by_key in history.values() for key in by_key if key not in _CLOCKS}
    keys = {key for key in keys if not (key.startswith("since_best_") and key.removeprefix("since_best_") in keys)}
    trained = set(history.get("train", {}))
    judged = {key for mode, by_key in history.items() if mode != "train" for key in by_key}

    def place(key: str) -> tuple[int, str]:
        if key.endswith("_lr"):
            return 3, key
        if _is_record(key, keys):
            return 2, key
        return (0 if key in trained and key in judged else 1), key

    return sorted(keys, key=place)


def _is_record(key: str, keys: Iterable[str]) -> bool:
    """Whether it is the best value so far of another metric, as BestModelSaver logs it."""
    return key[:4] in ("min_", "max_") and key[4:] in keys


def _panels(history: _History, modes: Sequence[str], keys: Sequence[str], metrics: Sequence[str] | None) -> list[Panel]:
    if metrics is not None:
        for metric in metrics:
            if metric not in keys:
                raise ConfigError(
                    f"metrics asks for {metric!r}, which was not logged; there are: "
                    f"{', '.join(map(repr, keys)) or 'none'}.{suggest(metric, keys)}"
                )
        keys = list(metrics)
    panels: dict[str, list[Series]] = {}
    for key in keys:
        is_rate = key.endswith("_lr")
        if metrics is None and _is_record(key, keys):
            continue
        metric, _, ds_id = key.partition("|")
        for mode in modes:
            label = key if is_rate else f"{mode} {ds_id}".rstrip()
            series = _series(label, mode, history[mode].get(key, {}))
            # a rate that was logged once was logged at the end of the run, and says nothing about its course
            if series.steps and not (is_rate and metrics is None and len(series.steps) == 1):
                panels.setdefault(_LEARNING_RATE if is_rate else metric, []).append(series)
    return [Panel(metric, series) for metric, series in panels.items()]


def _series(label: str, mode: str, by_step: Mapping[int, Any]) -> Series:
    pairs = [(step, number) for step in sorted(by_step) if (number := _number(by_step[step])) is not None]
    stride = math.ceil(len(pairs) / _MAX_POINTS) or 1
    pairs = pairs[::-1][::stride][::-1]  # from the end, which is what matters most
    values = [number if math.isfinite(number) else None for _, number in pairs]
    return Series(label, mode, [step for step, _ in pairs], values)


# ---- schedule


def _epoch_ends(history: _History, timeline: Timeline | None, last_step: int) -> list[int]:
    """The last step of each epoch; an epoch without training ends where the one before did."""
    logged = sorted(history.get("train", {}).get("epoch_time(sec)", {}))
    if not logged or logged[-1] < last_step:
        logged.append(last_step)
    ends: list[int] = []
    for end in logged if last_step else []:
        while timeline is not None and _has_no_training(timeline, len(ends) + 1):
            ends.append(ends[-1] if ends else 0)
        ends.append(end)
    return ends


def _has_no_training(timeline: Timeline, epoch: int) -> bool:
    return epoch <= _covered(timeline) and timeline.at(epoch).get("steps") == "-"


def _covered(timeline: Timeline) -> int:
    return timeline.stretches[-1].last if timeline.stretches else 0


def strips_of(timeline: Timeline, parts: Iterable[str], ends: Sequence[int]) -> list[Strip]:
    """The strips of a schedule; steps have none, because the widths of the epochs show them.

    Args:
        timeline: The schedule.
        parts: Which of its parts.
        ends: The last step of each epoch.
    """
    edges = [0, *ends]
    strips = []
    for part in parts:
        if part in ("steps", "eval steps"):
            continue
        labels = distinct([text for _, _, text in timeline.segments(part)])
        tints = {text: tint for tint, text in enumerate(text for text in labels if text != "-")}
        segments = [
            Segment(
                edges[first - 1],
                edges[min(last, len(ends))],
                str(first) if first == last else f"{first}-{last}",
                labels[text],
                text,
                tints.get(text, -1),
            )
            for first, last, text in timeline.segments(part)
            if first <= len(ends)
        ]
        strips.append(Strip(part, [segment for segment in segments if segment.end > segment.begin]))
    return [strip for strip in strips if strip.segments]


def distinct(texts: Sequence[str]) -> dict[str, str]:
    """For each text what tells it from the others: of lists ("Resize, Minmax") the entries that not all of them have.

    Args:
        texts: Texts, repetitions allowed.

    Returns:
        A short text for each different one. Where that would be empty, it names what is missing.

    Example:
        >>> distinct(["Resize, Rotate, Minmax", "Resize, Minmax"])
        {'Resize, Rotate, Minmax': 'Rotate', 'Resize, Minmax': 'no Rotate'}
        >>> distinct(["NumpyDataset #1 (8 samples)", "NumpyDataset #2 (9 samples)"])
        {'NumpyDataset #1 (8 samples)': '#1 (8 samples)', 'NumpyDataset #2 (9 samples)': '#2 (9 samples)'}
    """
    lists = {text: _entries(text) for text in texts if text != "-"}
    shared = set.intersection(*map(set, lists.values())) if len(lists) > 1 else set()
    extra = list(dict.fromkeys(entry for entries in lists.values() for entry in entries if entry not in shared))
    short = {"-": "none"} if "-" in texts else {}
    for text, entries in lists.items():
        own = [entry for entry in entries if entry not in shared]
        short[text] = ", ".join(own) or f"no {' or '.join(extra)}"
    if len(set(short.values())) < len(short):
        short = {text: text for text in short}
    # data sets of one class are told apart by their numbers
    parted = [label.split(" ", 1) if " #" in label else ("", label) for label in short.values()]
    heads, rests = zip(*parted, strict=True)
    return dict(zip(short, rests, strict=True)) if len(set(heads)) == 1 else short


def _entries(text: str) -> list[str]:
    """Split a list in words at its commas, those in brackets aside."""
    entries, depth = [""], 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            entries.append("")
        else:
            entries[-1] += character
    return [entry.strip() for entry in entries]


def rows_of(stretches: Sequence[Stretch], parts: Sequence[str]) -> list[list[tuple[str, bool]]]:
    """The rows of the table of a schedule: the epochs, then each part's value and whether it is new."""
    rows, before = [], stretches[0].values
    for stretch in stretches:
        cells = [(stretch.values[part], stretch.values[part] != before[part]) for part in parts]
        rows.append([(stretch.epochs, False), *cells])
        before = stretch.values
    return rows


def unseen_of(timeline: Timeline) -> str:
    """What a timeline leaves out, in words."""
    return f"and so on up to epoch {timeline.total_epochs}" if 0 < _covered(timeline) < timeline.total_epochs else ""
