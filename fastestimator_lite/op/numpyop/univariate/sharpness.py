"""Sharpness: sharper or softer images."""

from __future__ import annotations

from fastestimator_lite.op.numpyop.univariate.picture import EnhanceOp


class Sharpness(EnhanceOp):
    """Make images sharper or softer: the distance of every value from its smoothed neighbourhood is multiplied.

    The neighbourhood is 3 by 3 pixels, the middle one counted five times; the outermost pixels stay as they are.

    Args:
        inputs: Key or keys of uint8 images of shape (H, W) or (H, W, C).
        outputs: Key or keys to write, as many as `inputs`: uint8 of the same shape. All images of one sample get the
            same factor.
        mode, ds_id: When to run; see `Op`.
        limit: The factor is 1 plus a number drawn uniformly from this range; a single n means (-n, n). 0 is smooth,
            more than 1 is sharper than the image.

    Raises:
        ConfigError: If `limit` is no number and no range, or there are not as many outputs as inputs.
    """

    enhancer = "Sharpness"
