"""TranslateY: slide images up or down."""

from __future__ import annotations

from fastestimator_lite.op.numpyop.univariate import slide


class TranslateY(slide.TranslateOp):
    """Slide images up or down. Pixels that come into view are 0.

    Args:
        inputs: Key or keys of uint8 images of shape (H, W) or (H, W, C).
        outputs: Key or keys to write, as many as `inputs`: uint8 of the same shape. All images of one sample slide
            alike.
        mode, ds_id: When to run; see `Op`.
        shift_limit: Range to draw the shift from, as a share of the height; a single n means (-n, n).

    Raises:
        ConfigError: If `shift_limit` is no number and no range, or there are not as many outputs as inputs.
    """

    axis = slide.Y
