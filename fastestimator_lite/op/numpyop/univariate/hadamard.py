"""Hadamard: class indices to error-correcting code words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastestimator_lite.op.numpyop.univariate.each import EachInput
from fastestimator_lite.op.numpyop.univariate.onehot import check_labels
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError


class Hadamard(EachInput):
    """Turn a class index into a code word of 1 and -1.

    Any two code words differ in about half of their places, so a network whose outputs are a little wrong is still
    nearest to the right one.

    Args:
        inputs: Key or keys of ints in [0, n_classes), of shape () or (1,), or any shape (...) for a label at each
            place; a last axis of length 1 is dropped.
        outputs: Key or keys to write, as many as `inputs`: float32 of shape (..., code_length).
        n_classes: Number of classes, >= 1.
        code_length: Length of a code word, a power of 2 that is >= `n_classes`; None for the smallest.
        mode, ds_id: When to run; see `Op`.

    Raises:
        ConfigError: If `n_classes` or `code_length` is not as described, or there are not as many outputs as inputs.

    Source: Verma and Swami 2019, "Error Correcting Output Codes Improve Probability Estimation and Adversarial
        Robustness of Deep Neural Networks"; the code words are those of FastEstimator 1.7.
    """

    def __init__(
        self,
        inputs: str | Sequence[str],
        outputs: str | Sequence[str],
        n_classes: int,
        code_length: int | None = None,
        mode: Keys = None,
        ds_id: Keys = None,
    ) -> None:
        super().__init__(inputs, outputs, mode, ds_id)
        self.n_classes = n_classes
        self.code_words = code_words(n_classes, code_length, "Hadamard")
        self.code_length = self.code_words.shape[1]

    def work(self, batch: np.ndarray) -> np.ndarray:
        return self.code_words[check_labels(batch, self.n_classes, self)]


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
