"""What worker processes cost (rows G, O, S and W of docs/performance.md).

G: processor time per sample of all processes, for cheap ops on data in memory, and whether the Pipeline leaves workers out
   where they do not help.
O: memory of the whole process tree with 4 workers against none, shared pages counted once.
S: what one more NumpyOp that does nothing costs per sample.
W: the time between the last step of an epoch and the first step of the next one.
"""

from __future__ import annotations

import importlib
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# before the frameworks: it sets the number of their threads
from _common import REPORT, Added, Clock, Goal, Table, arguments, installed, interleaved, output_to_null, run_child

# isort: split
import numpy as np

import fastestimator_lite as fe
from fastestimator_lite.component import When
from fastestimator_lite.op.numpyop import NumpyOp
from fastestimator_lite.op.numpyop.univariate import ExpandDims, Minmax

WHEN = When("train", 1, "")


class Nothing(NumpyOp):
    """An op that hands its input on."""

    vectorized = True
    draws = False

    def forward(self, data: Any, state: dict[str, Any]) -> Any:
        return data

    def forward_batch(self, data: Any, state: dict[str, Any]) -> Any:
        return data


def pipeline(count: int, size: int, number: int | None, nothings: int = 0) -> fe.Pipeline:
    generator = np.random.default_rng(0)
    data = {"x": generator.integers(0, 256, (count, 28, 28), np.uint8), "y": generator.integers(0, 10, count)}
    ops = [ExpandDims("x", "x"), *(Nothing("x", "x") for _ in range(nothings)), Minmax("x", "x")]
    return fe.Pipeline(train_data=fe.dataset.NumpyDataset(data), batch_size=size, ops=ops, num_process=number)


def processor_seconds() -> float:
    """Of this process and of those that it started and that have ended."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def processor_time(made: fe.Pipeline, count: int, epochs: int) -> Callable[[], float]:
    """Processor seconds per sample of all processes, starting and ending them included."""

    def run() -> float:
        begin = processor_seconds()
        for epoch in range(1, epochs + 1):
            for _ in made.load(When("train", epoch, "")):
                pass
        made.close()
        return (processor_seconds() - begin) / (count * epochs)

    return run


def speed(made: fe.Pipeline, count: int) -> Callable[[], float]:
    """Samples per second on the clock."""

    def run() -> float:
        begin = time.perf_counter()
        for _ in made.load(WHEN):
            pass
        return count / (time.perf_counter() - begin)

    return run


def seconds_per_sample(made: fe.Pipeline, count: int) -> Callable[[], float]:
    def run() -> float:
        clock = Clock()
        clock.start()
        for _ in made.load(WHEN):
            pass
        clock.stop()
        return clock.seconds / count

    return run


def memory(count: int, number: int) -> float:
    """Bytes of the process tree in the middle of an epoch, in a fresh process; each shared page counts once."""
    code = (
        f"{REPORT}\nimport sys\nsys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        f"import pipeline_workers\nreport(pipeline_workers.tree_memory({count}, {number}))"
    )
    return float(run_child(code).result)


def tree_memory(count: int, number: int) -> float:
    """For `memory`: the proportional set sizes of this process and its children, after most of an epoch."""
    if installed("torch"):
        importlib.import_module("torch")  # as a script that trains has done
    made = pipeline(count, 256, number)
    batches = iter(made.load(WHEN))
    for _ in range(count // 256 - 1):
        next(batches)
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    total = 0.0
    for pid in ("self", *children):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
    batches.close()  # type: ignore[attr-defined]
    made.close()
    return total


def epoch_gap(number: int, epochs: int) -> Callable[[], float]:
    """Median seconds from the end of the last step of an epoch to the beginning of the first of the next one."""
    import torch

    from fastestimator_lite.op.tensorop.loss import MeanSquaredError
    from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp

    torch.set_num_threads(1)

    class Gap(fe.trace.Trace):
        def __init__(self) -> None:
            super().__init__(mode="train")
            self.ended, self.gaps = 0.0, list[float]()

        def on_batch_begin(self, data: Any) -> None:
            if self.system.batch_idx == 1 and self.system.epoch_idx > 1:
                self.gaps.append(time.perf_counter() - self.ended)

        def on_batch_end(self, data: Any) -> None:
            self.ended = time.perf_counter()

    def run() -> float:
        generator = np.random.default_rng(0)
        x = generator.random((640, 28, 28), np.float32)
        data = fe.dataset.NumpyDataset({"x": x, "y": x.sum((1, 2), keepdims=True)[:, 0]})
        made = fe.Pipeline(train_data=data, batch_size=32, ops=Minmax("x", "x"), num_process=number)
        model = fe.build(lambda: torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 1)), "adam")
        network = fe.Network([ModelOp(model, "x", "p"), MeanSquaredError(("p", "y"), "mse"), UpdateOp(model, "mse")])
        gap = Gap()
        with output_to_null():
            fe.Estimator(made, network, epochs=epochs, traces=gap).fit(warmup=False)
        return float(np.median(gap.gaps))

    return run


def main() -> None:
    options = arguments(__doc__)
    count, repetitions, epochs = (2_000, 1, 1) if options.quick else (30_000, 5, 4)
    table = Table("worker processes", options)
    for size in (32, 256):
        made = {number: pipeline(count, size, number) for number in (0, 2)}
        figures = interleaved(
            {str(number): processor_time(one, count, epochs) for number, one in made.items()}, repetitions
        )
        goal = Goal("value", "<=", 4e-6)
        table.add("G", f"processor time a sample, 2 workers, batches of {size}", "us", figures["2"], None, goal)
        table.add_peer("no workers", figures["0"])
        chosen = {"picked": pipeline(count, size, None), "none": pipeline(count, size, 0)}
        speeds = interleaved({name: speed(one, count) for name, one in chosen.items()}, repetitions)
        table.add(
            "G",
            f"num_process=None against 0, batches of {size}",
            "k samples/s",
            speeds["picked"],
            speeds["none"],
            Goal("ratio", ">=", 0.95),
        )
    if Path("/proc/self/smaps_rollup").exists():
        samples = 2_000 if options.quick else 120_000
        sizes = interleaved({str(n): lambda n=n: memory(samples, n) for n in (0, 4)}, min(repetitions, 3), 0)  # type: ignore[misc]
        table.add("O", "memory of the tree, 4 workers", "MB", sizes["4"], sizes["0"], Goal("ratio", "<=", 1.3))
    more = interleaved(
        {
            "more": seconds_per_sample(pipeline(count, 32, 0, 10), count),
            "less": seconds_per_sample(pipeline(count, 32, 0), count),
        },
        repetitions,
    )
    table.add(
        "S",
        "one more NumpyOp that does nothing, a sample",
        "us",
        Added(more["more"], more["less"], 10),
        None,
        Goal("value", "<=", 5e-8),
    )
    if installed("torch"):
        gaps = interleaved(
            {"2": epoch_gap(2, 3 if options.quick else 12), "0": epoch_gap(0, 3 if options.quick else 12)}, repetitions
        )
        table.add("W", "between two epochs, 2 workers", "ms", gaps["2"], None, Goal("value", "<=", 0.02))
        table.add_peer("no workers", gaps["0"])
    else:
        table.skip("row W", "needs torch")
    table.finish()


if __name__ == "__main__":
    main()
