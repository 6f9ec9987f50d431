"""TraceRunner: calls the hooks that traces override, and no others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fastestimator_lite.trace.trace import PerDSTrace, Trace
from fastestimator_lite.util.data import Data

HOOKS = (
    "on_begin",
    "on_epoch_begin",
    "on_ds_begin",
    "on_batch_begin",
    "on_batch_end",
    "on_ds_end",
    "on_epoch_end",
    "on_end",
)
_BATCH_HOOKS = ("on_batch_begin", "on_batch_end")


class TraceRunner:
    """The hooks of some traces.

    Args:
        traces: The traces, in order.

    Attributes:
        hooks: The overridden hooks by name; an empty list where nobody overrides one.
    """

    def __init__(self, traces: Sequence[Trace]) -> None:
        self.traces = list(traces)
        self.hooks: dict[str, list[Callable[[Data], None]]] = {hook: _overridden(traces, hook) for hook in HOOKS}

    def watchers(self) -> list[Trace]:
        """The traces that do something before or after a batch."""
        return [trace for trace in self.traces if any(_overrides(trace, hook) for hook in _BATCH_HOOKS)]

    def run(self, hook: str, data: Data | None = None) -> Data:
        """Call a hook of every trace that has it.

        Args:
            hook: Name of the hook.
            data: What the traces see; None for an empty one.

        Returns:
            The data, with what the traces wrote.
        """
        data = Data() if data is None else data
        for call in self.hooks[hook]:
            call(data)
        return data


def _overridden(traces: Sequence[Trace], hook: str) -> list[Callable[[Data], None]]:
    return [getattr(trace, hook) for trace in traces if _overrides(trace, hook)]


def _overrides(trace: Trace, hook: str) -> bool:
    plain = {getattr(Trace, hook, None), getattr(PerDSTrace, hook, None)}
    return getattr(type(trace), hook, None) not in plain or hook in vars(trace)
