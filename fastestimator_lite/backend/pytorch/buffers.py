"""torch: what a forward pass changes besides its outputs, and putting it back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import torch

from fastestimator_lite.backend.pytorch.keras_model import is_keras


def statistics(model: torch.nn.Module) -> list[torch.Tensor]:
    """What a forward pass may change, such as BatchNorm's statistics."""
    untrained = [one for one in model.parameters() if not one.requires_grad] if is_keras(model) else []
    return [*model.buffers(), *(one.detach() for one in untrained)]


@contextlib.contextmanager
def unchanged(models: Sequence[torch.nn.Module]) -> Iterator[None]:
    """Put buffers, training flags and torch's random state back at the end of the block."""
    buffers = [(buffer, buffer.clone()) for model in models for buffer in statistics(model)]
    flags = [(module, module.training) for model in models for module in model.modules()]
    on_cpu = torch.get_rng_state()
    on_gpu = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, value in buffers:
                buffer.copy_(value)
        for module, flag in flags:
            module.training = flag
        torch.set_rng_state(on_cpu)
        if on_gpu is not None:
            torch.cuda.set_rng_state_all(on_gpu)
