"""OneOf: one op drawn at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastestimator_lite.op.meta import check_alternatives
from fastestimator_lite.op.tensorop.meta.nested import NestedOp, check_ops
from fastestimator_lite.op.tensorop.tensorop import TensorOp


class OneOf(NestedOp):
    """Run one of several ops, drawn for each batch.

    In a graph of TensorFlow, all of them must give tensors of the same types.

    Args:
        *tensor_ops: Ops with the same inputs, outputs, `mode` and `ds_id`.
        probs: Probability of each op, in [0, 1] and 1 together; None for all the same.

    Raises:
        ConfigError: If the ops differ in keys, `mode` or `ds_id`, or `probs` is not one probability for each.
    """

    def __init__(self, *tensor_ops: TensorOp, probs: Sequence[float] | None = None) -> None:
        ops = check_ops(tensor_ops, "OneOf")
        self._limits = check_alternatives(ops, probs)
        super().__init__(ops, ops[0].inputs, ops[0].outputs)
        self.probs = probs

    def set_retained(self, takers: Sequence[TensorOp], retain: bool) -> None:
        for op in takers:
            op.fe_retain_graph(retain)

    def run_on(self, store: dict[str, Any], state: dict[str, Any]) -> None:
        drawn = self._framework.random_scalar()
        index = sum(self._framework.cast(drawn >= limit, "int32") for limit in self._limits)
        values = self._framework.switch(index, [lambda op=op: self.branch(op, store, state) for op in self.ops])
        store.update(zip(self.outputs, values, strict=True))
