"""Changes of size."""

from __future__ import annotations

from fastestimator_lite.op.numpyop.albumentation.image_and_targets import ImageAndTargets


class Resize(ImageAndTargets):
    """Resize to a fixed height and width.

    Args:
        height: New height in pixels.
        width: New width in pixels.
        interpolation: OpenCV interpolation flag for the image; masks take their nearest pixel.
        mode, ds_id: When to run; see `Op`.
        image_in, ..., keypoint_params: What to transform; see `MultiVariateAlbumentation`.

    Image types: uint8, float32.
    """

    draws = False

    height: int
    width: int
    interpolation: int = 1
