"""The horizon of a run: how many updates of a model each epoch has, as curves need to know before it begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastestimator_lite.backend.card import card_of
from fastestimator_lite.component import When
from fastestimator_lite.op.tensorop.model.update import UpdateOp
from fastestimator_lite.schedule.curve import Horizon
from fastestimator_lite.schedule.schedule import Calendar, select

if TYPE_CHECKING:
    from fastestimator_lite.summary.system import System

_BATCHES = 0  # the key of the batches themselves among those of ops


def horizon_of(system: System, model_name: str | None = None) -> Horizon:
    """The updates and samples of each training epoch; epochs that are alike are looked at once.

    Args:
        system: The run.
        model_name: The model whose updates count; None for training steps.

    Returns:
        The horizon, which has no steps if some data has no known length, or if slicers cut the batches that the model
        learns from.
    """
    pipeline, network, total = system.pipeline, system.network, system.total_epochs
    items = [*pipeline.get_scheduled_items("train"), *network.get_scheduled_items("train")]
    updates: dict[int, Any] = {}  # batches of each epoch, by who updates
    merged: dict[int, int] = {_BATCHES: 1}
    samples: Any = np.zeros(total + 1, np.int64)
    for epoch, epochs in Calendar(items, total).slices():
        for ds_id in pipeline.get_ds_ids(epoch, "train"):
            when = When("train", epoch, ds_id)
            loader = pipeline.load(when, None, system.train_steps_per_epoch)
            if loader.steps is None or (model_name is not None and _cuts(system, when)):
                return Horizon(())  # how many minibatches a batch is cut into is seen when it comes
            ops = [
                op
                for one in select(network.ops, when)
                for op in one.parts()
                if isinstance(op, UpdateOp) and card_of(op.model).name == model_name
            ]
            merged.update({id(op): op.merge_grad for op in ops})
            for key in [id(op) for op in ops] if model_name is not None else [_BATCHES]:
                updates.setdefault(key, np.zeros(total + 1, np.int64))[epochs] += loader.steps
            size = _samples(loader, system.train_steps_per_epoch)
            if size is None or samples is None:
                samples = None
            else:
                samples[epochs] += size
    steps = np.zeros(total, np.int64)
    for key, batches in updates.items():
        steps += -(-batches[1:] // merged[key])  # gradients that an epoch leaves over make an update at its end
    return Horizon(tuple(steps.tolist()), None if samples is None else tuple(samples[1:].tolist()))


def _cuts(system: System, when: When) -> bool:
    """Whether slicers cut the batches of a moment."""
    return any(slicer.slice_inputs for slicer in select(system.network.slicers, when))


def _samples(loader: Any, limit: int | None) -> int | None:
    """Samples of one pass over a loader, before any is filtered; None if nobody knows."""
    size = loader.plan.batch_size
    if size is None:
        return None
    whole = loader.steps * size
    return whole if limit is not None else min(whole, len(loader.plan.dataset))
