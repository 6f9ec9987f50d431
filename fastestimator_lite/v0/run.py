"""Pipeline, build, Network and Estimator as FastEstimator 0.x spelled them; they hand everything to ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastestimator_lite.backend.card import card_of
from fastestimator_lite.dataset.numpy_dataset import NumpyDataset
from fastestimator_lite.estimator import estimator
from fastestimator_lite.network.base import BaseNetwork
from fastestimator_lite.network.build import build as build_models
from fastestimator_lite.network.choose import Network as ChosenNetwork
from fastestimator_lite.op.tensorop.model.model import ModelOp
from fastestimator_lite.op.tensorop.model.update import UpdateOp
from fastestimator_lite.pipeline import pipeline
from fastestimator_lite.schedule.schedule import Scheduler, value_at, values_of
from fastestimator_lite.util.errors import ConfigError, suggest
from fastestimator_lite.util.names import filter_nones, to_list
from fastestimator_lite.v0.schedule import from_v0

_MODES = ("train", "eval", "test")


class Pipeline(pipeline.Pipeline):
    """Arrays and what is done to their samples before they reach the device.

    Args:
        data: By mode ("train", "eval"): a dictionary of arrays, or a data set; or a Scheduler of those.
        batch_size: Samples in a batch, an int >= 1 or a Scheduler of ints.
        ops: Ops and Schedulers of ops, in order.

    Raises:
        ConfigError: If something cannot work; see the message.
    """

    def __init__(self, data: Mapping[str, Any], batch_size: Any, ops: Any = None) -> None:
        if not isinstance(data, Mapping) or not data:
            raise ConfigError(
                f"Pipeline(data) must be a dict such as {{'train': {{'x': images, 'y': labels}}}}, got {data!r:.100}"
            )
        for mode in data:
            if mode not in _MODES:
                raise ConfigError(f"Pipeline(data): {mode!r} is no mode; use 'train', 'eval'.{suggest(mode, _MODES)}")
        by_mode = {f"{mode}_data": from_v0(item, _to_dataset) for mode, item in data.items()}
        super().__init__(batch_size=from_v0(batch_size), ops=[from_v0(op) for op in to_list(ops)], **by_mode)

    def show_results(self, mode: str = "train", num_steps: int = 1, current_epoch: int = 0) -> list[dict[str, Any]]:
        """Make some batches to look at.

        Args:
            mode: "train" or "eval".
            num_steps: Number of batches, >= 1.
            current_epoch: Epoch, from 0.
        """
        results = self.get_results(mode, current_epoch + 1, num_steps=num_steps)
        return results if isinstance(results, list) else [results]


def build(
    model_def: Callable[[], Any], model_name: str | Sequence[str], optimizer: Any, loss_name: str | Sequence[str]
) -> Any:
    """Make models ready for a Network.

    Args:
        model_def: Returns a model, or several.
        model_name: Name in logs and files; a list has one for each model.
        optimizer: A name such as "adam", an optimizer, or a function that makes one; a list has one for each model.
        loss_name: Key of the loss that the model learns from; a list has one for each model.

    Returns:
        The model, or a list if `model_def` returned several.

    Raises:
        ConfigError: If an optimizer is unknown, or the numbers of models, names, optimizers and losses differ.
    """
    many = isinstance(optimizer, (list, tuple))
    makers = [one if isinstance(one, str) or callable(one) else _given(one) for one in to_list(optimizer)]
    made = build_models(model_def, makers if many else makers[0], model_name=model_name)
    models, losses = to_list(made), to_list(loss_name)
    if len(losses) != len(models) or not all(isinstance(loss, str) for loss in losses):
        raise ConfigError(
            f"build(loss_name) must be the key of a loss, one for each of the {len(models)} models, got {loss_name!r}"
        )
    for model, loss in zip(models, losses, strict=True):
        card_of(model).loss_names.add(loss)
    return made


def Network(ops: Any) -> BaseNetwork:  # noqa: N802 - the name that scripts use
    """Make a network; whenever a ModelOp runs a model in training, it learns from the loss that it was built with.

    Args:
        ops: TensorOps and Schedulers of TensorOps, in order.

    Raises:
        ConfigError: If a model was built without a loss_name, or something is no TensorOp.
    """
    items = [from_v0(op) for op in to_list(ops)]
    models = dict.fromkeys(filter_nones(_trained_by(op) for item in items for op in values_of(item)))
    updates = []
    for model in models:
        losses = sorted(card_of(model).loss_names)
        if not losses:
            raise ConfigError(
                f"Network: the model {card_of(model).name!r} has no loss_name; build it with "
                f"fastestimator_lite.v0.build(model_def, model_name, optimizer, loss_name)"
            )
        updates.append(_WhileItRuns(UpdateOp(model, losses[0]), items))
    return ChosenNetwork([*items, *updates])


class Estimator(estimator.Estimator):
    """Trains a Network on a Pipeline's data. What it prints counts epochs from 1.

    Args:
        pipeline: Makes the batches.
        network: Works on them.
        epochs: Number of epochs, >= 1.
        steps_per_epoch: Steps of a training epoch; None for one pass over the data.
        validation_steps: Steps of an eval epoch; None for one pass over the data.
        traces: Traces and Schedulers of traces.
        log_steps: Training steps between two log lines.

    Raises:
        ConfigError: If an argument cannot work; see the message.
    """

    def __init__(
        self,
        pipeline: pipeline.Pipeline,
        network: BaseNetwork,
        epochs: int,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        traces: Any = None,
        log_steps: int | None = 100,
    ) -> None:
        super().__init__(
            pipeline,
            network,
            epochs,
            steps_per_epoch,
            validation_steps,
            [from_v0(trace) for trace in to_list(traces)],
            log_steps,
        )


class _WhileItRuns(Scheduler[UpdateOp]):
    """The update of a model, in the epochs in which an op runs that model in training."""

    def __init__(self, update: UpdateOp, items: list[Any]) -> None:
        self.update, self.items = update, items

    def get_current_value(self, epoch: int) -> UpdateOp | None:
        models = [_trained_by(value_at(item, epoch)) for item in self.items]
        return self.update if any(model is self.update.model for model in models) else None

    def get_all_values(self) -> list[UpdateOp | None]:
        return [self.update]


def _trained_by(op: Any) -> Any:
    """The model that an op runs in training, or None."""
    return op.model if isinstance(op, ModelOp) and "train" in op.mode else None


def _given(optimizer: Any) -> Callable[..., Any]:
    """A function that gives an optimizer which is there already."""
    return lambda *parameters: optimizer


def _to_dataset(data: Any) -> Any:
    return NumpyDataset(data) if isinstance(data, Mapping) else data
