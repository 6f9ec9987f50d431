"""From the start of a process to the end of its first training step (rows K and L of docs/performance.md).

Each figure is the processor time, user and system, of a fresh Python process at the end of its first step: imports, the
model, the checks before training and the trial of one batch included.
"""

from __future__ import annotations

from _common import Goal, Table, arguments, installed, interleaved
from _jobs import PEERS, run


def main() -> None:
    options = arguments(__doc__)
    repetitions = 1 if options.quick else 5
    table = Table("to the end of the first step", options)
    for row, framework in (("K", "torch"), ("L", "tensorflow")):
        if not installed(framework):
            table.skip(framework)
            continue
        jobs = {"raw": f"{framework}_by_hand", "ours": f"{framework}_ours"}
        for name, (module, job) in PEERS[framework].items():
            if options.quick:
                table.skip(name, "--quick")
            elif installed(module):
                jobs[name] = job
            else:
                table.skip(name)
        figures = interleaved(
            {name: lambda job=job: run(job, 1).result for name, job in jobs.items()},  # type: ignore[misc]
            repetitions,
            warm_ups=0 if options.quick else 1,
        )
        table.add(
            row,
            f"process start to first step, {framework}",
            "s",
            figures["ours"],
            figures["raw"],
            Goal("ratio", "<=", 1.05),
        )
        for name in list(jobs)[2:]:
            table.add_peer(name, figures[name], figures["raw"])
    table.finish()


if __name__ == "__main__":
    main()
