"""Examples of the ops on PIL images, words and codes."""

from __future__ import annotations

from tests.contracts.samples import Example

DRAWN: dict[type, Example] = {}
