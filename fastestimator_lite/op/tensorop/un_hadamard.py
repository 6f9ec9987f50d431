"""UnHadamard: error-correcting code words back to class probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastestimator_lite.backend.convert import to_tensor
from fastestimator_lite.backend.device import move_tensors_to_device
from fastestimator_lite.backend.framework import framework_of
from fastestimator_lite.backend.special import iwd
from fastestimator_lite.op.tensorop.each import EachTensor
from fastestimator_lite.types import Keys
from fastestimator_lite.util.codes import code_words
from fastestimator_lite.util.errors import ConfigError


class UnHadamard(EachTensor):
    """Turn code words, as a network gives them for the NumpyOp `Hadamard`, into class probabilities.

    A class is the more probable the nearer its code word is, in the sum of absolute differences.

    Args:
        inputs: Key or keys to read, shape (..., code_length), float.
        outputs: Key or keys to write, as many as `inputs`: shape (..., n_classes), float.
        n_classes: Number of classes, >= 1.
        code_length: Length of a code word, a power of 2 that is >= `n_classes`; None for the smallest.
        mode, ds_id: When to run; see `Op`.

    Raises:
        ConfigError: If `n_classes` or `code_length` is not as described, or there are not as many outputs as inputs.

    Source: Verma and Swami 2019, "Error Correcting Output Codes Improve Probability Estimation and Adversarial
        Robustness of Deep Neural Networks"; a word that is met exactly has probability 0.99999, as in FastEstimator 1.7.
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
        self._words: Any = code_words(n_classes, code_length, "UnHadamard")
        self.code_length = self._words.shape[1]

    def build(self, framework: str, device: Any = None) -> None:
        self._words = to_tensor(self._words, framework)
        if device is not None:
            self._words = move_tensors_to_device(self._words, device)

    def work(self, tensor: Any) -> Any:
        if tensor.shape[-1] != self.code_length:
            raise ConfigError(
                f"UnHadamard expects code words of length {self.code_length} on the last axis, got a tensor of shape "
                f"{tuple(tensor.shape)}"
            )
        framework = framework_of(tensor)
        words = framework.cast(self._words, framework.dtype_name(tensor))
        distances = framework.reduce_sum(framework.abs(framework.expand_dims(tensor, -2) - words), -1, False)
        # two code words are code_length + 1 apart on average
        return iwd(distances, max_prob=0.99999, pairwise_distance=self.code_length + 1)
