"""Torch networks as `torch.export` programs and ONNX files."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from fastestimator_lite.network.base import Step
from fastestimator_lite.util.errors import ConfigError


class _Inference(torch.nn.Module):
    """The ops of a step as one module, from tensors in the order of `inputs` to tensors in the order of `outputs`."""

    def __init__(self, step: Step, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        super().__init__()
        models = dict.fromkeys(model for _, op in step.plan.ops for model in op.get_fe_models())
        self.models = torch.nn.ModuleList(models)
        self._step, self._inputs, self._outputs = step, list(inputs), list(outputs)

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        store = dict(zip(self._inputs, tensors, strict=True))
        plan = self._step.plan
        state = {"mode": plan.mode, "epoch": self._step.epoch, "warmup": False, "tape": None, "deferred": {}}
        self._step.run(store, state)
        for key in self._outputs:
            if not isinstance(store[key], torch.Tensor):
                raise ConfigError(
                    f"fe.export writes tensors, and {key!r} is a {type(store[key]).__name__}; name the keys to write in outputs"
                )
        return tuple(store[key] for key in self._outputs)


def run(step: Step, inputs: Mapping[str, torch.Tensor], outputs: Sequence[str]) -> dict[str, np.ndarray]:
    """What the step gives for some inputs, as arrays."""
    with torch.no_grad():
        values = _Inference(step, list(inputs), outputs)(*_on_device(step, inputs))
    return {key: value.cpu().numpy() for key, value in zip(outputs, values, strict=True)}


def write(step: Step, inputs: Mapping[str, torch.Tensor], outputs: Sequence[str], path: Path, kind: str) -> None:
    """Write the step to a file.

    Args:
        step: The step.
        inputs: An example of each input.
        outputs: Keys to give.
        path: The file.
        kind: "pt2" or "onnx".

    Raises:
        ConfigError: If torch cannot trace the ops.
    """
    module = _Inference(step, list(inputs), outputs).eval()
    batch = torch.export.Dim("batch", min=1)
    # a batch of one would be taken for a constant
    examples = tuple(torch.cat([value] * 2) if len(value) == 1 else value for value in _on_device(step, inputs))
    shapes = {"tensors": tuple({0: batch} for _ in examples)}
    with torch.no_grad(), warnings.catch_warnings(), _quiet():
        warnings.simplefilter("ignore")  # what torch says of its own parts
        try:
            program = torch.export.export(module, examples, dynamic_shapes=shapes, strict=False)
        except ConfigError:
            raise
        except Exception as err:
            raise ConfigError(
                f"torch cannot trace the ops of the Network for fe.export: {type(err).__name__}: {err}"
            ) from err
        if kind == "pt2":
            torch.export.save(program, path)
        else:
            torch.onnx.export(
                program,
                f=str(path),
                input_names=list(inputs),
                output_names=list(outputs),
                dynamo=True,
                external_data=False,
                verbose=False,
            )


def _on_device(step: Step, inputs: Mapping[str, torch.Tensor]) -> list[torch.Tensor]:
    models = [model for _, op in step.plan.ops for model in op.get_fe_models()]
    devices = [parameter.device for model in models for parameter in model.parameters()]
    return [value.to(devices[0]) if devices else value for value in inputs.values()]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence the loggers of the exporter, which tell of each stage."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
