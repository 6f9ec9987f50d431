"""How an UpdateOp lets a model learn, in either framework: what is merged, clipped and checked, and the loss's scale."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Literal

from fastestimator_lite.util.errors import ConfigError

NAN_POLICIES = ("raise", "skip", "ignore")
LEAST_SCALE = 2.0**-10  # below it an overflow is not the scale's fault


@dataclasses.dataclass(frozen=True)
class UpdateRule:
    """What is done with gradients before the optimizer sees them.

    Attributes:
        loss_name: Key of the loss, for messages.
        merge: Number of steps whose gradients make one update, >= 1.
        clip_norm: Largest norm of all gradients of the model together; None for no limit.
        clip_value: Largest absolute value of an entry; None for no limit.
        nan: What a NaN or infinity in the loss or a gradient leads to: "raise", "skip" or "ignore".

    Raises:
        ConfigError: If a value is none of these.
    """

    loss_name: str
    merge: int = 1
    clip_norm: float | None = None
    clip_value: float | None = None
    nan: Literal["raise", "skip", "ignore"] = "raise"

    def __post_init__(self) -> None:
        if isinstance(self.merge, bool) or not isinstance(self.merge, int) or self.merge < 1:
            raise ConfigError(f"UpdateOp(merge_grad) must be an int >= 1, got {self.merge!r}")
        for name in ("clip_norm", "clip_value"):
            limit = getattr(self, name)
            if limit is None:
                continue
            if isinstance(limit, bool) or not isinstance(limit, (int, float)) or not 0 < limit < math.inf:
                raise ConfigError(f"UpdateOp({name}) must be a number > 0 or None, got {limit!r}")
        if self.nan not in NAN_POLICIES:
            raise ConfigError(f"UpdateOp(nan) must be one of {', '.join(map(repr, NAN_POLICIES))}, got {self.nan!r}")

    def told_of_detached(self, model: str) -> str:
        """What to say where a loss has no gradient with respect to any parameter of a model.

        Args:
            model: Its name.
        """
        return (
            f"UpdateOp(loss_name={self.loss_name!r}) has nothing to teach the model {model!r}: the loss does not depend on its "
            f"parameters. The ops from ModelOp to the loss must be differentiable, and the ModelOp needs gradients=True"
        )

    def told_of_frozen(self, model: str) -> str:
        """What to say where all parameters of a model are frozen.

        Args:
            model: Its name.
        """
        return (
            f"UpdateOp(loss_name={self.loss_name!r}) changes nothing as long as all parameters of the model {model!r} are "
            f"frozen"
        )

    @property
    def clips(self) -> bool:
        """Whether gradients are clipped."""
        return self.clip_norm is not None or self.clip_value is not None


class LossScale:
    """A factor that lifts small gradients into the range of float16; it follows what the gradients can take.

    It doubles after 2000 good steps in a row and halves when a gradient overflows.

    Args:
        value: The factor to begin with, > 0.

    Source: Micikevicius et al. 2018, "Mixed Precision Training", section 3.2; figures as torch's GradScaler.
    """

    INTERVAL = 2000

    def __init__(self, value: float = 65536.0) -> None:
        self.value: Any = value
        self._good: Any = 0

    def note(self, is_finite: bool) -> None:
        """Take a step's outcome into account."""
        if not is_finite:
            self.value, self._good = self.value / 2, 0
            return
        self._good += 1
        if self._good == self.INTERVAL:
            self.value, self._good = self.value * 2, 0

    def state_dict(self) -> dict[str, float]:
        """The factor and the number of good steps since it changed."""
        return {"value": float(self.value), "good": self._good}

    def load_state_dict(self, state: dict[str, float]) -> None:
        """Go on where `state_dict` was taken."""
        self.value, self._good = float(state["value"]), int(state["good"])
