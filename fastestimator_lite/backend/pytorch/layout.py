"""torch: running a model channels-last, where that is exact and faster.

Only what flows through the model changes its layout in memory. Inputs are laid out anew on the way in and outputs are
contiguous again on the way out; parameters, gradients, optimizer states and files stay as they are. Left to itself, a
model runs channels-last only after both ways gave the same on its first batch of training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from fastestimator_lite.backend.determinism import host_unchanged
from fastestimator_lite.backend.pytorch.buffers import unchanged

_CONVOLUTIONS = (torch.nn.Conv2d, torch.nn.ConvTranspose2d)
_WORTH = 1.5  # outputs of convolutions per weight; below, laying out the weights in each step costs more than it gains
_SAME = 1e-4  # of the largest output: far above rounding, far below a dropped activation
_VIEW = "view size is not compatible"
_Run = Callable[..., Any]


class Layout:
    """How the activations of one model lie in memory.

    Args:
        model: The model, on its device.
        wanted: True for channels-last whatever it brings, None to try it on the first batch of training.

    Attributes:
        is_on: Whether the model runs channels-last; None before that is known.
    """

    def __init__(self, model: torch.nn.Module, wanted: bool | None) -> None:
        self._is_forced = wanted is True
        self.is_on: bool | None = wanted
        if wanted is None and not _is_candidate(model):
            self.is_on = False

    def run(self, model: torch.nn.Module, run: _Run, x: Sequence[Any]) -> Any:
        """Run a model.

        Args:
            model: The model.
            run: What is called in its place: the model, or its compiled form.
            x: Its inputs.

        Returns:
            What it returns; tensors in it are contiguous.
        """
        if torch.compiler.is_compiling():  # an exported program is as the user wrote it
            return run(*x)
        if self.is_on is None and model.training and torch.is_grad_enabled():
            self.is_on = _pays(model, x)
        if not self.is_on:
            return run(*x)
        try:
            return _contiguous(run(*map(channels_last, x)))
        except RuntimeError as err:
            if _VIEW not in str(err):
                raise
            if self._is_forced:
                _add_note(err, "the model runs channels-last: use reshape, or fe.build(channels_last=False)")
                raise
        self.is_on = False  # a way through the model that the trial did not take
        return run(*x)


def channels_last(value: Any) -> Any:
    """An input laid out channels-last, if it is a batch of images: (B, C, H, W), float; else the input itself."""
    if not isinstance(value, torch.Tensor) or value.dim() != 4 or not value.is_floating_point():
        return value
    batch, channels, height, width = value.shape
    if channels == 1:  # torch takes it for channels-last already, but its convolutions look at the strides
        laid_out = value.reshape(batch, height, width, 1).permute(0, 3, 1, 2)
    else:
        laid_out = value.contiguous(memory_format=torch.channels_last)
    if laid_out is not value and laid_out.requires_grad:
        laid_out.register_hook(torch.Tensor.contiguous)  # so that the gradient of the input is as usual, too
    return laid_out


def _contiguous(found: Any) -> Any:
    """What a model returned, as if it had not run channels-last."""
    if isinstance(found, torch.Tensor):
        return found.contiguous()
    if type(found) in (list, tuple):
        return type(found)(map(_contiguous, found))
    if type(found) is dict:
        return {key: _contiguous(value) for key, value in found.items()}
    return found


def _is_candidate(model: torch.nn.Module) -> bool:
    """Whether a trial may pay: on the CPU, where it was measured, and with convolutions that oneDNN does."""
    return torch.backends.mkldnn.is_available() and any(
        isinstance(module, _CONVOLUTIONS) and all(one.device.type == "cpu" for one in module.parameters())
        for module in model.modules()
    )


def _pays(model: torch.nn.Module, x: Sequence[Any]) -> bool:
    """Try whether a model gives the same channels-last, and has the sizes with which that is faster."""
    if _has_hooks(model) or not any(
        isinstance(one, torch.Tensor) and one.dim() == 4 and one.dtype is torch.float32 for one in x
    ):
        return False
    sizes = [0, 0]  # numbers that convolutions give, and their weights

    def count(module: torch.nn.Module, inputs: Any, output: torch.Tensor) -> None:
        sizes[0] += output.numel()
        sizes[1] += module.weight.numel()  # type: ignore[operator]

    convolutions = [module for module in model.modules() if isinstance(module, _CONVOLUTIONS)]
    with torch.autocast("cpu", enabled=False):  # half precision rounds too much to tell whether the maths are the same
        handles = [module.register_forward_hook(count) for module in convolutions]
        try:
            with host_unchanged(), unchanged([model]):
                plain = [
                    one.detach() for one in _outputs(model(*x))
                ]  # whose activations are freed before the other run
        finally:
            for handle in handles:
                handle.remove()
        if not plain or sizes[0] < _WORTH * sizes[1]:
            return False
        try:
            with host_unchanged(), unchanged([model]):
                other = _outputs(model(*map(channels_last, x)))
        except Exception:  # noqa: BLE001 - whatever it is, the model runs without
            return False
    return len(plain) == len(other) and all(map(_is_same, plain, other)) and not _has_own_gradients(other)


def _outputs(found: Any) -> list[torch.Tensor]:
    """The tensors that a model returned; none if it returned anything else as well."""
    if isinstance(found, torch.Tensor):
        return [found]
    if type(found) not in (list, tuple, dict):
        return []
    parts = [_outputs(one) for one in (found.values() if type(found) is dict else found)]
    return [one for part in parts for one in part] if all(parts) else []


def _is_same(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two outputs are equal up to rounding; dropout, for one, draws in the order of the memory."""
    if one.shape != other.shape:
        return False
    if not one.numel():
        return True
    one, other = one.detach(), other.detach()
    if not one.is_floating_point():
        return torch.equal(one, other)
    return bool((one - other).abs().max() <= _SAME * one.abs().max())


def _has_hooks(model: torch.nn.Module) -> bool:
    """Whether somebody looks at activations or their gradients from outside."""
    return any(
        hooks
        for module in model.modules()
        for hooks in (
            module._forward_hooks,
            module._forward_pre_hooks,
            module._backward_hooks,
            module._backward_pre_hooks,
        )
    )


def _has_own_gradients(outputs: Sequence[torch.Tensor]) -> bool:
    """Whether the graph holds a `torch.autograd.Function` of somebody, whose backward might not take the layout."""
    return any(isinstance(node, torch.autograd.function.BackwardCFunction) for node in _graph(outputs))


def _graph(outputs: Sequence[torch.Tensor]) -> Iterator[Any]:
    """The nodes of a graph."""
    waiting, seen = [one.grad_fn for one in outputs], set()
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            yield node
            waiting.extend(following for following, _ in node.next_functions)


def _add_note(err: BaseException, note: str) -> None:
    if hasattr(err, "add_note"):
        err.add_note(note)
