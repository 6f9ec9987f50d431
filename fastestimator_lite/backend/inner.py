"""A Keras model that also gives what inner layers return, on whichever backend Keras runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from fastestimator_lite.util.errors import ConfigError, suggest


def with_inner_layers(model: Any, layers: Sequence[str | int]) -> Any:
    """A model over the same layers that returns "outputs", a list of what the model gives, and "inner", of each layer.

    Args:
        model: A functional or Sequential Keras model.
        layers: Names of layers, or indices into the model's.

    Raises:
        ConfigError: If there is no such layer, or the model's inputs are not known.
    """
    names = [layer.name for layer in model.layers]
    for layer in layers:
        if isinstance(layer, str) and layer not in names:
            raise ConfigError(f"the model has no layer {layer!r}; it has: {', '.join(names)}.{suggest(layer, names)}")
        if isinstance(layer, int) and not -len(names) <= layer < len(names):
            raise ConfigError(f"the model has no layer number {layer}; it has {len(names)}: {', '.join(names)}")
    if not getattr(model, "inputs", None):
        raise ConfigError("intermediate_layers needs a functional or Sequential Keras model with known inputs")
    inner = [model.get_layer(layer) if isinstance(layer, str) else model.layers[layer] for layer in layers]
    # a functional model's own structures, so that dictionaries stay what they are; a Sequential has none
    inputs, outputs = getattr(model, "input", model.inputs), getattr(model, "output", model.outputs[0])
    if isinstance(outputs, (list, tuple)) and len(outputs) == 1:
        outputs = outputs[0]
    found = {"outputs": [outputs], "inner": [layer.output for layer in inner]}
    return sys.modules["keras"].Model(inputs, found)
