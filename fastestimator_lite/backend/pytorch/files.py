"""torch: the state of a model, and its files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from fastestimator_lite.backend.card import card_of
from fastestimator_lite.backend.pytorch.keras_model import is_keras
from fastestimator_lite.util.atomic import replacing
from fastestimator_lite.util.errors import CheckpointError, ConfigError
from fastestimator_lite.util.names import check_file_name

# what DataParallel and torch.compile put before parameter names
_WRAPPERS = {"DataParallel": "module.", "DistributedDataParallel": "module.", "OptimizedModule": "_orig_mod."}


def model_state(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """A copy of the parameters and buffers."""
    return {key: value.clone() for key, value in _tensors(model).items()}


def load_model_state(model: torch.nn.Module, state: dict[str, torch.Tensor]) -> None:
    """Put back what `model_state` gave."""
    if is_keras(model):
        _put(_tensors(model), state)
    else:
        model.load_state_dict(state)


def _tensors(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The parameters and buffers by name; those of Keras, whose names count up in a process, by their place."""
    if is_keras(model):
        variables: Any = model.variables
        return {str(place): variable.value.detach() for place, variable in enumerate(variables)}
    return model.state_dict()


def _put(tensors: dict[str, torch.Tensor], values: dict[str, torch.Tensor]) -> None:
    if len(tensors) != len(values):
        raise CheckpointError(
            f"the state holds {len(values)} variables, and the Keras model has {len(tensors)}; is it built?"
        )
    for key, tensor in tensors.items():
        tensor.copy_(values[key])


def save_model(
    model: torch.nn.Module,
    save_dir: str | os.PathLike[str],
    model_name: str | None,
    save_optimizer: bool,
    save_architecture: bool,
) -> str:
    card = card_of(model)
    if save_architecture:
        raise ConfigError(
            "save_architecture=True is for Keras models; a torch model is loaded by its code and its weights"
        )
    name = check_file_name(model_name or card.name)
    path = Path(save_dir) / f"{name}.pt"
    with replacing(path) as temporary:
        prefix = prefix_of(model)
        torch.save({key.removeprefix(prefix): value for key, value in _tensors(model).items()}, temporary)
    if save_optimizer:
        with replacing(path.with_name(f"{name}_opt.pt")) as temporary:
            torch.save({phase: optimizer.state_dict() for phase, optimizer in card.optimizers().items()}, temporary)
    return str(path)


def load_model(model: torch.nn.Module, weights_path: str | os.PathLike[str], load_optimizer: bool) -> None:
    path = Path(weights_path)
    state, prefix = _read(path), prefix_of(model)
    tensors = _tensors(model)
    own = {key.removeprefix(prefix): key for key in tensors}
    if set(state) != set(own):  # the file may be of a wrapped model
        state = {_bare(key): value for key, value in state.items()}
    named = {name: tensors[key] for name, key in own.items()}
    state = _with_tied(state, named)
    _check_match(path, model, state, named)
    load_model_state(model, {own[key]: value for key, value in state.items()})
    if load_optimizer:
        phases = _read(path.with_name(f"{path.stem}_opt.pt"))
        optimizers = card_of(model).optimizers()
        if set(phases) != set(optimizers):
            raise CheckpointError(
                f"{path.with_name(f'{path.stem}_opt.pt')} holds optimizers for {sorted(phases)}, the model "
                f"{card_of(model).name!r} has {sorted(optimizers)}; build it with the same optimizer_fn"
            )
        for phase, optimizer in optimizers.items():
            optimizer.load_state_dict(phases[phase])


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise CheckpointError(f"there is no file {path}")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as err:
        raise CheckpointError(
            f"{path} ({path.stat().st_size} bytes) cannot be read as torch weights: {type(err).__name__}: {err!s:.300}"
        ) from err


def _check_match(path: Path, model: torch.nn.Module, state: dict[str, Any], own: dict[str, torch.Tensor]) -> None:
    problems = [f"missing {key}" for key in own if key not in state]
    problems += [f"unexpected {key}" for key in state if key not in own]
    problems += [
        f"{key} has shape {tuple(state[key].shape)}, the model's has {tuple(own[key].shape)}"
        for key in state
        if key in own and state[key].shape != own[key].shape
    ]
    if problems:
        shown = "; ".join(problems[:10]) + ("; ..." if len(problems) > 10 else "")
        raise CheckpointError(f"{path} is not of this {type(model).__name__}: {shown}")


def _with_tied(state: dict[str, Any], tensors: dict[str, torch.Tensor]) -> dict[str, Any]:
    """Weights under all names of a tensor that a model shares; files of Hugging Face hold it under one."""
    missing = [key for key in tensors if key not in state]
    if not missing:
        return state
    held = {_place(tensors[key]): value for key, value in state.items() if key in tensors}
    return {**state, **{key: held[_place(tensors[key])] for key in missing if _place(tensors[key]) in held}}


def _place(tensor: torch.Tensor) -> tuple[Any, ...]:
    """Where a tensor lies in memory, and as what."""
    return tensor.device, tensor.data_ptr(), tensor.shape, tensor.stride()


def prefix_of(model: torch.nn.Module) -> str:
    """What wrappers put before the names of a model's parameters."""
    prefix = ""
    while type(model).__name__ in _WRAPPERS:
        own = _WRAPPERS[type(model).__name__]
        prefix, model = prefix + own, getattr(model, own[:-1])
    return prefix


def _bare(key: str) -> str:
    """A name from a file without what wrappers put before it."""
    for wrapper in dict.fromkeys(_WRAPPERS.values()):
        key = key.replace(wrapper, "", 1) if key.startswith(wrapper) else key
    return key
