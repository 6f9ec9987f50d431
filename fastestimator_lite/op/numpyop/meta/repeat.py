"""Repeat: an op several times."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from fastestimator_lite.op.meta import check_repeat
from fastestimator_lite.op.numpyop.meta.nested import NestedOp, check_ops
from fastestimator_lite.op.numpyop.numpyop import NumpyOp
from fastestimator_lite.types import FilteredData


class Repeat(NestedOp):
    """Run an op a number of times, or as long as a condition holds.

    Args:
        op: The op.
        repeat: How many times, an int >= 1; or a function whose parameters are named like keys of the data and that
            returns, after each run, whether to run again. The op runs at least once.
        max_iter: With a function, how many times at most; None for no limit.

    Raises:
        ConfigError: If `op` is no NumpyOp, `repeat` is neither an int >= 1 nor a function, or `max_iter` is below 1 or
            given together with an int.
    """

    def __init__(self, op: NumpyOp, repeat: int | Callable[..., bool] = 1, max_iter: int | None = None) -> None:
        check_ops([op], "Repeat")
        self.repeat_inputs = check_repeat(repeat, max_iter)
        extra = [key for key in self.repeat_inputs if key not in op.inputs and key not in op.outputs]
        super().__init__([op], op.inputs + extra, op.outputs)
        self.repeat = repeat
        self.max_iter = max_iter
        self.draws = op.draws
        self.vectorized = op.vectorized and not callable(repeat)

    @property
    def op(self) -> NumpyOp:
        """The op that is repeated."""
        return self.ops[0]

    def run_on(self, store: dict[str, Any], state: dict[str, Any], batched: bool) -> FilteredData | None:
        limit = self.max_iter if callable(self.repeat) else self.repeat
        for done in count(1):
            dropped = self.run_op(self.op, store, state, batched)
            if dropped is not None or done == limit:
                return dropped
            if callable(self.repeat) and not self.repeat(*(store[key] for key in self.repeat_inputs)):
                return None
        return None
