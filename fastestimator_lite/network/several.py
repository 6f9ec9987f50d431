"""Several steps in one call: how many are worth it, and batches on their way into such a call."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_CALL_SECONDS = 0.03  # what a call may take: beyond, a step is long and a call's own cost does not matter
_MOST_STEPS = 64
_PROBES = 3
_STACK_BYTES = 16 << 20  # above it copying batches costs more than calls


class CallSize:
    """How many steps are worth one call, found out from what the first single steps take.

    Attributes:
        number: How many; 1 until enough is known.
    """

    def __init__(self) -> None:
        self.number = 1
        self._left = _PROBES
        self._fastest = float("inf")

    def add(self, seconds: float) -> None:
        """Take the time of a call for one step into account; the first ones hold tracing, so the fastest counts."""
        if not self._left:
            return
        self._left -= 1
        self._fastest = min(self._fastest, seconds)
        if not self._left:
            self.number = max(1, min(_MOST_STEPS, int(_CALL_SECONDS / max(self._fastest, 1e-9))))


class Stack:
    """Batches of equal shapes and dtypes, copied behind one another.

    Args:
        first: Arrays of the first batch.
        most: How many batches may come.

    Attributes:
        count: How many there are.
    """

    def __init__(self, first: Sequence[np.ndarray], most: int) -> None:
        size = sum(array.nbytes for array in first)
        self._most = max(1, min(most, _STACK_BYTES // max(size, 1)))
        self._arrays = [np.empty((self._most, *array.shape), array.dtype) for array in first]
        self._kinds = [(array.shape, array.dtype) for array in first]
        self.count = 0

    def takes(self, batch: Sequence[np.ndarray]) -> bool:
        """Whether there is room for a batch, and it is like those that are here."""
        return self.count < self._most and [(array.shape, array.dtype) for array in batch] == self._kinds

    def add(self, batch: Sequence[np.ndarray]) -> None:
        """Copy one more batch behind the others."""
        for array, value in zip(self._arrays, batch, strict=True):
            array[self.count] = value
        self.count += 1

    def arrays(self) -> list[np.ndarray]:
        """The batches, as arrays (count, B, ...)."""
        return [array[: self.count] for array in self._arrays]

    def batch(self, place: int) -> list[np.ndarray]:
        """The arrays of one of the batches."""
        return [array[place] for array in self._arrays]
