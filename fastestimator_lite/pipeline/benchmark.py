"""Pipeline.benchmark: batches per second, and what each op costs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from fastestimator_lite.component import When

if TYPE_CHECKING:
    from fastestimator_lite.pipeline.pipeline import Pipeline


def run_benchmark(pipeline: Pipeline, when: When, num_steps: int, log_interval: int, detailed: bool) -> None:
    """Time the batches of a moment and print what came out; see `Pipeline.benchmark`."""
    loader = pipeline.load(when, steps=num_steps)
    name = f"FastEstimator-Benchmark ({(when.mode or '').capitalize()}{f', {when.ds_id}' if when.ds_id else ''})"
    begin = mark = time.perf_counter()
    for step, _ in enumerate(loader, start=1):
        if step % log_interval == 0 or step == num_steps:
            now = time.perf_counter()
            count = step % log_interval or log_interval
            print(f"{name}: Step: {step}, Epoch: {when.epoch}, Steps/sec: {count / (now - mark):.1f}")
            mark = now
    total = time.perf_counter() - begin
    size = loader.plan.batch_size if loader.plan.kind != "groups" else None
    print(
        f"{name}: {num_steps} batches in {total:.2f} s"
        + (f", {num_steps * size / total:.0f} samples/sec" if size else "")
    )
    pipeline.close()
    if detailed and size:
        _print_shares(pipeline, when, min(num_steps, 20))


def _print_shares(pipeline: Pipeline, when: When, num_steps: int) -> None:
    """Make some batches in the main process with a clock around each op, and print the table."""
    loader = pipeline.load(when, steps=num_steps)
    plan = loader.plan
    seconds: dict[int, float] = {}
    form: dict[int, str] = {}
    maker = pipeline.maker(loader._job, look=True)  # type: ignore[arg-type]
    plain = maker._apply

    def timed(slot: int, op: Any, data: Any, batched: bool, *rest: Any) -> Any:
        form[slot] = "whole batch" if batched else "each sample"
        begin = time.perf_counter()
        try:
            return plain(slot, op, data, batched, *rest)
        finally:
            seconds[slot] = seconds.get(slot, 0.0) + time.perf_counter() - begin

    maker._apply = timed  # type: ignore[assignment, method-assign]
    begin = time.perf_counter()
    for step in range(num_steps):
        maker.make(step)
    total = time.perf_counter() - begin
    maker.source.give_back()
    rows = [
        (f"#{slot} {type(op).__name__}", form.get(slot, "never"), seconds.get(slot, 0.0))
        for slot, op in (*plan.sample_ops, *plan.batch_ops)
    ]
    rows.append(("reading, collating", "", total - sum(seconds.values())))
    width = max(len(name) for name, _, _ in rows)
    print(f"{'op'.ljust(width)}  {'runs on'.ljust(11)}  ms/batch  share")
    for name, how, spent in rows:
        print(f"{name.ljust(width)}  {how.ljust(11)}  {1000 * spent / num_steps:8.3f}  {100 * spent / total:4.1f}%")
