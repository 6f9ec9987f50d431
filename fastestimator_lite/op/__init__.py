"""Steps of work: NumpyOps on the CPU in a Pipeline, TensorOps on the device in a Network."""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.op import numpyop as numpyop
    from fastestimator_lite.op import tensorop as tensorop
    from fastestimator_lite.op.op import Op as Op
    from fastestimator_lite.op.op import get_inputs_by_op as get_inputs_by_op
    from fastestimator_lite.op.op import write_outputs_by_op as write_outputs_by_op

__getattr__, __dir__, __all__ = attach(__name__, __file__)
