"""Hadamard: class indices to error-correcting code words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastestimator_lite.op.numpyop.univariate.each import EachInput
from fastestimator_lite.op.numpyop.univariate.onehot import check_labels
from fastestimator_lite.types import Keys
from fastestimator_lite.util.codes import code_words


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
