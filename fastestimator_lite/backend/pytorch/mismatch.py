"""Why a torch module could not take its input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

# attribute of a layer that tells a size it expects -> the axis that has it
_SIZES = {"in_features": -1, "in_channels": 1, "num_features": 1, "input_size": -1}


def mismatch(model: torch.nn.Module, inputs: Mapping[str, Any]) -> str | None:
    """Say which input does not fit which layer, after a forward pass failed. It runs the model again.

    Args:
        model: The module.
        inputs: What it was given, by key, in order.

    Returns:
        One sentence, or None if it is not the input's size or type.
    """
    names = {module: name for name, module in model.named_modules()}
    running: list[tuple[torch.nn.Module, Any]] = []
    handles = []
    for module in names:
        if not any(module.children()):
            handles.append(module.register_forward_pre_hook(lambda layer, args: running.append((layer, args))))
            handles.append(module.register_forward_hook(lambda *_: running.pop() and None))
    try:
        with torch.no_grad():
            model(*inputs.values())
    except Exception:  # noqa: BLE001 - any: it failed before, and is only asked where
        if running and running[-1][1] and isinstance(running[-1][1][0], torch.Tensor):
            layer, args = running[-1]
            return _told(
                f"layer {names[layer]!r} ({layer!s:.80})" if names[layer] else f"{layer!s:.80}", layer, args[0], inputs
            )
    finally:
        for handle in handles:
            handle.remove()
    return None


def _told(name: str, layer: torch.nn.Module, given: torch.Tensor, inputs: Mapping[str, Any]) -> str | None:
    key = next((key for key, value in inputs.items() if value is given), None)
    # several inputs, or one that was worked on before: the layer's own input is named
    what = f"key {key!r}" if key else f"what it makes of {', '.join(map(repr, inputs))}"
    shape = tuple(given.shape)
    for attribute, axis in _SIZES.items():
        size = getattr(layer, attribute, None)
        if isinstance(size, int) and len(shape) > max(axis, 0) and shape[axis] != size:
            wanted = list(shape)
            wanted[axis] = size
            return f"{what} has shape {shape}, and {name} expects {tuple(wanted)}"
    weight = getattr(layer, "weight", None)
    if isinstance(weight, torch.Tensor) and weight.dtype != given.dtype and not isinstance(layer, torch.nn.Embedding):
        kind, wanted_kind = (str(one.dtype).removeprefix("torch.") for one in (given, weight))
        return (
            f"{what} is {kind} of shape {shape}, and {name} computes in {wanted_kind}; cast it in the Pipeline, such as "
            f"with LambdaOp(fn=lambda x: x.astype({wanted_kind!r}), inputs={key or 'x'!r}, outputs={key or 'x'!r})"
        )
    return None
