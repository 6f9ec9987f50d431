"""Sometimes: an op with a probability."""

from __future__ import annotations

from typing import Any

from fastestimator_lite.op.meta import check_prob
from fastestimator_lite.op.tensorop.meta.nested import NestedOp, check_ops
from fastestimator_lite.op.tensorop.tensorop import TensorOp


class Sometimes(NestedOp):
    """Run an op on a batch with a given probability, else leave the batch as it is.

    The outputs of the op are inputs of this one too: they must be there already, for the case that it does not run. In a
    graph of TensorFlow, they must be of the types that the op gives.

    Args:
        tensor_op: The op.
        prob: Probability that it runs, in [0, 1].

    Raises:
        ConfigError: If `tensor_op` is no TensorOp, or `prob` is not in [0, 1].
    """

    def __init__(self, tensor_op: TensorOp, prob: float = 0.5) -> None:
        check_ops([tensor_op], "Sometimes")
        self.extra_inputs = [key for key in tensor_op.outputs if key not in tensor_op.inputs]
        super().__init__([tensor_op], tensor_op.inputs + self.extra_inputs, tensor_op.outputs)
        self.op = tensor_op
        self.prob = check_prob(prob)

    def run_on(self, store: dict[str, Any], state: dict[str, Any]) -> None:
        runs = self._framework.cast(self._framework.random_scalar() < self.prob, "int32")
        values = self._framework.switch(
            runs, [lambda: [store[key] for key in self.outputs], lambda: self.branch(self.op, store, state)]
        )
        store.update(zip(self.outputs, values, strict=True))
