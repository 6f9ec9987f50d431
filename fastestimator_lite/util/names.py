"""Reading what users write: one item or many, ranges, keys, modes, data set ids."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, TypeVar

import numpy as np

from fastestimator_lite.util.errors import ConfigError, suggest

MODES = ("train", "eval", "test", "infer")
T = TypeVar("T")


def to_list(data: Any) -> list[Any]:
    """Make a list: None gives an empty one, a list or tuple its items, anything else (a string too) a list of one."""
    if data is None:
        return []
    if isinstance(data, (list, tuple, set)):
        return list(data)
    return [data]


def to_set(data: Any) -> set[Any]:
    """Make a set, by the rule of `to_list`."""
    return set(to_list(data))


def filter_nones(ins: Iterable[T | None]) -> list[T]:
    """Drop every None."""
    return [item for item in ins if item is not None]


def param_to_range(data: float | tuple[float, float], where: str = "a range") -> tuple[float, float]:
    """Read a range.

    Args:
        data: The two ends, or a single n for (-n, n).
        where: What it is for, for the message.

    Returns:
        The lower and the upper end.

    Raises:
        ConfigError: If it is neither, or an end is not finite.
    """
    given = np.asarray(data)
    ends = [float(end) for end in given.ravel()] if given.dtype.kind in "iuf" else []
    if given.ndim == 0 and ends:
        ends = [-abs(ends[0]), abs(ends[0])]
    if len(ends) != 2 or not all(map(math.isfinite, ends)) or ends[0] > ends[1]:
        raise ConfigError(f"{where} must be a number n for (-n, n), or a range (low, high), got {data!r}")
    return ends[0], ends[1]


def check_io_names(names: list[str]) -> list[str]:
    """Check the keys of an op or trace.

    Raises:
        ConfigError: If one is not a string, is empty, or contains one of ``: ; |``.
    """
    for name in names:
        if not isinstance(name, str) or not name or any(char in name for char in ":;|"):
            raise ConfigError(f"a key must be a non-empty string without ':', ';' or '|', got {name!r}")
    return names


def parse_modes(modes: set[str]) -> set[str]:
    """Spell out the modes in which something runs.

    Args:
        modes: Some of "train", "eval", "test", "infer", or the same with a leading "!" (all but); empty means all.

    Returns:
        The modes meant, without "!".

    Raises:
        ConfigError: If a word is not a mode, or if plain and "!" words are mixed.
    """
    for word in modes:
        bare = word.lstrip("!") if isinstance(word, str) else word
        if bare not in MODES:
            raise ConfigError(
                f"mode={word!r} is not known; use {', '.join(map(repr, MODES))}, each perhaps with a leading '!'."
                f"{suggest(bare, MODES)}"
            )
    return _resolve_negation(modes, set(MODES), "mode")


def check_mode(mode: str, where: str) -> None:
    """Check a word that must be one mode.

    Args:
        mode: "train", "eval", "test" or "infer".
        where: What was called with it, for the message.

    Raises:
        ConfigError: If it is no mode.
    """
    if mode not in MODES:
        raise ConfigError(
            f"{where}: mode={mode!r} is not known; use one of {', '.join(map(repr, MODES))}.{suggest(mode, MODES)}"
        )


def check_ds_id(ds_ids: set[str]) -> set[str]:
    """Check data set ids, with or without a leading "!".

    Raises:
        ConfigError: If one is empty, contains one of ``: ; |`` or an inner "!", or if plain and "!" words are mixed.
    """
    for word in ds_ids:
        bare = word[1:] if isinstance(word, str) and word.startswith("!") else word
        if not isinstance(bare, str) or not bare or any(char in bare for char in ":;|!"):
            raise ConfigError(f"ds_id={word!r}: an id must be a non-empty string without ':', ';', '|' or '!'")
    if len({word.startswith("!") for word in ds_ids}) > 1:
        raise ConfigError(f"ds_id={sorted(ds_ids)}: plain and '!' ids cannot be mixed")
    return ds_ids


def _resolve_negation(words: set[str], everything: set[str], name: str) -> set[str]:
    negated = {word[1:] for word in words if word.startswith("!")}
    if negated and len(negated) != len(words):
        raise ConfigError(f"{name}={sorted(words)}: plain and '!' words cannot be mixed")
    if not words:
        return set(everything)
    return everything - negated if negated else set(words)


def check_file_name(name: str, where: str = "the name") -> str:
    """Check a name that becomes a file's name.

    Args:
        name: The name.
        where: What it is, for the message.

    Raises:
        ConfigError: If it is empty, starts with a dot, or holds a character other than letters, digits, spaces and
            ``. _ - + = , ( ) @ |``.
    """
    if (
        not isinstance(name, str)
        or not name
        or name.startswith(".")
        or not all(char.isalnum() or char in " ._-+=,()@|" for char in name)
    ):
        raise ConfigError(
            f"{where} {name!r} cannot be a file name; use letters, digits and . _ - only, not starting with a dot"
        )
    return name
