"""PyTorch spelling of the array primitives; the topic files of `fastestimator_lite.backend` document them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

NAME = "torch"
CHANNEL_AXIS = 1  # images are (B, C, H, W)


def owns(value: Any) -> bool:
    return isinstance(value, Tensor)


# ----------------------------------------------------------------------------------------------- element by element
def abs(x: Tensor) -> Tensor:
    return torch.abs(x)


def exp(x: Tensor) -> Tensor:
    return torch.exp(x)


def log(x: Tensor) -> Tensor:
    return torch.log(x)


def sign(x: Tensor) -> Tensor:
    return torch.sign(x)


def sqrt(x: Tensor) -> Tensor:
    return torch.sqrt(x)


def round(x: Tensor) -> Tensor:
    return torch.round(x)


def pow(x: Tensor, power: Any) -> Tensor:
    return torch.pow(x, power)


def maximum(x: Tensor, y: Any) -> Tensor:
    if isinstance(y, Tensor):
        return torch.maximum(x, y)
    return torch.maximum(x, torch.full((), y, device=x.device))


def clip(x: Tensor, low: Any, high: Any) -> Tensor:
    return x if low is None and high is None else torch.clamp(x, low, high)


def where(condition: Tensor, yes: Any, no: Any) -> Tensor:
    return torch.where(condition, yes, no)


def has_nan(x: Tensor) -> bool:
    return bool(torch.isnan(x).any())


def log_sigmoid(x: Tensor) -> Tensor:
    return F.logsigmoid(x)


def log_softmax(x: Tensor, axis: int) -> Tensor:
    return F.log_softmax(x, dim=axis)


# ---------------------------------------------------------------------------------------------------------- reduce
def reduce_sum(x: Tensor, axis: int | tuple[int, ...] | None, keepdims: bool) -> Tensor:
    return torch.sum(x, dim=axis, keepdim=keepdims)


def reduce_mean(x: Tensor, axis: int | tuple[int, ...] | None, keepdims: bool) -> Tensor:
    return torch.mean(_floating(x), dim=axis, keepdim=keepdims)


def reduce_min(x: Tensor, axis: int | tuple[int, ...] | None, keepdims: bool) -> Tensor:
    return torch.amin(x, dim=() if axis is None else axis, keepdim=keepdims)


def reduce_max(x: Tensor, axis: int | tuple[int, ...] | None, keepdims: bool) -> Tensor:
    return torch.amax(x, dim=() if axis is None else axis, keepdim=keepdims)


def reduce_std(x: Tensor, axis: int | tuple[int, ...] | None, keepdims: bool) -> Tensor:
    return torch.std(_floating(x), dim=axis, correction=0, keepdim=keepdims)


def argmax(x: Tensor, axis: int) -> Tensor:
    return torch.argmax(x, dim=axis)


def sort(x: Tensor, axis: int) -> Tensor:
    return torch.sort(x, dim=axis).values


def _floating(x: Tensor) -> Tensor:
    return x if x.is_floating_point() or x.is_complex() else x.float()


# ----------------------------------------------------------------------------------------------------------- shape
def shape(x: Tensor) -> list[Any]:
    return list(x.shape)


def reshape(x: Tensor, shape: Sequence[Any]) -> Tensor:
    return torch.reshape(x, tuple(shape))


def permute(x: Tensor, permutation: Sequence[int]) -> Tensor:
    return torch.permute(x, tuple(permutation))


def squeeze(x: Tensor, axis: int | tuple[int, ...] | None) -> Tensor:
    return torch.squeeze(x) if axis is None else torch.squeeze(x, dim=axis)


def expand_dims(x: Tensor, axis: int) -> Tensor:
    return torch.unsqueeze(x, axis)


def concat(xs: Sequence[Tensor], axis: int) -> Tensor:
    return torch.cat(list(xs), dim=axis)


def flip(x: Tensor, axis: tuple[int, ...]) -> Tensor:
    return torch.flip(x, axis)


def roll(x: Tensor, shift: int | tuple[int, ...], axis: int | tuple[int, ...]) -> Tensor:
    return torch.roll(x, shift, axis)


def gather(x: Tensor, indices: Tensor) -> Tensor:
    return x[indices.to(x.device)]


def gather_from_batch(x: Tensor, indices: Tensor) -> Tensor:
    return x[torch.arange(len(x), device=x.device), indices.to(x.device)]


def pick_class(x: Tensor, labels: Tensor) -> Tensor:
    return torch.gather(x, 1, labels.unsqueeze(1)).squeeze(1)


def matmul(a: Tensor, b: Tensor) -> Tensor:
    return torch.matmul(a, b)


# ---------------------------------------------------------------------------------------------------------- create
def zeros_like(x: Tensor, dtype: str | None) -> Tensor:
    return torch.zeros_like(x, dtype=_dtype(dtype))


def ones_like(x: Tensor, dtype: str | None) -> Tensor:
    return torch.ones_like(x, dtype=_dtype(dtype))


def random_normal_like(x: Tensor, mean: float, std: float, dtype: str) -> Tensor:
    return (torch.randn(x.shape, device=x.device) * std + mean).to(_dtype(dtype))


def random_uniform_like(x: Tensor, low: float, high: float, dtype: str) -> Tensor:
    return (torch.rand(x.shape, device=x.device) * (high - low) + low).to(_dtype(dtype))


def count(size: Any, like: Tensor) -> Tensor:
    return torch.arange(size, device=like.device)


def random_beta_like(x: Tensor, alpha: float) -> Tensor:
    both = torch.full(x.shape, alpha, device=x.device, dtype=torch.float32)
    return torch.distributions.Beta(both, both, validate_args=False).sample()


def random_scalar() -> Tensor:
    return torch.rand(())  # on the host, which branches on it: an accelerator need not be waited for


def constant(values: Any, like: Tensor) -> Tensor:
    made = torch.as_tensor(values, dtype=like.dtype)
    if like.is_cuda and not made.is_cuda:  # from pinned memory, so that nobody waits for the device
        return made.pin_memory().to(like.device, non_blocking=True)
    return made.to(like.device)


# ------------------------------------------------------------------------------------------------- choose and keep
def switch(index: Tensor, branches: Sequence[Callable[[], Any]]) -> Any:
    return branches[int(index)]()


def loop(again: Callable[[Any], Any], body: Callable[[Any], Any], values: Any, limit: int | None) -> Any:
    done = 0
    while done != limit and again(values):
        values, done = body(values), done + 1
    return values


def variable(value: float, device: Any) -> Tensor:
    return torch.tensor(value, dtype=torch.float32, device=device)


def read(x: Tensor) -> Tensor:
    return x.clone()


def assign(x: Tensor, value: Tensor) -> None:
    x.copy_(value)


# --------------------------------------------------------------------------------------------------------- convert
def from_numpy(x: np.ndarray) -> Tensor:
    flags = x.flags
    if flags.c_contiguous and flags.writeable and x.dtype.isnative:
        return torch.from_numpy(x)
    if not flags.writeable or not x.dtype.isnative or any(stride < 0 for stride in x.strides):
        x = x.astype(x.dtype.newbyteorder("="), order="C")  # torch can share the memory of none of these
    return torch.from_numpy(x)


def to_numpy(x: Tensor) -> np.ndarray:
    if x.requires_grad:
        x = x.detach()
    if not x.is_cpu:
        x = x.cpu()
    if x.dtype == torch.bfloat16:  # numpy has no such type
        x = x.float()
    if x.is_conj() or x.is_neg():
        x = x.resolve_conj().resolve_neg()
    return x.numpy()


def cast(x: Tensor, dtype: str) -> Tensor:
    return x.to(_dtype(dtype))


def dtype_name(x: Tensor) -> str:
    return str(x.dtype).removeprefix("torch.")


def compute_dtype(x: Tensor) -> str:
    kind = x.device.type
    dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else torch.get_default_dtype()
    return str(dtype).removeprefix("torch.")


def share_memory(x: Tensor) -> Tensor:
    return x.share_memory_()


def detach(x: Tensor) -> Tensor:
    return x.detach()


def to_device(x: Tensor, device: Any) -> Tensor:
    return x.to(device)


def _dtype(name: str | None) -> Any:
    return None if name is None else getattr(torch, name)


def mean_squared_difference(x: Tensor, y: Tensor) -> Tensor:
    return torch.nn.functional.mse_loss(x, y)
