"""Keep boxes and keypoints to those of the image itself where the border mirrors it.

albumentations 2 adds a box and a keypoint for each mirrored object that comes into view. FastEstimator 1.x does not,
and a model that expects a fixed number of keypoints could not take them.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from fastestimator_lite.op.numpyop.albumentation.library import import_albumentations

BORDER_CONSTANT = 0  # cv2.BORDER_CONSTANT


class OriginalsOnly:
    """Stands before an albumentations transform that has a `border_mode`."""

    border_mode: int

    def apply_to_bboxes(self, bboxes: np.ndarray, **params: Any) -> np.ndarray:
        """Transform boxes as if nothing were mirrored; shape (N, 4 + n)."""
        return self._as_constant("apply_to_bboxes", bboxes, params)

    def apply_to_keypoints(self, keypoints: np.ndarray, **params: Any) -> np.ndarray:
        """Transform keypoints as if nothing were mirrored; shape (N, 5 + n)."""
        return self._as_constant("apply_to_keypoints", keypoints, params)

    def _as_constant(self, method: str, rows: np.ndarray, params: dict[str, Any]) -> np.ndarray:
        kept, self.border_mode = self.border_mode, BORDER_CONSTANT
        try:
            result: np.ndarray = getattr(super(), method)(rows, **params)
        finally:
            self.border_mode = kept
        return result

    def __reduce__(self) -> tuple[Any, ...]:
        return _empty, (type(self).__name__,), self.__dict__


@cache
def originals_only(kind: type) -> type:
    """The class of transforms `kind` with `OriginalsOnly` before it; one class for each kind."""
    return type(kind)(kind.__name__, (OriginalsOnly, kind), {"__module__": __name__})


def _empty(name: str) -> Any:
    kind: Any = originals_only(getattr(import_albumentations(), name))
    return kind.__new__(kind)
