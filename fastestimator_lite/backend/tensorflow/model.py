"""Keras 3 on TensorFlow: forward, update, learning rate and files of a model."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fastestimator_lite.backend.card import NO_LAYOUT, card_of
from fastestimator_lite.backend.inner import with_inner_layers
from fastestimator_lite.backend.tensorflow.average import Average as Average
from fastestimator_lite.backend.tensorflow.learning import Learner as Learner
from fastestimator_lite.backend.tensorflow.learning import VariableScale, VariableUpdates
from fastestimator_lite.backend.tensorflow.learning import list_parameters as list_parameters
from fastestimator_lite.backend.tensorflow.learning import parameters as parameters
from fastestimator_lite.backend.tensorflow.learning import update_model as update_model
from fastestimator_lite.backend.tensorflow.mismatch import mismatch as mismatch
from fastestimator_lite.backend.tensorflow.optimizer import KerasGroup
from fastestimator_lite.util.atomic import replacing
from fastestimator_lite.util.errors import CheckpointError, ConfigError
from fastestimator_lite.util.names import check_file_name

NAME = "tf"
_KIND = "kind"  # key of an optimizer's class in a file
_WITHOUT_SLOTS = 2  # variables of an optimizer that was not used: the iteration and the learning rate
_POLICIES = {"bf16": "mixed_bfloat16", "fp16": "mixed_float16"}


def owns(model: Any) -> bool:
    return isinstance(model, keras.Model)


def feed_forward(model: keras.Model, *x: Any, training: bool) -> Any:
    card = getattr(model, "fe", None)
    run = model if card is None or card.compiled is None or not model.built else card.compiled
    return run(x[0] if len(x) == 1 else list(x), training=training)


class Compiled:
    """A model whose forward pass is compiled by XLA.

    Args:
        model: The model.

    Attributes:
        losses: The model's own losses of the last pass; those that it holds itself belong to another graph.
    """

    def __init__(self, model: keras.Model) -> None:
        self.losses: list[Any] = []

        def run(x: Any, training: bool) -> tuple[Any, list[Any]]:
            return model(x, training=training), list(model.losses)

        self._run = tf.function(run, jit_compile=True, autograph=False)

    def __call__(self, x: Any, training: bool) -> Any:
        outputs, self.losses = self._run(x, training)
        return outputs


def named_parameters(model: keras.Model) -> list[tuple[str, Any]]:
    """The variables that can be trained, by name as in torch ("head.kernel"), in the model's order."""
    # a layer's moving statistics are no less "not trainable" than what was frozen; only the layer's own lists tell
    able = {id(variable) for layer in model._flatten_layers() for variable in layer._trainable_variables}
    return [
        (variable.path.removeprefix(f"{model.name}/").replace("/", "."), variable)
        for variable in model.variables
        if id(variable) in able
    ]


def is_trained(variable: Any) -> bool:
    """Whether a variable is trained."""
    return bool(variable.trainable)


def set_trained(model: keras.Model, flags: Sequence[tuple[Any, bool]]) -> None:
    """Freeze and free variables of a model; layers such as BatchNorm go on working as before."""
    for variable, flag in flags:
        variable.trainable = flag


def reserve(model: keras.Model) -> None:
    """Let optimizers have slots for all variables that can be trained, so that one may be freed later."""
    card = card_of(model)
    card.slots = [variable for _, variable in named_parameters(model)]
    for optimizer in card.optimizers().values():
        if optimizer.built and len(optimizer._trainable_variables) < len(card.slots):
            raise ConfigError(
                f"the optimizer of model {card.name!r} was used or loaded before, when variables were frozen, "
                f"and has no room for them; make the TrainableSchedule right after fe.build"
            )


def baked(model: keras.Model, optimizer: Any) -> tuple[Any, ...]:
    """What a traced graph that trains a model holds fast: which variables move, and the optimizer's constants."""
    return (tuple(id(variable) for variable in parameters(model)), KerasGroup(optimizer).constants())


def get_lr(model: keras.Model) -> float:
    return float(keras.ops.convert_to_numpy(card_of(model).current_optimizer.learning_rate))


def set_lr(model: keras.Model, lr: float, weight_decay: float | None) -> None:
    optimizer = card_of(model).current_optimizer
    if isinstance(optimizer._learning_rate, keras.optimizers.schedules.LearningRateSchedule):
        raise ConfigError(
            f"the optimizer of {card_of(model).name!r} has a Keras LearningRateSchedule of its own; give it a number "
            f"and schedule it with LRScheduler"
        )
    optimizer.learning_rate = lr
    if weight_decay is not None:
        KerasGroup(optimizer)["weight_decay"] = weight_decay


def model_state(model: keras.Model) -> dict[str, np.ndarray]:
    """All variables by their place, those that `save_weights` leaves out (the seeds of dropout) included."""
    return {str(place): variable.numpy() for place, variable in enumerate(model.variables)}


def load_model_state(model: keras.Model, state: dict[str, np.ndarray]) -> None:
    """Put back what `model_state` gave.

    Raises:
        CheckpointError: If the model has another number of variables, such as none because it was not built yet.
    """
    if len(state) != len(model.variables):
        hint = "" if model.built else "; it is not built yet: give it its input shape, or call it once in model_fn"
        raise CheckpointError(
            f"the state holds {len(state)} variables, and the model {card_of(model).name!r} has {len(model.variables)}{hint}"
        )
    for place, variable in enumerate(model.variables):
        variable.assign(state[str(place)])


def optimizer_state(optimizer: keras.optimizers.Optimizer) -> dict[str, np.ndarray]:
    """The optimizer's variables by their place: their names count up from one optimizer to the next in a process."""
    return {str(place): keras.ops.convert_to_numpy(variable) for place, variable in enumerate(optimizer.variables)}


def load_optimizer_state(
    optimizer: keras.optimizers.Optimizer, model: keras.Model, state: dict[str, np.ndarray]
) -> None:
    """Put back what `optimizer_state` gave. An optimizer that was not used then has no slots, and goes without."""
    if len(state) > len(optimizer.variables):
        build_optimizer(optimizer, model)
    for place, variable in enumerate(optimizer.variables):
        variable.assign(state[str(place)] if str(place) in state else keras.ops.zeros_like(variable))


def save_model(
    model: keras.Model,
    save_dir: str | os.PathLike[str],
    model_name: str | None,
    save_optimizer: bool,
    save_architecture: bool,
) -> str:
    card = card_of(model)
    name = check_file_name(model_name or card.name)
    path = Path(save_dir) / f"{name}.h5"
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".saving") as folder:
        # Keras takes only this ending for weights; the file keeps the name that 1.x scripts expect
        written = Path(folder) / f"{name}.weights.h5"
        model.save_weights(written)
        with replacing(path) as temporary:
            written.replace(temporary)
    if save_architecture:
        with replacing(path.with_name(f"{name}.keras")) as temporary:
            model.save(temporary)
    if save_optimizer:
        arrays = {
            f"{phase}|{key}": value
            for phase, optimizer in card.optimizers().items()
            for key, value in {**optimizer_state(optimizer), _KIND: np.array(type(optimizer).__name__)}.items()
        }
        with replacing(path.with_name(f"{name}_opt.npz")) as temporary, temporary.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]  # numpy's stub takes any name for a flag
    return str(path)


def load_model(model: keras.Model, weights_path: str | os.PathLike[str], load_optimizer: bool) -> None:
    path = Path(weights_path)
    if not path.exists():
        raise CheckpointError(f"there is no file {path}")
    with tempfile.TemporaryDirectory(prefix="fastestimator_lite") as folder:
        link = Path(folder) / f"{path.name.removesuffix('.h5').removesuffix('.weights')}.weights.h5"
        link.symlink_to(path.resolve())
        try:
            model.load_weights(link)
        except Exception as err:
            raise CheckpointError(
                f"{path} ({path.stat().st_size} bytes) cannot be loaded into {card_of(model).name!r}: "
                f"{type(err).__name__}: {err!s:.300}"
            ) from err
    if load_optimizer:
        saved = path.with_name(f"{path.name.removesuffix('.h5')}_opt.npz")
        if not saved.exists():
            raise CheckpointError(f"there is no file {saved}; save with save_optimizer=True")
        with np.load(saved) as arrays:
            for phase, optimizer in card_of(model).optimizers().items():
                state = {key.split("|", 1)[1]: arrays[key] for key in arrays.files if key.split("|", 1)[0] == phase}
                kind, is_unused = str(state.pop(_KIND, "")), len(state) <= _WITHOUT_SLOTS
                if not is_unused:
                    build_optimizer(optimizer, model)
                wanted = {key: value.shape for key, value in optimizer_state(optimizer).items()}
                fits = is_unused or {key: value.shape for key, value in state.items()} == wanted
                if kind != type(optimizer).__name__ or not fits:
                    raise CheckpointError(
                        f"{saved} does not fit the optimizer of {card_of(model).name!r} (phase {phase}, "
                        f"{type(optimizer).__name__}); build it with the same optimizer_fn"
                    )
                load_optimizer_state(optimizer, model, state)


def build_optimizer(optimizer: keras.optimizers.Optimizer, model: keras.Model) -> None:
    """Create the optimizer's slots, unless they are there."""
    if not optimizer.built and model.built:
        optimizer.build(card_of(model).slots or model.trainable_variables)


@contextlib.contextmanager
def unchanged(models: Sequence[keras.Model]) -> Iterator[None]:
    """Put variables that a forward pass may change (BatchNorm statistics, dropout seeds) and TensorFlow's generator back."""
    values = [
        (variable, variable.numpy())
        for model in models
        for variable in model.variables
        if not getattr(variable, "trainable", False)
    ]
    generator = tf.random.get_global_generator()
    state = generator.state.numpy()
    try:
        yield
    finally:
        for variable, value in values:
            variable.assign(value)
        generator.reset(state)


def watch(tensor: Any, tape: Any) -> Any:
    if tape is not None:
        tape.watch(tensor)
    return tensor


def differentiable(model: keras.Model) -> list[Any]:
    """The variables that are trained, as `get_gradient` takes them."""
    return [variable.value for variable in parameters(model)]


def get_gradient(target: Any, sources: Any, higher_order: bool, tape: Any, retain_graph: bool) -> Any:
    if tape is None:
        raise ConfigError("get_gradient of a tf.Tensor needs the tf.GradientTape that watched it; pass tape=...")
    many = isinstance(sources, (list, tuple))
    if higher_order:
        return tape.gradient(target, list(sources) if many else sources)
    with tape.stop_recording():
        return tape.gradient(target, list(sources) if many else sources)


@contextlib.contextmanager
def without_gradients(tape: Any) -> Iterator[None]:
    """Run a block outside the graph."""
    with tape.stop_recording() if tape is not None else contextlib.nullcontext():
        yield


def tap(model: keras.Model, layers: Sequence[str | int]) -> Callable[[Sequence[Any], bool], tuple[Any, list[Any]]]:
    """A forward pass that also gives what inner layers returned; see the torch form."""
    tapped = with_inner_layers(model, layers)

    def run(inputs: Sequence[Any], training: bool) -> tuple[Any, list[Any]]:
        found = feed_forward(tapped, *inputs, training=training)
        outputs = found["outputs"]
        return (outputs[0] if len(outputs) == 1 else outputs), list(found["inner"])

    return run


OPTIMIZER_FN_HELP = "A Keras optimizer_fn takes nothing: lambda: keras.optimizers.Adam(learning_rate=0.001)"
_BY_NAME = {
    "adadelta": keras.optimizers.Adadelta,
    "adagrad": keras.optimizers.Adagrad,
    "adam": keras.optimizers.Adam,
    "adamax": keras.optimizers.Adamax,
    "rmsprop": keras.optimizers.RMSprop,
    "sgd": keras.optimizers.SGD,
}


def prepare(model: keras.Model) -> None:
    """Check that Keras computes with TensorFlow."""
    if keras.backend.backend() != "tensorflow":
        raise ConfigError(
            f"Keras runs on {keras.backend.backend()!r} here; set KERAS_BACKEND=tensorflow before it is imported"
        )


def half_precision() -> str:
    """The half precision that the device is fast with."""
    return "fp16" if tf.config.list_physical_devices("GPU") else "bf16"


@contextlib.contextmanager
def made_for(half: str) -> Iterator[None]:
    """Let layers that are made in this block compute in half precision, unless they are told otherwise."""
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy(_POLICIES[half])
    try:
        yield
    finally:
        keras.mixed_precision.set_dtype_policy(before)


def use_half(model: keras.Model, half: str) -> None:
    """Let a model compute in half precision, unless some layer does: it was made so, with exceptions that are meant."""
    layers = list(model._flatten_layers())
    if all(layer.compute_dtype == layer.variable_dtype for layer in layers):
        for layer in layers:
            layer.dtype_policy = _POLICIES[half]


def compile_forward(model: keras.Model, options: dict[str, Any]) -> None:
    """Compile the forward pass of a model by XLA.

    Args:
        model: The model, with its card.
        options: None are known.
    """
    if options:
        raise ConfigError(f"build(compile) takes True or False for a Keras model, got {options!r}")
    card_of(model).compiled = Compiled(model)


def attach(model: keras.Model, card: Any) -> None:
    """Put our card on a model."""
    if card.channels_last:
        raise ConfigError(NO_LAYOUT)
    card.updates = VariableUpdates()
    if card.mixed_precision == "fp16":
        card.scale = VariableScale()
    model.fe = card
    model.model_name = card.name


def optimizer_by_name(model: keras.Model, name: str) -> keras.optimizers.Optimizer:
    """An optimizer with Keras' defaults."""
    return _BY_NAME[name]()


def optimizer_by_function(model: keras.Model, function: Callable[..., Any]) -> Any:
    return function()


def check_optimizer(optimizer: Any, name: str) -> None:
    """Check what an optimizer function returned."""
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        raise ConfigError(
            f"build: optimizer_fn of model {name!r} returned {type(optimizer).__name__}, not a Keras optimizer. "
            f"{OPTIMIZER_FN_HELP}"
        )
    rate = optimizer._learning_rate
    if not isinstance(rate, keras.optimizers.schedules.LearningRateSchedule) and float(rate) < 0:
        raise ConfigError(f"build: the optimizer of model {name!r} has learning rate {float(rate)}; it must be >= 0")


def make_deterministic(seed: int) -> None:
    """Seed Keras and TensorFlow and ask for deterministic kernels."""
    keras.utils.set_random_seed(seed % 2**32)
    tf.random.get_global_generator().reset_from_seed(seed)  # a traced graph may hold it
    tf.config.experimental.enable_op_determinism()
