"""ModelCard: what belongs to us about a model, in one place."""
from __future__ import annotations

import dataclasses
from typing import Any

from fastestimator_lite.util.errors import ConfigError


@dataclasses.dataclass
class ModelCard:
    """What `build` leaves on a model, as its attribute `fe`.

    Attributes:
        name: The model's name in logs and files.
        optimizer: The optimizer, a Scheduler of optimizers, or None for a model that is not trained.
        current_optimizer: The optimizer in force.
        loss_names: Keys of the losses that it is trained on.
        mixed_precision: Whether it computes in half precision.
        trained: The parameters that are trained, listed once at the start of an epoch; None to list them when needed.
        phases: The optimizers of a schedule, each once; None without a schedule.
    """

    name: str
    optimizer: Any = None
    current_optimizer: Any = None
    loss_names: set[str] = dataclasses.field(default_factory=set)
    mixed_precision: bool = False
    trained: list[Any] | None = None
    phases: list[Any] | None = None

    def optimizers(self) -> dict[str, Any]:
        """All optimizers by phase: "0" for a single one, else counted over the values of the schedule."""
        if self.optimizer is None:
            return {}
        values = [self.optimizer] if self.phases is None else self.phases
        return {str(position): value for position, value in enumerate(values)}


def card_of(model: Any) -> ModelCard:
    """The card of a model.

    Raises:
        ConfigError: If the model did not come out of `build`.
    """
    card = getattr(model, "fe", None)
    if not isinstance(card, ModelCard):
        raise ConfigError(f"{type(model).__name__} was not built: make it with fe.build(model_fn=..., optimizer_fn=...) so that "
                          f"it has a name and an optimizer")
    return card
