"""fe.export: what a network does at inference, as a file that runs without this package."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fastestimator_lite.backend.card import card_of
from fastestimator_lite.backend.convert import to_number, to_tensor
from fastestimator_lite.component import When
from fastestimator_lite.network.base import BaseNetwork, Step
from fastestimator_lite.network.plan import NetworkPlan
from fastestimator_lite.util.errors import ConfigError, MissingDependencyError, MissingKeyError, suggest
from fastestimator_lite.util.names import to_list

FORMATS = {"torch": ("pt2", "onnx"), "tf": ("savedmodel", "onnx")}
_HOMES = {
    "torch": "fastestimator_lite.network.exporting.pytorch",
    "tf": "fastestimator_lite.network.exporting.tensorflow",
}
_TOLERANCE = 1e-3  # of the largest value of an output: another runtime adds up in another order


def export(
    network: BaseNetwork,
    path: str | os.PathLike[str],
    example: Mapping[str, Any],
    outputs: str | Iterable[str] | None = None,
    mode: str = "infer",
    epoch: int = 1,
    ds_id: str = "",
    format: str | None = None,
    check: bool = True,
) -> Path:
    """Write what a network does with a batch as a file that runs without this package.

    The file holds the TensorOps and models that are in force at one moment, with their weights. Its inputs are the keys
    that those read from a batch, its outputs the keys that they write, under the same names. The first axis of each input
    may have any length, the others are those of the example. A `torch.export` program takes its inputs in the order of the
    alphabet and gives a tuple. NumpyOps, those of `pops` too, are not part of it.

    Args:
        network: The network.
        path: File, or folder for a SavedModel, to write. Something that is there already is replaced at the end.
        example: A batch with the keys that the ops read, arrays or tensors; its shapes and dtypes are those of the inputs.
            Of what else it holds nothing is used.
        outputs: Key or keys to give; None for all that the ops write.
        mode, epoch, ds_id: The moment whose ops to take.
        format: "pt2" (`torch.export`), "savedmodel" (TensorFlow) or "onnx"; None goes by the ending of `path`: ".pt2", ".onnx",
            and none for a SavedModel.
        check: Whether an ONNX file is run on the example and compared with the network; needs onnxruntime.

    Returns:
        The path.

    Raises:
        ConfigError: If the format does not go with the network, no op is in force, an op draws a gradient, a key is no
            tensor, or the file gives other values than the network.
        MissingKeyError: If the example lacks a key, or no op writes one of `outputs`.
        MissingDependencyError: If a library of the extra `export` is missing.
    """
    target = Path(path)
    kind = _format(network.framework, target, format)
    with network.undisturbed():
        step = network.load(When(mode, epoch, ds_id), _wanted(outputs))
    plan = step.plan
    if not plan.ops:
        raise ConfigError(
            f"no op of the Network is in force in mode {mode!r} at epoch {epoch}, so there is nothing to export"
        )
    if plan.slicers:
        raise ConfigError(
            "a Network whose slicers are in force cannot be exported; give them a mode other than " + repr(mode)
        )
    names = _checked_outputs(plan, outputs, kind)
    inputs = _checked_inputs(plan, example, network.framework)
    home = importlib.import_module(_HOMES[network.framework])
    _need(kind, network.framework, check)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder, _uncompiled(step):
        part = Path(folder) / target.name
        home.write(step, inputs, names, part, kind)
        if kind == "onnx" and check:
            _compare(part, target, inputs, home.run(step, inputs, names))
        if part.is_dir() and target.is_dir():
            shutil.rmtree(target)
        part.replace(target)
    return target


@contextlib.contextmanager
def _uncompiled(step: Step) -> Iterator[None]:
    """Run the models as they are: what a compiler made of them is for this process alone."""
    cards = [card_of(model) for model in {model for _, op in step.plan.ops for model in op.get_fe_models()}]
    compiled = [card.compiled for card in cards]
    for card in cards:
        card.compiled = None
    try:
        yield
    finally:
        for card, form in zip(cards, compiled, strict=True):
            card.compiled = form


def _wanted(outputs: str | Iterable[str] | None) -> set[str] | None:
    return None if outputs is None else set(to_list(outputs))


def _format(framework: str, path: Path, asked: str | None) -> str:
    choices = FORMATS[framework]
    kind = asked or {".pt2": "pt2", ".onnx": "onnx", "": "savedmodel"}.get(path.suffix, path.suffix)
    if kind not in choices:
        wanted = " or ".join(
            {"pt2": "'.pt2'", "onnx": "'.onnx'", "savedmodel": "no ending (a SavedModel)"}[each] for each in choices
        )
        raise ConfigError(
            f"fe.export cannot write {kind!r} for a {'torch' if framework == 'torch' else 'TensorFlow'} network; path "
            f"{str(path)!r} must have {wanted}, or format be one of {choices}.{suggest(kind, choices)}"
        )
    return kind


def _checked_outputs(plan: NetworkPlan, outputs: str | Iterable[str] | None, kind: str) -> list[str]:
    written = plan.written_keys()
    taken = plan.input_keys() if kind == "onnx" else set()
    if outputs is None:
        return [name for name in written if name not in taken]
    names = to_list(outputs)
    for name in names:
        if name in taken and name in written:
            raise ConfigError(
                f"fe.export(outputs): {name!r} is an input of the ONNX file as well, where a name stands for one value; let "
                f"the op write it under another key"
            )
        if name not in written:
            raise MissingKeyError(
                f"fe.export(outputs): no op in force writes {name!r}; written are: {', '.join(map(repr, written))}."
                f"{suggest(name, written)}"
            )
    return names


def _checked_inputs(plan: NetworkPlan, example: Mapping[str, Any], framework: str) -> dict[str, Any]:
    needed = sorted(plan.input_keys())
    for key in needed:
        if key not in example:
            raise MissingKeyError(
                f"fe.export(example) needs key {key!r}, which an op reads; it has: {', '.join(map(repr, example))}."
                f"{suggest(key, example)}"
            )
    values = {key: to_tensor(np.asarray(to_number(example[key])), framework) for key in needed}
    for key, value in values.items():
        if not len(value.shape):
            raise ConfigError(f"fe.export(example): key {key!r} must have a batch axis, got a single number")
    return values


def _need(kind: str, framework: str, check: bool) -> None:
    libraries = {"onnx": ["onnx", "onnxscript"] if framework == "torch" else ["onnx", "tf2onnx"]}.get(kind, [])
    if kind == "onnx" and check:
        libraries.append("onnxruntime")
    missing = [library for library in libraries if importlib.util.find_spec(library) is None]
    if missing:
        raise MissingDependencyError(
            f"fe.export needs {', '.join(missing)} for an ONNX file; run: pip install 'fastestimator-lite[export]'"
            f"{' (check=False does without onnxruntime)' if missing == ['onnxruntime'] else ''}"
        )


def _compare(part: Path, path: Path, inputs: Mapping[str, Any], expected: Mapping[str, np.ndarray]) -> None:
    """Run an ONNX file and hold its outputs against those of the network.

    Raises:
        ConfigError: If they differ.
    """
    runtime = importlib.import_module("onnxruntime")
    try:
        session = runtime.InferenceSession(str(part), providers=["CPUExecutionProvider"])
        found = session.run(list(expected), {key: to_number(value) for key, value in inputs.items()})
    except Exception as err:
        raise ConfigError(
            f"ONNX Runtime cannot run {path}, which was not written: {type(err).__name__}: {err}"
        ) from err
    for (key, ours), theirs in zip(expected.items(), found, strict=True):
        scale = max(float(np.abs(ours).max(initial=0)), 1e-6)
        gap = float(np.abs(ours.astype(float) - theirs).max(initial=0))
        if not gap <= _TOLERANCE * scale:
            raise ConfigError(
                f"{path} gives other values than the network for {key!r}: they differ by up to {gap:.3g}, and the largest is "
                f"{scale:.3g}; check=False keeps the file as it is"
            )
