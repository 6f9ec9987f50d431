"""Where tensors live, and how many processors and accelerators there are."""

from __future__ import annotations

import importlib.util
import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastestimator_lite.backend.framework import framework_of, is_tensor
from fastestimator_lite.util.tree import map_structure

if TYPE_CHECKING:
    import torch


def detach_tensors(data: Any) -> Any:
    """Take tensors out of the graph that gradients flow through.

    Args:
        data: A tensor, or nested collections; what is not a tensor stays as it is.

    Returns:
        `data` with the same structure; the tensors share memory with the given ones.
    """
    return map_structure(lambda leaf: framework_of(leaf).detach(leaf) if is_tensor(leaf) else leaf, data)


def move_tensors_to_device(data: Any, device: str | torch.device) -> Any:
    """Move torch tensors to a device.

    Args:
        data: A tensor, or nested collections; what is not a torch tensor stays as it is.
        device: Such as "cuda:0" or `torch.device("cpu")`.

    Returns:
        `data` with the same structure; a tensor that is there already is the same object.
    """
    return map_structure(lambda leaf: framework_of(leaf).to_device(leaf, device) if is_tensor(leaf) else leaf, data)


def get_device() -> torch.device:
    """The torch device that networks run on: the first GPU, Apple's GPU, or the CPU. Imports torch."""
    import torch

    if torch.cuda.is_available():
        return torch.device("cuda:0")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def get_num_gpus() -> int:
    """How many GPUs the framework in use can see; Apple's counts as one.

    The framework that is loaded already is asked, torch before TensorFlow; if none is, the one that is installed.
    """
    loaded = [name for name in ("torch", "tensorflow") if name in sys.modules]
    installed = [name for name in ("torch", "tensorflow") if importlib.util.find_spec(name) is not None]
    library = (loaded or installed or [""])[0]
    if library == "torch":
        import torch

        return 1 if torch.backends.mps.is_available() else torch.cuda.device_count()
    if library == "tensorflow":
        import tensorflow as tf

        return len(tf.config.list_physical_devices("GPU"))
    return 0


def get_num_devices() -> int:
    """How many devices share the work of a batch: the number of GPUs, or 1 for a CPU."""
    return max(get_num_gpus(), 1)


def cpu_count(limit: int | None = None) -> int:
    """How many CPUs this process may use.

    Both the processors that it may run on (`taskset`, Slurm) and the quota of its container (cgroup v1 and v2) count.

    Args:
        limit: No more than this; None for no limit.

    Returns:
        At least 1. A quota of 2.5 CPUs counts as 3.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cgroup_quota(Path("/sys/fs/cgroup"), Path("/proc/self/cgroup"))
    count = min(allowed, math.ceil(quota)) if quota is not None else allowed
    return max(1, count if limit is None else min(count, limit))


def _cgroup_quota(root: Path, membership: Path) -> float | None:
    """The tightest CPU quota of this process's control groups, in CPUs; None if there is none.

    Source: "max period" of cpu.max in Linux Documentation/admin-guide/cgroup-v2.rst, and cpu.cfs_quota_us over
    cpu.cfs_period_us in Documentation/scheduler/sched-bwc.rst.
    """
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return None
    quotas: list[float] = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        base = root / "cpu" if controllers else root  # v1 has a tree of its own for each controller, v2 one tree
        group = base / path.lstrip("/")
        # A container may see its own group as the root, so groups that are not there are passed over.
        for folder in (group, *group.parents):
            quotas += _read_quota(folder)
            if folder == base:
                break
    return min(quotas, default=None)


def _read_quota(folder: Path) -> list[float]:
    """The quota set in one control group, in CPUs: one number, or none."""
    try:
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text().split()
        else:
            quota = (folder / "cpu.cfs_quota_us").read_text().strip()
            period = (folder / "cpu.cfs_period_us").read_text().strip()
    except OSError:
        return []
    return [] if quota == "max" or float(quota) <= 0 else [float(quota) / float(period)]
