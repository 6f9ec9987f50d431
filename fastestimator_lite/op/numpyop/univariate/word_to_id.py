"""WordtoId: words to numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from fastestimator_lite.op.numpyop.univariate.each import EachValue
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError, DataError, suggest


class WordtoId(EachValue):
    """Turn lists of words into arrays of numbers.

    Args:
        mapping: The number of each word, or a function that takes a list of words and returns their numbers.
        inputs: Key or keys of lists of words.
        outputs: Key or keys to write, as many as `inputs`: int arrays of shape (number of words,).
        mode, ds_id: When to run; see `Op`.

    Raises:
        ConfigError: If `mapping` is neither a dictionary nor a function, or there are not as many outputs as inputs.
    """

    def __init__(
        self,
        mapping: Mapping[str, int] | Callable[[Sequence[str]], Sequence[int]],
        inputs: str | Sequence[str],
        outputs: str | Sequence[str],
        mode: Keys = None,
        ds_id: Keys = None,
    ) -> None:
        super().__init__(inputs, outputs, mode, ds_id)
        if not isinstance(mapping, Mapping) and not callable(mapping):
            raise ConfigError(f"WordtoId(mapping) must be a dictionary or a function, got {mapping!r}")
        self.mapping = mapping
        self.draws = not isinstance(mapping, Mapping)  # a function may draw

    def work(self, value: Sequence[str]) -> np.ndarray:
        ids: Any
        if isinstance(self.mapping, Mapping):
            try:
                ids = [self.mapping[word] for word in value]
            except KeyError as err:
                raise self._unknown(err.args[0]) from None
        else:
            ids = self.mapping(value)
        numbers = np.asarray(ids)
        return numbers if numbers.size else numbers.astype(np.int64)

    def _unknown(self, word: Any) -> DataError:
        words = list(self.mapping) if isinstance(self.mapping, Mapping) else []
        return DataError(
            f"WordtoId: {word!r} from {self.inputs} is none of the {len(words)} words of the mapping."
            f"{suggest(word, words)} For words that are not known give a collections.defaultdict, or a function"
        )
