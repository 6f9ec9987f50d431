"""How well masks agree."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fastestimator_lite.backend.loss import alike
from fastestimator_lite.types import Array, ArrayT
from fastestimator_lite.util.errors import ConfigError


def dice_score(
    y_pred: ArrayT,
    y_true: ArrayT,
    soft_dice: bool = False,
    sample_average: bool = False,
    channel_average: bool = False,
    channel_weights: Sequence[float] | Array | None = None,
    mask_overlap: bool = True,
    threshold: float | None = None,
    empty_nan: bool = False,
    epsilon: float = 1e-6,
) -> ArrayT:
    """Dice score of masks: twice what two masks have in common, divided by what both have.

    Args:
        y_pred: Probability of each channel's class at each position, in [0, 1]: (B, ..., C) in numpy and TensorFlow,
            (B, C, ...) in PyTorch; float.
        y_true: 0 or 1 (or a soft mask); the shape of `y_pred`, any dtype.
        soft_dice: Whether the divisor adds up squares.
        sample_average: Whether to average over the batch.
        channel_average: Whether to average over channels, after weighting.
        channel_weights: Factor on the score of each channel; None for no weighting.
        mask_overlap: Whether a position may belong to several channels; else only its most probable one counts.
        threshold: `y_pred` becomes 1 above this and 0 up to it; None leaves it as it is. It has no gradient then.
        empty_nan: Whether the score of a channel that is empty in both masks is NaN instead of 0.
        epsilon: Added to the divisor, so that it is not zero.

    Returns:
        Scores, mostly in [0, 1], shape (B, C) without the axes averaged over.

    Raises:
        ConfigError: If the shapes differ, there are no positions, or there is not one weight for each channel.

    Source: Dice 1945, "Measures of the Amount of Ecologic Association Between Species"; Milletari et al. 2016, "V-Net"
        (the soft form).

    Example:
        >>> import numpy as np
        >>> dice_score(np.array([[[1.0], [1.0], [0.0]]]), np.array([[[1], [0], [0]]])).round(4)
        array([[0.6667]])
    """
    framework, y_pred, y_true = alike(y_pred, y_true)
    rank = len(y_pred.shape)
    if rank < 3:
        raise ConfigError(f"dice_score expects masks with batch, channel and position axes, got {tuple(y_pred.shape)}")
    channel = framework.CHANNEL_AXIS % rank
    positions = tuple(axis for axis in range(1, rank) if axis != channel)
    if not mask_overlap:
        best = y_pred == framework.reduce_max(y_pred, channel, True)
        y_pred = y_pred * framework.cast(best, framework.dtype_name(y_pred))
    if threshold is not None:
        y_pred = framework.cast(y_pred > threshold, framework.dtype_name(y_true))
    common = framework.reduce_sum(y_pred * y_true, positions, False)
    both = y_pred * y_pred + y_true * y_true if soft_dice else y_pred + y_true
    size = framework.reduce_sum(both, positions, False)
    dice = 2 * common / (size + epsilon)
    if empty_nan:
        dice = framework.where(size == 0, 0 * dice + math.nan, dice)
    if channel_weights is not None:
        weights = framework.constant(channel_weights, dice)
        if list(weights.shape) != [dice.shape[1]]:
            raise ConfigError(
                f"dice_score needs one channel weight for each of {dice.shape[1]} channels, got {channel_weights!r}"
            )
        dice = dice * weights
    if channel_average:
        dice = framework.reduce_mean(dice, 1, False)
    return framework.reduce_mean(dice, 0, False) if sample_average else dice
