"""PadSequence: sequences of one length."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastestimator_lite.op.numpyop.univariate.each import EachValue
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError, DataError


class PadSequence(EachValue):
    """Bring sequences to one length: fill up short ones and cut the end of long ones.

    Args:
        inputs: Key or keys of lists or arrays of shape (T, ...).
        outputs: Key or keys to write, as many as `inputs`: arrays of shape (max_len, ...). The type is that of the
            input, or a wider one if that cannot hold `value`.
        max_len: The length, >= 1.
        value: What to fill up with; a string for sequences of words.
        append: Whether the filling comes after the sequence, or before it.
        mode, ds_id: When to run; see `Op`.

    Raises:
        ConfigError: If `max_len` is not an int >= 1, or there are not as many outputs as inputs.
    """

    def __init__(
        self,
        inputs: str | Sequence[str],
        outputs: str | Sequence[str],
        max_len: int,
        value: str | float = 0,
        append: bool = True,
        mode: Keys = None,
        ds_id: Keys = None,
    ) -> None:
        super().__init__(inputs, outputs, mode, ds_id)
        if isinstance(max_len, bool) or not isinstance(max_len, (int, np.integer)) or max_len < 1:
            raise ConfigError(f"PadSequence(max_len) must be an int >= 1, got {max_len!r}")
        self.max_len = max_len
        self.value = value
        self.append = append

    def work(self, value: Sequence[str] | Sequence[float] | np.ndarray) -> np.ndarray:
        sequence = np.asarray(value)
        if sequence.ndim == 0:
            raise DataError(
                f"PadSequence takes lists or arrays for {self.inputs}, got {value!r}; is a Tokenize missing?"
            )
        if len(sequence) >= self.max_len:
            return sequence[: self.max_len]
        # an empty list has no type of its own
        dtype = self._common_type(sequence.dtype) if sequence.size or isinstance(value, np.ndarray) else None
        filling = np.full((self.max_len - len(sequence), *sequence.shape[1:]), self.value, dtype)
        if not sequence.size:
            return filling
        return np.concatenate([sequence, filling] if self.append else [filling, sequence])

    def _common_type(self, dtype: np.dtype) -> np.dtype:
        if isinstance(self.value, str) or dtype.kind not in "biuf":
            return np.promote_types(dtype, np.asarray(self.value).dtype)
        return np.result_type(dtype, self.value)
