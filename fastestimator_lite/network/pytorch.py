"""TorchNetwork: the step in torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from fastestimator_lite.backend.card import card_of
from fastestimator_lite.backend.convert import to_tensor
from fastestimator_lite.backend.device import get_device
from fastestimator_lite.backend.pytorch.array import from_numpy
from fastestimator_lite.backend.pytorch.mismatch import device_assert
from fastestimator_lite.backend.pytorch.model import statistics
from fastestimator_lite.network.base import BaseNetwork, Step
from fastestimator_lite.network.minibatches import MinibatchWork, Work
from fastestimator_lite.network.plan import NetworkPlan
from fastestimator_lite.op.tensorop.loss.loss import LossOp
from fastestimator_lite.util.errors import ConfigError


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
        self._pins = device.type == "cuda"  # only from pinned memory does a copy run beside the computation
        # the host is ahead of the device, so a copy in a stream of its own runs while the device is at the step before
        self._copies = torch.cuda.Stream(device) if self._pins and torch.cuda.is_available() else None
        self._grad = any(op.fe_retain_graph() is not None for _, op in plan.ops)
        self._models = {model for _, op in plan.ops for model in op.get_fe_models()}
        self._half = _half_type(self._models)
        self._made = plan.kept_keys()
        self._work: Work = MinibatchWork(self._run_ops, plan) if plan.slicers else self._run_ops

    def begin(self, epoch: int) -> None:
        super().begin(epoch)
        updates = self.plan.updates
        gradients = [op for _, op in self.plan.ops if op.fe_retain_graph() is not None]
        alone = len(updates) == len(gradients) == len(self._models) == 1
        for op in updates:
            op.set_alone(alone)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        tensors = self._tensors(batch)
        tensors.update(self._work(tensors, False))
        return self.finish(tensors)

    def dry(self, batch: dict[str, Any]) -> dict[str, Any]:
        tensors = self._tensors(batch)
        tensors.update(self._work(tensors, True))
        return self.finish(tensors)

    def explain(self, err: Exception) -> None:
        losses = [op for _, op in self.plan.ops if isinstance(op, LossOp)]
        keys = dict.fromkeys(key for op in losses for key in op.inputs)
        told = device_assert(err, [key for op in losses for key in op.outputs], list(keys))
        if told is not None and hasattr(err, "add_note"):
            err.add_note(told)

    def _run_ops(self, tensors: dict[str, Any], dry: bool) -> dict[str, Any]:
        store = dict(tensors)
        state = {"mode": self.plan.mode, "epoch": self.epoch, "warmup": dry, "tape": None, "deferred": {}}
        buffers = self._buffers() if self._skips else []
        if self._half is not None:
            state["half"] = True
            with torch.set_grad_enabled(self._grad):
                with torch.autocast(self._device.type, self._half):
                    self.run_ops(store, state)
                self.run_deferred(state)
        elif torch.is_grad_enabled() is self._grad:  # as it mostly is in training
            self.run(store, state)
        else:
            with torch.set_grad_enabled(self._grad):
                self.run(store, state)
        if state.get("skipped"):
            for buffer, value in buffers:
                buffer.copy_(value)
        made = {}
        for key in self._made:
            value = store[key]
            made[key] = value.detach() if isinstance(value, torch.Tensor) else to_tensor(value, "torch")
        return made

    def _buffers(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """What a forward pass may change, such as BatchNorm's statistics, with a copy of each."""
        return [(buffer, buffer.clone()) for model in self._models for buffer in statistics(model)]

    def _tensors(self, batch: dict[str, Any]) -> dict[str, Any]:
        tensors = {}
        for key, value in batch.items():
            if type(value) is np.ndarray and value.dtype.kind in "biufc":
                value = from_numpy(value)
            elif not isinstance(value, torch.Tensor):
                value = to_tensor(value, "torch")
            tensors[key] = value
        if self._moved:
            moved, kind = self._moved, torch.Tensor
            values = {key: value for key, value in tensors.items() if key in moved and isinstance(value, kind)}
            tensors.update(self._on_device(values))
        return tensors

    def _on_device(self, values: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Tensors on the device, by copies that nobody waits for."""
        if self._copies is None:
            return {key: self._copied(value) for key, value in values.items()}
        there = {key: self._copied(value) for key, value in values.items() if value.device.type != "cpu"}
        with torch.cuda.stream(self._copies):
            copied = {key: self._copied(value) for key, value in values.items() if key not in there}
        stream = torch.cuda.current_stream(self._device)
        stream.wait_stream(self._copies)
        for value in copied.values():
            value.record_stream(stream)  # else its memory may be used again while the step still reads it
        return {**there, **copied}

    def _copied(self, value: torch.Tensor) -> torch.Tensor:
        if self._pins and value.device.type == "cpu":
            value = value.pin_memory()  # torch keeps the page until the copy is through
        return value.to(self._device, non_blocking=True)


def _half_type(models: set[Any]) -> torch.dtype | None:
    """The half precision that some models compute in; None for full precision.

    Raises:
        ConfigError: If they ask for different ones.
    """
    asked = {card.mixed_precision: card.name for card in map(card_of, models) if card.mixed_precision}
    if len(asked) > 1:
        told = ", ".join(f"{name!r} {kind}" for kind, name in sorted(asked.items()))
        raise ConfigError(f"the models of a step must compute in the same half precision, got {told}")
    return {"bf16": torch.bfloat16, "fp16": torch.float16}[next(iter(asked))] if asked else None
