"""Memory for large batches that is used again once nobody holds the batch any more.

The system hands out fresh memory page by page and fills it with zeros first, which for a batch of pictures takes as long as
writing the pictures.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

SMALLEST = 1 << 20  # bytes; below that the allocator keeps memory by itself
MOST_KEPT = 4  # pieces: the batch in the making, the one in use, and some in the hands of a reader


class Recycler:
    """Gives arrays whose memory comes back when the last array on it is gone."""

    def __init__(self) -> None:
        self._free: list[np.ndarray] = []

    def empty(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """An array of unknown content.

        Args:
            shape: Its shape.
            dtype: Its dtype.
        """
        dtype = np.dtype(dtype)
        size = dtype.itemsize
        for length in shape:
            size *= length
        if size < SMALLEST or dtype.hasobject:
            return np.empty(shape, dtype)
        memory = self._take(size)
        # arrays made from `whole` keep it alive, and nothing else does
        whole = np.frombuffer(memoryview(memory), np.uint8, size)  # type: ignore[arg-type]
        weakref.finalize(whole, self._give_back, memory).atexit = False
        return whole.view(dtype).reshape(shape)

    def _take(self, size: int) -> np.ndarray:
        for index, memory in enumerate(self._free):
            if size <= memory.nbytes <= 2 * size:
                return self._free.pop(index)
        return np.empty(size, np.uint8)

    def _give_back(self, memory: np.ndarray) -> None:
        self._free.insert(0, memory)
        del self._free[MOST_KEPT:]
