"""How a Keras model learns: what an optimizer has no room for is told before anything moves."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")
pytest.importorskip("tensorflow")

import fastestimator_lite as fe  # noqa: E402
from fastestimator_lite.dataset import NumpyDataset  # noqa: E402
from fastestimator_lite.op.tensorop.loss import MeanSquaredError  # noqa: E402
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp  # noqa: E402
from fastestimator_lite.schedule import EpochScheduler  # noqa: E402
from fastestimator_lite.trace import Trace  # noqa: E402
from fastestimator_lite.util.errors import ConfigError  # noqa: E402


def half_frozen():
    layers = [keras.layers.Dense(3, name="body", trainable=False), keras.layers.Dense(1, name="head")]
    return keras.Sequential([keras.layers.Input((2,)), *layers])


class Free(Trace):
    """Frees the body at the beginning of an epoch, and keeps what the model holds then."""

    def __init__(self, model, epoch):
        super().__init__(mode="train")
        self.model, self.epoch, self.steps = model, epoch, 0

    def on_epoch_begin(self, data):
        if self.system.epoch_idx == self.epoch:
            self.model.get_layer("body").trainable = True
            self.before = [variable.numpy() for variable in self.model.variables]

    def on_batch_end(self, data):
        self.steps += 1


def run(model, traces=()):
    rng = np.random.default_rng(0)
    data = NumpyDataset({"x": rng.random((8, 2), "float32"), "y": rng.random((8, 1), "float32")})
    ops = [ModelOp(model, "x", "p"), MeanSquaredError(("p", "y"), "mse"), UpdateOp(model, "mse")]
    free = Free(model, 2)
    pipeline = fe.Pipeline(train_data=data, batch_size=4, num_process=0)
    return fe.Estimator(pipeline, fe.Network(ops), epochs=3, traces=[free, *traces], log_steps=None), free


def test_a_layer_freed_by_hand_after_its_optimizer_was_built_is_refused_before_a_step():
    model = fe.build(half_frozen, "adam", model_name="net")
    estimator, free = run(model)
    with pytest.raises(ConfigError, match=r"variable '.*body/kernel' of model 'net' was freed .*TrainableSchedule"):
        estimator.fit()
    assert free.steps == 2
    for before, variable in zip(free.before, model.variables, strict=True):
        np.testing.assert_array_equal(variable.numpy(), before)


class Save(Trace):
    """Saves a run at the end of each epoch."""

    def __init__(self, folder):
        super().__init__(mode="train")
        self.folder = folder

    def on_epoch_end(self, data):
        self.system.save_state(str(self.folder))


@pytest.mark.parametrize("saves", [False, True])
def test_a_layer_freed_by_hand_learns_by_an_optimizer_that_was_not_used_yet(saves, tmp_path):
    model = fe.build(half_frozen, EpochScheduler({1: "adam", 2: "sgd"}))
    estimator, free = run(model, [Save(tmp_path)] * saves)
    estimator.fit()
    assert all(
        (before != variable.numpy()).any() for before, variable in zip(free.before, model.variables, strict=True)
    )
