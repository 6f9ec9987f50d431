"""Examples of the ops around albumentations transforms of images alone."""

from __future__ import annotations

from tests.contracts.samples import Example

UNIVARIATE: dict[type, Example] = {}
