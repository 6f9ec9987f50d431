"""Sometimes: an op with a probability."""

from __future__ import annotations

from typing import Any

from fastestimator_lite.op.meta import check_prob
from fastestimator_lite.op.numpyop.meta.nested import NestedOp, check_ops
from fastestimator_lite.op.numpyop.numpyop import NumpyOp
from fastestimator_lite.types import FilteredData


class Sometimes(NestedOp):
    """Run an op on a sample with a given probability, else leave the sample as it is.

    The outputs of the op are inputs of this one too: they must be there already, for the case that it does not run.

    Args:
        numpy_op: The op.
        prob: Probability that it runs, in [0, 1].

    Raises:
        ConfigError: If `numpy_op` is no NumpyOp, or `prob` is not in [0, 1].
    """

    def __init__(self, numpy_op: NumpyOp, prob: float = 0.5) -> None:
        check_ops([numpy_op], "Sometimes")
        self.extra_inputs = [key for key in numpy_op.outputs if key not in numpy_op.inputs]
        super().__init__([numpy_op], numpy_op.inputs + self.extra_inputs, numpy_op.outputs)
        self.op = numpy_op
        self.prob = check_prob(prob)

    def run_on(self, store: dict[str, Any], state: dict[str, Any], batched: bool) -> FilteredData | None:
        if self.rng.random() >= self.prob:
            return None
        return self.run_op(self.op, store, state, batched)
