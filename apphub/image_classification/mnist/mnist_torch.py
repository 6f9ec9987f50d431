"""MNIST in PyTorch: a LeNet with a cosine learning rate, its best weights kept. The data is downloaded once (11 MB)."""

import tempfile

import fastestimator_lite as fe
from fastestimator_lite.architecture.pytorch import LeNet
from fastestimator_lite.dataset.data import mnist
from fastestimator_lite.op.numpyop.univariate import ExpandDims, Minmax
from fastestimator_lite.op.tensorop.loss import CrossEntropy
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp
from fastestimator_lite.schedule import cosine_decay
from fastestimator_lite.trace.adapt import LRScheduler
from fastestimator_lite.trace.io import BestModelSaver
from fastestimator_lite.trace.metric import Accuracy


def get_estimator(epochs=2, batch_size=32, train_steps_per_epoch=None, eval_steps_per_epoch=None, save_dir=None):
    # step 1: the data; half of the evaluation images are kept for the test
    train_data, eval_data = mnist.load_data()
    test_data = eval_data.split(0.5)
    pipeline = fe.Pipeline(
        train_data=train_data,
        eval_data=eval_data,
        test_data=test_data,
        batch_size=batch_size,
        ops=[ExpandDims(inputs="x", outputs="x", axis=0), Minmax(inputs="x", outputs="x")],
    )

    # step 2: the network
    model = fe.build(model_fn=LeNet, optimizer_fn="adam")
    network = fe.Network(
        ops=[
            ModelOp(model=model, inputs="x", outputs="y_pred"),
            CrossEntropy(inputs=("y_pred", "y"), outputs="ce"),
            UpdateOp(model=model, loss_name="ce"),
        ]
    )

    # step 3: the traces
    traces = [
        Accuracy(true_key="y", pred_key="y_pred"),
        BestModelSaver(model=model, save_dir=save_dir or tempfile.mkdtemp(), metric="accuracy", save_best_mode="max"),
        LRScheduler(model=model, lr_fn=lambda step: cosine_decay(step, cycle_length=3750, init_lr=1e-3)),
    ]
    return fe.Estimator(
        pipeline=pipeline,
        network=network,
        epochs=epochs,
        traces=traces,
        train_steps_per_epoch=train_steps_per_epoch,
        eval_steps_per_epoch=eval_steps_per_epoch,
    )


if __name__ == "__main__":
    estimator = get_estimator()
    estimator.fit()
    estimator.test()
