"""Summary: what a run logged, as plain data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np


class ValWithError(NamedTuple):
    """A value with its range.

    Attributes:
        y_min: Lower end.
        y: The value.
        y_max: Upper end.
    """

    y_min: float
    y: float
    y_max: float

    def as_tuple(self) -> tuple[float, float, float]:
        """The three numbers."""
        return tuple(self)  # type: ignore[return-value]


class Summary:
    """The logged values of an experiment.

    Args:
        name: Name of the experiment; None or "" for an unnamed one.
        system_config: Tables about the set-up, kept as they are.

    Attributes:
        history: `history[mode][key][step]` is a logged value.
        stopped: Why the run ended: "finished", "stop_training", or the name of the error; "" before it ends.
    """

    def __init__(self, name: str | None, system_config: Any = None) -> None:
        self.name = name
        self.system_config = system_config
        self.history: dict[str, dict[str, dict[int, Any]]] = defaultdict(lambda: defaultdict(dict))
        self.stopped = ""

    def merge(self, other: Summary) -> None:
        """Take over the values of another summary; where both have one, the other's counts."""
        for mode, by_key in other.history.items():
            for key, by_step in by_key.items():
                self.history[mode][key].update(by_step)

    def state_dict(self) -> dict[str, Any]:
        """The values as plain dictionaries."""
        return {
            "name": self.name,
            "history": {
                mode: {key: dict(by_step) for key, by_step in by_key.items()} for mode, by_key in self.history.items()
            },
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with the values that `state_dict` gave; steps may have become strings on the way through JSON."""
        self.history.clear()
        for mode, by_key in state["history"].items():
            for key, by_step in by_key.items():
                self.history[mode][key] = {int(step): value for step, value in by_step.items()}

    def __bool__(self) -> bool:
        return bool(self.name)

    def __repr__(self) -> str:
        logged = ", ".join(f"{mode}: {len(by_key)} keys" for mode, by_key in self.history.items())
        return f"Summary({self.name!r}, {logged or 'nothing logged'}{f', {self.stopped}' if self.stopped else ''})"


def average_summaries(name: str, summaries: Sequence[Summary]) -> Summary:
    """Average what several runs of one experiment logged.

    Args:
        name: Name of the summary to make.
        summaries: The runs. A value that only some of them logged is averaged over those.

    Returns:
        A summary whose values are `ValWithError`: the mean, and one sample standard deviation to either side. Where all
        runs agree, or only one has the value, it is a plain value. A `ValWithError` counts by its `y`; where several
        runs have a value that is no number (a text, an array), it is left out.
    """
    average = Summary(name)
    gathered: dict[tuple[str, str, int], list[Any]] = defaultdict(list)
    for summary in summaries:
        for mode, by_key in summary.history.items():
            for key, by_step in by_key.items():
                for step, value in by_step.items():
                    gathered[mode, key, step].append(value)
    for (mode, key, step), values in gathered.items():
        mean = _mean(values)
        if mean is not None:
            average.history[mode][key][step] = mean
    return average


def _mean(values: Sequence[Any]) -> Any:
    """The mean of the values of some runs, with its range; None if they have none."""
    if len(values) == 1:
        return values[0]
    plain = [value.y if isinstance(value, ValWithError) else value for value in values]
    if not all(isinstance(value, (int, float)) or getattr(value, "ndim", None) == 0 for value in plain):
        return None
    numbers = np.array(plain)
    if numbers.dtype.kind not in "biuf":
        return None
    mean, deviation = float(numbers.mean()), float(numbers.std(ddof=1))
    return ValWithError(mean - deviation, mean, mean + deviation) if deviation > 0 else mean
