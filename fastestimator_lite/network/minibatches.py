"""MinibatchWork: the work of a step, done on one minibatch after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastestimator_lite.network.plan import NetworkPlan
from fastestimator_lite.util.errors import ConfigError

Work = Callable[[dict[str, Any], bool], dict[str, Any]]


class MinibatchWork:
    """The work of a step under slicers: cut the batch, work on each minibatch, join what comes out.

    Each minibatch goes through all ops before the next one begins, updates included, so a model learns from each.

    Args:
        work: The work on one minibatch: takes tensors by key, and whether no parameter may move; gives what the ops leave
            behind.
        plan: The plan, with slicers.

    Raises:
        ConfigError: See `NetworkPlan.joins`.

    Source: as FastEstimator 1.7.
    """

    def __init__(self, work: Work, plan: NetworkPlan) -> None:
        self._work = work
        self._slicers = plan.slicers
        self._joins = plan.joins()

    def __call__(self, batch: dict[str, Any], dry: bool) -> dict[str, Any]:
        """Work on all minibatches of a batch."""
        cut = self._cut(batch)
        count = len(next(iter(cut.values())))
        results = []
        for index in range(count):
            minibatch = {key: slices[index] for key, slices in cut.items()}
            results.append({**minibatch, **self._work({**batch, **minibatch}, dry)})
        return {
            key: slicer.unslice_batches([result[key] for result in results], key) for key, slicer in self._joins.items()
        }

    def _cut(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        """The slices of each key that is cut."""
        cut: dict[str, list[Any]] = {}
        counts: dict[str, int] = {}
        for slot, slicer in self._slicers:
            if slicer.slice_inputs:
                minibatches = slicer.slice_batches([batch[key] for key in slicer.slice_inputs])
                counts[f"slicer #{slot} {type(slicer).__name__}"] = len(minibatches)
                for place, key in enumerate(slicer.slice_inputs):
                    cut[key] = [minibatch[place] for minibatch in minibatches]
        if len(set(counts.values())) > 1 or 0 in counts.values():
            told = ", ".join(f"{name} makes {count}" for name, count in counts.items())
            shapes = ", ".join(f"{key!r} {tuple(batch[key].shape)}" for key in cut)
            raise ConfigError(
                f"the slicers of the Network must cut a batch into one number of minibatches, at least one: {told}, of "
                f"{shapes}"
            )
        for _, slicer in self._slicers:
            slicer.minibatch_size = next(iter(counts.values()))
        return cut
