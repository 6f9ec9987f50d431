"""What a loss may charge for the size of a model's weights."""

from __future__ import annotations

from typing import Any

from fastestimator_lite.backend.framework import framework_of, framework_of_model
from fastestimator_lite.types import Model


def l2_regularization(model: Model, beta: float = 0.01) -> Any:
    """Half the sum of the squares of all trained parameters of a model, times a factor.

    Args:
        model: A model from `fe.build`.
        beta: The factor.

    Returns:
        A scalar tensor, with a gradient for each trained parameter; 0.0 if none is trained.

    Source: Krogh and Hertz 1991, "A Simple Weight Decay Can Improve Generalization".
    """
    total: Any = 0.0
    for parameter in framework_of_model(model).parameters(model):
        framework = framework_of(parameter)
        total = total + framework.reduce_sum(framework.pow(parameter, 2.0), None, False)
    return 0.5 * beta * total
