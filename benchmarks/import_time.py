"""What importing costs (row J of docs/performance.md).

Each figure is the processor time of a fresh Python process, user and system, from its start to its end. What a script
needs is what one that trains a classifier does: the package, its words, and the rooms of the framework behind them.
"""

from __future__ import annotations

from _common import REPORT, Goal, Table, arguments, installed, interleaved, run_child

WORDS = """
import fastestimator_lite as fe
from fastestimator_lite.dataset import NumpyDataset
from fastestimator_lite.op.numpyop.univariate import ExpandDims, Minmax
from fastestimator_lite.op.tensorop.loss import CrossEntropy
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp
from fastestimator_lite.schedule import EpochScheduler
from fastestimator_lite.trace.adapt import LRScheduler
from fastestimator_lite.trace.io import BestModelSaver
from fastestimator_lite.trace.metric import Accuracy
fe.Estimator, fe.Network, fe.Pipeline, fe.build
"""
# what fe.build and fe.Network import when they see the first model
ROOMS = {
    "torch": "import fastestimator_lite.backend.pytorch.array, fastestimator_lite.network.pytorch",
    "tensorflow": "import fastestimator_lite.backend.tensorflow.array, fastestimator_lite.network.tensorflow",
}
OTHER = {"torch": "tensorflow", "tensorflow": "torch"}


def cpu_seconds(code: str) -> float:
    return run_child(code).cpu


class Script:
    """The imports of a script for one framework.

    Args:
        framework: "torch" or "tensorflow".

    Attributes:
        loads_both: Whether the other framework was loaded as well, by the last run.
    """

    def __init__(self, framework: str) -> None:
        self.loads_both = True
        self._code = (
            f"{REPORT}\nimport sys, {framework}\n{WORDS}\n{ROOMS[framework]}\n"
            f"report({OTHER[framework]!r} in sys.modules)"
        )

    def __call__(self) -> float:
        child = run_child(self._code)
        self.loads_both = child.result
        return child.cpu


def main() -> None:
    options = arguments(__doc__)
    repetitions = 1 if options.quick else 5
    table = Table("importing", options)
    peers = {
        "torch": {
            "Lightning": ("lightning", "import lightning.pytorch"),
            "pytorch-accelerated": ("pytorch_accelerated", "import pytorch_accelerated"),
        },
        "tensorflow": {},
    }
    figures = interleaved(
        {"nothing": lambda: cpu_seconds("pass"), "ours": lambda: cpu_seconds("import fastestimator_lite")},
        3 * repetitions,
    )
    table.add("J", "import fastestimator_lite", "s", figures["ours"], figures["nothing"], Goal("difference", "<=", 0.1))
    for framework, others in peers.items():
        if not installed(framework):
            table.skip(framework)
            continue
        script = Script(framework)
        contestants = {"alone": lambda code=f"import {framework}": cpu_seconds(code), "ours": script}  # type: ignore[misc]
        for name, (module, code) in {**others, "FastEstimator 1.x": ("fastestimator", "import fastestimator")}.items():
            if installed(module):
                contestants[name] = lambda code=code: cpu_seconds(code)  # type: ignore[misc]
            else:
                table.skip(name)
        figures = interleaved(contestants, repetitions, warm_ups=0 if options.quick else 1)
        table.add(
            "J",
            f"import {framework} and what a script needs",
            "s",
            figures["ours"],
            figures["alone"],
            Goal("difference", "<=", 0.2),
        )
        for name in list(contestants)[2:]:
            table.add_peer(name, figures[name], figures["alone"])
        table.add(
            "J",
            f"{OTHER[framework]} loaded as well (1: yes)",
            "",
            [float(script.loads_both)],
            None,
            Goal("value", "<=", 0),
        )
    table.finish()


if __name__ == "__main__":
    main()
