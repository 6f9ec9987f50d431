"""Text in a batch: ops that read it, and a loss that cannot."""

import numpy as np
import pytest

import fastestimator_lite as fe
from fastestimator_lite.backend import to_tensor
from fastestimator_lite.dataset import NumpyDataset
from fastestimator_lite.op.tensorop import TensorOp
from fastestimator_lite.op.tensorop.loss import CrossEntropy, MeanSquaredError
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp
from fastestimator_lite.util.errors import ConfigError
from tests.network.conftest import linear

WORDS = ["long", "a", "of"] * 4


class Length(TensorOp):
    """The number of letters of each word."""

    def __init__(self, framework):
        super().__init__("word", "y")
        self.framework = framework

    def forward(self, data, state):
        return to_tensor(np.array([[len(word)] for word in data], np.float32), self.framework)


def estimator(framework, ops, loss, outs):
    model = fe.build(linear(framework, outs=outs), "sgd")
    x = np.arange(24, dtype=np.float32).reshape(12, 2) / 24
    pipeline = fe.Pipeline(train_data=NumpyDataset({"x": x, "word": WORDS}), batch_size=4, num_process=0)
    network = fe.Network([*ops, ModelOp(model, "x", "p"), loss, UpdateOp(model, "loss")])
    return fe.Estimator(pipeline, network, epochs=2, log_steps=None), model


@pytest.mark.parametrize("warmup", [True, False])
def test_an_op_may_read_text(tensor_framework, warmup):
    from fastestimator_lite.backend import to_number

    made, model = estimator(tensor_framework, [Length(tensor_framework)], MeanSquaredError(("p", "y"), "loss"), 1)
    before = [to_number(value).copy() for value in model.parameters()] if tensor_framework == "torch" else None
    made.fit(warmup=warmup)
    assert made.system.global_step == 6
    if before is not None:
        assert not np.allclose(before[0], to_number(next(iter(model.parameters()))))
    else:
        assert not np.allclose(model.trainable_variables[0].numpy(), 0.5)


@pytest.mark.parametrize("warmup", [True, False])
def test_a_loss_of_text_is_refused(tensor_framework, warmup):
    made, _ = estimator(tensor_framework, [], CrossEntropy(("p", "word"), "loss"), 2)
    with pytest.raises(ConfigError, match="'word' is text .* add WordtoId or Onehot"):
        made.fit(warmup=warmup)
