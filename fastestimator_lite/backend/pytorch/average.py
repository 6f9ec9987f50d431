"""torch: a running average of a model's parameters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from fastestimator_lite.backend.convert import to_number


class Average:
    """A running average of a model's parameters, which can change places with them.

    Args:
        parameters: The parameters; the average begins with them.
    """

    def __init__(self, parameters: Sequence[torch.Tensor]) -> None:
        self._parameters = list(parameters)
        self._values = [parameter.detach().clone() for parameter in self._parameters]

    @torch.no_grad()
    def blend(self, weight: float) -> None:
        """Move the average towards the parameters.

        Args:
            weight: How far, from 0 (not at all) to 1.
        """
        torch._foreach_lerp_(self._values, [one.detach() for one in self._parameters], weight)

    @torch.no_grad()
    def swap(self) -> None:
        """Let the average and the parameters change places."""
        for parameter, value in zip(self._parameters, self._values, strict=True):
            kept = parameter.clone()
            parameter.copy_(value)
            value.copy_(kept)

    def state(self) -> list[np.ndarray]:
        """The average."""
        return [to_number(value).copy() for value in self._values]

    def load(self, state: list[np.ndarray]) -> None:
        """Put back what `state` gave."""
        for value, array in zip(self._values, state, strict=True):
            value.copy_(torch.as_tensor(np.asarray(array)))
