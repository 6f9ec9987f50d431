"""Tokenize: text to words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastestimator_lite.op.numpyop.univariate.each import EachValue
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError, DataError


class Tokenize(EachValue):
    """Split texts into lists of words.

    Args:
        inputs: Key or keys of texts.
        outputs: Key or keys to write, as many as `inputs`: lists of words.
        mode, ds_id: When to run; see `Op`.
        tokenize_fn: Takes a text and returns its words; None splits at spaces, tabs and line ends.
        to_lower_case: Whether the words are turned to lower case, after the split.

    Raises:
        ConfigError: If `tokenize_fn` is no function, or there are not as many outputs as inputs.
    """

    def __init__(
        self,
        inputs: str | Sequence[str],
        outputs: str | Sequence[str],
        mode: Keys = None,
        ds_id: Keys = None,
        tokenize_fn: Callable[[str], Sequence[str]] | None = None,
        to_lower_case: bool = False,
    ) -> None:
        super().__init__(inputs, outputs, mode, ds_id)
        if tokenize_fn is not None and not callable(tokenize_fn):
            raise ConfigError(f"Tokenize(tokenize_fn) must be a function or None, got {tokenize_fn!r}")
        self.tokenize_fn = tokenize_fn
        self.to_lower_case = to_lower_case
        self.draws = tokenize_fn is not None  # subword tokenizers may draw how they split

    def work(self, value: Any) -> list[str]:
        text = value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value
        words: list[Any]
        if self.tokenize_fn is not None:
            words = list(self.tokenize_fn(text))
        elif isinstance(text, (str, bytes)):
            words = [*text.split()]
        else:
            raise DataError(f"Tokenize takes a text for {self.inputs}, got {value!r} ({type(value).__name__})")
        return [word.lower() for word in words] if self.to_lower_case else words
