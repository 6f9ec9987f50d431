"""fe.build: models with a name and an optimizer."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, Literal

from fastestimator_lite._settings import change, settings
from fastestimator_lite.backend.card import ModelCard
from fastestimator_lite.backend.determinism import seed_frameworks
from fastestimator_lite.backend.framework import framework_of_model, model_primitives
from fastestimator_lite.backend.model import load_model
from fastestimator_lite.schedule.schedule import EpochScheduler, RepeatScheduler, Scheduler, values_of, words_for_epoch
from fastestimator_lite.util.errors import ConfigError, suggest
from fastestimator_lite.util.names import check_file_name

OPTIMIZERS = ("adadelta", "adagrad", "adam", "adamax", "rmsprop", "sgd")
OptimizerFn = Any  # a name, a callable, a Scheduler of those, or None


class OptimizerSchedule(Scheduler[Any]):
    """The optimizers made from a user's Scheduler of optimizer names and functions, which is left as it was.

    Args:
        source: The user's Scheduler.
        make: Makes an optimizer from one of its values.
    """

    def __init__(self, source: Scheduler[Any], make: Callable[[Any], Any]) -> None:
        self.source = source
        self._made = [(value, make(value)) for value in source.get_all_values() if value is not None]

    def get_current_value(self, epoch: int) -> Any:
        value = self.source.get_current_value(epoch)
        if value is None:
            return None
        for known, optimizer in self._made:
            if known is value:
                return optimizer
        for known, optimizer in self._made:
            if known == value:
                return optimizer
        raise ConfigError(
            f"{type(self.source).__name__}.get_current_value({epoch}) gave {value!r}, which is not among its "
            f"get_all_values()"
        )

    def get_all_values(self) -> list[Any]:
        return [optimizer for _, optimizer in self._made]

    def changes(self, total_epochs: int) -> set[int]:
        return self.source.changes(total_epochs)

    @property
    def period(self) -> int:
        return self.source.period


def build(
    model_fn: Callable[[], Any],
    optimizer_fn: OptimizerFn | Sequence[OptimizerFn],
    weights_path: str | None | Sequence[str | None] = None,
    model_name: str | Sequence[str] | None = None,
    mixed_precision: bool | Literal["bf16", "fp16"] = False,
    compile: bool | dict[str, Any] = False,
    channels_last: bool | None = None,
) -> Any:
    """Make models ready for a Network.

    Args:
        model_fn: Returns a torch module or a Keras model, or several. A model itself is taken too.
        optimizer_fn: A name ("adadelta", "adagrad", "adam", "adamax", "rmsprop", "sgd"), a function that makes an
            optimizer (torch: of the parameters; Keras: of nothing), a Scheduler of those, or None for a model that is not
            trained. A list has one for each model.
        weights_path: Weights to load, from `save_model` or `ModelSaver`; a list has one for each model.
        model_name: Name in logs and files; a list has one for each model. None gives "model", "model1", ...
        mixed_precision: "bf16" or "fp16" to run the models in that half precision, with parameters and optimizers in
            float32; True for what the device is fast with, which is fp16 on a GPU and bf16 elsewhere. With fp16 the loss
            is scaled so that small gradients are not lost; a step whose gradients overflow is left out.
        compile: Whether the forward pass is compiled: by `torch.compile`, whose arguments may be given as a dictionary,
            or by XLA for a Keras model. The names of parameters stay, so files are those of a model that is not compiled.
        channels_last: Whether activations of torch modules lie channels-last in memory, which many convolutions and most
            poolings are faster with. Parameters, outputs and files stay as they are. None tries both on the first batch
            of training and takes channels-last if outputs are equal up to rounding and the convolutions give at least 1.5
            times as many numbers as they have weights; on the CPU only, and not for a compiled model. True does
            without the trial, on any device; a forward pass must use `reshape` then where `view` would need NCHW.

    Returns:
        The model, or a list if `model_fn` returned several.

    Raises:
        ConfigError: If an optimizer is unknown or cannot be made, the numbers of models, names and optimizers differ, or
            `mixed_precision`, `compile` or `channels_last` is not as described.
        CheckpointError: If weights cannot be loaded.
    """
    if _is_keras_ahead():
        os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    seed_frameworks()
    _check_options(mixed_precision, compile, channels_last)
    with _made_for(mixed_precision):
        made = model_fn() if callable(model_fn) and not _is_model(model_fn) else model_fn
    models = list(made) if isinstance(made, (list, tuple)) else [made]
    count = len(models)
    optimizers = _one_for_each(optimizer_fn, count, "optimizer_fn")
    paths = _one_for_each(weights_path, count, "weights_path") if weights_path is not None else [None] * count
    names = _one_for_each(model_name, count, "model_name") if model_name is not None else [_next_name() for _ in models]
    if len(set(names)) < count:
        raise ConfigError(f"build: each model needs a name of its own, got {names}")
    for model, optimizer, path, name in zip(models, optimizers, paths, names, strict=True):
        _equip(model, optimizer, path, name, mixed_precision, channels_last)
        if compile:
            framework_of_model(model).compile_forward(model, compile if isinstance(compile, dict) else {})
    return models if isinstance(made, (list, tuple)) else models[0]


def _check_options(mixed_precision: Any, compile: Any, channels_last: Any) -> None:
    if not isinstance(mixed_precision, bool) and mixed_precision not in ("bf16", "fp16"):
        raise ConfigError(f"build(mixed_precision) must be True, False, 'bf16' or 'fp16', got {mixed_precision!r}")
    if not isinstance(compile, (bool, dict)):
        raise ConfigError(f"build(compile) must be True, False or a dict of torch.compile's arguments, got {compile!r}")
    if not isinstance(channels_last, (bool, type(None))):
        raise ConfigError(f"build(channels_last) must be True, False or None, got {channels_last!r}")


def _made_for(mixed_precision: bool | str) -> contextlib.AbstractContextManager[None]:
    """What a model function runs in: Keras layers learn of half precision when they are made."""
    keras = sys.modules.get("keras")
    if not mixed_precision or keras is None or keras.backend.backend() != "tensorflow":
        return contextlib.nullcontext()
    home = model_primitives("tf")
    made_for: contextlib.AbstractContextManager[None] = home.made_for(_half(home, mixed_precision))
    return made_for


def _half(home: Any, mixed_precision: bool | str) -> str:
    return home.half_precision() if mixed_precision is True else mixed_precision or ""


def _equip(
    model: Any,
    optimizer_fn: OptimizerFn,
    path: str | None,
    name: str,
    mixed_precision: bool | str,
    channels_last: bool | None,
) -> None:
    try:
        home = framework_of_model(model)
    except TypeError as err:
        raise ConfigError(
            f"build: model_fn must return a torch.nn.Module or a Keras model, got {type(model).__name__}"
        ) from err
    home.prepare(model)
    half = _half(home, mixed_precision)
    if half:
        home.use_half(model, half)
    card = ModelCard(name=check_file_name(name, "build: model_name"), mixed_precision=half, channels_last=channels_last)

    def make(value: Any) -> Any:
        try:
            return _make_optimizer(home, model, value, name)
        except ConfigError as err:
            raise ConfigError(f"{err}{words_for_epoch(optimizer_fn, value)}") from err.__cause__

    if isinstance(optimizer_fn, (EpochScheduler, RepeatScheduler)):
        card.optimizer = _made_of_entries(optimizer_fn, make)
    elif isinstance(optimizer_fn, Scheduler):
        card.optimizer = OptimizerSchedule(optimizer_fn, make)
    elif optimizer_fn is not None:
        card.optimizer = make(optimizer_fn)
    if isinstance(card.optimizer, Scheduler):
        card.phases = values_of(card.optimizer)
        if not card.phases:
            raise ConfigError(
                f"build: the optimizer schedule of model {name!r} holds no optimizer; give it one, or "
                f"optimizer_fn=None for a model that is not trained"
            )
        card.current_optimizer = card.optimizer.get_current_value(1) or card.phases[0]
    else:
        card.current_optimizer = card.optimizer
    home.attach(model, card)
    if path is not None:
        load_model(model, path)


def _made_of_entries(source: EpochScheduler[Any] | RepeatScheduler[Any], make: Callable[[Any], Any]) -> Scheduler[Any]:
    """The same schedule over optimizers, one made for each entry."""
    if isinstance(source, EpochScheduler):
        return EpochScheduler(
            {epoch: None if value is None else make(value) for epoch, value in source.epoch_dict.items()}
        )
    return RepeatScheduler([None if value is None else make(value) for value in source.repeat_list])


def _make_optimizer(home: Any, model: Any, value: Any, name: str) -> Any:
    if isinstance(value, str):
        if value not in OPTIMIZERS:
            raise ConfigError(
                f"build: there is no optimizer {value!r} (model {name!r}); use one of {', '.join(OPTIMIZERS)}, or a "
                f"function that makes one.{suggest(value, OPTIMIZERS)}"
            )
        return home.optimizer_by_name(model, value)
    if not callable(value):
        raise ConfigError(
            f"build: optimizer_fn (model {name!r}) must be a name, a function or a Scheduler of those, got {value!r}"
        )
    try:
        optimizer = home.optimizer_by_function(model, value)
    except Exception as err:
        raise ConfigError(
            f"build: optimizer_fn of model {name!r} failed: {type(err).__name__}: {err}. {home.OPTIMIZER_FN_HELP}"
        ) from err
    home.check_optimizer(optimizer, name)
    return optimizer


def _one_for_each(value: Any, count: int, name: str) -> list[Any]:
    values = list(value) if isinstance(value, (list, tuple)) else [value]
    if len(values) != count:
        raise ConfigError(
            f"build: model_fn gave {count} model{'s' * (count > 1)}, {name} has {len(values)} entr"
            f"{'ies' if len(values) > 1 else 'y'}; give one for each model"
        )
    return values


def _next_name() -> str:
    number = settings().build_count
    change(build_count=number + 1)
    return f"model{number or ''}"


def _is_model(value: Any) -> bool:
    try:
        framework_of_model(value)
    except TypeError:
        return False
    return True


def _is_keras_ahead() -> bool:
    """Whether the model function may be the first to import Keras; its backend is chosen at import."""
    return (
        "keras" not in sys.modules and "torch" not in sys.modules and importlib.util.find_spec("tensorflow") is not None
    )
