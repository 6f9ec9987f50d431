"""Why a torch module could not take its input, or a device gave up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def device_assert(err: BaseException, losses: Sequence[str], keys: Sequence[str]) -> str | None:
    """Say what a check that failed on a CUDA device may mean.

    The device tells of it late, to whatever asks next, so its place is unknown; only likely causes can be named.

    Args:
        err: What was raised.
        losses: Keys of the losses.
        keys: What they are computed from.

    Returns:
        Some sentences, or None if it is another error.
    """
    if not isinstance(err, RuntimeError) or "device-side assert" not in str(err):
        return None
    told = (
        f": look at {', '.join(map(repr, keys))}, from which {', '.join(map(repr, losses))} is computed" if keys else ""
    )
    return (
        f"a check on the CUDA device failed, in this step or shortly before it: the device tells of it late, so what the "
        f"traceback shows need not be the cause. Mostly an index is out of range, such as a label that is not in "
        f"[0, classes) or a token that is not in [0, size of the embedding){told}. Run again with CUDA_LAUNCH_BLOCKING=1 in "
        f"the environment to see the op, or on the CPU (CUDA_VISIBLE_DEVICES=) to see the value; this process cannot use "
        f"the device any more"
    )


def _told(name: str, layer: torch.nn.Module, given: torch.Tensor, inputs: Mapping[str, Any]) -> str | None:
    key = next((key for key, value in inputs.items() if value is given), None)
    # several inputs, or one that was worked on before: the layer's own input is named
    what = (
        f"key {key!r}"
        if key
        else f"what it makes of {', '.join(repr(key) for key, value in inputs.items() if value is not None)}"
    )
    shape = tuple(given.shape)
    for attribute, axis in _SIZES.items():
        size = getattr(layer, attribute, None)
        if isinstance(size, int) and len(shape) > max(axis, 0) and shape[axis] != size:
            wanted = list(shape)
            wanted[axis] = size
            return f"{what} has shape {shape}, and {name} expects {tuple(wanted)}"
    if isinstance(layer, torch.nn.Embedding):
        return _told_of_indices(what, name, layer.num_embeddings, given)
    weight = getattr(layer, "weight", None)
    if isinstance(weight, torch.Tensor) and weight.dtype != given.dtype:
        kind, wanted_kind = (str(one.dtype).removeprefix("torch.") for one in (given, weight))
        return (
            f"{what} is {kind} of shape {shape}, and {name} computes in {wanted_kind}; cast it in the Pipeline, such as "
            f"with LambdaOp(fn=lambda x: x.astype({wanted_kind!r}), inputs={key or 'x'!r}, outputs={key or 'x'!r})"
        )
    return None


def _told_of_indices(what: str, name: str, count: int, given: torch.Tensor) -> str | None:
    if given.is_floating_point():
        kind = str(given.dtype).removeprefix("torch.")
        return f"{what} is {kind}, and {name} takes indices, which are int64 or int32"
    wrong = given[(given < 0) | (given >= count)]
    if wrong.numel():
        return f"{what} holds the index {wrong[0].item()}, and {name} has {count} embeddings, 0 to {count - 1}"
    return None
