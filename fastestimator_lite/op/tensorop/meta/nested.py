"""NestedOp: an op that runs other ops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastestimator_lite.backend.framework import primitives
from fastestimator_lite.op.meta import check_moments
from fastestimator_lite.op.op import get_inputs_by_op, write_outputs_by_op
from fastestimator_lite.op.tensorop.tensorop import TensorOp, explained
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError

if TYPE_CHECKING:
    from fastestimator_lite.types import Model


class NestedOp(TensorOp):
    """An op that runs other ops on a data dictionary of its own.

    A subclass writes `run_on`.

    Args:
        ops: The ops inside, at least one; all have the same `mode` and the same `ds_id`, which are this op's too.
        inputs: Keys that are read.
        outputs: Keys that are written.
    """

    def __init__(self, ops: Sequence[TensorOp], inputs: Keys, outputs: Keys) -> None:
        super().__init__(inputs, outputs, ops[0].mode, ops[0].ds_id)
        self.ops = list(ops)
        self._framework: Any = None

    def build(self, framework: str, device: Any = None) -> None:
        self._framework = primitives(framework)
        for op in self.ops:
            op.build(framework, device)

    def get_fe_models(self) -> set[Model]:
        return {model for op in self.ops for model in op.get_fe_models()}

    def get_fe_loss_keys(self) -> set[str]:
        return {key for op in self.ops for key in op.get_fe_loss_keys()}

    def fe_retain_graph(self, retain: bool | None = None) -> bool | None:
        takers = [op for op in self.ops if op.fe_retain_graph() is not None]
        if retain is not None:
            self.set_retained(takers, retain)
        return any(op.fe_retain_graph() for op in takers) if takers else None

    def set_retained(self, takers: Sequence[TensorOp], retain: bool) -> None:
        """Tell the ops inside that take gradients whether to keep the graph.

        Args:
            takers: Those ops, in order.
            retain: Whether an op after this one takes a gradient.
        """
        for place, op in enumerate(takers, 1):
            op.fe_retain_graph(retain or place < len(takers))

    def parts(self) -> list[TensorOp]:
        return [part for op in self.ops for part in op.parts()]

    def run_on(self, store: dict[str, Any], state: dict[str, Any]) -> None:
        """Run the ops inside, in place.

        Args:
            store: The inputs by key; must hold the outputs afterwards.
            state: See `TensorOp.forward`.
        """
        raise NotImplementedError

    def forward(self, data: Any, state: dict[str, Any]) -> Any:
        """Work on one batch.

        Args:
            data: A tensor for each input.
            state: See `TensorOp.forward`.

        Returns:
            A tensor for each output.
        """
        values = data if self.in_list else [data]
        store = dict(zip(self.inputs, values or [], strict=True))
        self.run_on(store, state)
        results = [store[key] for key in self.outputs]
        return results if self.out_list else results[0]

    def branch(self, op: TensorOp, store: dict[str, Any], state: dict[str, Any]) -> list[Any]:
        """The outputs after running one of the ops inside as a branch of a graph, which nothing else may leave.

        Args:
            op: The op.
            store: The inputs by key; left as it is.
            state: See `TensorOp.forward`.
        """
        store = dict(store)
        if self._framework.NAME != "tf":
            run_op(op, store, state)
        else:
            inside = {**state, "deferred": {}, "good": []}  # tensors of a branch stay in it
            run_op(op, store, inside)
            for steps in inside["deferred"].values():
                for step in steps:
                    step()
        return [store[key] for key in self.outputs]


def run_op(op: TensorOp, store: dict[str, Any], state: dict[str, Any]) -> None:
    """Run an op on a data dictionary, in place."""
    data = get_inputs_by_op(op, store)
    try:
        if state.get("warmup"):
            op.check(data)
        values = op.forward(data, state)
    except Exception as err:
        better = explained(err, op, data)
        if better is err:
            raise
        raise better from err
    if op.outputs:
        if values is None:
            raise ConfigError(f"{type(op).__name__}.forward returned None for its outputs {op.outputs}")
        write_outputs_by_op(op, store, values)
    for key in op.deletes:
        store.pop(key, None)


def check_ops(ops: Sequence[Any], name: str) -> list[TensorOp]:
    """Check that ops can run together inside another one.

    Raises:
        ConfigError: If there is none, one is no TensorOp, or they differ in `mode` or `ds_id`.
    """
    for op in ops:
        if not isinstance(op, TensorOp):
            raise ConfigError(f"{name} takes TensorOps, got {op!r:.100}")
    check_moments(ops, name)
    return list(ops)
