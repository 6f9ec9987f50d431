"""ShearX: slide each row a bit more than the one before."""

from __future__ import annotations

from fastestimator_lite.op.numpyop.univariate import slide


class ShearX(slide.ShearOp):
    """Slide rows left or right, each by a bit more than the one before, and shrink the result to the size of the image.

    Pixels that come into view are 0.

    Args:
        inputs: Key or keys of uint8 images of shape (H, W) or (H, W, C).
        outputs: Key or keys to write, as many as `inputs`: uint8 of the same shape. All images of one sample are
            sheared alike.
        mode, ds_id: When to run; see `Op`.
        shear_coef: Range to draw the coefficient from, in pixels from one row to the next; a single n means (-n, n).

    Raises:
        ConfigError: If `shear_coef` is no number and no range, or there are not as many outputs as inputs.
    """

    axis = slide.X
