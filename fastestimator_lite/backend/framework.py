"""Which framework a value belongs to, asked by type and without importing a framework that nobody uses.

A framework is a module of our own that spells the primitives (`backend/numpy/array.py`, `backend/pytorch/array.py`,
`backend/tensorflow/array.py`), so a backend function is one line: look the module up, call the primitive.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

# library to look for in sys.modules -> the module that spells the primitives for its tensors
_HOMES = {
    "numpy": "fastestimator_lite.backend.numpy.array",
    "torch": "fastestimator_lite.backend.pytorch.array",
    "tensorflow": "fastestimator_lite.backend.tensorflow.array",
}
_MODEL_HOMES = {
    "torch": "fastestimator_lite.backend.pytorch.model",
    "tensorflow": "fastestimator_lite.backend.tensorflow.model",
}
_known: dict[type, ModuleType] = {}
_known_models: dict[type, ModuleType] = {}


def framework_of(value: Any) -> ModuleType:
    """The primitives for an array or tensor.

    Args:
        value: A numpy array or number, a `torch.Tensor`, or a `tf.Tensor` (a `tf.Variable` or a Keras one as well).

    Returns:
        The module with the primitives; its `NAME` is "np", "torch" or "tf".

    Raises:
        TypeError: If the value belongs to none of them.
    """
    try:
        return _known[type(value)]
    except KeyError:
        return _find(value)


def _find(value: Any) -> ModuleType:
    for library, home in _HOMES.items():
        if library in sys.modules:
            module = importlib.import_module(home)
            if module.owns(value):
                _known[type(value)] = module
                return module
    raise TypeError(f"expected a numpy array, torch.Tensor or tf.Tensor, got {type(value).__name__}: {value!r:.200}")


def is_tensor(value: Any) -> bool:
    """Whether the value is a torch or TensorFlow tensor."""
    if type(value) in _known:
        return _known[type(value)].NAME != "np"
    for library in ("torch", "tensorflow"):
        if library in sys.modules and importlib.import_module(_HOMES[library]).owns(value):
            return True
    return False


def framework_of_model(model: Any) -> ModuleType:
    """What to do with a model: forward, gradient, optimizer, learning rate, files.

    Args:
        model: A `torch.nn.Module` or a Keras model. A Keras model on its torch backend counts as a torch module.

    Returns:
        `backend.pytorch.model` or `backend.tensorflow.model`.

    Raises:
        TypeError: If it is neither.
    """
    try:
        return _known_models[type(model)]
    except KeyError:
        pass
    for library, home in _MODEL_HOMES.items():
        if library in sys.modules:
            module = importlib.import_module(home)
            if module.owns(model):
                _known_models[type(model)] = module
                return module
    raise TypeError(f"expected a torch.nn.Module or a Keras model, got {type(model).__name__}: {model!r:.200}")


def primitives(name: str) -> ModuleType:
    """The primitives by framework name, "np", "torch" or "tf"; imports the framework."""
    library = {"np": "numpy", "torch": "torch", "tf": "tensorflow"}[name]
    return importlib.import_module(_HOMES[library])


def model_primitives(name: str) -> ModuleType:
    """What to do with models by framework name, "torch" or "tf"; imports the framework."""
    home = _MODEL_HOMES[{"torch": "torch", "tf": "tensorflow"}[name]]
    return sys.modules.get(home) or importlib.import_module(home)  # a graph of TensorFlow cannot trace an import
