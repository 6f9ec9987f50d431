"""Summary: what a run logged, as plain data."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple


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
