"""Examples of the ops on PIL images, words and codes."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastestimator_lite.op.numpyop import univariate
from tests.contracts.samples import XY, Example, double, image, label, numbers

WORDS = ("red", "green", "blue")


def words(rng: np.random.Generator) -> list[Any]:
    return [[str(word) for word in rng.choice(WORDS, 4)]]


def text(rng: np.random.Generator) -> list[Any]:
    return [" ".join(words(rng)[0])]


def on_bytes(**arguments: Any) -> Example:
    return Example({**XY, **arguments}, image, refuses=frozenset({"float32"}))


DRAWN: dict[type, Example] = {
    univariate.AutoContrast: on_bytes(),
    univariate.Brightness: on_bytes(),
    univariate.Calibrate: Example({"calibration_fn": double, **XY}, numbers),
    univariate.Color: on_bytes(),
    univariate.Contrast: on_bytes(),
    univariate.Hadamard: Example({"n_classes": 5, **XY}, label),
    univariate.PadSequence: Example({"max_len": 5, **XY}, numbers),
    univariate.RUA: on_bytes(level=17),
    univariate.RandomShapes: Example(XY, image),
    univariate.Sharpness: on_bytes(),
    univariate.ShearX: on_bytes(),
    univariate.ShearY: on_bytes(),
    univariate.Tokenize: Example(XY, text),
    univariate.TranslateX: on_bytes(),
    univariate.TranslateY: on_bytes(),
    univariate.WordtoId: Example({"mapping": {word: i for i, word in enumerate(WORDS)}, **XY}, words),
}
