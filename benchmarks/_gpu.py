"""What a GPU did in some steps of a run, from torch's profiler."""

from __future__ import annotations

from typing import Any

import torch

Span = tuple[float, float]  # begin and end, in microseconds

_WAITS = ("cudaStreamSynchronize", "cudaEventSynchronize", "cudaDeviceSynchronize")
_MARK = "end of the profiled steps"


class Profile:
    """What happens from the begin of one step to the end of another.

    Args:
        first, last: The steps. No log line comes in between, and none belongs to one of them.

    Attributes:
        kernels: Spans of kernels on the GPU.
        pinned, pageable: Spans of copies to the GPU, by the kind of memory that they come from.
        from_gpu: Spans of copies to the CPU.
        waits: Names of the calls in which the host waited for the GPU.
    """

    def __init__(self, first: int, last: int) -> None:
        self._first, self._last = first, last
        kinds = torch.profiler.ProfilerActivity
        self._profiler = torch.profiler.profile(activities=[kinds.CPU, kinds.CUDA])
        self.kernels: list[Span] = []
        self.pinned: list[Span] = []
        self.pageable: list[Span] = []
        self.from_gpu: list[Span] = []
        self.waits: list[str] = []

    def begin_of(self, step: int) -> None:
        """Start, if it is the first step."""
        if step == self._first:
            torch.cuda.synchronize()  # what was under way does not belong to the steps
            self._profiler.start()

    def end_of(self, step: int) -> None:
        """Stop, if it is the last step."""
        if step == self._last:
            with torch.profiler.record_function(_MARK):
                pass
            torch.cuda.synchronize()  # what is still under way does
            self._profiler.stop()
            self.read(self._profiler.events())

    def read(self, events: Any) -> None:
        """Take in the events of torch's profiler."""
        end = max((event.time_range.end for event in events if event.name == _MARK), default=float("inf"))
        for event in events:
            span = (event.time_range.start, event.time_range.end)
            if event.device_type != torch.autograd.DeviceType.CUDA:
                if event.name in _WAITS and span[0] < end:
                    self.waits.append(event.name)
            elif event.name.startswith("Memcpy HtoD"):
                (self.pinned if "Pinned" in event.name else self.pageable).append(span)
            elif event.name.startswith("Memcpy DtoH"):
                self.from_gpu.append(span)
            elif not event.is_user_annotation and not event.name.startswith(("Memcpy", "Memset")):
                self.kernels.append(span)


def merged(spans: list[Span]) -> list[Span]:
    """The same time as spans that do not overlap, in order."""
    joined: list[Span] = []
    for begin, end in sorted(spans):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined


def length(spans: list[Span]) -> float:
    """How long spans are together, counting no moment twice."""
    return sum(end - begin for begin, end in merged(spans))


def hidden(copies: list[Span], kernels: list[Span]) -> float:
    """The share of the time of copies in which a kernel ran as well, from 0 to 1."""
    total = length(copies)
    both = total + length(kernels) - length([*copies, *kernels])
    return both / total if total else 1.0
