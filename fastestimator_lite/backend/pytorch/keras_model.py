"""Keras models on their torch backend, which are torch modules of their own kind."""

from __future__ import annotations

import sys

import torch

_known: dict[type, bool] = {}


def is_keras(model: torch.nn.Module) -> bool:
    """Whether a module is a Keras model on its torch backend."""
    kind = type(model)
    if kind not in _known:
        _known[kind] = "keras" in sys.modules and isinstance(model, sys.modules["keras"].Model)
    return _known[kind]
