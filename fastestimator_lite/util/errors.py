"""The error families, and the "did you mean" hint that their messages share.

Where FastEstimator 1.x stops on an `assert`, a script may catch `AssertionError`; the families derive from it as well
as from the precise built-in error, so both kinds of `except` clause keep working.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


class ConfigError(ValueError, AssertionError):
    """An argument that cannot work, found before training starts."""


class MissingKeyError(KeyError, AssertionError):
    """An op or trace asks for a key that nothing provides."""

    def __str__(self) -> str:  # KeyError would print the repr of its text
        return str(self.args[0]) if self.args else ""


class DataError(RuntimeError):
    """Data that cannot be turned into batches."""


class SampleError(DataError):
    """An op failed on one sample or batch; the message names op, slot, sample, keys and shapes."""


class WorkerDied(DataError):
    """A worker process ended without an answer."""


class NonFiniteError(FloatingPointError):
    """A loss or gradient is NaN or infinite.

    Attributes:
        steps_ago: How many steps before the last one it happened; above 0 where an accelerator is not waited for.
        rows: The samples of the batch, from 0, in which the first such tensor is not finite; () if nobody knows.
    """

    steps_ago: int = 0
    rows: Sequence[int] = ()


class CheckpointError(RuntimeError):
    """A saved file cannot be used."""


class DownloadError(OSError):
    """A download failed, or what came is not what was expected."""


class MissingDependencyError(ImportError):
    """An optional package is needed and not installed; the message holds the command that installs it."""


def suggest(word: object, options: Iterable[object]) -> str:
    """A hint to append to a message: `" Did you mean 'x'?"`, or an empty string when nothing is close."""
    text = str(word)
    close = [option for option in dict.fromkeys(map(str, options)) if _likeness(text, option) >= 0.5]
    if not close:
        return ""
    best = min(
        close, key=lambda option: (_edits(text.lower(), option.lower()), _edits(text, option), -_likeness(text, option))
    )
    return f" Did you mean {best!r}?"


def _likeness(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one.lower(), other.lower()).ratio()


def _edits(one: str, other: str) -> int:
    """How many letters to insert, delete, replace or swap with a neighbour to turn one word into the other.

    Source: Damerau 1964, "A technique for computer detection and correction of spelling errors"; no letter is edited
        twice.
    """
    cost = [[max(i, j) for j in range(len(other) + 1)] for i in range(len(one) + 1)]
    for i in range(1, len(one) + 1):
        for j in range(1, len(other) + 1):
            cost[i][j] = min(cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + (one[i - 1] != other[j - 1]))
            if i > 1 and j > 1 and one[i - 1] == other[j - 2] and one[i - 2] == other[j - 1]:
                cost[i][j] = min(cost[i][j], cost[i - 2][j - 2] + 1)
    return cost[-1][-1]
