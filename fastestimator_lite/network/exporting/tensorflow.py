"""TensorFlow networks as SavedModels and ONNX files."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from fastestimator_lite.backend.card import card_of
from fastestimator_lite.network.base import Step
from fastestimator_lite.util.errors import ConfigError


class _Inference(tf.Module):
    """The ops of a step as one function of tensors by key."""

    def __init__(self, step: Step, inputs: Mapping[str, Any], outputs: Sequence[str]) -> None:
        super().__init__()
        self.models = list(dict.fromkeys(model for _, op in step.plan.ops for model in op.get_fe_models()))
        self._step, self._outputs = step, list(outputs)
        self._signature = [
            tf.TensorSpec([None, *value.shape[1:]], value.dtype, name=key) for key, value in inputs.items()
        ]
        self._names = list(inputs)

    def function(self) -> Any:
        """The ops as a graph; takes tensors in the order of the inputs, gives a dictionary by key."""

        def infer(*tensors: Any) -> dict[str, Any]:
            return self.run(dict(zip(self._names, tensors, strict=True)))

        return tf.function(infer, input_signature=self._signature)

    def run(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        store = dict(inputs)
        plan = self._step.plan
        state = {"mode": plan.mode, "epoch": self._step.epoch, "warmup": False, "tape": None, "deferred": {}}
        self._step.run(store, state)
        return {key: tf.identity(store[key], name=key) for key in self._outputs}


def run(step: Step, inputs: Mapping[str, Any], outputs: Sequence[str]) -> dict[str, np.ndarray]:
    """What the step gives for some inputs, as arrays."""
    values = _Inference(step, inputs, outputs).run(inputs)
    return {key: value.numpy() for key, value in values.items()}


def write(step: Step, inputs: Mapping[str, Any], outputs: Sequence[str], path: Path, kind: str) -> None:
    """Write the step to a folder or file.

    Args:
        step: The step.
        inputs: An example of each input.
        outputs: Keys to give.
        path: The folder or file.
        kind: "savedmodel" or "onnx".

    Raises:
        ConfigError: If TensorFlow cannot trace the ops, or a model computes in a precision that ONNX's converter lacks.
    """
    if kind == "onnx":
        _check_precision(step)
    module = _Inference(step, inputs, outputs)
    function = module.function()
    try:
        concrete = function.get_concrete_function()
    except Exception as err:
        raise ConfigError(
            f"TensorFlow cannot trace the ops of the Network for fe.export: {type(err).__name__}: {err}"
        ) from err
    if kind == "savedmodel":
        tf.saved_model.save(module, str(path), signatures={"serving_default": concrete})
    else:
        _write_onnx(function, concrete, list(inputs), outputs, path)


def _check_precision(step: Step) -> None:
    for model in {model for _, op in step.plan.ops for model in op.get_fe_models()}:
        card = card_of(model)
        if card.mixed_precision == "bf16":
            raise ConfigError(
                f"fe.export cannot write model {card.name!r}, a Keras model in bf16, as ONNX: tf2onnx has no bfloat16; write a "
                f"SavedModel, or build it without mixed_precision and load the weights"
            )


def _write_onnx(function: Any, concrete: Any, inputs: Sequence[str], outputs: Sequence[str], path: Path) -> None:
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    convert = importlib.import_module("tf2onnx.convert")
    onnx = importlib.import_module("onnx")
    signature = [tf.TensorSpec(spec.shape, spec.dtype, name=spec.name) for spec in function.input_signature]
    model, _ = convert.from_function(function, input_signature=signature, opset=18)
    # the converter names outputs after nodes; the flattened outputs of a graph come in the order of their keys
    names = dict(zip((value.name for value in model.graph.output), sorted(outputs), strict=True))
    names.update(zip((value.name for value in model.graph.input), inputs, strict=True))
    taken = set(names.values())
    for node in model.graph.node:
        for field in (node.input, node.output):
            for place, name in enumerate(field):
                field[place] = names.get(name, f"{name}__inner" if name in taken and name not in names else name)
    for value in (*model.graph.input, *model.graph.output):
        value.name = names[value.name]
    for value in model.graph.initializer:
        if value.name in taken:
            value.name = f"{value.name}__inner"
    onnx.save(model, str(path))
