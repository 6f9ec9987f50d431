"""Why a Keras model could not take its input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras


def mismatch(model: keras.Model, inputs: Mapping[str, Any]) -> str | None:
    """Say which input does not fit, after a forward pass failed.

    Args:
        model: The model.
        inputs: What it was given, by key, in order.

    Returns:
        One sentence, or None if it is not the input's size, or the model does not say what it expects.
    """
    expected = getattr(model, "inputs", None) or []
    if len(expected) != len(inputs):
        return None
    for (key, given), wanted in zip(inputs.items(), expected, strict=True):
        got, shape = tuple(given.shape), tuple(wanted.shape)
        if len(got) != len(shape) or any(a != b for a, b in zip(got, shape, strict=True) if None not in (a, b)):
            sizes = tuple(size if size is not None else one for size, one in zip(shape, got, strict=False))
            return f"key {key!r} has shape {got}, and the model expects {sizes if len(got) == len(shape) else shape}"
    return None
