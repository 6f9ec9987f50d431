"""A GPU that is not there: its tensors say "cuda:0" and compute on the CPU, and whoever waits for one is written down.

Work on it goes on under `Driver()`, after `plug_in()`. It needs a process of its own, since torch cannot be made to forget
that it was once shown a GPU. Half precision is entered there, but torch casts nothing.
"""

from __future__ import annotations

import traceback
from pathlib import Path

import torch
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map_only

DEVICE = torch.device("cuda:0")
# what a device must be asked for before the host can go on: a value, or how large a result is
ASKING = {
    "_local_scalar_dense",
    "equal",
    "is_nonzero",
    "item",
    "masked_select",
    "nonzero",
    "nonzero_numpy",
    "unique_consecutive",
    "_unique",
    "_unique2",
    "unique_dim",
}
waits: list[str] = []  # what waited since somebody last cleared the list, with the line of the library
pinned: list[tuple[int, ...]] = []  # shapes of what was pinned


class OnDevice(torch.Tensor):
    """A tensor on the pretended GPU.

    To torch's C++ it is of the device "meta", which needs no driver; Python sees "cuda:0".
    """

    __torch_function__ = torch._C._disabled_torch_function_impl
    device = property(lambda self: DEVICE)
    is_cuda = property(lambda self: True)
    is_cpu = property(lambda self: False)
    is_meta = property(lambda self: False)

    @staticmethod
    def __new__(cls, inner):
        return torch.Tensor._make_wrapper_subclass(
            cls,
            inner.size(),
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            layout=inner.layout,
            device="meta",
        )

    def __init__(self, inner):
        self.inner = inner

    def __repr__(self):
        return f"OnDevice({self.inner!r})"

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        return compute(function, args, kwargs or {})

    def tolist(self):
        return self.cpu().tolist()

    def numpy(self, *, force=False):
        if not force:
            raise TypeError("can't convert cuda:0 device type tensor to numpy")
        return self.cpu().numpy()


class Driver(TorchDispatchMode):
    """Sees the calls that no tensor of the device takes part in, such as those that make one."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        return compute(function, args, kwargs or {})


def compute(function, args, kwargs):
    """Run an operation of torch on the CPU, as the device it was meant for."""
    name, target = function.overloadpacket.__name__, kwargs.get("device")
    to_gpu = target is not None and torch.device(target).type in ("cuda", "meta")  # meta: asked for by C++
    given = [one for one in tree_leaves((args, kwargs)) if isinstance(one, torch.Tensor)]
    on_gpu = any(isinstance(one, OnDevice) for one in given)
    if not (to_gpu or on_gpu):
        return function(*args, **kwargs)
    to_cpu = target is not None and not to_gpu
    if name == "copy_":
        to_cpu, to_gpu = not isinstance(args[0], OnDevice), isinstance(args[0], OnDevice)
    note(name, args, kwargs, given, on_gpu, to_gpu, to_cpu)
    options = {**kwargs, "device": torch.device("cpu")} if to_gpu and target is not None else kwargs
    found = function(*inner(args), **inner(options))
    if to_cpu:
        return args[0] if name == "copy_" else found
    return return_and_correct_aliasing(function, args, kwargs, tree_map_only(torch.Tensor, OnDevice, found))


def inner(tree):
    return tree_map_only(OnDevice, lambda tensor: tensor.inner, tree)


def note(name, args, kwargs, given, on_gpu, to_gpu, to_cpu):
    """Write down a call that has the host wait."""
    if name in ASKING and on_gpu:
        wait(name)
    elif name in ("index", "index_put", "index_put_", "_index_put_impl_"):
        masks = [one for one in tree_leaves(args[1]) if isinstance(one, OnDevice) and one.dtype == torch.bool]
        if masks:
            wait(f"{name} by a mask")
    elif name == "repeat_interleave" and kwargs.get("output_size") is None:
        wait(name)
    elif name in ("_to_copy", "copy_"):
        source = args[1] if name == "copy_" else args[0]
        non_blocking = kwargs.get("non_blocking", len(args) > 2 and args[2])
        if to_cpu:
            wait("to the CPU")
        elif to_gpu and not isinstance(source, OnDevice):
            if not non_blocking:
                wait("to the GPU, blocking")
            elif not getattr(source, "lies_pinned", False):
                wait("to the GPU, not pinned")


def wait(what):
    places = [
        f"{Path(frame.filename).name}:{frame.lineno}"
        for frame in traceback.extract_stack()
        if "fastestimator_lite/" in frame.filename
    ]
    waits.append(f"{what} at {places[-1] if places else 'torch'}")


def pin_memory(tensor):
    pinned.append(tuple(tensor.shape))
    copy = tensor.clone()
    copy.lies_pinned = True
    return copy


def plug_in() -> None:
    """Let torch and the library see the device."""
    from torch.optim import optimizer

    from fastestimator_lite.backend import device

    torch.cuda._lazy_init = lambda: None
    torch._C._set_only_lift_cpu_tensors(True)
    torch.Tensor.pin_memory = pin_memory
    torch.cuda.amp.common.amp_definitely_not_available = lambda: False
    torch.cuda.is_bf16_supported = lambda *_: True
    optimizer._foreach_supported_types.append(OnDevice)  # so that optimizers take the way that they take on a GPU
    device.get_device = lambda: DEVICE
    device.get_num_gpus = lambda: 1
