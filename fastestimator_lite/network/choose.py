"""fe.Network: the network class for the models at hand."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from typing import Any

from fastestimator_lite.backend.framework import framework_of_model
from fastestimator_lite.network.base import BaseNetwork
from fastestimator_lite.schedule.schedule import values_of
from fastestimator_lite.util.errors import ConfigError, MissingDependencyError
from fastestimator_lite.util.names import filter_nones, to_list


def Network(ops: Any, pops: Any = None, slicers: Any = None) -> BaseNetwork:  # noqa: N802 - the name that scripts use
    """Make a network.

    Args:
        ops: TensorOps and Schedulers of TensorOps, in order; None entries are skipped.
        pops: NumpyOps, and Schedulers of them, on the finished batch.
        slicers: Slicers, and Schedulers of them. Where one cuts the batch, all ops, updates included, run on one minibatch
            after the other; what the ops write and somebody reads afterwards must be joined by a slicer.

    Returns:
        A torch network if the models are torch modules, a TensorFlow one if they are Keras models. Without a model, that
        of the framework in use, torch first.

    Raises:
        ConfigError: If there are models of both frameworks, something is no TensorOp, NumpyOp or Slicer, or slicers join
            keys that nothing cuts or writes.
    """
    names: dict[str, list[str]] = {}
    for item in filter_nones(to_list(ops)):
        for op in values_of(item):
            for model in getattr(op, "get_fe_models", set)():
                names.setdefault(framework_of_model(model).NAME, []).append(model.fe.name)
    if len(names) > 1:
        raise ConfigError(
            f"a Network holds models of one framework, got torch: {sorted(set(names['torch']))}, TensorFlow: "
            f"{sorted(set(names['tf']))}"
        )
    framework = next(iter(names)) if names else framework_in_use()
    if framework == "torch":
        return importlib.import_module("fastestimator_lite.network.pytorch").TorchNetwork(ops, pops, slicers)
    return importlib.import_module("fastestimator_lite.network.tensorflow").TFNetwork(ops, pops, slicers)


def framework_in_use() -> str:
    """The framework that is loaded, or else installed; torch first.

    Returns:
        "torch" or "tf".

    Raises:
        MissingDependencyError: If neither is installed.
    """
    for where in (sys.modules.__contains__, lambda name: importlib.util.find_spec(name) is not None):
        for library, name in (("torch", "torch"), ("tensorflow", "tf")):
            if where(library):
                if name == "tf":
                    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
                return name
    raise MissingDependencyError(
        "neither torch nor TensorFlow is installed; run: pip install 'fastestimator-lite[torch]' (or '[tensorflow]')"
    )
