"""Best: is a value better than all before? The one answer for everything that watches a metric."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastestimator_lite.backend.convert import to_number
from fastestimator_lite.util.errors import ConfigError, suggest

_COMPARE = ("min", "max")


class Best:
    """The best value so far of something that is measured again and again.

    NaN is never better than anything.

    Args:
        compare: "min" if smaller values are better, "max" if larger ones are.
        min_delta: By how much a value must be better to count; its sign does not matter.
        baseline: The value to beat at first; None for any.
        name: Name of the argument that `compare` came from, for messages.

    Attributes:
        value: The best value so far, a numpy number; the baseline or an infinity before there is one.

    Raises:
        ConfigError: If `compare` is neither "min" nor "max".
    """

    def __init__(
        self, compare: str, min_delta: float = 0.0, baseline: float | None = None, name: str = "compare"
    ) -> None:
        if compare not in _COMPARE:
            raise ConfigError(f"{name} must be 'min' or 'max', got {compare!r}.{suggest(compare, _COMPARE)}")
        self._sign = 1 if compare == "min" else -1
        self._min_delta = abs(min_delta)
        self._start = np.float64(self._sign * np.inf if baseline is None else baseline)
        self.value: Any = self._start

    def update(self, value: Any) -> bool:
        """Take a new value.

        Args:
            value: A number, or an array or tensor with one entry.

        Returns:
            Whether it is better than all before, and so the best one now.

        Raises:
            ConfigError: If it is not one number.
        """
        number = one_number(value)
        is_better = bool(self._sign * (self.value - number) > self._min_delta)
        if is_better:
            self.value = number
        return is_better

    def reset(self) -> None:
        """Forget every value."""
        self.value = self._start

    def state_dict(self) -> dict[str, Any]:
        """The best value; its type too, so that a resumed run prints the same digits."""
        return {"value": float(self.value), "dtype": self.value.dtype.name}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        self.value = np.dtype(state["dtype"]).type(state["value"])


def one_number(value: Any) -> Any:
    """The number in a number, or in an array or tensor with one entry, as a numpy number.

    Raises:
        ConfigError: If it is something else.
    """
    array = to_number(value)
    if array.size != 1 or array.dtype.kind not in "biuf":
        raise ConfigError(
            f"expected one number to compare, got {value!r:.200} of shape {array.shape}; name the key of "
            f"a single number"
        )
    number = array.reshape(-1)[0]
    return np.int64(number) if array.dtype.kind in "bu" else number  # an unsigned difference would wrap around
