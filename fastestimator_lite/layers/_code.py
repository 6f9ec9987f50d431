"""What HadamardCode is in both frameworks: its code words, and how several inputs share their places."""

from __future__ import annotations

import numpy as np

from fastestimator_lite.util.codes import code_words
from fastestimator_lite.util.errors import ConfigError

_SHORTEST = 16  # as FastEstimator 1.7; shorter codes correct few errors


def layer_words(n_classes: int, code_length: int | None, max_prob: float, power: float) -> np.ndarray:
    """Check the arguments of a HadamardCode, and make its code words.

    The first place of the code is left out: in a Hadamard matrix it is the same for all classes.

    Args:
        n_classes: Number of classes, >= 2.
        code_length: Length of a code word, a power of 2 that is >= `n_classes`; None for the smallest, but at least 16.
        max_prob: Probability of a class whose code word is met exactly, in (1 / n_classes, 1).
        power: How fast a class loses weight with distance, > 0.

    Returns:
        float32 of shape (n_classes, code_length - 1), each entry 1 or -1.

    Raises:
        ConfigError: If an argument is not as described.
    """
    words = code_words(n_classes, code_length, "HadamardCode")
    if code_length is None and words.shape[1] < _SHORTEST:
        words = code_words(n_classes, _SHORTEST)
    if n_classes < 2:
        raise ConfigError(f"HadamardCode(n_classes) must be >= 2, got {n_classes}; one class needs no model")
    if not 1 / n_classes < max_prob < 1:
        raise ConfigError(
            f"HadamardCode(max_prob) must be above chance, which is 1 / {n_classes}, and below 1, got {max_prob!r}"
        )
    if not power > 0:
        raise ConfigError(f"HadamardCode(power) must be > 0, got {power!r}")
    return words[:, 1:]


def shares(code_length: int, inputs: int) -> list[int]:
    """How many of the `code_length - 1` places each input gets.

    Args:
        code_length: Length of a code word, the place that is left out included.
        inputs: Number of inputs, >= 1.

    Returns:
        As many as `inputs`, each >= 1. The first takes what does not divide, as in FastEstimator 1.7.

    Raises:
        ConfigError: If there are more inputs than places.
    """
    if not 0 < inputs < code_length:
        raise ConfigError(
            f"HadamardCode takes 1 to {code_length - 1} inputs for code words of length {code_length}, got {inputs}; "
            f"give a longer code_length"
        )
    rest = [code_length // inputs] * (inputs - 1)
    return [code_length - 1 - sum(rest), *rest]
