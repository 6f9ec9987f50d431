"""How ops take gradients by what `Watch` watches."""

from __future__ import annotations

from typing import Any

from fastestimator_lite.backend.model import get_gradient
from fastestimator_lite.op.tensorop.tensorop import TensorOp
from fastestimator_lite.util.errors import ConfigError


class GradientTaker(TensorOp):
    """An op that takes gradients and may keep the graph for later ones."""

    retain_graph = True

    def fe_retain_graph(self, retain: bool | None = None) -> bool | None:
        if retain is not None:
            self.retain_graph = retain
        return self.retain_graph

    def gradient(self, target: Any, source: Any, keys: tuple[str, str], state: dict[str, Any], retain: bool) -> Any:
        """The gradient of a tensor's sum with respect to another.

        Args:
            target: What to differentiate.
            source: What to differentiate by.
            keys: The keys of both, for the message.
            state: See `TensorOp.forward`.
            retain: Whether another gradient will be taken.

        Raises:
            ConfigError: If the one does not depend on the other, as far as is recorded.
        """
        found = None
        if getattr(target, "requires_grad", True) and getattr(source, "requires_grad", True):  # torch says so itself
            found = get_gradient(target, source, tape=state.get("tape"), retain_graph=retain)
        if found is None:
            raise ConfigError(
                f"{type(self).__name__}: {keys[0]!r} does not depend on {keys[1]!r} by steps that were recorded; put "
                f"Watch({keys[1]!r}) before the ops that lead from one to the other"
            )
        return found
