"""ModelCard: what belongs to us about a model, in one place."""

from __future__ import annotations

import dataclasses
from typing import Any

from fastestimator_lite.backend.rule import LossScale
from fastestimator_lite.util.errors import ConfigError

NO_LAYOUT = "build(channels_last=True) is for torch modules; Keras has keras.config.set_image_data_format"


class Updates:
    """How many times a model's optimizers have stepped in a run; a step that is put off or skipped does not count."""

    def __init__(self) -> None:
        self._count = 0

    @property
    def count(self) -> int:
        """The number of updates."""
        return self._count

    def add(self) -> None:
        """Count one."""
        self._count += 1

    def set(self, count: int) -> None:
        """Go on from a number."""
        self._count = count


@dataclasses.dataclass
class ModelCard:
    """What `build` leaves on a model, as its attribute `fe`.

    Attributes:
        name: The model's name in logs and files.
        optimizer: The optimizer, a Scheduler of optimizers, or None for a model that is not trained.
        current_optimizer: The optimizer in force.
        loss_names: Keys of the losses that it is trained on.
        mixed_precision: "bf16" or "fp16" where it computes in half precision, else an empty string.
        trained: The parameters that are trained, listed once at the start of an epoch; None to list them when needed.
        phases: The optimizers of a schedule, each once; None without a schedule.
        updates: How many times the optimizers have stepped in this run.
        lr_factors: What controllers multiply the learning rate by, by controller: a factor, and the rate that it does
            not go below.
        slots: The parameters that a Keras optimizer has slots for; None for those trained when it is built.
        scale: What its losses are multiplied by before they are differentiated; None for 1.
        is_plain: Whether the model is run by calling it with its inputs alone; False where nobody knows.
        compiled: The compiled form of the model, which runs in its place; None where it is run as it is.
        channels_last: What `build` was asked for.
        layout: How the activations of a torch module lie in memory; None where nobody sees to that.
    """

    name: str
    optimizer: Any = None
    current_optimizer: Any = None
    loss_names: set[str] = dataclasses.field(default_factory=set)
    mixed_precision: str = ""
    trained: list[Any] | None = None
    phases: list[Any] | None = None
    updates: Updates = dataclasses.field(default_factory=Updates)
    lr_factors: dict[str, tuple[float, float]] = dataclasses.field(default_factory=dict)
    slots: list[Any] | None = None
    scale: LossScale | None = None
    is_plain: bool = False
    compiled: Any = None
    channels_last: bool | None = None
    layout: Any = None

    def optimizers(self) -> dict[str, Any]:
        """All optimizers by phase: "0" for a single one, else counted over the values of the schedule."""
        if self.optimizer is None:
            return {}
        values = [self.optimizer] if self.phases is None else self.phases
        return {str(position): value for position, value in enumerate(values)}

    def scaled_lr(self, lr: float) -> float:
        """A learning rate times the factors of all controllers; their floors never lift it above what it was."""
        for factor, floor in self.lr_factors.values():
            lr = max(lr * factor, min(lr, floor))
        return lr

    def begin_run(self) -> None:
        """Forget what belongs to the run before."""
        self.updates.set(0)
        self.lr_factors.clear()

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs beside weights and optimizers; plain values."""
        factors = {name: list(pair) for name, pair in self.lr_factors.items()}
        scale = None if self.scale is None else self.scale.state_dict()
        return {
            "updates": self.updates.count,
            "lr_factors": factors,
            "scale": scale,
            "is_channels_last": self.layout is not None and self.layout.is_on,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        self.updates.set(int(state["updates"]))
        self.lr_factors = {name: (pair[0], pair[1]) for name, pair in state["lr_factors"].items()}
        if self.scale is not None and state.get("scale"):
            self.scale.load_state_dict(state["scale"])
        if (
            self.layout is not None and state.get("is_channels_last") is not None
        ):  # a trial on another batch may end otherwise
            self.layout.is_on = state["is_channels_last"]


def card_of(model: Any) -> ModelCard:
    """The card of a model.

    Raises:
        ConfigError: If the model did not come out of `build`.
    """
    card = getattr(model, "fe", None)
    if not isinstance(card, ModelCard):
        raise ConfigError(
            f"{type(model).__name__} was not built: make it with fe.build(model_fn=..., "
            f"optimizer_fn=...) so that it has a name and an optimizer"
        )
    return card
