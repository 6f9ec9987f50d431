"""HadamardCode for PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from fastestimator_lite.backend.special import iwd
from fastestimator_lite.layers._code import layer_words, shares
from fastestimator_lite.util.errors import ConfigError


class HadamardCode(nn.Module):
    """The last layer of a classifier that answers in error-correcting code words.

    In place of one output per class it has one per place of a code word, between -1 and 1. A class is the more probable
    the nearer its code word is, so an attack or an error must change many outputs to change the class.

    Args:
        in_features: Number of features of the input; several for several inputs, which then share the places.
        n_classes: Number of classes, >= 2.
        code_length: Length of a code word, a power of 2 that is >= `n_classes`; None for the smallest, but at least 16.
            There are `code_length - 1` outputs before they become probabilities.
        max_prob: Probability of a class whose code word is met exactly, in (1 / n_classes, 1).
        power: How fast a class loses weight with distance, > 0.

    Raises:
        ConfigError: If an argument is not as described.

    Source: Verma and Swami 2019, "Error Correcting Output Codes Improve Probability Estimation and Adversarial
        Robustness of Deep Neural Networks"; from distance to probability as FastEstimator 1.7, see `backend.iwd`.
    """

    labels: torch.Tensor

    def __init__(
        self,
        in_features: int | Sequence[int],
        n_classes: int,
        code_length: int | None = None,
        max_prob: float = 0.95,
        power: float = 1.0,
    ) -> None:
        super().__init__()
        words = layer_words(n_classes, code_length, max_prob, power)
        features = [in_features] if isinstance(in_features, int) else list(in_features)
        self.n_classes = n_classes
        self.code_length = words.shape[1] + 1
        self.max_prob = max_prob
        self.power = power
        self.heads = nn.ModuleList(
            nn.Linear(size, places)
            for size, places in zip(features, shares(self.code_length, len(features)), strict=True)
        )
        self.register_buffer("labels", torch.from_numpy(words.copy()), persistent=False)
        self.register_load_state_dict_pre_hook(_leave_out_constants)

    def forward(self, x: torch.Tensor | Sequence[torch.Tensor]) -> torch.Tensor:
        """Classify features.

        Args:
            x: Shape (B, in_features), float; a list of as many as `in_features` has entries.

        Returns:
            Probabilities of the classes, shape (B, n_classes).

        Raises:
            ConfigError: If there are not as many inputs as `in_features`.
        """
        inputs = [x] if isinstance(x, torch.Tensor) else x
        if len(inputs) != len(self.heads):
            raise ConfigError(f"HadamardCode was made for {len(self.heads)} inputs (in_features), got {len(inputs)}")
        code = torch.tanh(torch.cat([head(item) for head, item in zip(self.heads, inputs, strict=True)], dim=-1))
        # |code - label| is 1 - code * label, where labels are 1 or -1 and codes lie between
        distances = code.shape[-1] - code @ self.labels.to(code).T
        return iwd(distances, self.power, self.max_prob, pairwise_distance=self.code_length)


def _leave_out_constants(module: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    """Files of FastEstimator 1.x hold what follows from the arguments as well."""
    for name in ("labels", "power", "eps"):
        state.pop(prefix + name, None)
