"""What holds for the whole process: the seed, and where runs are recorded."""

from __future__ import annotations

import random

import numpy as np

from fastestimator_lite._settings import change
from fastestimator_lite.backend.determinism import seed_frameworks
from fastestimator_lite.util.errors import ConfigError


def enable_deterministic(seed: int) -> None:
    """Make runs repeat: the same seed gives the same batches, and with the framework's help the same weights.

    Call it before models are built. It seeds Python and numpy now, and each framework that is loaded now or by the time of the
    next `build`, and asks for deterministic kernels.

    Args:
        seed: Any int >= 0.

    Raises:
        ConfigError: If it is none.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ConfigError(f"enable_deterministic(seed) takes an int >= 0, got {seed!r}")
    change(seed=seed, seeded=frozenset())
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - scripts may draw from it
    seed_frameworks()


def record_history(path: bool | str) -> None:
    """Choose where runs are recorded.

    Args:
        path: A file for the database; True for the default place, False for nowhere.
    """
    if not isinstance(path, (bool, str)):
        raise ConfigError(f"record_history(path) takes a file name, True or False, got {path!r}")
    change(history_path=None if path is True else path)
