"""What the benchmarks share: one compute thread, interleaved repetitions, the table and its JSON.

A machine drifts, so nothing here is compared with a figure of another run. The contestants take turns (A B C, C B A,
A B C, ...), and each turn of ours is compared with the raw loop's turn beside it; what is shown is the median of those
comparisons, and next to it the comparison of the best turns, which other processes disturb least.

Importing this module loads no framework and not even numpy.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import gc
import importlib
import importlib.metadata
import importlib.util
import io
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

# before any framework is imported, here and in child processes
for _name, _value in {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "",
    "KERAS_BACKEND": "tensorflow",
}.items():
    os.environ.setdefault(_name, _value)

MICROSECOND, MILLISECOND, MEGABYTE = 1e-6, 1e-3, 2.0**20
_SCALES = {"us": MICROSECOND, "ms": MILLISECOND, "s": 1.0, "MB": MEGABYTE, "k samples/s": 1e3, "": 1.0}
_BEST: dict[str, Callable[..., float]] = {"k samples/s": max}
_RESULT = "benchmark result: "
_HEADS = ("row", "quantity", "ours", "raw", "compared", "of the best", "goal", "reached")


# ---- contestants


def interleaved(
    contestants: Mapping[str, Callable[[], float]], repetitions: int, warm_ups: int = 1
) -> dict[str, list[float]]:
    """Let contestants take turns.

    Args:
        contestants: Functions by name, each of which does its work once and returns a figure (seconds per step).
        repetitions: Turns that count, >= 1. Every other time the order is turned round, so that a machine which slows
            down steadily favours nobody.
        warm_ups: Turns before, which do not count.

    Returns:
        The figures by name, `repetitions` each.
    """
    figures: dict[str, list[float]] = {name: [] for name in contestants}
    order = list(contestants.items())
    for turn in range(-warm_ups, repetitions):
        for name, work in order if turn % 2 == 0 else reversed(order):
            gc.collect()
            figure = work()
            if turn >= 0:
                figures[name].append(figure)
    return figures


class Added(list[float]):
    """What something adds, turn by turn.

    Args:
        more: The figures with it.
        less: The figures without it, of the turns beside them.
        count: How many of it there were.
    """

    def __init__(self, more: Sequence[float], less: Sequence[float], count: int = 1) -> None:
        super().__init__((a - b) / count for a, b in zip(more, less, strict=True))
        self.best = (min(more) - min(less)) / count  # not the smallest difference, which is the noisiest


class Child(NamedTuple):
    """What a child process cost.

    Attributes:
        cpu: Processor seconds of its whole life, user and system.
        peak: Largest resident set, bytes.
        result: What it handed to `REPORT`, or None.
    """

    cpu: float
    peak: float
    result: Any


# put in front of a child's code: `report(value)` hands a value that JSON knows to the parent
REPORT = f"""
import json as _json, sys as _sys
def report(value):
    _sys.__stdout__.write({_RESULT!r} + _json.dumps(value) + "\\n"); _sys.__stdout__.flush()
"""


def run_child(code: str) -> Child:
    """Run Python code in a fresh process.

    Args:
        code: The code; with `REPORT` in front it can report a value.

    Raises:
        RuntimeError: If it fails; the message ends with its last words.
    """
    # Output goes to files, not pipes: nobody has to read beside the wait, which brings the child's own resource usage.
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
    if process.returncode:
        raise RuntimeError(f"a child process ended with {process.returncode}: {texts[1][-2000:]}")
    results = [line.removeprefix(_RESULT) for line in texts[0].splitlines() if line.startswith(_RESULT)]
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Child(usage.ru_utime + usage.ru_stime, float(peak), json.loads(results[-1]) if results else None)


class _Terminal(io.TextIOWrapper):
    """A file that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@contextlib.contextmanager
def output_to_null(terminal: bool = False) -> Iterator[None]:
    """Send what is printed to the null device.

    Args:
        terminal: Whether it should look like a terminal, so that progress bars are drawn.
    """
    kind = _Terminal if terminal else io.TextIOWrapper
    with kind(Path(os.devnull).open("wb")) as null, contextlib.redirect_stdout(null), contextlib.redirect_stderr(null):
        yield


def installed(*modules: str) -> bool:
    """Whether these top-level modules can be imported; found without importing them."""
    return all(importlib.util.find_spec(module) is not None for module in modules)


# ---- results


class Goal(NamedTuple):
    """What a comparison should come to.

    Attributes:
        kind: What is held against the bound: "difference" (ours - raw), "ratio" (ours / raw) or "value" (ours).
        sense: "<=" or ">=".
        bound: The bound, in seconds, bytes, samples per second, or as a ratio.
    """

    kind: str
    sense: str
    bound: float

    def reached(self, figure: float) -> bool:
        """Whether a figure of its kind keeps the bound."""
        return figure <= self.bound if self.sense == "<=" else figure >= self.bound

    def text(self, unit: str) -> str:
        """The goal in words, such as "<= +30 us" or ">= 0.7x"."""
        return f"{self.sense} {_compared_text(self.kind, self.bound, unit, goal=True)}"


def compare(
    kind: str, ours: Sequence[float], raw: Sequence[float] | None, best: Callable[..., float] = min
) -> tuple[float, float]:
    """Compare figures turn by turn.

    Args:
        kind: As in `Goal`.
        ours: Our figures.
        raw: The raw loop's, from the turns beside them; None for kind "value".
        best: `min` for times and memory, `max` for speeds.

    Returns:
        The median over the turns, and the comparison of the best ones.
    """
    if kind == "value" or raw is None:
        return statistics.median(ours), ours.best if isinstance(ours, Added) else best(ours)
    if kind == "difference":
        return statistics.median(a - b for a, b in zip(ours, raw, strict=True)), best(ours) - best(raw)
    return statistics.median(a / b for a, b in zip(ours, raw, strict=True)), best(ours) / best(raw)


@dataclasses.dataclass
class Line:
    """A line of the table.

    Attributes:
        row: Letter of the quantity, as in docs/performance.md.
        quantity: What is measured.
        unit: A key of the scales: "us", "ms", "s", "MB" or "k samples/s".
        ours: Our figure, the median, in seconds, bytes or samples per second.
        raw: The raw loop's; None where there is none.
        kind: How they are compared; see `Goal`.
        compared: The median of the comparisons.
        compared_best: The comparison of the best turns.
        goal: The goal in words; None where there is none.
        reached: Whether it is reached; None where there is no goal.
        peer: Name of a peer, where the figure is not ours.
    """

    row: str
    quantity: str
    unit: str
    ours: float
    raw: float | None
    kind: str
    compared: float
    compared_best: float
    goal: str | None
    reached: bool | None
    peer: str | None = None

    def cells(self) -> tuple[str, ...]:
        """The texts of its columns."""
        name = self.quantity if self.peer is None else f"  {self.peer}"
        compared = (_compared_text(self.kind, value, self.unit) for value in (self.compared, self.compared_best))
        reached = "" if self.reached is None else "yes" if self.reached else "NO"
        return (
            "" if self.peer else self.row,
            name,
            _value_text(self.ours, self.unit),
            "-" if self.raw is None else _value_text(self.raw, self.unit),
            *compared,
            self.goal or "",
            reached,
        )


class Table:
    """The results of a script.

    Args:
        title: What is measured, one line.
        arguments: From `arguments`.
    """

    def __init__(self, title: str, arguments: argparse.Namespace) -> None:
        self.title, self.arguments = title, arguments
        self.lines: list[Line] = []
        self.skipped: dict[str, str] = {}

    def add(
        self,
        row: str,
        quantity: str,
        unit: str,
        ours: Sequence[float],
        raw: Sequence[float] | None = None,
        goal: Goal | None = None,
        kind: str | None = None,
    ) -> None:
        """Add a line.

        Args:
            row, quantity, unit: As in `Line`.
            ours: Our figures, one a turn.
            raw: The raw loop's, of the turns beside them; None where there is none.
            goal: The goal, if there is one.
            kind: How to compare where there is no goal; None for "difference", or "value" without `raw`.
        """
        kind = goal.kind if goal else kind or ("difference" if raw else "value")
        compared, best = compare(kind, ours, raw, _BEST.get(unit, min))
        self.lines.append(
            Line(
                row,
                quantity,
                unit,
                statistics.median(ours),
                statistics.median(raw) if raw else None,
                kind,
                compared,
                best,
                goal.text(unit) if goal else None,
                goal.reached(compared) if goal else None,
            )
        )

    def add_peer(self, name: str, figures: Sequence[float], raw: Sequence[float] | None = None) -> None:
        """Add a peer's figures below the line that was added last, compared as that one."""
        last = self.lines[-1]
        compared, best = compare(last.kind, figures, raw, _BEST.get(last.unit, min))
        self.lines.append(
            Line(
                last.row,
                last.quantity,
                last.unit,
                statistics.median(figures),
                statistics.median(raw) if raw else None,
                last.kind,
                compared,
                best,
                None,
                None,
                name,
            )
        )

    def skip(self, name: str, why: str = "not installed here") -> None:
        """Note a peer that was not measured."""
        self.skipped[name] = why

    def finish(self) -> None:
        """Print the table, and write the JSON that was asked for."""
        rows = [_HEADS, *(line.cells() for line in self.lines)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
        about = environment()
        print(f"{self.title}  ({', '.join(f'{name} {value}' for name, value in about.items())})")
        for row in rows:
            cells = [
                cell.ljust(width) if column in (0, 1, 6) else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            print("  ".join(cells).rstrip())
        for name, why in self.skipped.items():
            print(f"skipped: {name} ({why})")
        if self.arguments.cpu:
            print("--cpu: processor time of the process, not time on the clock")
        if self.arguments.quick:
            print("--quick: too short to mean anything, it only shows that the script runs")
        if self.arguments.json:
            written = {
                "script": Path(sys.argv[0]).name,
                "title": self.title,
                "quick": self.arguments.quick,
                "cpu": self.arguments.cpu,
                "environment": about,
                "lines": [dataclasses.asdict(line) for line in self.lines],
                "skipped": self.skipped,
            }
            Path(self.arguments.json).write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")


def environment() -> dict[str, str]:
    """What the figures depend on: the machine, and versions of what is loaded."""
    about = {"Python": platform.python_version(), "processors": str(os.cpu_count())}
    for module, package in {"numpy": "numpy", "torch": "torch", "tensorflow": "tensorflow", "keras": "keras"}.items():
        if module in sys.modules:
            with contextlib.suppress(importlib.metadata.PackageNotFoundError):
                version = getattr(sys.modules[module], "__version__", None)
                about[package] = str(version or importlib.metadata.version(package))
    return about


def arguments(description: str | None) -> argparse.Namespace:
    """The command line: `--quick` and `--json FILE`.

    Args:
        description: The script's docstring.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a few steps only, to see that it runs")
    parser.add_argument("--json", metavar="FILE", help="also write the figures there")
    parser.add_argument(
        "--cpu",
        action="store_true",
        help="count the processor time of the process, not the time on the clock: for a busy machine",
    )
    chosen = parser.parse_args()
    if chosen.cpu:
        Clock.now = staticmethod(time.process_time)
    return chosen


class Clock:
    """Seconds between two moments, for code that calls back."""

    seconds = math.nan
    now = staticmethod(time.perf_counter)

    def start(self) -> None:
        """The first moment."""
        self._begin = self.now()

    def stop(self) -> None:
        """The second."""
        self.seconds = self.now() - self._begin


def epoch_watch(package: str) -> Any:
    """A trace that times an epoch by its `clock`; it overrides no hook of the batch.

    Args:
        package: "fastestimator_lite" or "fastestimator".
    """

    class Watch(importlib.import_module(f"{package}.trace").Trace):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(mode="train")
            self.clock = Clock()

        def on_epoch_begin(self, data: Any) -> None:
            self.clock.start()

        def on_epoch_end(self, data: Any) -> None:
            self.clock.stop()

    return Watch()


def _value_text(value: float, unit: str) -> str:
    return f"{_short(value / _SCALES[unit])} {unit}".rstrip()


def _compared_text(kind: str, value: float, unit: str, goal: bool = False) -> str:
    if kind == "ratio":
        return f"{value:.3g}x" if goal else f"{value:.2f}x"
    if kind == "value":
        return _value_text(value, unit)
    scaled = value / _SCALES[unit]
    return f"{'+' if scaled >= 0 else '-'}{_short(abs(scaled))} {unit}"


def _short(number: float) -> str:
    """Three figures, without an exponent."""
    if number == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(number))))
    text = f"{number:.{min(digits, 4)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
