"""Examples of the ops on several keys."""

from __future__ import annotations

from tests.contracts.samples import Example

MULTIVARIATE: dict[type, Example] = {}
