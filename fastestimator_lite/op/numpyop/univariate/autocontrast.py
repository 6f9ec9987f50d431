"""AutoContrast: spread the values over the whole range."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastestimator_lite.op.numpyop.univariate.picture import GRAY_AND_COLOR, PictureOp

if TYPE_CHECKING:
    from PIL.Image import Image


class AutoContrast(PictureOp):
    """Stretch each channel so that its darkest pixel becomes 0 and its brightest 255.

    A channel whose pixels are all the same stays as it is.

    Args:
        inputs: Key or keys of uint8 images of shape (H, W), (H, W, 1) or (H, W, 3).
        outputs: Key or keys to write, as many as `inputs`: uint8 of the same shape.
        mode, ds_id: When to run; see `Op`.
    """

    channels = GRAY_AND_COLOR

    def change(self, picture: Image, drawn: float) -> Image:
        import PIL.ImageOps

        return PIL.ImageOps.autocontrast(picture)
