"""The one place that imports albumentations."""

from __future__ import annotations

import os
import sys
from types import ModuleType
from typing import cast

_TORCH_PART = "albumentations.pytorch"


def import_albumentations() -> ModuleType:
    """Import albumentations, which takes seconds, without the two things that it does beside.

    It would ask the network for a newer version of itself, and import torch where that is installed, for a transform
    that makes tensors. `import albumentations.pytorch` still brings that transform.
    """
    if "albumentations" not in sys.modules:
        os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
        # An empty module in its place: albumentations takes over whatever names it finds there.
        sys.modules[_TORCH_PART] = ModuleType(_TORCH_PART)
        try:
            import albumentations
        finally:
            del sys.modules[_TORCH_PART]
    import albumentations

    return cast("ModuleType", albumentations)
