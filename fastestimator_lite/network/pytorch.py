"""TorchNetwork: the step in torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from fastestimator_lite.backend.card import card_of
from fastestimator_lite.backend.convert import to_tensor
from fastestimator_lite.backend.device import get_device
from fastestimator_lite.network.base import BaseNetwork, Step
from fastestimator_lite.network.minibatches import MinibatchWork, Work
from fastestimator_lite.network.plan import NetworkPlan


class TorchNetwork(BaseNetwork):
    """A network whose models are torch modules; see `BaseNetwork`."""

    framework = "torch"

    def device(self) -> torch.device:
        return get_device()

    def make_step(self, plan: NetworkPlan) -> TorchStep:
        return TorchStep(plan, self.device())


class TorchStep(Step):
    """One step in torch.

    Args:
        plan: The plan.
        device: Where batches go.
    """

    def __init__(self, plan: NetworkPlan, device: torch.device) -> None:
        super().__init__(plan)
        self._device = device
        self._moved = plan.input_keys() if device.type != "cpu" else set()
        self._grad = any(op.fe_retain_graph() is not None for _, op in plan.ops)
        models = {model for _, op in plan.ops for model in op.get_fe_models()}
        self._half = any(card_of(model).mixed_precision for model in models)
        self._made = plan.kept_keys()
        self._work: Work = MinibatchWork(self._run_ops, plan) if plan.slicers else self._run_ops

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        tensors = self._tensors(batch)
        tensors.update(self._work(tensors, False))
        return self.finish(tensors)

    def dry(self, batch: dict[str, Any]) -> dict[str, Any]:
        tensors = self._tensors(batch)
        tensors.update(self._work(tensors, True))
        return self.finish(tensors)

    def _run_ops(self, tensors: dict[str, Any], dry: bool) -> dict[str, Any]:
        store = dict(tensors)
        state = {"mode": self.plan.mode, "epoch": self.epoch, "warmup": dry, "tape": None, "deferred": {}}
        if self._half:
            dtype = torch.float16 if self._device.type == "cuda" else torch.bfloat16
            with torch.set_grad_enabled(self._grad), torch.autocast(self._device.type, dtype):
                self.run(store, state)
        else:
            with torch.set_grad_enabled(self._grad):
                self.run(store, state)
        made = {}
        for key in self._made:
            value = store[key]
            made[key] = value.detach() if isinstance(value, torch.Tensor) else to_tensor(value, "torch")
        return made

    def _tensors(self, batch: dict[str, Any]) -> dict[str, Any]:
        tensors = {}
        for key, value in batch.items():
            if type(value) is np.ndarray and value.dtype.kind in "biufc" and value.flags.writeable:
                value = torch.from_numpy(value)
            elif not isinstance(value, torch.Tensor):
                value = to_tensor(value, "torch")
            if key in self._moved and isinstance(value, torch.Tensor):
                value = value.to(self._device, non_blocking=True)
            tensors[key] = value
        return tensors
