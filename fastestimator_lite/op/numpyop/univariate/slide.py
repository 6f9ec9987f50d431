"""What the ops that slide rows or columns share: shears and translations with PIL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from fastestimator_lite.op.numpyop.univariate.picture import DrawnPictureOp
from fastestimator_lite.types import Keys

if TYPE_CHECKING:
    from PIL.Image import Image

X, Y = 0, 1


class ShearOp(DrawnPictureOp):
    """An op that slides rows (or columns) by more and more, and shrinks the result to the size of the image.

    Pixels that come into view are 0.

    Args:
        inputs, outputs, mode, ds_id: Keys in, keys out, and when to run; see `PictureOp`.
        shear_coef: Range of the slide in pixels from one row to the next; a single n means (-n, n).

    Attributes:
        axis: `X` slides rows, `Y` columns.

    Source: as FastEstimator 1.7, which enlarges the image by the coefficient times its length along `axis`.
    """

    parameter = "shear_coef"
    axis: ClassVar[int]

    def __init__(
        self,
        inputs: str | Sequence[str],
        outputs: str | Sequence[str],
        mode: Keys = None,
        ds_id: Keys = None,
        shear_coef: float | tuple[float, float] = 0.3,
    ) -> None:
        super().__init__(inputs, outputs, mode, ds_id, shear_coef)

    def change(self, picture: Image, drawn: float) -> Image:
        from PIL.Image import Resampling, Transform

        size = list(picture.size)
        extra = round(abs(drawn) * size[self.axis])
        size[self.axis] += extra
        start = -extra if drawn > 0 else 0
        source = (1, drawn, start, 0, 1, 0) if self.axis == X else (1, 0, 0, drawn, 1, start)
        sheared = picture.transform((size[0], size[1]), Transform.AFFINE, source, Resampling.BICUBIC)
        return sheared.resize(picture.size, Resampling.BICUBIC)


class TranslateOp(DrawnPictureOp):
    """An op that slides the whole image. Pixels that come into view are 0.

    Args:
        inputs, outputs, mode, ds_id: Keys in, keys out, and when to run; see `PictureOp`.
        shift_limit: Range of the slide as a share of the length along `axis`; a single n means (-n, n).

    Attributes:
        axis: `X` slides along the rows, `Y` along the columns.
    """

    parameter = "shift_limit"
    axis: ClassVar[int]

    def __init__(
        self,
        inputs: str | Sequence[str],
        outputs: str | Sequence[str],
        mode: Keys = None,
        ds_id: Keys = None,
        shift_limit: float | tuple[float, float] = 0.2,
    ) -> None:
        super().__init__(inputs, outputs, mode, ds_id, shift_limit)

    def change(self, picture: Image, drawn: float) -> Image:
        from PIL.Image import Resampling, Transform

        shift = drawn * picture.size[self.axis]
        source = (1, 0, shift, 0, 1, 0) if self.axis == X else (1, 0, 0, 0, 1, shift)
        return picture.transform(picture.size, Transform.AFFINE, source, Resampling.BICUBIC)
