"""When UpdateOp moves a model, and what it says of a loss that teaches it nothing."""

import numpy as np
import pytest

import fastestimator_lite as fe
from fastestimator_lite.component import When
from fastestimator_lite.dataset import NumpyDataset
from fastestimator_lite.op.tensorop import LambdaOp
from fastestimator_lite.op.tensorop.loss import MeanSquaredError
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp
from fastestimator_lite.trace import Trace
from fastestimator_lite.util.errors import ConfigError

X = np.array([[1, 2], [3, 4]], "float32")
Y = np.ones((2, 1), "float32")


def learning(model, **update):
    return [ModelOp(model, "x", "p"), MeanSquaredError(("p", "y"), "mse"), UpdateOp(model, "mse", **update)]


def estimator(ops, **options):
    pipeline = fe.Pipeline(train_data=NumpyDataset({"x": X, "y": Y}), batch_size=1, num_process=0)
    return fe.Estimator(pipeline, fe.Network(ops), log_steps=None, **options)


def freeze(model):
    if hasattr(model, "requires_grad_"):
        model.requires_grad_(False)
    else:
        model.trainable = False


@pytest.mark.parametrize("mode", ["eval", "test"])
@pytest.mark.parametrize("merge", [1, 2])
def test_an_update_of_all_modes_moves_nothing_outside_of_training(tensor_framework, linear, weights, mode, merge):
    network = fe.Network(learning(linear, mode=None, merge_grad=merge))
    for _ in range(2):
        network.load(When(mode, 1, ""))({"x": X, "y": Y})
    network.end_epoch()
    assert weights(linear) == [1.0, -2.0]
    assert linear.fe.updates.count == 0


@pytest.mark.parametrize("others", [0, 1])
def test_a_loss_of_something_else_is_told_before_training(tensor_framework, linear, others):
    ops = [LambdaOp(lambda x: x[:, 0], "x", "mse"), UpdateOp(linear, "mse")]
    told = r"UpdateOp\(loss_name='mse'\) has nothing to teach the model 'model\d*'.*does not depend on its parameters"
    with pytest.raises(ConfigError, match=told):
        estimator([*(ModelOp(linear, "x", f"p{k}") for k in range(others)), *ops], epochs=1).fit()


def test_a_loss_behind_a_model_op_without_gradients_is_told_before_training(tensor_framework, linear):
    ops = [ModelOp(linear, "x", "p", gradients=False), *learning(linear)[1:]]
    with pytest.raises(ConfigError, match="has nothing to teach the model .* the ModelOp needs gradients=True"):
        estimator(ops, epochs=1).fit()


@pytest.mark.parametrize("update", [{}, {"merge_grad": 2}, {"nan": "skip"}, {"clip_norm": 1.0}, {"defer": True}])
def test_a_model_all_of_which_is_frozen_stands_still_with_a_warning(tensor_framework, linear, weights, caplog, update):
    freeze(linear)
    ops = learning(linear, **update)
    with caplog.at_level("WARNING", "fastestimator_lite"):
        run = estimator(ops, epochs=2)
        run.fit()
    name = linear.fe.name
    assert [record.getMessage() for record in caplog.records] == [
        f"FastEstimator-Warn: UpdateOp(loss_name='mse') changes nothing as long as all parameters of the model {name!r} are "
        "frozen"
    ]
    assert run.system.global_step == 4
    assert weights(linear) == [1.0, -2.0]


def test_a_frozen_model_stands_still_beside_one_that_learns(make_linear, weights, caplog):
    """The frozen one feeds the other, so that the loss has a gradient and the frozen one no part in it."""
    frozen, linear = make_linear(), make_linear()
    freeze(frozen)
    ops = [ModelOp(frozen, "x", "q"), LambdaOp(lambda x, q: x * q, ("x", "q"), "x"), *learning(linear)]
    with caplog.at_level("WARNING", "fastestimator_lite"):
        estimator([*ops, UpdateOp(frozen, "mse")], epochs=1, train_steps_per_epoch=1).fit()
    assert sum(f"of the model {frozen.fe.name!r} are frozen" in record.getMessage() for record in caplog.records) == 1
    assert weights(frozen) == [1.0, -2.0]
    assert weights(linear) != [1.0, -2.0]


class FreezeLater(Trace):
    """Freezes a model at the beginning of epoch 2."""

    def __init__(self, model, read):
        super().__init__(mode="train")
        self.model, self.read, self.seen = model, read, []

    def on_epoch_begin(self, data):
        self.seen.append(self.read(self.model))
        if self.system.epoch_idx == 2:
            freeze(self.model)


def test_a_model_frozen_during_the_run_stands_still_from_there_on(tensor_framework, linear, weights):
    later = FreezeLater(linear, weights)
    run = estimator(learning(linear), epochs=3, traces=later)
    run.fit()
    assert run.system.global_step == 6
    assert later.seen[0] != later.seen[1]
    assert later.seen[1] == later.seen[2] == weights(linear)
