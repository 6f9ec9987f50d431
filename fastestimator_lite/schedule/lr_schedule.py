"""Learning rates as functions of time."""
from __future__ import annotations

import math

from fastestimator_lite.util.errors import ConfigError


def cosine_decay(time: int, cycle_length: int, init_lr: float, min_lr: float = 1e-6, start: int = 1,
                 cycle_multiplier: int = 1, warmup: bool = False) -> float:
    """Cosine decay with restarts.

    Args:
        time: Step or epoch, counted from 1.
        cycle_length: Length of the first cycle, in the unit of `time`, >= 1.
        init_lr: Learning rate that a cycle comes down from; its first value is already below.
        min_lr: Learning rate at the last step of a cycle.
        start: The time at which decay begins; before it the rate is `init_lr`.
        cycle_multiplier: How much longer each cycle is than the one before, >= 1.
        warmup: Whether the rate rises linearly from 0 before `start`.

    Returns:
        The learning rate at `time`.

    Raises:
        ConfigError: If `cycle_length` or `cycle_multiplier` is below 1.

    Source: Loshchilov and Hutter 2017, "SGDR", eq. 5, with the position in a cycle counted from 1 as in FastEstimator 1.7.
    """
    if cycle_length < 1:
        raise ConfigError(f"cosine_decay: cycle_length must be >= 1, got {cycle_length}")
    if cycle_multiplier < 1:
        raise ConfigError(f"cosine_decay: cycle_multiplier must be >= 1, got {cycle_multiplier}")
    if time < start:
        return init_lr * time / start if warmup else init_lr
    position, length = time - start + 1, cycle_length
    if cycle_multiplier == 1:
        position = (position - 1) % length + 1
    while position > length:
        position -= length
        length *= cycle_multiplier
    return (init_lr - min_lr) / 2 * math.cos(math.pi * position / length) + (init_lr + min_lr) / 2
