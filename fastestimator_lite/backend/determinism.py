"""The seed of `enable_deterministic`, handed to each framework once it is there."""

from __future__ import annotations

import importlib
import sys

from fastestimator_lite._settings import change, settings

_HOMES = {
    "torch": "fastestimator_lite.backend.pytorch.model",
    "tensorflow": "fastestimator_lite.backend.tensorflow.model",
}


def seed_frameworks() -> None:
    """Seed the frameworks that are loaded and were not seeded yet, if `enable_deterministic` was called."""
    seed = settings().seed
    if seed is None:
        return
    for library, home in _HOMES.items():
        if library in sys.modules and library not in settings().seeded:
            importlib.import_module(home).make_deterministic(seed)
            change(seeded=settings().seeded | {library})
