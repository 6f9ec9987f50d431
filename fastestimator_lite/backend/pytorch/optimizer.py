"""torch: making, checking and restoring optimizers."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch

from fastestimator_lite.util.errors import ConfigError

OPTIMIZER_FN_HELP = "A torch optimizer_fn takes the parameters: lambda x: torch.optim.Adam(params=x, lr=0.001)"
_BY_NAME = {
    "adadelta": torch.optim.Adadelta,
    "adagrad": torch.optim.Adagrad,
    "adam": torch.optim.Adam,
    "adamax": torch.optim.Adamax,
    "rmsprop": torch.optim.RMSprop,
    "sgd": torch.optim.SGD,
}


def optimizer_by_name(model: torch.nn.Module, name: str) -> torch.optim.Optimizer:
    """An optimizer with torch's defaults, except that SGD, which has none worth using, steps by 0.01.

    Adam is torch's fused one where the parameters allow it: a third of the time, the same up to rounding. The fused forms
    of the others take no sparse gradients, which the plain ones do.
    """
    parameters = list(model.parameters())
    if not parameters:
        raise ConfigError(
            f"build: the {type(model).__name__} has no parameters, so {name!r} has nothing to optimize; give optimizer_fn=None, "
            f"or a Keras model its input shape"
        )
    options: dict[str, Any] = {"lr": 0.01} if name == "sgd" else {}
    if name == "adam" and all(one.is_floating_point() and one.device.type in ("cpu", "cuda") for one in parameters):
        options["fused"] = True
    return _BY_NAME[name](parameters, **options)


def optimizer_by_function(model: torch.nn.Module, function: Callable[..., Any]) -> Any:
    return function(model.parameters())


def check_optimizer(optimizer: Any, name: str) -> None:
    """Check what an optimizer function returned."""
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise ConfigError(
            f"build: optimizer_fn of model {name!r} returned {type(optimizer).__name__}, not a torch optimizer. "
            f"{OPTIMIZER_FN_HELP}"
        )
    for group in optimizer.param_groups:
        if group.get("lr", 0) < 0:
            raise ConfigError(
                f"build: the optimizer of model {name!r} has learning rate {group['lr']}; it must be >= 0"
            )


def optimizer_state(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    return copy.deepcopy(optimizer.state_dict())  # it shares its tensors with the optimizer


def load_optimizer_state(optimizer: torch.optim.Optimizer, model: torch.nn.Module, state: dict[str, Any]) -> None:
    optimizer.load_state_dict(state)
