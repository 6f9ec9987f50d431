"""Color: stronger or weaker colours."""

from __future__ import annotations

from fastestimator_lite.op.numpyop.univariate.picture import EnhanceOp


class Color(EnhanceOp):
    """Make colours stronger or weaker: the distance of every pixel from its gray is multiplied by a factor.

    Args:
        inputs: Key or keys of uint8 images of shape (H, W, 3); those of one channel stay as they are.
        outputs: Key or keys to write, as many as `inputs`: uint8 of the same shape. All images of one sample get the
            same factor.
        mode, ds_id: When to run; see `Op`.
        limit: The factor is 1 plus a number drawn uniformly from this range; a single n means (-n, n). 0 is gray.

    Raises:
        ConfigError: If `limit` is no number and no range, or there are not as many outputs as inputs.
    """

    enhancer = "Color"
