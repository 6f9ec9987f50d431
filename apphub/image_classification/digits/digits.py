"""Handwritten digits with everything scheduled: data, batch size, augmentation, optimizer, model and traces.

The job of the scheduler tutorial on the images that come with scikit-learn, so nothing is downloaded. Run it with

    python digits.py --backend torch
    python digits.py --backend tensorflow

It prints what will change at which epoch, trains, tests, and writes a page with the curves over the schedule.
"""

import argparse
import importlib
import math
import os
import tempfile
from pathlib import Path

import numpy as np

import fastestimator_lite as fe
from fastestimator_lite.dataset import NumpyDataset
from fastestimator_lite.dataset.data import skl_digits
from fastestimator_lite.op.numpyop.multivariate import CenterCrop, RandomCrop, Resize, Rotate
from fastestimator_lite.op.numpyop.univariate import ExpandDims, Minmax
from fastestimator_lite.op.tensorop.loss import CrossEntropy
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp
from fastestimator_lite.schedule import EpochScheduler, RepeatScheduler, cosine_decay, value_at
from fastestimator_lite.summary import write_png, write_report
from fastestimator_lite.trace.adapt import LRScheduler
from fastestimator_lite.trace.io import BestModelSaver, ModelSaver
from fastestimator_lite.trace.metric import Accuracy

BACKENDS = ("torch", "tensorflow")


def get_estimator(
    backend="torch", epochs=16, save_dir=None, train_steps_per_epoch=None, eval_steps_per_epoch=None, log_steps=10
):
    if backend == "torch":
        from fastestimator_lite.architecture.pytorch import LeNet

        channel_axis, input_shape = 0, (1, 32, 32)
    elif backend == "tensorflow":
        from fastestimator_lite.architecture.tensorflow import LeNet

        channel_axis, input_shape = -1, (32, 32, 1)
    else:
        raise ValueError(f"backend must be one of {', '.join(BACKENDS)}, got {backend!r}")
    save_dir = save_dir or tempfile.mkdtemp()

    # step 1: the data; half of the training images in epochs 1 and 2, then all of them
    all_train = skl_digits.load_data()
    all_train["x"] = all_train["x"].astype(np.float32)
    eval_data, test_data = all_train.split(0.15, 0.15, seed=0, stratify="y")
    half_train = NumpyDataset(all_train[: len(all_train) // 2])
    train_data = EpochScheduler({1: half_train, 3: all_train})
    batch_size = RepeatScheduler([32, 64])
    pipeline = fe.Pipeline(
        train_data=train_data,
        eval_data=eval_data,
        test_data=test_data,
        batch_size=batch_size,
        ops=[
            Minmax(inputs="x", outputs="x"),
            Resize(height=36, width=36, image_in="x", image_out="x"),
            EpochScheduler({1: Rotate(image_in="x", image_out="x", mode="train", limit=30), 3: None}),
            RandomCrop(height=32, width=32, image_in="x", image_out="x", mode="train"),
            CenterCrop(height=32, width=32, image_in="x", image_out="x", mode="!train"),
            ExpandDims(inputs="x", outputs="x", axis=channel_axis),
        ],
    )

    # step 2: the network; m1 learns in epochs 1 (adam) and 2 (sgd), m2 from epoch 3 on
    model_1 = fe.build(
        model_fn=lambda: LeNet(input_shape), optimizer_fn=EpochScheduler({1: "adam", 2: "sgd"}), model_name="m1"
    )
    model_2 = fe.build(model_fn=lambda: LeNet(input_shape), optimizer_fn="adam", model_name="m2")
    network = fe.Network(
        ops=[
            EpochScheduler(
                {
                    1: ModelOp(model=model_1, inputs="x", outputs="y_pred"),
                    3: ModelOp(model=model_2, inputs="x", outputs="y_pred"),
                }
            ),
            CrossEntropy(inputs=("y_pred", "y"), outputs="ce"),
            EpochScheduler(
                {
                    1: UpdateOp(model=model_1, loss_name="ce"),
                    3: UpdateOp(model=model_2, loss_name="ce"),
                }
            ),
        ]
    )

    # step 3: the traces; the learning rate of m2 falls over all of its steps
    sizes = [(len(value_at(train_data, epoch)), value_at(batch_size, epoch)) for epoch in range(1, epochs + 1)]
    steps = [train_steps_per_epoch or math.ceil(samples / batch) for samples, batch in sizes]
    begin, length = sum(steps[:2]) + 1, max(1, sum(steps[2:]))
    traces = [
        Accuracy(true_key="y", pred_key="y_pred"),
        EpochScheduler({2: ModelSaver(model=model_1, save_dir=save_dir), 3: None}),
        EpochScheduler({3: ModelSaver(model=model_2, save_dir=save_dir, max_to_keep=1)}),
        EpochScheduler(
            {
                3: BestModelSaver(
                    model=model_2, save_dir=save_dir, metric="accuracy", save_best_mode="max", load_best_final=True
                )
            }
        ),
        EpochScheduler(
            {
                3: LRScheduler(
                    model=model_2, lr_fn=lambda step: cosine_decay(step, cycle_length=length, init_lr=4e-3, start=begin)
                )
            }
        ),
    ]
    return fe.Estimator(
        pipeline=pipeline,
        network=network,
        epochs=epochs,
        traces=traces,
        log_steps=log_steps,
        train_steps_per_epoch=train_steps_per_epoch,
        eval_steps_per_epoch=eval_steps_per_epoch,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backend", choices=BACKENDS, default="torch")
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--out", default="demo", help="folder for the models and the report (default: demo)")
    args = parser.parse_args()
    # Both are read when the framework is imported, which is in get_estimator. Threads of torch that wait for others
    # spin otherwise, and on a machine that is busy with other work that makes each step many times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's notes on the CPU say nothing about this job

    fe.enable_deterministic(args.seed)
    out = Path(args.out)
    estimator = get_estimator(args.backend, epochs=args.epochs, save_dir=str(out / "models"))
    timeline = estimator.timeline()
    print(timeline)
    estimator.fit(f"Handwritten digits, {args.backend}")
    summary = estimator.test()

    facts = {"framework": f"{args.backend} {importlib.import_module(args.backend).__version__}", "seed": args.seed}
    page = write_report(out / "report.html", summary, timeline, facts=facts)
    picture = write_png(out / "report.png", summary, timeline)
    accuracy = float(list(summary.history["test"]["accuracy"].values())[-1])
    print(f"Test accuracy: {accuracy:.4f}")
    print(f"The curves over the schedule: {page.resolve()}")
    print(f"The same as a picture:        {picture.resolve()}")


if __name__ == "__main__":
    main()
