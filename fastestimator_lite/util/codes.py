"""Error-correcting code words of classes, which NumpyOp, TensorOp and layers share."""

from __future__ import annotations

import numpy as np

from fastestimator_lite.util.errors import ConfigError


def code_words(n_classes: int, code_length: int | None = None, where: str = "code_words") -> np.ndarray:
    """The code words of the first classes.

    Rows of the Hadamard matrix of Sylvester's construction, but with a first column of -1, 1, -1, ... in place of
    ones, which would tell nothing.

    Args:
        n_classes: Number of classes, >= 1.
        code_length: Length of a code word, a power of 2 that is >= `n_classes`; None for the smallest.
        where: What asks, for the messages.

    Returns:
        float32 of shape (n_classes, code_length), each entry 1 or -1.

    Raises:
        ConfigError: If `n_classes` or `code_length` is not as described.
    """
    if isinstance(n_classes, bool) or not isinstance(n_classes, (int, np.integer)) or n_classes < 1:
        raise ConfigError(f"{where}(n_classes) must be an int >= 1, got {n_classes!r}")
    smallest = 1 << (int(n_classes) - 1).bit_length()
    length = smallest if code_length is None else code_length
    if not isinstance(length, (int, np.integer)) or length < smallest or length & (length - 1):
        raise ConfigError(
            f"{where}(code_length) must be a power of 2 that is >= n_classes={n_classes}, got {code_length!r}; "
            f"the smallest is {smallest}"
        )
    matrix = np.ones((1, 1), np.float32)
    while len(matrix) < length:
        matrix = np.block([[matrix, matrix], [matrix, -matrix]])
    words: np.ndarray = matrix[:n_classes].copy()
    words[:, 0] = -1
    words[1::2, 0] = 1
    return words
