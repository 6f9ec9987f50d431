"""Files of Keras models and of their optimizers."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")
pytest.importorskip("tensorflow")

import fastestimator_lite as fe  # noqa: E402
from fastestimator_lite.backend import load_model, save_model  # noqa: E402
from fastestimator_lite.backend.card import card_of  # noqa: E402
from fastestimator_lite.component import When  # noqa: E402
from fastestimator_lite.op.tensorop.loss import MeanSquaredError  # noqa: E402
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp  # noqa: E402
from fastestimator_lite.schedule import EpochScheduler  # noqa: E402
from fastestimator_lite.util.errors import CheckpointError  # noqa: E402


def net():
    return keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])


def batch():
    return {"x": np.ones((4, 2), "float32"), "y": np.zeros((4, 1), "float32")}


def trained(optimizer, epochs=(1,)):
    model = fe.build(net, optimizer)
    network = fe.Network([ModelOp(model, "x", "p"), MeanSquaredError(("p", "y"), "mse"), UpdateOp(model, "mse")])
    for epoch in epochs:
        network.load(When("train", epoch, ""))(batch())
    return model


@pytest.mark.parametrize(("saved", "built"), [("adam", "sgd"), ("sgd", "adam"), ("adam", "rmsprop")])
def test_the_file_of_another_optimizer_is_refused(saved, built, tmp_path):
    path = save_model(trained(saved), tmp_path, "m", save_optimizer=True)
    with pytest.raises(CheckpointError, match="m_opt.npz does not fit the optimizer of 'model1'"):
        load_model(fe.build(net, built, model_name="model1"), path, load_optimizer=True)


def test_an_optimizer_that_was_not_used_yet_goes_on_without_slots(tmp_path):
    schedule = {1: "adam", 3: "rmsprop"}
    path = save_model(trained(EpochScheduler(schedule)), tmp_path, "m", save_optimizer=True)
    model = fe.build(net, EpochScheduler(schedule))
    load_model(model, path, load_optimizer=True)
    used, unused = card_of(model).optimizers().values()
    assert used.built
    assert int(used.iterations.numpy()) == 1
    assert not unused.built
    assert float(unused.learning_rate.numpy()) == pytest.approx(0.001)


def test_the_state_of_a_model_is_not_lost_on_one_that_is_not_built_yet():
    class Late(keras.Model):
        def __init__(self):
            super().__init__()
            self.layer = keras.layers.Dense(1)

        def call(self, x):
            return self.layer(x)

    def network():
        model = fe.build(Late, "adam", model_name="late")
        return fe.Network([ModelOp(model, "x", "p"), MeanSquaredError(("p", "y"), "mse"), UpdateOp(model, "mse")])

    trained_one = network()
    trained_one.load(When("train", 1, ""))(batch())
    with pytest.raises(CheckpointError, match="holds 2 variables, and the model 'late' has 0; it is not built yet"):
        network().load_state_dict(trained_one.state_dict())
