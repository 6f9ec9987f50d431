"""Reports: the curves of a run above its schedule, as one HTML page that needs nothing else, and as a PNG."""
from __future__ import annotations

import base64
import hashlib
import html
import importlib
import json
import os
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastestimator_lite.schedule.timeline import Timeline
from fastestimator_lite.summary.picture import Panel, Picture, Segment, Series, picture_of
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
_NO_TINT, _INK, _FAINT, _EDGE = "#FFFFFF", "#1F2933", "#C9D1D9", "#8A96A3"

# Sizes in pixels, of the page; the PNG has the same proportions.
_PANEL, _GAP, _ROW, _HEAD, _FOOT, _LEFT, _RIGHT = 190, 26, 40, 56, 56, 118, 18
_CHARACTER = 6.3  # width of one in a segment
_NOMINAL_WIDTH = 1120

_DRAW = """
const figure = JSON.parse(document.getElementById("figure-data").textContent);
Plotly.newPlot("figure", figure.data, figure.layout, figure.config);
"""


def write_report(path: str | os.PathLike[str], summary: Summary, timeline: Timeline | None = None, title: str | None = None,
                 metrics: Sequence[str] | None = None, facts: Mapping[str, object] | None = None) -> Path:
    """Write a page about a run: how it ended, its final values, its curves over its schedule, and the schedule as a table.

    The page is one file that loads nothing from anywhere. Curves and schedule share their horizontal axis, training steps.

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
    jinja2, offline = _needed("jinja2", "write_report"), _needed("plotly.offline", "write_report")
    picture = picture_of(summary, timeline, title, metrics, facts)
    plotly_js = _normal_lines(offline.get_plotlyjs())
    template = (resources.files(__package__) / "report.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    safe = jinja2.filters.Markup
    write_text(path, environment.from_string(template).render(
        picture=picture, figure=safe(_json(_plotly_figure(picture))), plotly_js=safe(plotly_js), draw_js=safe(_DRAW),
        allowed=safe(" ".join(map(_hash, (plotly_js, _DRAW))))))
    return Path(path)


def write_png(path: str | os.PathLike[str], summary: Summary, timeline: Timeline | None = None, title: str | None = None,
              metrics: Sequence[str] | None = None, width: int = 1600) -> Path:
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
    _needed("matplotlib", "write_png")
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = _matplotlib_figure(picture_of(summary, timeline, title, metrics), width)
    FigureCanvasAgg(figure)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=figure.dpi)
    return Path(path)


def _needed(module: str, caller: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as err:
        package = module.split(".")[0]
        raise MissingDependencyError(f"{caller}() needs {package}, which is not installed; "
                                     f"run: pip install 'fastestimator-lite[plot,report]'") from err


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


def _plotly_figure(picture: Picture) -> dict[str, Any]:
    """Data, layout and configuration for plotly.js; one horizontal axis, a vertical one for each panel and for the strips."""
    height = _height(picture)
    area = height - _HEAD - _FOOT
    layout: dict[str, Any] = {
        "height": height, "margin": {"l": _LEFT, "r": _RIGHT, "t": _HEAD, "b": _FOOT}, "barmode": "overlay", "bargap": 0.14,
        "paper_bgcolor": "white", "plot_bgcolor": "white", "hovermode": "x", "hoverdistance": 40,
        "font": {"family": "system-ui, sans-serif", "size": 12, "color": _INK},
        "legend": {"orientation": "h", "x": 1, "xanchor": "right", "y": 1, "yanchor": "bottom", "yref": "paper",
                   "font": {"size": 12}},
        "xaxis": {"range": [0, picture.last_step * 1.004], "title": {"text": "step", "standoff": 8}, "showgrid": False, "zeroline": False,
                  "showspikes": True, "spikemode": "across", "spikethickness": 1, "spikedash": "dot", "spikecolor": _EDGE,
                  "anchor": "free", "position": 0, "ticks": "outside", "tickcolor": _EDGE, "linecolor": _EDGE},
        "shapes": [_plotly_line(end) for end in _thinned(picture.epoch_ends, picture.last_step, 8)],
        "annotations": [],
    }
    data: list[dict[str, Any]] = []
    in_legend: set[str] = set()
    colors = _colors(picture)
    top = float(area)
    for number, panel in enumerate(picture.panels, 1):
        axis = "y" if number == 1 else f"y{number}"
        layout["yaxis" + axis[1:]] = {
            "domain": [(top - _PANEL) / area, top / area], "title": {"text": _literal(panel.title), "standoff": 10}, "automargin": False,
            "gridcolor": "#EDF0F2", "zeroline": False, "linecolor": _EDGE, "showline": True, "nticks": 6, "fixedrange": True}
        top -= _PANEL + _GAP
        for series in panel.series:
            data.append(_plotly_series(series, colors[series.label], axis, series.label not in in_legend))
            in_legend.add(series.label)
    if picture.strips:
        axis = f"y{len(picture.panels) + 1}" if picture.panels else "y"
        layout["yaxis" + axis[1:]] = {
            "domain": [0, len(picture.strips) * _ROW / area], "type": "category", "autorange": "reversed", "showgrid": False,
            "fixedrange": True, "ticks": "", "tickfont": {"size": 12}, "zeroline": False}
        data += [_plotly_strip(_literal(strip.part), strip.segments, picture.last_step, axis) for strip in picture.strips]
    layout["annotations"] = [
        {"x": middle, "y": 1, "xref": "x", "yref": "paper", "yanchor": "bottom", "text": str(epoch), "showarrow": False,
         "font": {"size": 11, "color": "#52606D"}}
        for epoch, middle in _epoch_labels(picture)]
    if layout["annotations"]:
        layout["annotations"].append({"x": 0, "y": 1, "xref": "paper", "yref": "paper", "xanchor": "right", "yanchor": "bottom",
                                      "xshift": -6, "text": "epoch", "showarrow": False, "font": {"size": 11, "color": "#52606D"}})
        layout["legend"].update(y=1 + 22 / area)
    config = {"responsive": True, "displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"]}
    return {"data": data, "layout": layout, "config": config}


def _plotly_line(end: int) -> dict[str, Any]:
    return {"type": "line", "x0": end, "x1": end, "y0": 0, "y1": 1, "xref": "x", "yref": "paper", "layer": "below",
            "line": {"color": _FAINT, "width": 1, "dash": "dot"}}


def _plotly_series(series: Series, color: str, axis: str, shows_legend: bool) -> dict[str, Any]:
    return {"type": "scatter", "x": series.steps, "y": series.values, "name": _literal(series.label), "mode": _plotly_mode(series),
            "legendgroup": _literal(series.label), "showlegend": shows_legend, "yaxis": axis, "xaxis": "x",
            "line": {"color": color, "width": 2},
            "marker": {"color": color, "size": 12 if series.mode == "test" else 6, "symbol": _symbol(series.mode, "star", "circle")},
            "hovertemplate": "%{fullData.name}: %{y:.5g}<extra></extra>"}


def _plotly_mode(series: Series) -> str:
    if series.mode == "test" or len(series.steps) == 1:
        return "markers"
    return "lines+markers" if series.mode != "train" else "lines"


def _plotly_strip(part: str, segments: Sequence[Segment], last_step: int, axis: str) -> dict[str, Any]:
    width = _NOMINAL_WIDTH - _LEFT - _RIGHT
    return {"type": "bar", "orientation": "h", "y": [part] * len(segments), "base": [segment.begin for segment in segments],
            "x": [segment.end - segment.begin for segment in segments], "yaxis": axis, "xaxis": "x", "showlegend": False,
            "marker": {"color": [_tint(segment) for segment in segments], "line": {"color": "#FFFFFF", "width": 2}},
            "text": ["<br>".join(map(_literal, fitted(segment.label, (segment.end - segment.begin) * width / last_step)))
                     for segment in segments],
            "textposition": "inside", "insidetextanchor": "middle", "textangle": 0, "constraintext": "inside", "cliponaxis": True,
            "textfont": {"color": _INK, "size": 11},
            "hovertext": [f"{part}, epoch{'s' * ('-' in segment.epochs)} {segment.epochs}: {_literal(segment.text)}" for segment in segments],
            "hoverinfo": "text"}


# ---- the PNG


def _matplotlib_figure(picture: Picture, width: int) -> Figure:
    from matplotlib.figure import Figure

    dpi = 100 * width / _NOMINAL_WIDTH  # 100 of the page's pixels are an inch, so that letters have their size too
    height = _height(picture) + 34
    figure = Figure(figsize=(_NOMINAL_WIDTH / 100, height / 100), dpi=dpi, facecolor="white")
    colors, ends = _colors(picture), _thinned(picture.epoch_ends, picture.last_step, 8)

    def axes_at(top: float, size: float) -> Axes:
        axes = figure.add_axes((_LEFT / _NOMINAL_WIDTH, 1 - (top + size) / height, 1 - (_LEFT + _RIGHT) / _NOMINAL_WIDTH, size / height))
        axes.set_xlim(0, picture.last_step * 1.004)
        axes.tick_params(labelsize=8, color=_EDGE, labelcolor=_INK)
        for name, spine in axes.spines.items():
            spine.set_visible(name == "left" or name == "bottom")
            spine.set_color(_EDGE)
        return axes

    figure.text(_LEFT / _NOMINAL_WIDTH, 1 - 12 / height, _shown(f"{picture.title}: {picture.outcome.lower()}"), fontsize=11, weight="bold", va="top",
                color=_INK)
    all_axes, top = [], _HEAD + 34.0
    for panel in picture.panels:
        axes = axes_at(top, _PANEL)
        _draw_panel(axes, panel, colors)
        all_axes.append(axes)
        top += _PANEL + _GAP
    if picture.strips:
        axes = axes_at(height - _FOOT - _ROW * len(picture.strips), _ROW * len(picture.strips))
        _draw_strips(axes, picture)
        all_axes.append(axes)
    for axes in all_axes:
        for end in ends:
            axes.axvline(end, color=_FAINT, linewidth=0.8, linestyle=":", zorder=0)
    if all_axes:
        _label_epochs(all_axes[0], picture)
        _add_legend(figure, all_axes, 1 - 30 / height)
        for axes in all_axes[:-1]:
            axes.set_xticklabels([])
        all_axes[-1].set_xlabel("step", fontsize=9, color=_INK)
    return figure


def _draw_panel(axes: Axes, panel: Panel, colors: Mapping[str, str]) -> None:
    for series in panel.series:
        values = [float("nan") if value is None else value for value in series.values]
        alone = series.mode == "test" or len(values) == 1
        axes.plot(series.steps, values, color=colors[series.label], linewidth=0 if alone else 1.4, label=_shown(series.label),
                  marker=_symbol(series.mode, "*", "o") if alone or series.mode != "train" else "", clip_on=not alone,
                  markersize=10 if series.mode == "test" else 3.5, zorder=3)
    axes.set_ylabel(_shown(panel.title), fontsize=9, color=_INK)
    axes.yaxis.set_label_coords(-62 / (_NOMINAL_WIDTH - _LEFT - _RIGHT), 0.5)
    axes.grid(axis="y", color="#EDF0F2", linewidth=0.8)
    axes.set_axisbelow(True)


def _draw_strips(axes: Axes, picture: Picture) -> None:
    width = _NOMINAL_WIDTH - _LEFT - _RIGHT
    axes.set_ylim(len(picture.strips) - 0.5, -0.5)
    axes.set_yticks(range(len(picture.strips)), [_shown(strip.part) for strip in picture.strips])
    axes.tick_params(axis="y", length=0, labelsize=9)
    axes.spines["left"].set_visible(False)
    for row, strip in enumerate(picture.strips):
        for segment in strip.segments:
            size = segment.end - segment.begin
            axes.broken_barh([(segment.begin, size)], (row - 0.43, 0.86), facecolor=_tint(segment), edgecolor="white", linewidth=1.2, zorder=2)
            axes.text(segment.begin + size / 2, row, "\n".join(map(_shown, fitted(segment.label, size * width / picture.last_step))), ha="center",
                      va="center", fontsize=7.5, color=_INK, linespacing=1.1, clip_on=True, zorder=4)


def _label_epochs(axes: Axes, picture: Picture) -> None:
    for epoch, middle in _epoch_labels(picture):
        axes.annotate(str(epoch), (middle, 1), xycoords=("data", "axes fraction"), xytext=(0, 3), textcoords="offset points", ha="center",
                      va="bottom", fontsize=8, color="#52606D")
    if picture.epoch_ends:
        axes.annotate("epoch", (0, 1), xycoords="axes fraction", xytext=(-5, 3), textcoords="offset points", ha="right", va="bottom", fontsize=8,
                      color="#52606D")


def _add_legend(figure: Figure, all_axes: Sequence[Axes], y: float) -> None:
    known: dict[str, Any] = {}
    for axes in all_axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            known.setdefault(label, handle)
    if known:
        figure.legend(known.values(), known.keys(), loc="upper right", bbox_to_anchor=(1 - _RIGHT / _NOMINAL_WIDTH, y + 0.012), ncols=8,
                      frameon=False, fontsize=9, borderaxespad=0, labelcolor=_INK)


def _shown(text: str) -> str:
    """Text as matplotlib shows it unchanged: a dollar sign would begin a formula."""
    return " ".join(text.split()).replace("$", r"\$")


# ---- what both share


def _height(picture: Picture) -> int:
    panels = len(picture.panels) * (_PANEL + _GAP)
    return _HEAD + _FOOT + max(panels + len(picture.strips) * _ROW - (0 if picture.strips else _GAP), _ROW)


def _colors(picture: Picture) -> dict[str, str]:
    """A colour for each label."""
    colors: dict[str, str] = {}
    others = 0
    for label in dict.fromkeys(series.label for panel in picture.panels for series in panel.series):
        if label in _MODE_COLORS:
            colors[label] = _MODE_COLORS[label]
        else:
            colors[label] = _OTHER_COLORS[others % len(_OTHER_COLORS)]
            others += 1
    return colors


def _symbol(mode: str, star: str, circle: str) -> str:
    return star if mode == "test" else circle


def _tint(segment: Segment) -> str:
    return _NO_TINT if segment.tint < 0 else _TINTS[segment.tint % len(_TINTS)]


def _thinned(ends: Sequence[int], last_step: int, distance: float) -> Iterator[int]:
    """Those that stand at least `distance` pixels from the one before."""
    before = -last_step
    for end in ends:
        if (end - before) * _NOMINAL_WIDTH >= distance * last_step:
            yield end
            before = end


def _epoch_labels(picture: Picture) -> Iterator[tuple[int, float]]:
    """(epoch, the middle of its steps), as many as there is room for."""
    before = -float(picture.last_step)
    for epoch, (begin, end) in enumerate(zip([0, *picture.epoch_ends], picture.epoch_ends, strict=False), 1):
        middle = (begin + end) / 2
        if end > begin and (middle - before) * _NOMINAL_WIDTH >= 24 * picture.last_step:
            yield epoch, middle
            before = middle


def fitted(text: str, width: float, lines: int = 2) -> list[str]:
    """Break text so that it fits into a segment.

    Args:
        text: The text.
        width: Room in pixels.
        lines: Most lines, >= 1.

    Returns:
        The lines; the last one ends in an ellipsis if something was left out. Empty if there is no room for two letters.
    """
    room = int((width - 4) / _CHARACTER)
    if room < 2:
        return []
    broken = textwrap.wrap(text, room, max_lines=lines, placeholder="\u2026", break_on_hyphens=False)
    return broken
