"""How worker processes start, and what they inherit of the threads of libraries."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
from collections.abc import Iterator
from typing import Any

START_METHODS = ("fork", "forkserver", "spawn")
# read by the libraries when they are loaded
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "OPENCV_FOR_THREADS_NUM",
)


def pick_start_method(asked: str | None) -> str | None:
    """How to start workers: as asked, else as the script set for `multiprocessing`, else the cheapest that is safe here.

    Returns:
        "fork", "forkserver" or "spawn"; None where there are no processes that share memory.
    """
    available = multiprocessing.get_all_start_methods()
    if sys.platform == "win32":
        return None
    chosen = asked or multiprocessing.get_start_method(allow_none=True)
    if chosen in available:
        return chosen
    return "fork" if "fork" in available and sys.platform != "darwin" else "spawn"


@contextlib.contextmanager
def one_thread_each() -> Iterator[None]:
    """Let processes that start meanwhile use one thread in each library: parallel work comes from the workers.

    Libraries that they load later read the environment. Those that a forked process inherits are bounded here, before
    the fork: OpenCV's pool has no threads after it, and waits for them for ever when its size is changed then.
    """
    from threadpoolctl import threadpool_limits

    before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, "1"))
    cv2: Any = sys.modules.get("cv2")
    threads = None if cv2 is None else cv2.getNumThreads()
    try:
        if cv2 is not None:
            cv2.setNumThreads(1)
        with threadpool_limits(1):
            yield
    finally:
        if cv2 is not None:
            cv2.setNumThreads(threads)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
