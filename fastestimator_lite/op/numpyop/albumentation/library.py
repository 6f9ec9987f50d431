"""The one place that imports albumentations."""
from __future__ import annotations

import os
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from types import ModuleType


def import_albumentations() -> ModuleType:
    """Import albumentations, which takes seconds, without letting it ask the network for a newer version of itself."""
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    import albumentations

    return cast("ModuleType", albumentations)
