"""OneOf: one op drawn at random."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from fastestimator_lite.op.numpyop.meta.nested import NestedOp, check_ops
from fastestimator_lite.op.numpyop.numpyop import NumpyOp
from fastestimator_lite.types import FilteredData
from fastestimator_lite.util.errors import ConfigError


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
        first = ops[0]
        for op in ops:
            if op.inputs != first.inputs or op.outputs != first.outputs:
                raise ConfigError(
                    f"OneOf: all ops must have the same inputs and outputs, got {first.inputs} -> "
                    f"{first.outputs} for {type(first).__name__} and {op.inputs} -> {op.outputs} for "
                    f"{type(op).__name__}"
                )
        if probs is not None and len(probs) != len(ops):
            raise ConfigError(f"OneOf: probs must be one probability for each op, got {len(probs)} for {len(ops)} ops")
        if probs is not None and (min(probs) < 0 or not math.isclose(sum(probs), 1, abs_tol=1e-6)):
            raise ConfigError(f"OneOf: probs must be in [0, 1] and sum to 1, got {list(probs)} with sum {sum(probs)}")
        super().__init__(ops, first.inputs, first.outputs)
        self.in_list, self.out_list = first.in_list, first.out_list
        self.probs = probs
        # the last limit is above 1, whatever rounding does to the sum
        self._limits = [*list(accumulate(probs or [1 / len(ops)] * len(ops)))[:-1], 2.0]

    def run_on(self, store: dict[str, Any], state: dict[str, Any], batched: bool) -> FilteredData | None:
        drawn = self.rng.random()
        index = next(i for i, limit in enumerate(self._limits) if drawn < limit)
        return self.run_op(self.ops[index], store, state, batched)
