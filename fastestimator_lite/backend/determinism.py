"""Random state on the host: the seed of `enable_deterministic` for each framework, and that of work on samples."""

from __future__ import annotations

import contextlib
import importlib
import random
import sys
from collections.abc import Iterator

import numpy as np

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


def seed_host(seed: int) -> None:
    """Seed the global generators that code of unknown kind may draw from: Python's, numpy's, OpenCV's and torch's for the CPU.

    Args:
        seed: Any int in [0, 2**64).
    """
    random.seed(seed)
    np.random.seed(seed & 0xFFFFFFFF)  # noqa: NPY002 - user code draws from it
    if "cv2" in sys.modules:
        sys.modules["cv2"].setRNGSeed(seed & 0x7FFFFFFF)
    if "torch" in sys.modules:
        sys.modules["torch"].default_generator.manual_seed(seed & 0x7FFFFFFFFFFFFFFF)


@contextlib.contextmanager
def host_unchanged() -> Iterator[None]:
    """Leave the global generators of Python, numpy and torch (on the CPU) as they were; OpenCV's cannot be read."""
    python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002
    torch = sys.modules.get("torch")
    torch_state = None if torch is None else torch.default_generator.get_state()
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)  # noqa: NPY002
        if torch is not None:
            torch.default_generator.set_state(torch_state)
