"""Repeat: an op several times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fastestimator_lite.op.meta import check_repeat
from fastestimator_lite.op.tensorop.meta.nested import NestedOp, check_ops, run_op
from fastestimator_lite.op.tensorop.tensorop import TensorOp


class Repeat(NestedOp):
    """Run an op a number of times, or as long as a condition holds.

    With a function, tensors must keep their shapes and types from run to run in a graph of TensorFlow.

    Args:
        op: The op.
        repeat: How many times, an int >= 1; or a function whose parameters are named like keys of the data and that
            returns, after each run, whether to run again: a boolean, or a boolean tensor without axes. The op runs at
            least once.
        max_iter: With a function, how many times at most; None for no limit.

    Raises:
        ConfigError: If `op` is no TensorOp, `repeat` is neither an int >= 1 nor a function, or `max_iter` is below 1 or
            given together with an int.
    """

    def __init__(self, op: TensorOp, repeat: int | Callable[..., Any] = 1, max_iter: int | None = None) -> None:
        check_ops([op], "Repeat")
        self.repeat_inputs = check_repeat(repeat, max_iter)
        extra = [key for key in self.repeat_inputs if key not in op.inputs and key not in op.outputs]
        super().__init__([op], op.inputs + extra, op.outputs)
        self.repeat = repeat
        self.max_iter = max_iter

    @property
    def op(self) -> TensorOp:
        """The op that is repeated."""
        return self.ops[0]

    def set_retained(self, takers: Sequence[TensorOp], retain: bool) -> None:
        super().set_retained(takers, retain or self.repeat != 1)

    def run_on(self, store: dict[str, Any], state: dict[str, Any]) -> None:
        if isinstance(self.repeat, int):
            for _ in range(self.repeat):
                run_op(self.op, store, state)
            return
        run_op(self.op, store, state)
        repeat = self.repeat

        def with_outputs(values: Sequence[Any]) -> dict[str, Any]:
            return {**store, **dict(zip(self.outputs, values, strict=True))}

        def again(values: Sequence[Any]) -> Any:
            now = with_outputs(values)
            return repeat(*(now[key] for key in self.repeat_inputs))

        def body(values: Sequence[Any]) -> list[Any]:
            return self.branch(self.op, with_outputs(values), state)

        first = [store[key] for key in self.outputs]
        values = self._framework.loop(again, body, first, None if self.max_iter is None else self.max_iter - 1)
        store.update(zip(self.outputs, values, strict=True))
