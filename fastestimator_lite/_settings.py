"""The only process-wide state: what `enable_deterministic`, `record_history` and `build` leave for later calls."""

from __future__ import annotations

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Settings:
    """Process-wide settings, replaced as a whole by `change`.

    Attributes:
        seed: Run seed set by `enable_deterministic`; None means that every run draws its own.
        seeded: The libraries that were seeded since.
        history_path: Where runs are recorded: a file, None for the default place, or False for nowhere.
        build_count: How many models were built without a name; the next one is numbered with it.
    """

    seed: int | None = None
    seeded: frozenset[str] = frozenset()
    history_path: str | bool | None = None
    build_count: int = 0


_current = Settings()


def settings() -> Settings:
    """The settings in force."""
    return _current


def change(**values: Any) -> Settings:
    """Replace some settings and return the new ones."""
    global _current  # noqa: PLW0603 - this module exists to hold this one name
    _current = dataclasses.replace(_current, **values)
    return _current
