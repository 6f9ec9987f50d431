"""The error families, and the "did you mean" hint that their messages share.

Where FastEstimator 1.x stops on an `assert`, a script may catch `AssertionError`; the families derive from it as well
as from the precise built-in error, so both kinds of `except` clause keep working.
"""
from __future__ import annotations

import difflib
from collections.abc import Iterable


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
    """A loss or gradient is NaN or infinite."""


class CheckpointError(RuntimeError):
    """A saved file cannot be used."""


class DownloadError(OSError):
    """A download failed, or what came is not what was expected."""


class MissingDependencyError(ImportError):
    """An optional package is needed and not installed; the message holds the command that installs it."""


def suggest(word: object, options: Iterable[object]) -> str:
    """A hint to append to a message: `" Did you mean 'x'?"`, or an empty string when nothing is close."""
    close = difflib.get_close_matches(str(word), [str(option) for option in options], n=1, cutoff=0.5)
    return f" Did you mean {close[0]!r}?" if close else ""
