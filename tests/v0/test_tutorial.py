"""The scheduler tutorial of FastEstimator 0.x, block by block, with nothing but the name of the package exchanged."""

import os

import numpy as np
import pytest

DATA = """
import numpy as np
import tensorflow as tf
import fastestimator_lite.v0 as fe

# We load MNIST dataset
(x_train, y_train), (x_eval, y_eval) = tf.keras.datasets.mnist.load_data()
train_data = {"x": np.expand_dims(x_train, -1), "y": y_train}
eval_data = {"x": np.expand_dims(x_eval, -1), "y": y_eval}
data = {"train": train_data, "eval": eval_data}
"""
PIPELINE = """
from fastestimator_lite.v0.schedule import Scheduler
from fastestimator_lite.v0.op.tensorop import Minmax, Resize, Scale

# We create a scheduler for batch_size with the epochs at which it will change and corresponding values.
batchsize_scheduler = Scheduler({0:32, 1:64, 2:128})

# We create a scheduler for the Resize ops.
resize_scheduler = Scheduler({0: Resize(inputs="x", size=(30, 30), outputs="x"),
                              1: Resize(inputs="x", size=(32, 32), outputs="x"),
                              2: Resize(inputs="x", size=(30, 30), outputs="x")})

# We create a scheduler for the different normalize ops we will want to use.
normalize_scheduler = Scheduler({0: Minmax(inputs="x", outputs="x"),
                                 2: Scale(inputs="x", scalar=1.0/255, outputs="x")})

# In Pipeline, we use the schedulers for batch_size and ops.
pipeline = fe.Pipeline(batch_size=batchsize_scheduler,
                       data=data,
                       ops=[resize_scheduler, normalize_scheduler])
"""
NETWORK = """
from fastestimator_lite.v0.architecture import LeNet
from fastestimator_lite.v0.op.tensorop.model import ModelOp
from fastestimator_lite.v0.op.tensorop.loss import SparseCategoricalCrossentropy

# We create two models and build them with their optimizer and loss.
model1 = fe.build(model_def=lambda: LeNet(input_shape=(30,30,1)), model_name="model1", optimizer="adam", loss_name='my_loss')
model2 = fe.build(model_def=lambda: LeNet(input_shape=(32,32,1)), model_name="model2", optimizer="adam", loss_name='my_loss')

# We create a Scheduler to indicate what model we want to train for each epoch.
model_scheduler = Scheduler({0: ModelOp(inputs="x", model=model1, outputs="y_pred"),
                             1: ModelOp(inputs="x", model=model2, outputs="y_pred"),
                             2: ModelOp(inputs="x", model=model1, outputs="y_pred")})

# We summarize the ops in Network, using model_scheduler for ModelOp.
network = fe.Network(ops=[model_scheduler, SparseCategoricalCrossentropy(inputs=("y", "y_pred"), outputs='my_loss')])
"""
ESTIMATOR = """
estimator = fe.Estimator(network=network, pipeline=pipeline, epochs=3)
"""
FIT = """
estimator.fit()
"""


def images(count, seed):
    """Digits of a kind: a bright row, whose place tells the class, on dark noise; never brighter than 200."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 10, count).astype(np.uint8)
    x = rng.integers(0, 60, (count, 28, 28)).astype(np.uint8)
    x[np.arange(count), 2 * y + 4] = 200
    return x, y


def weights(model):
    return [variable.numpy() for variable in model.trainable_variables]


@pytest.fixture(scope="module")
def run():
    """The tutorial, run from top to bottom, with a row for each step that its network took."""
    if "tf" not in os.environ.get("FEL_FRAMEWORKS", "tf"):
        pytest.skip("TensorFlow is not under test")
    tf = pytest.importorskip("tensorflow")
    from fastestimator_lite.network.tensorflow import TFStep

    names, rows = {}, []
    take_step = TFStep.__call__

    def watched(step, batch):
        models = {"model1": names["model1"], "model2": names["model2"]}
        before = {name: weights(model) for name, model in models.items()}
        result = take_step(step, batch)
        moved = {
            name
            for name, model in models.items()
            if any(np.any(one != other) for one, other in zip(before[name], weights(model), strict=True))
        }
        rows.append(
            {
                "mode": step.plan.mode,
                "epoch": step.epoch,
                "shape": batch["x"].shape,
                "moved": moved,
                "high": batch["x"].max(axis=(1, 2, 3)),
                "low": batch["x"].min(axis=(1, 2, 3)),
            }
        )
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FASTESTIMATOR_LITE_HISTORY", "off")
        patch.setattr(tf.keras.datasets.mnist, "load_data", lambda: (images(320, 0), images(64, 1)))
        patch.setattr(TFStep, "__call__", watched)
        patch.setattr(TFStep, "takes_several", False)  # so that each step is seen
        for block in (DATA, PIPELINE, NETWORK, ESTIMATOR, FIT):
            exec(compile(block, "tutorial", "exec"), names)
    return names, rows


def of(rows, mode, epoch):
    return [row for row in rows if row["mode"] == mode and row["epoch"] == epoch + 1]


@pytest.mark.parametrize(
    ("epoch", "model", "batch", "steps", "size"),
    [(0, "model1", 32, 10, 30), (1, "model2", 64, 5, 32), (2, "model1", 128, 3, 30)],
)
def test_each_epoch_is_what_its_schedulers_say(run, epoch, model, batch, steps, size):
    train = of(run[1], "train", epoch)
    assert [row["shape"] for row in train] == [(min(batch, 320 - batch * step), size, size, 1) for step in range(steps)]
    assert [row["moved"] for row in train] == [{model}] * steps
    evaluation = of(run[1], "eval", epoch)
    assert [row["shape"] for row in evaluation] == [(min(batch, 64), size, size, 1)] * -(-64 // batch)
    assert all(not row["moved"] for row in evaluation)


def test_minmax_then_scale(run):
    for epoch in (0, 1):
        for row in of(run[1], "train", epoch):
            np.testing.assert_allclose(row["low"], 0, atol=1e-6)
            np.testing.assert_allclose(row["high"], 1, rtol=1e-6)
    for row in of(run[1], "train", 2):
        assert np.all((row["high"] > 0.4) & (row["high"] <= 200 / 255 + 1e-6))


def test_it_has_no_other_epochs_and_counts_every_step(run):
    names, rows = run
    assert {row["epoch"] for row in rows} == {1, 2, 3}
    assert names["estimator"].system.global_step == 18


def test_the_models_learn(run):
    losses = list(run[0]["estimator"].system.summary.history["eval"]["my_loss"].values())
    assert len(losses) == 3
    assert losses[0] < np.log(10) - 0.1
    assert losses[2] < losses[0]


def test_the_users_schedulers_are_as_they_were(run):
    names = run[0]
    assert names["batchsize_scheduler"].epoch_dict == {0: 32, 1: 64, 2: 128}
    assert sorted(names["model_scheduler"].epoch_dict) == [0, 1, 2]
    sizes = [names["resize_scheduler"].get_current_value(epoch).size for epoch in range(4)]
    assert sizes == [(30, 30), (32, 32), (30, 30), (30, 30)]


def test_the_timeline_counts_from_1(run):
    text = str(run[0]["estimator"].timeline())
    rows = {line.split("|")[0].strip(): line for line in text.splitlines() if "|" in line}
    assert [name for name in rows if name.isdigit()] == ["1", "2", "3"]
    assert "model1" in rows["1"] and "model2" not in rows["1"]
    assert "model2" in rows["2"] and "model1" not in rows["2"]
    assert "model1" in rows["3"]


def test_show_results_counts_from_0(run):
    names = run[0]
    shapes = [tuple(names["pipeline"].show_results(current_epoch=epoch)[0]["x"].shape) for epoch in range(3)]
    assert shapes == [(32, 30, 30, 1), (64, 32, 32, 1), (128, 30, 30, 1)]
    assert len(names["pipeline"].show_results(mode="eval", num_steps=2)) == 2
