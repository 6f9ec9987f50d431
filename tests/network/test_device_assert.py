"""A check that failed on a CUDA device, which tells of it late and without a place."""

import numpy as np
import pytest

import fastestimator_lite as fe
from fastestimator_lite.dataset import NumpyDataset
from fastestimator_lite.op.tensorop import LambdaOp
from fastestimator_lite.op.tensorop.loss import CrossEntropy
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp
from fastestimator_lite.trace import Trace

torch = pytest.importorskip("torch")

TEXT = "CUDA error: device-side assert triggered"


class Late(Trace):
    """What looks at a result first hears of what failed before."""

    def on_batch_end(self, data):
        raise RuntimeError(TEXT)


def fail(x):
    raise RuntimeError(TEXT)


@pytest.mark.parametrize("where", ["op", "trace"])
def test_it_is_told_what_may_be_wrong(where):
    model = fe.build(lambda: torch.nn.Linear(2, 3), "sgd")
    failing = [LambdaOp(fail, "p", "p")] if where == "op" else []
    loss = CrossEntropy(("p", "y"), "ce", from_logits=True)
    columns = {"x": np.ones((4, 2), np.float32), "y": np.zeros((4, 1), np.int64)}
    estimator = fe.Estimator(
        fe.Pipeline(train_data=NumpyDataset(columns), batch_size=2, num_process=0),
        fe.Network([ModelOp(model, "x", "p"), *failing, loss, UpdateOp(model, "ce")]),
        epochs=1,
        log_steps=None,
        traces=Late() if where == "trace" else None,
    )
    with pytest.raises(RuntimeError, match="device-side assert") as caught:
        estimator.fit(warmup=False)
    notes = "\n".join(caught.value.__notes__)
    assert "look at 'p', 'y', from which 'ce' is computed" in notes
    assert "CUDA_LAUNCH_BLOCKING=1" in notes
