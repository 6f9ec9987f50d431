"""How much memory a small job takes (row M of docs/performance.md).

Each figure is the largest resident set of a fresh Python process that trains Linear(4, 1) for some hundred steps.
"""

from __future__ import annotations

from _common import MEGABYTE, Goal, Table, arguments, installed, interleaved
from _jobs import PEERS, run


def main() -> None:
    options = arguments(__doc__)
    steps, repetitions = (2, 1) if options.quick else (300, 3)
    table = Table("memory of a small job", options)
    for framework in ("torch", "tensorflow"):
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
            {name: lambda job=job: run(job, steps).peak for name, job in jobs.items()},  # type: ignore[misc]
            repetitions,
            warm_ups=0,
        )
        table.add(
            "M",
            f"largest resident set, {framework}",
            "MB",
            figures["ours"],
            figures["raw"],
            Goal("difference", "<=", 30 * MEGABYTE),
        )
        for name in list(jobs)[2:]:
            table.add_peer(name, figures[name], figures["raw"])
    table.finish()


if __name__ == "__main__":
    main()
