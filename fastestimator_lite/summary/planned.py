"""Pictures of what is planned: the timeline of a run, or the preview of a schedule, drawn as a report of a run is."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fastestimator_lite.schedule.course import Course, number_words
from fastestimator_lite.schedule.outlook import Line, Preview, name_of
from fastestimator_lite.schedule.timeline import Timeline
from fastestimator_lite.summary.picture import Panel, Picture, Segment, Series, Strip, rows_of, strips_of, unseen_of
from fastestimator_lite.summary.report import draw_png, needed, plotly_figure, write_page
from fastestimator_lite.util.atomic import write_text
from fastestimator_lite.util.errors import ConfigError, suggest

_ENDINGS = (".html", ".png", ".csv", ".json")
_TINTS = {"rises": 1, "falls": 0, "holds": 6, "changes": 2, "none": -1}  # of the colours of a strip
_MOST_LEGS = 60  # of a strip: more have no room to be told apart
_MOST_POINTS = 4000  # of one curve: more than there are pixels


def write_plan(path: str | os.PathLike[str], plan: Timeline | Preview, title: str | None = None) -> Path:
    """Write what is planned, as a page, a picture or data.

    Args:
        path: The file. Its ending chooses: ".html" a page that loads nothing from anywhere, ".png" a picture, ".csv" a
            table with a line for each epoch (of a Timeline) or for each value (of a Preview), ".json" the data of a
            Timeline. Its folder is made if missing; an old file is replaced once the new one is whole.
        plan: What `Estimator.timeline` or `preview` returned.
        title: Heading; None for a fitting one.

    Returns:
        The path.

    Raises:
        ConfigError: If the ending is none of these.
        MissingDependencyError: If a library is needed that is not installed: matplotlib for a picture, Jinja2 and
            plotly for a page.
    """
    ending = Path(path).suffix.lower()
    if ending not in _ENDINGS or (ending == ".json" and isinstance(plan, Preview)):
        raise ConfigError(
            f"write_plan(path) of a {type(plan).__name__} must end in "
            f"{', '.join(_ENDINGS[: 4 if isinstance(plan, Timeline) else 3])}, got {str(path)!r}."
            f"{suggest(ending, _ENDINGS)}"
        )
    if ending == ".csv":
        write_text(path, plan.to_csv())
    elif ending == ".json" and isinstance(plan, Timeline):
        write_text(path, plan.to_json())
    elif ending == ".html":
        write_page(path, picture_of_plan(plan, title), "write_plan")
    else:
        draw_png(path, picture_of_plan(plan, title), "write_plan")
    return Path(path)


def picture_of_plan(plan: Timeline | Preview, title: str | None = None) -> Picture:
    """Compute what a page or picture of a plan shows.

    Args:
        plan: The plan.
        title: Heading; None for a fitting one.
    """
    return _of_preview(plan, title) if isinstance(plan, Preview) else _of_timeline(plan, title)


def plotly_of_plan(plan: Timeline | Preview, title: str | None = None) -> Any:
    """Draw a plan as a plotly figure.

    Args:
        plan: The plan.
        title: Heading; None for a fitting one.

    Raises:
        MissingDependencyError: If plotly is not installed.
    """
    graph_objects = needed("plotly.graph_objects", "plotly_of_plan")
    figure = plotly_figure(picture_of_plan(plan, title))
    return graph_objects.Figure(data=figure["data"], layout=figure["layout"])


def _of_preview(plan: Preview, title: str | None) -> Picture:
    timeline = plan.timeline()
    ends = [epoch * plan.steps_per_epoch for epoch in range(1, plan.epochs + 1)]
    lines = plan.lines()
    facts = [("epochs", str(plan.epochs))]
    if plan.steps_per_epoch > 1:
        facts.append(("updates per epoch", str(plan.steps_per_epoch)))
    values = lines[0].values
    if len(lines) == 1 and all(isinstance(value, (int, float)) for value in values):
        facts += [
            (name, number_words(value))
            for name, value in (
                ("first value", values[0]),
                ("highest", max(values)),
                ("lowest", min(values)),
                ("last", values[-1]),
            )
        ]
    panels: dict[str, list[Series]] = {}
    for line in lines:
        panels.setdefault(_field_words(line.field), []).extend(_series(name_of(line, lines), line))
    return _picture(
        timeline,
        title or plan.title,
        ends,
        facts,
        panels,
        plan.warnings,
        "epoch" if plan.steps_per_epoch == 1 else "update",
    )


def _of_timeline(plan: Timeline, title: str | None) -> Picture:
    steps = _steps(plan)
    ends = list(itertools.accumulate(steps))
    facts = [("epochs", str(plan.total_epochs))]
    counted = "steps" in plan.parts
    if counted and ends and plan.last == plan.total_epochs:
        facts.append(("training steps", str(ends[-1])))
    panels: dict[str, list[Series]] = {}
    for course in plan.courses:
        rate = course.name.endswith("_lr")
        panels.setdefault("learning rate" if rate else course.name, []).extend(_course_series(course, [0, *ends]))
    return _picture(plan, title or "Timeline", ends, facts, panels, (), "step" if counted else "epoch")


def _picture(
    timeline: Timeline,
    title: str,
    ends: list[int],
    facts: list[tuple[str, str]],
    panels: Mapping[str, list[Series]],
    warnings: Sequence[str],
    clock: str,
) -> Picture:
    rows = timeline.split()
    names = list(rows[0].values) if rows else []
    changing = [name for name in names if any(row.values[name] != rows[0].values[name] for row in rows)]
    strips = strips_of(timeline, [name for name in changing if name in timeline.parts], ends)
    strips += [strip for course in timeline.courses for strip in _course_strips(course, [0, *ends])]
    return Picture(
        title=title,
        outcome="Planned",
        ended="early" if warnings else "well",
        facts=facts,
        modes=[],
        finals=[],
        panels=[Panel(name, series) for name, series in panels.items() if series],
        last_step=max([1, *ends]),
        epoch_ends=[] if clock == "epoch" else ends,
        strips=strips,
        constants=[(name, rows[0].values[name]) for name in names if name not in changing],
        columns=["epoch", *changing],
        rows=rows_of(rows, changing) if rows and changing else [],
        unseen=unseen_of(timeline),
        warnings=list(warnings),
        clock=clock,
    )


def _field_words(field: str) -> str:
    return "learning rate" if field == "lr" else field.replace("_", " ")


def _steps(timeline: Timeline) -> list[int]:
    """Training steps of each epoch; one where they are not known."""
    found: list[int] = []
    for stretch in timeline.stretches:
        text = stretch.values.get("steps", "1")
        steps = 0 if text == "-" else int(text) if text.isdigit() else 1
        found += [steps] * (stretch.last - stretch.first + 1)
    return found


def _series(label: str, line: Line) -> list[Series]:
    """A curve; for a value of several numbers, one for each."""
    stride = math.ceil(len(line.steps) / _MOST_POINTS) or 1
    chosen = sorted({*range(0, len(line.steps), stride), len(line.steps) - 1})
    return _curves(label, [line.steps[index] for index in chosen], [line.values[index] for index in chosen])


def _course_series(course: Course, edges: Sequence[int]) -> list[Series]:
    steps: list[int] = []
    values: list[Any] = []
    for (begin, end), pair in zip(itertools.pairwise(edges), course.pairs, strict=False):
        if end == begin:
            continue
        steps += [begin + 1, end] if end > begin + 1 else [end]
        values += [None] * (1 + (end > begin + 1)) if pair is None else pair if end > begin + 1 else [pair[1]]
    return _curves(course.name, steps, values)


def _curves(label: str, steps: list[int], values: list[Any]) -> list[Series]:
    widths = {len(value) for value in values if isinstance(value, (list, tuple))}
    if len(widths) == 1:
        parts = [
            [value[index] if isinstance(value, (list, tuple)) else None for value in values]
            for index in range(widths.pop())
        ]
        return [curve for index, part in enumerate(parts) for curve in _curves(f"{label}[{index}]", steps, part)]
    numbers = [float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None for value in values]
    return [Series(label, "train", steps, numbers)] if any(number is not None for number in numbers) else []


def _course_strips(course: Course, edges: Sequence[int]) -> list[Strip]:
    """Where a number rises, falls and stays."""
    if not 1 < len(course.legs) <= _MOST_LEGS:
        return []
    segments = []
    for leg in course.legs:
        label = {
            "rises": f"rises to {number_words(leg.end)}",
            "falls": f"falls to {number_words(leg.end)}",
            "none": "none",
        }.get(leg.way, leg.words)
        text = leg.words if leg.way in ("holds", "none") else f"{leg.way}, {leg.words}"
        epochs = str(leg.first) if leg.first == leg.last else f"{leg.first}-{leg.last}"
        segments.append(Segment(edges[leg.first - 1], edges[leg.last], epochs, label, text, _TINTS[leg.way]))
    segments = [segment for segment in segments if segment.end > segment.begin]
    return [Strip(course.name, segments)] if segments else []
