"""torch: forward pass, gradients, learning rate and precision of a model."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from fastestimator_lite.backend.card import NO_LAYOUT, card_of
from fastestimator_lite.backend.device import get_device
from fastestimator_lite.backend.inner import with_inner_layers
from fastestimator_lite.backend.pytorch.average import Average as Average
from fastestimator_lite.backend.pytorch.buffers import statistics as statistics
from fastestimator_lite.backend.pytorch.buffers import unchanged as unchanged
from fastestimator_lite.backend.pytorch.files import load_model as load_model
from fastestimator_lite.backend.pytorch.files import load_model_state as load_model_state
from fastestimator_lite.backend.pytorch.files import model_state as model_state
from fastestimator_lite.backend.pytorch.files import prefix_of
from fastestimator_lite.backend.pytorch.files import save_model as save_model
from fastestimator_lite.backend.pytorch.keras_model import is_keras as is_keras
from fastestimator_lite.backend.pytorch.layout import Layout
from fastestimator_lite.backend.pytorch.learning import Learner as Learner
from fastestimator_lite.backend.pytorch.learning import list_parameters as list_parameters
from fastestimator_lite.backend.pytorch.learning import parameters as parameters
from fastestimator_lite.backend.pytorch.learning import update_model as update_model
from fastestimator_lite.backend.pytorch.mismatch import mismatch as mismatch
from fastestimator_lite.backend.pytorch.optimizer import OPTIMIZER_FN_HELP as OPTIMIZER_FN_HELP
from fastestimator_lite.backend.pytorch.optimizer import check_optimizer as check_optimizer
from fastestimator_lite.backend.pytorch.optimizer import load_optimizer_state as load_optimizer_state
from fastestimator_lite.backend.pytorch.optimizer import optimizer_by_function as optimizer_by_function
from fastestimator_lite.backend.pytorch.optimizer import optimizer_by_name as optimizer_by_name
from fastestimator_lite.backend.pytorch.optimizer import optimizer_state as optimizer_state
from fastestimator_lite.backend.rule import LossScale
from fastestimator_lite.util.errors import ConfigError, suggest

NAME = "torch"


def owns(model: Any) -> bool:
    return isinstance(model, torch.nn.Module)


def feed_forward(model: torch.nn.Module, *x: Any, training: bool) -> Any:
    if model.training is not training:  # train() walks all modules, which costs in every step
        model.train(training)
    card = getattr(model, "fe", None)
    if card is not None and card.is_plain:
        return model(*x)
    run = model if card is None or card.compiled is None else card.compiled
    if card is not None and card.layout is not None:
        return _run_laid_out(card, model, run, x)
    return _run_keras(run, x, training) if is_keras(model) else run(*x)


def _run_laid_out(card: Any, model: torch.nn.Module, run: Any, x: Sequence[Any]) -> Any:
    found = card.layout.run(model, run, x)
    if card.layout.is_on is False:
        card.layout, card.is_plain = None, card.compiled is None
    return found


def _run_keras(run: Any, x: Sequence[Any], training: bool) -> Any:
    """Run a Keras model, which is told in each call whether it is being trained."""
    return run(x[0] if len(x) == 1 else list(x), training=training)


def named_parameters(model: torch.nn.Module) -> list[tuple[str, torch.Tensor]]:
    """The parameters that can be trained, by name, in the model's order."""
    if is_keras(model):
        variables: Any = model.trainable_variables
        return [(one.path.removeprefix(f"{model.name}/").replace("/", "."), one.value) for one in variables]
    prefix = prefix_of(model)
    return [(name.removeprefix(prefix), parameter) for name, parameter in model.named_parameters()]


def is_trained(parameter: torch.Tensor) -> bool:
    """Whether a parameter is trained."""
    return parameter.requires_grad


def set_trained(model: torch.nn.Module, flags: Sequence[tuple[torch.Tensor, bool]]) -> None:
    """Freeze and free parameters of a model; it counts from the next `list_parameters` on."""
    for parameter, flag in flags:
        parameter.requires_grad_(flag)


def reserve(model: torch.nn.Module) -> None:
    """Nothing to do in torch: an optimizer holds all parameters that it was given, frozen or not."""


def baked(model: torch.nn.Module, optimizer: Any) -> tuple[Any, ...]:
    """Nothing is fixed in a step of torch."""
    return ()


def get_lr(model: torch.nn.Module) -> float:
    return float(card_of(model).current_optimizer.param_groups[0]["lr"])


def set_lr(model: torch.nn.Module, lr: float, weight_decay: float | None) -> None:
    for group in card_of(model).current_optimizer.param_groups:
        group["lr"] = lr
        if weight_decay is not None:
            group["weight_decay"] = weight_decay


def watch(tensor: torch.Tensor, tape: Any) -> torch.Tensor:
    # a leaf is left as it is: it may be the user's batch
    return tensor if tensor.requires_grad else tensor.detach().requires_grad_()


def differentiable(model: torch.nn.Module) -> list[torch.Tensor]:
    """The parameters that are trained, as `get_gradient` takes them."""
    return parameters(model)


def get_gradient(target: torch.Tensor, sources: Any, higher_order: bool, tape: Any, retain_graph: bool) -> Any:
    many = isinstance(sources, (list, tuple))
    wanted = sources if many else [sources]
    gradients = torch.autograd.grad(
        target.sum() if target.dim() else target,
        wanted,
        retain_graph=retain_graph or higher_order,
        create_graph=higher_order,
        allow_unused=True,
    )
    found = [_laid_out_as(source, gradient) for source, gradient in zip(wanted, gradients, strict=True)]
    return found if many else found[0]


def _laid_out_as(source: torch.Tensor, gradient: torch.Tensor | None) -> torch.Tensor | None:
    """A gradient that is contiguous where its source is, so that `view` takes both."""
    if gradient is None or gradient.layout is not torch.strided or not source.is_contiguous():
        return gradient
    return gradient.contiguous()


@contextlib.contextmanager
def without_gradients(tape: Any) -> Iterator[None]:
    """Run a block outside the graph."""
    with torch.no_grad():
        yield


def tap(model: torch.nn.Module, layers: Sequence[str | int]) -> Callable[[Sequence[Any], bool], tuple[Any, list[Any]]]:
    """A forward pass that also gives what inner layers returned.

    Args:
        model: The model.
        layers: Names as in `named_modules`, or indices into its leaf modules; of a Keras model those of its layers.

    Returns:
        A function of (inputs, training) that returns the model's outputs and a list with each layer's.

    Raises:
        ConfigError: If there is no such layer.
    """
    if is_keras(model):
        return _tap_keras(model, layers)
    named = dict(model.named_modules())
    leaves = [module for module in model.modules() if not any(module.children())]
    modules = []
    for layer in layers:
        if isinstance(layer, str) and layer not in named:
            raise ConfigError(
                f"the model has no layer {layer!r}; it has: {', '.join(name for name in named if name)}."
                f"{suggest(layer, named)}"
            )
        if isinstance(layer, int) and not -len(leaves) <= layer < len(leaves):
            raise ConfigError(f"the model has no layer number {layer}; it has {len(leaves)} that hold no others")
        modules.append(named[layer] if isinstance(layer, str) else leaves[layer])

    def run(inputs: Sequence[Any], training: bool) -> tuple[Any, list[Any]]:
        caught: dict[int, Any] = {}
        handles = [
            module.register_forward_hook(lambda _m, _i, output, k=k: caught.__setitem__(k, output))
            for k, module in enumerate(modules)
        ]
        try:
            if model.training is not training:
                model.train(training)
            outputs = model(*inputs)  # never the compiled form, which new hooks would have compiled again each time
        finally:
            for handle in handles:
                handle.remove()
        return outputs, [caught[k] for k in range(len(modules))]

    return run


def _tap_keras(model: Any, layers: Sequence[str | int]) -> Callable[[Sequence[Any], bool], tuple[Any, list[Any]]]:
    """The same for a Keras model, whose layers do not call torch's hooks."""
    tapped = with_inner_layers(model, layers)

    def run(inputs: Sequence[Any], training: bool) -> tuple[Any, list[Any]]:
        found = _run_keras(tapped, inputs, training)
        outputs = found["outputs"]
        return (outputs[0] if len(outputs) == 1 else outputs), list(found["inner"])

    return run


def prepare(model: torch.nn.Module) -> None:
    """Move a new model to the device, before optimizers hold its parameters."""
    model.to(get_device())


def half_precision() -> str:
    """The half precision that the device is fast with."""
    return "fp16" if get_device().type == "cuda" else "bf16"


def full_precision(model: torch.nn.Module) -> contextlib.AbstractContextManager[Any]:
    """What a model runs in that has no part in the half precision of others."""
    device = next((parameter.device.type for parameter in model.parameters()), "cpu")
    return torch.autocast(device, enabled=False)


def use_half(model: torch.nn.Module, half: str) -> None:
    """Nothing to do in torch: a module learns of half precision when it runs."""


def compile_forward(model: torch.nn.Module, options: dict[str, Any]) -> None:
    """Compile the forward pass of a module; the module itself, and so the names in it, stay as they are.

    Args:
        model: The module, with its card.
        options: Arguments of `torch.compile`.
    """
    card = card_of(model)
    card.compiled, card.is_plain = torch.compile(model, **options), False
    if not card.channels_last:
        card.layout = None  # a compiler lays out what it compiles


def attach(model: torch.nn.Module, card: Any) -> None:
    """Put our card on a model."""
    if card.channels_last and is_keras(model):
        raise ConfigError(NO_LAYOUT)
    if not is_keras(model) and card.channels_last is not False:
        layout = Layout(model, card.channels_last)
        card.layout = None if layout.is_on is False else layout
    card.is_plain = not is_keras(model) and card.layout is None
    if card.mixed_precision == "fp16":
        card.scale = LossScale()
    model.fe = card
    model.model_name = card.name


def make_deterministic(seed: int) -> None:
    """Seed torch and ask it for deterministic kernels."""
    torch.manual_seed(seed)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
