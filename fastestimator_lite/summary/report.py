"""Reports: the curves of a run above its schedule, as one HTML page that needs nothing else, and as a PNG."""

from __future__ import annotations

import base64
import hashlib
import html
import importlib
import itertools
import json
import os
import textwrap
import warnings
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastestimator_lite.schedule.timeline import Timeline
from fastestimator_lite.summary.picture import Panel, Picture, Segment, Series, Strip, picture_of
from fastestimator_lite.summary.summary import Summary
from fastestimator_lite.util.atomic import replacing, write_text
from fastestimator_lite.util.errors import ConfigError, MissingDependencyError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Source: Okabe and Ito 2008, "Color Universal Design"; the tints are the same hues mixed with white.
_MODE_COLORS = {"train": "#0072B2", "eval": "#D55E00", "test": "#000000"}
_OTHER_COLORS = ("#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F")
_TINTS = ("#C3DDEE", "#FBDFAE", "#BFE5D6", "#F1D3E4", "#F6F1A9", "#D9C9C0", "#DCDCDC")
_NO_TINT, _INK, _SOFT, _EDGE, _FAINT, _GRID = "#FFFFFF", "#1F2933", "#52606D", "#8A96A3", "#C9D1D9", "#EDF0F2"
_WARNING = "#9A2F00"

# Sizes in pixels of the page at its usual width; the PNG has the same proportions.
_WIDTH, _LEFT, _RIGHT, _HEAD, _FOOT = 1120, 118, 18, 56, 56
_AREA = _WIDTH - _LEFT - _RIGHT
_PANEL, _GAP, _ROW = 190, 26, 40
_CHARACTER = 6.3  # width of one in a segment
_LINE, _NOTE = 18, 150  # height of a line of a warning, and its length in characters
_BEYOND = 1.008  # the axis goes on a little behind the last step, so that its marks are whole

_DRAW = """
const figure = JSON.parse(document.getElementById("figure-data").textContent);
Plotly.newPlot("figure", figure.data, figure.layout, figure.config);
"""


def write_report(
    path: str | os.PathLike[str],
    summary: Summary,
    timeline: Timeline | None = None,
    title: str | None = None,
    metrics: Sequence[str] | None = None,
    facts: Mapping[str, object] | None = None,
) -> Path:
    """Write a page about a run: how it ended, its final values, and its curves over its schedule.

    The page is one file that loads nothing from anywhere. Curves and schedule share their horizontal axis, training
    steps; the schedule also stands there as a table.

    Args:
        path: The file; its folder is made if missing. An old file is replaced once the new one is whole.
        summary: What `Estimator.fit` or `Estimator.test` returned.
        timeline: What `Estimator.timeline` returned; None leaves the schedule out.
        title: Heading; None for the name of the summary.
        metrics: Keys to draw, from top to bottom; None for all that are curves.
        facts: More to say beside the outcome, by name.

    Returns:
        The path.

    Raises:
        ConfigError: If `metrics` names a key that was not logged.
        MissingDependencyError: If Jinja2 or plotly is not installed.

    Example:
        >>> summary = Summary("digits")
        >>> summary.history["train"]["ce"] = {1: 2.3, 100: 0.2}
        >>> write_report("/tmp/digits.html", summary).name
        'digits.html'
    """
    write_page(path, picture_of(summary, timeline, title, metrics, facts), "write_report")
    return Path(path)


def write_png(
    path: str | os.PathLike[str],
    summary: Summary,
    timeline: Timeline | None = None,
    title: str | None = None,
    metrics: Sequence[str] | None = None,
    width: int = 1600,
) -> Path:
    """Draw the curves of a run over its schedule.

    Args:
        path: The file; its folder is made if missing. An old file is replaced once the new one is whole.
        summary, timeline, title, metrics: See `write_report`.
        width: Width of the picture in pixels, >= 400; its height follows from what there is to show.

    Returns:
        The path.

    Raises:
        ConfigError: If `metrics` names a key that was not logged, or `width` is too small.
        MissingDependencyError: If matplotlib is not installed.
    """
    if isinstance(width, bool) or not isinstance(width, int) or width < 400:
        raise ConfigError(f"write_png(width) must be an int >= 400 (pixels), got {width!r}")
    draw_png(path, picture_of(summary, timeline, title, metrics), "write_png", width)
    return Path(path)


def write_page(path: str | os.PathLike[str], picture: Picture, caller: str) -> None:
    """Write a picture as one page that loads nothing from anywhere.

    Args:
        path: The file.
        picture: What it shows.
        caller: Name of the function to blame for what it needs.

    Raises:
        MissingDependencyError: If Jinja2 or plotly is not installed.
    """
    jinja2, offline = needed("jinja2", caller), needed("plotly.offline", caller)
    plotly_js = _normal_lines(offline.get_plotlyjs())
    template = (resources.files(__package__) / "report.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    safe = jinja2.filters.Markup
    write_text(
        path,
        environment.from_string(template).render(
            picture=picture,
            figure=safe(_json(plotly_figure(picture))),
            plotly_js=safe(plotly_js),
            draw_js=safe(_DRAW),
            allowed=safe(" ".join(map(_hash, (plotly_js, _DRAW)))),
        ),
    )


def draw_png(path: str | os.PathLike[str], picture: Picture, caller: str, width: int = 1600) -> None:
    """Draw a picture as a PNG.

    Args:
        path: The file.
        picture: What it shows.
        caller: Name of the function to blame for what it needs.
        width: In pixels.

    Raises:
        MissingDependencyError: If matplotlib is not installed.
    """
    needed("matplotlib", caller)
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = _matplotlib_figure(picture, width)
    FigureCanvasAgg(figure)
    with replacing(path) as temporary, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)  # a name in a script the font lacks
        figure.savefig(temporary, format="png", dpi=figure.dpi)


def needed(module: str, caller: str) -> Any:
    """Import a library that is not there by default.

    Args:
        module: The module.
        caller: Name of the function to blame for what it needs.

    Raises:
        MissingDependencyError: If it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as err:
        package = module.split(".")[0]
        raise MissingDependencyError(
            f"{caller}() needs {package}, which is not installed; run: pip install 'fastestimator-lite[plot,report]'"
        ) from err


# ---- the page


def _normal_lines(script: str) -> str:
    """As a browser reads it, which is what its hash is taken of."""
    return script.replace("\r\n", "\n").replace("\r", "\n")


def _hash(script: str) -> str:
    """How a Content-Security-Policy names a script that may run; no other one does."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def _json(value: Any) -> str:
    """JSON that stays data inside a script element."""
    text = json.dumps(value, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _literal(text: str) -> str:
    """Text as plotly shows it unchanged: it reads a few tags and entities, of which &quot; is none."""
    return html.escape(" ".join(text.split()), quote=False)


def plotly_figure(picture: Picture) -> dict[str, Any]:
    """Data, layout and configuration for plotly.js: one horizontal axis, and a vertical one for each panel.

    Args:
        picture: What it shows.
    """
    area = _height(picture) - _HEAD - _FOOT
    layout, data = _plotly_layout(picture, area), []
    colors, in_legend = _colors(picture), set()
    top = float(area)
    for number, panel in enumerate(picture.panels, 1):
        axis = "y" if number == 1 else f"y{number}"
        layout[f"yaxis{axis[1:]}"] = {
            "domain": [(top - _PANEL) / area, top / area],
            "automargin": False,
            "gridcolor": _GRID,
            "zeroline": False,
            "linecolor": _EDGE,
            "showline": True,
            "nticks": 6,
            "fixedrange": True,
        }
        layout["annotations"].append(
            {
                "text": _literal(_clipped(panel.title, 28)),
                "textangle": -90,
                "showarrow": False,
                "font": {"size": 13},
                "x": 0,
                "xref": "paper",
                "xshift": 20 - _LEFT,
                "xanchor": "center",
                "y": (top - _PANEL / 2) / area,
                "yref": "paper",
                "yanchor": "middle",
            }
        )
        for series in panel.series:
            data.append(_plotly_series(panel, series, colors[series.label], axis, series.label not in in_legend))
            in_legend.add(series.label)
        top -= _PANEL + _GAP
    if picture.strips:
        axis = f"y{len(picture.panels) + 1}" if picture.panels else "y"
        layout[f"yaxis{axis[1:]}"] = {
            "domain": [0, len(picture.strips) * _ROW / area],
            "type": "category",
            "autorange": "reversed",
            "showgrid": False,
            "fixedrange": True,
            "ticks": "",
            "tickfont": {"size": 12},
            "zeroline": False,
        }
        data += [_plotly_strip(strip, picture.last_step, axis) for strip in picture.strips]
    config = {
        "responsive": True,
        "displaylogo": False,
        "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
    }
    return {"data": data, "layout": layout, "config": config}


def _plotly_layout(picture: Picture, area: float) -> dict[str, Any]:
    """What does not belong to one panel; `area` is the height of panels and strips in pixels."""
    small = {
        "y": 1,
        "yref": "paper",
        "yanchor": "bottom",
        "yshift": 5,
        "showarrow": False,
        "font": {"size": 11, "color": _SOFT},
    }
    epochs = [{"x": middle, "xref": "x", "text": str(epoch), **small} for epoch, middle in _epoch_labels(picture)]
    if epochs:
        epochs.append({"x": 0, "xref": "paper", "xanchor": "right", "xshift": -6, "text": "epoch", **small})
    boundary = {
        "type": "line",
        "xref": "x",
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "layer": "below",
        "line": {"color": _FAINT, "width": 1, "dash": "dot"},
    }
    return {
        "height": _height(picture),
        "margin": {"l": _LEFT, "r": _RIGHT, "t": _HEAD, "b": _FOOT},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "barmode": "overlay",
        "bargap": 0.14,
        "font": {"family": "system-ui, sans-serif", "size": 12, "color": _INK},
        "hovermode": "x unified",
        "hoversubplots": "axis",
        "hoverdistance": 40,
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1 + 24 / area, "yanchor": "bottom"},
        "xaxis": {
            "range": [0, picture.last_step * _BEYOND],
            "title": {"text": picture.clock, "standoff": 8},
            "unifiedhovertitle": {"text": f"{picture.clock} %{{x}}"},
            "anchor": "free",
            "position": 0,
            "showgrid": False,
            "zeroline": False,
            "ticks": "outside",
            "tickcolor": _EDGE,
            "linecolor": _EDGE,
            "showspikes": True,
            "spikemode": "across",
            "spikethickness": 1,
            "spikedash": "dot",
            "spikecolor": _EDGE,
        },
        "shapes": [{"x0": end, "x1": end, **boundary} for end in _boundaries(picture)],
        "annotations": epochs,
    }


def _plotly_series(panel: Panel, series: Series, color: str, axis: str, shows_legend: bool) -> dict[str, Any]:
    is_test = series.mode == "test"
    label = _literal(series.label)
    return {
        "type": "scatter",
        "x": series.steps,
        "y": series.values,
        "xaxis": "x",
        "yaxis": axis,
        "name": label,
        "legendgroup": label,
        "showlegend": shows_legend,
        "mode": "markers" if _is_dots(series) else "lines" if series.mode == "train" else "lines+markers",
        "line": {"color": color, "width": 2},
        "cliponaxis": not is_test,
        "marker": {"color": color, "size": 12 if is_test else 6, "symbol": "star" if is_test else "circle"},
        "meta": [_literal(panel.title), label],
        "hovertemplate": "%{meta[0]}, %{meta[1]}: %{y:.5g}<extra></extra>",
    }


def _plotly_strip(strip: Strip, last_step: int, axis: str) -> dict[str, Any]:
    part, segments = _literal(strip.part), strip.segments
    return {
        "type": "bar",
        "orientation": "h",
        "xaxis": "x",
        "yaxis": axis,
        "name": part,
        "showlegend": False,
        "y": [part] * len(segments),
        "base": [segment.begin for segment in segments],
        "x": [segment.end - segment.begin for segment in segments],
        "marker": {"color": [_tint(segment) for segment in segments], "line": {"color": "#FFFFFF", "width": 2}},
        "text": ["<br>".join(map(_literal, fitted(segment.label, _room(segment, last_step)))) for segment in segments],
        "textposition": "inside",
        "insidetextanchor": "middle",
        "textangle": 0,
        "constraintext": "inside",
        "textfont": {"color": _INK, "size": 11},
        "hoverinfo": "text",
        "hovertext": [
            f"{part}, epoch{'s' * ('-' in segment.epochs)} {segment.epochs}: {_literal(segment.text)}"
            for segment in segments
        ],
    }


# ---- the PNG


def _matplotlib_figure(picture: Picture, width: int) -> Figure:
    from matplotlib.figure import Figure

    head = _HEAD + 34  # room for the title, which the page has in its text
    notes = _notes(picture)
    foot = _FOOT + len(notes) * _LINE
    height = _height(picture) + 34 + len(notes) * _LINE
    # 100 of the page's pixels are an inch, so that letters keep their proportions
    figure = Figure(figsize=(_WIDTH / 100, height / 100), dpi=100 * width / _WIDTH, facecolor="white")
    figure.text(
        _LEFT / _WIDTH,
        1 - 12 / height,
        _shown(f"{_clipped(picture.title, 60)}: {picture.outcome.lower()}"),
        fontsize=11,
        weight="bold",
        va="top",
        color=_INK,
    )
    tops = [(head + number * (_PANEL + _GAP), _PANEL) for number in range(len(picture.panels))]
    if picture.strips:
        tops.append((height - foot - _ROW * len(picture.strips), _ROW * len(picture.strips)))
    axes = [
        figure.add_axes((_LEFT / _WIDTH, 1 - (top + size) / height, _AREA / _WIDTH, size / height))
        for top, size in tops
    ]
    for one in axes:
        _prepare_axes(one, picture)
    colors = _colors(picture)
    for one, panel in zip(axes, picture.panels, strict=False):
        _draw_panel(one, panel, colors)
    if picture.strips:
        _draw_strips(axes[-1], picture)
    if axes:
        _label_epochs(axes[0], picture)
        _add_legend(figure, axes, 1 - 17 / height)
        for one in axes[:-1]:
            one.set_xticklabels([])
        axes[-1].set_xlabel(picture.clock, fontsize=9, color=_INK)
    for number, line in enumerate(notes):
        figure.text(
            _LEFT / _WIDTH,
            ((len(notes) - number) * _LINE - 2) / height,
            _shown(line),
            fontsize=8.5,
            va="top",
            color=_WARNING,
        )
    return figure


def _notes(picture: Picture) -> list[str]:
    """The lines of the warnings."""
    return [
        line if number else f"! {line}"
        for warning in picture.warnings
        for number, line in enumerate(textwrap.wrap(" ".join(warning.split()), _NOTE, break_on_hyphens=False))
    ]


def _prepare_axes(axes: Axes, picture: Picture) -> None:
    axes.set_xlim(0, picture.last_step * _BEYOND)
    axes.tick_params(labelsize=8, color=_EDGE, labelcolor=_INK)
    for name, spine in axes.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_color(_EDGE)
    for end in _boundaries(picture):
        axes.axvline(end, color=_FAINT, linewidth=0.8, linestyle=":", zorder=0)


def _draw_panel(axes: Axes, panel: Panel, colors: Mapping[str, str]) -> None:
    for series in panel.series:
        values = [float("nan") if value is None else value for value in series.values]
        is_test, is_dots = series.mode == "test", _is_dots(series)
        marker = "*" if is_test else "o" if is_dots or series.mode != "train" else ""
        axes.plot(
            series.steps,
            values,
            color=colors[series.label],
            label=_shown(series.label),
            zorder=3,
            marker=marker,
            linewidth=0 if is_dots else 1.4,
            markersize=10 if is_test else 3.5,
            clip_on=not is_dots,
        )
    axes.set_ylabel(_shown(_clipped(panel.title, 28)), fontsize=9, color=_INK)
    axes.yaxis.set_label_coords(-64 / _AREA, 0.5)
    axes.grid(axis="y", color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)


def _draw_strips(axes: Axes, picture: Picture) -> None:
    axes.set_ylim(len(picture.strips) - 0.5, -0.5)
    axes.set_yticks(range(len(picture.strips)), [_shown(strip.part) for strip in picture.strips])
    axes.tick_params(axis="y", length=0, labelsize=9)
    axes.spines["left"].set_visible(False)
    for row, strip in enumerate(picture.strips):
        for segment in strip.segments:
            size, room = segment.end - segment.begin, _room(segment, picture.last_step)
            axes.broken_barh(
                [(segment.begin, size)],
                (row - 0.43, 0.86),
                facecolor=_tint(segment),
                edgecolor="white",
                linewidth=1.2,
                zorder=2,
            )
            lines = fitted(segment.label, room)
            shrink = min([1.0, *((room - 4) / (_CHARACTER * len(line)) for line in lines)])
            axes.text(
                segment.begin + size / 2,
                row,
                "\n".join(map(_shown, lines)),
                fontsize=7.5 * shrink,
                color=_INK,
                ha="center",
                va="center",
                linespacing=1.1,
                clip_on=True,
                zorder=4,
            )


def _label_epochs(axes: Axes, picture: Picture) -> None:
    small: dict[str, Any] = {"textcoords": "offset points", "va": "bottom", "fontsize": 8, "color": _SOFT}
    labels = list(_epoch_labels(picture))
    for epoch, middle in labels:
        axes.annotate(str(epoch), (middle, 1), xycoords=("data", "axes fraction"), xytext=(0, 3), ha="center", **small)
    if labels:
        axes.annotate("epoch", (0, 1), xycoords="axes fraction", xytext=(-5, 3), ha="right", **small)


def _add_legend(figure: Figure, axes: Sequence[Axes], top: float) -> None:
    known: dict[str, Any] = {}
    for one in axes:
        for handle, label in zip(*one.get_legend_handles_labels(), strict=True):
            known.setdefault(label, handle)
    if known:
        figure.legend(
            known.values(),
            known.keys(),
            loc="upper right",
            bbox_to_anchor=(1 - _RIGHT / _WIDTH, top),
            ncols=8,
            frameon=False,
            fontsize=9,
            borderaxespad=0,
            labelcolor=_INK,
        )


def _shown(text: str) -> str:
    """Text as matplotlib shows it unchanged: a dollar sign would begin a formula."""
    return " ".join(text.split()).replace("$", r"\$")


# ---- what both share


def _height(picture: Picture) -> int:
    panels = len(picture.panels) * (_PANEL + _GAP)
    return _HEAD + _FOOT + max(panels + len(picture.strips) * _ROW - (0 if picture.strips else _GAP), _ROW)


def _colors(picture: Picture) -> dict[str, str]:
    """A colour for each label."""
    colors = dict(_MODE_COLORS)
    others = itertools.cycle(_OTHER_COLORS)
    for panel in picture.panels:
        for series in panel.series:
            if series.label not in colors:
                colors[series.label] = next(others)
    return colors


def _is_dots(series: Series) -> bool:
    """Whether it is drawn as dots: a single value is no line."""
    return series.mode == "test" or len(series.steps) == 1


def _tint(segment: Segment) -> str:
    return _NO_TINT if segment.tint < 0 else _TINTS[segment.tint % len(_TINTS)]


def _room(segment: Segment, last_step: int) -> float:
    """Width of a segment in pixels."""
    return (segment.end - segment.begin) * _AREA / (last_step * _BEYOND)


def _boundaries(picture: Picture) -> list[int]:
    """The ends of epochs, as many as can be told apart."""
    chosen: list[int] = []
    for end in picture.epoch_ends:
        if not chosen or (end - chosen[-1]) * _AREA >= 8 * picture.last_step:
            chosen.append(end)
    return chosen


def _epoch_labels(picture: Picture) -> Iterator[tuple[int, float]]:
    """(epoch, the middle of its steps), as many as there is room for."""
    before = -float(picture.last_step)
    for epoch, (begin, end) in enumerate(itertools.pairwise([0, *picture.epoch_ends]), 1):
        middle = (begin + end) / 2
        if end > begin and (middle - before) * _AREA >= 24 * picture.last_step:
            yield epoch, middle
            before = middle


def fitted(text: str, width: float, lines: int = 2) -> list[str]:
    """Break text so that it fits into a segment.

    Args:
        text: The text.
        width: Room in pixels.
        lines: Most lines, >= 1.

    Returns:
        The lines; the last one ends in an ellipsis if something was left out. They may be up to 70 % too wide where
        whole words need it, and want smaller letters then. Empty if there is no room for two letters.
    """
    room = int((width - 4) / _CHARACTER)
    if room < 2:
        return []
    for stretched in (room, int(room * 1.2), int(room * 1.4), int(room * 1.7)):
        broken = textwrap.wrap(text, stretched, break_long_words=False, break_on_hyphens=False)
        if len(broken) <= lines and all(len(line) <= stretched for line in broken):
            return broken
    return textwrap.wrap(text, room, max_lines=lines, placeholder="\u2026", break_on_hyphens=False)


def _clipped(text: str, most: int) -> str:
    """One line of at most so many characters."""
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 1]}\u2026"
