"""The order of traces: who needs a key runs after who writes it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from fastestimator_lite.trace.trace import Trace
from fastestimator_lite.util.errors import ConfigError, MissingKeyError, suggest


def sort_traces(
    traces: Sequence[Trace], ds_ids: Iterable[str], available_outputs: Collection[str] | None = None
) -> list[Trace]:
    """Order traces by their keys.

    Args:
        traces: The traces.
        ds_ids: Data set ids of the run.
        available_outputs: Keys that batches and the network bring; None skips the check for missing keys.

    Returns:
        The traces, each after those whose outputs it reads, else in the order given; readers of "*" come after all
        writers, and a trace's `stage` goes before all.

    Raises:
        MissingKeyError: If a trace reads a key that nothing brings.
        ConfigError: If traces need each other in a circle; the message names it.
    """
    ids = list(ds_ids)
    writers: dict[str, list[Trace]] = {}
    for trace in traces:
        for key in trace.get_outputs(ids):
            writers.setdefault(key, []).append(trace)
    if available_outputs is not None:
        check_trace_keys(traces, ids, available_outputs)
    ordered: list[Trace] = []
    for stage in sorted({trace.stage for trace in traces}):
        members = [trace for trace in traces if trace.stage == stage]
        plain = [trace for trace in members if "*" not in trace.inputs]
        ordered += _sorted_by_keys(plain, writers) + [trace for trace in members if "*" in trace.inputs]
    return ordered


def _sorted_by_keys(traces: Sequence[Trace], writers: dict[str, list[Trace]]) -> list[Trace]:
    done: list[Trace] = []
    path: list[Trace] = []

    def place(trace: Trace) -> None:
        if any(trace is one for one in done):
            return
        if any(trace is one for one in path):
            circle = [*path[next(i for i, one in enumerate(path) if one is trace) :], trace]
            raise ConfigError(
                f"traces need each other in a circle: {' -> '.join(type(one).__name__ for one in circle)}; let one of "
                f"them write another key"
            )
        path.append(trace)
        for key in trace.inputs:
            for writer in writers.get(key, []):
                if writer is not trace and any(writer is one for one in traces):
                    place(writer)
        path.pop()
        done.append(trace)

    for trace in traces:
        place(trace)
    return done


def check_trace_keys(
    traces: Sequence[Trace], ds_ids: Iterable[str], available_outputs: Collection[str], when: str = ""
) -> None:
    """Check that traces find their keys.

    Args:
        traces: The traces.
        ds_ids: Data set ids of the run.
        available_outputs: Keys that batches and the network bring.
        when: The moment, for the message.

    Raises:
        MissingKeyError: If a trace reads a key that nothing brings.
    """
    ids = list(ds_ids)
    there = {*available_outputs, *(key for trace in traces for key in trace.get_outputs(ids))}
    for trace in traces:
        for key in trace.inputs:
            if key != "*" and key not in there:
                raise MissingKeyError(
                    f"the trace {type(trace).__name__} needs key {key!r}{when}; the Pipeline, the "
                    f"Network and the other traces bring: {', '.join(map(repr, sorted(there)))}."
                    f"{suggest(key, there)}"
                )
