"""What is done with models in either framework: forward, gradient, update, learning rate, files."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from fastestimator_lite.backend.framework import framework_of, framework_of_model, model_primitives
from fastestimator_lite.types import Model, Tensor


def feed_forward(model: Model, *x: Tensor, training: bool = True) -> Any:
    """Run a model.

    Args:
        model: The model.
        *x: Its inputs, each with a leading batch axis.
        training: Whether layers such as Dropout and BatchNorm behave as in training.

    Returns:
        What the model returns: a tensor, or several.
    """
    return framework_of_model(model).feed_forward(model, *x, training=training)


def get_gradient(
    target: Tensor,
    sources: Tensor | Sequence[Tensor],
    higher_order: bool = False,
    tape: Any = None,
    retain_graph: bool = True,
) -> Any:
    """Gradient of a tensor with respect to others.

    Args:
        target: What to differentiate; the sum of its entries counts.
        sources: One tensor or several.
        higher_order: Whether the gradient itself will be differentiated.
        tape: The `tf.GradientTape` that watched; not used in torch.
        retain_graph: Whether the graph is kept for another gradient; not used in TensorFlow.

    Returns:
        One gradient for a single source, else a list; None where a source has no part in the target.
    """
    home = model_primitives(framework_of(target).NAME)
    return home.get_gradient(target, sources, higher_order, tape, retain_graph)


def update_model(
    model: Model,
    gradients: Sequence[Tensor | None],
    defer: bool = False,
    deferred: dict[str, list[Callable[[], None]]] | None = None,
) -> None:
    """Let a model's current optimizer take a step.

    Args:
        model: A built model.
        gradients: One for each trainable parameter, in the model's order; None for a parameter that has no part.
        defer: Whether the step is put into `deferred` instead of being taken.
        deferred: Steps to take later, by model name.
    """
    framework_of_model(model).update_model(model, gradients, defer, deferred)


def get_lr(model: Model) -> float:
    """The learning rate of a model's current optimizer (of its first parameter group)."""
    return framework_of_model(model).get_lr(model)


def set_lr(model: Model, lr: float, weight_decay: float | None = None) -> None:
    """Set the learning rate of a model's current optimizer, in all parameter groups.

    Args:
        model: A built model.
        lr: The learning rate, >= 0.
        weight_decay: The weight decay, if it is to change too.
    """
    framework_of_model(model).set_lr(model, lr, weight_decay)


def save_model(
    model: Model,
    save_dir: str | os.PathLike[str],
    model_name: str | None = None,
    save_optimizer: bool = False,
    save_architecture: bool = False,
) -> str:
    """Save a model's weights.

    Args:
        model: A built model.
        save_dir: Folder, made if missing.
        model_name: File name without ending; None for the model's name.
        save_optimizer: Whether the state of the optimizer is saved beside it. All optimizers of a schedule are.
        save_architecture: Whether a Keras model is saved whole as well, to be loaded without its code. Torch has no such
            format.

    Returns:
        Path of the weights: `<name>.pt` for torch, `<name>.h5` for Keras.

    Raises:
        ConfigError: If the name is no file name, or `save_architecture` is asked of a torch model.
    """
    return framework_of_model(model).save_model(model, save_dir, model_name, save_optimizer, save_architecture)


def load_model(model: Model, weights_path: str | os.PathLike[str], load_optimizer: bool = False) -> None:
    """Load a model's weights, in place. No code in the file is run.

    Args:
        model: A built model.
        weights_path: What `save_model` returned.
        load_optimizer: Whether the state of the optimizer beside it is loaded too.

    Raises:
        CheckpointError: If a file is missing, damaged, or of another model.
    """
    framework_of_model(model).load_model(model, weights_path, load_optimizer)


def watch(tensor: Tensor, tape: Any = None) -> Tensor:
    """Make a tensor one that gradients can be taken of.

    Args:
        tensor: A floating-point tensor.
        tape: The `tf.GradientTape` to watch it; not used in torch.

    Returns:
        The tensor to use from here on.
    """
    return model_primitives(framework_of(tensor).NAME).watch(tensor, tape)
