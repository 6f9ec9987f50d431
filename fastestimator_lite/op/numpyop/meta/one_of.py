"""OneOf: one op drawn at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastestimator_lite.op.meta import check_alternatives
from fastestimator_lite.op.numpyop.meta.nested import NestedOp, check_ops
from fastestimator_lite.op.numpyop.numpyop import NumpyOp
from fastestimator_lite.types import FilteredData


class OneOf(NestedOp):
    """Run one of several ops, drawn for each sample.

    Args:
        *numpy_ops: Ops with the same inputs, outputs, `mode` and `ds_id`.
        probs: Probability of each op, in [0, 1] and 1 together; None for all the same.

    Raises:
        ConfigError: If the ops differ in keys, `mode` or `ds_id`, or `probs` is not one probability for each.
    """

    def __init__(self, *numpy_ops: NumpyOp, probs: Sequence[float] | None = None) -> None:
        ops = check_ops(numpy_ops, "OneOf")
        self._limits = check_alternatives(ops, probs)
        super().__init__(ops, ops[0].inputs, ops[0].outputs)
        self.in_list, self.out_list = ops[0].in_list, ops[0].out_list
        self.probs = probs

    def run_on(self, store: dict[str, Any], state: dict[str, Any], batched: bool) -> FilteredData | None:
        drawn = self.rng.random()
        index = sum(drawn >= limit for limit in self._limits)
        return self.run_op(self.ops[index], store, state, batched)
