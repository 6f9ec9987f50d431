"""Tuning: how many worker processes make an epoch fastest, found by trying while it runs.

Batches are the same for any number, so a run may change it at any batch. What counts is the time from one batch to the
next, the step included: a worker takes processors away from the step, and on a machine with few of them that may cost more
than it brings.
"""

from __future__ import annotations

import statistics

_SKIPPED = 2  # batches at the start of a trial: libraries load, workers start
_BATCHES = 8
_SECONDS = 0.3
_WORTH_SHARE = 0.1  # of the time that steps wait; with less there is little to win
_WORTH_SECONDS = 0.001  # what handing over a batch may cost
_TRIFLES, _TRIFLE_SECONDS = 32, 0.0003  # so many batches that cost less than that tell enough
_BETTER = 0.95


class Tuning:
    """The search for one plan.

    Args:
        least: Workers to begin with.
        most: Workers to end with.

    Attributes:
        number: Workers to use now.
        is_settled: Whether the search is over.
    """

    def __init__(self, least: int, most: int) -> None:
        self.number, self.is_settled = least, least >= most
        self._most = most
        self._best = (float("inf"), least)
        self._begin()

    def _begin(self) -> None:
        self._times: list[float] = []
        self._waits: list[float] = []
        self._spent = 0.0
        self._skip = _SKIPPED

    def interrupt(self) -> None:
        """An epoch begins: its first batch comes later than others."""
        self._skip = max(self._skip, 1)

    def add(self, wait: float, total: float) -> bool:
        """Note a batch.

        Args:
            wait: Seconds that the step waited for it.
            total: Seconds from asking for it to asking for the next one.

        Returns:
            Whether `number` is another one from now on.
        """
        if self._skip:
            self._skip -= 1
            return False
        self._times.append(total)
        self._waits.append(wait)
        self._spent += total
        if len(self._times) == _TRIFLES and not self.number and statistics.median(self._waits) < _TRIFLE_SECONDS:
            self.is_settled = True  # no need to look any longer
        if self._spent < _SECONDS or len(self._times) < _BATCHES:
            return False
        return self._decide(statistics.median(self._times), statistics.median(self._waits))

    def _decide(self, time: float, wait: float) -> bool:
        used = self.number
        is_better = time < _BETTER * self._best[0]
        if is_better:
            self._best = (time, used)
        if is_better and used < self._most and wait > max(_WORTH_SHARE * time, _WORTH_SECONDS):
            self.number = min(2 * used or 1, self._most)
        else:
            self.number, self.is_settled = self._best[1], True
        self._begin()
        return self.number != used
