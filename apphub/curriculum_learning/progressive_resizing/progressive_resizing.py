"""Progressive resizing: image size, batch size and learning rate change together, and small images really are cheaper.

A network that takes images of any size begins with many small images in a batch and ends with few large ones. The
Pipeline resizes, in its workers where it has some, so an early epoch neither makes nor moves a large image. Run it with

    python progressive_resizing.py --backend torch
    python progressive_resizing.py --backend tensorflow

The task: from which part of which photograph does a crop come? The two photographs come with scikit-learn, so nothing
is downloaded. It prints what will change at which epoch, trains, tests at the largest size, prints how many images a
second each size took, and writes a page with the curves over the schedule.
"""

import argparse
import importlib
import math
import os
from pathlib import Path

import numpy as np

import fastestimator_lite as fe
from fastestimator_lite.dataset import NumpyDataset
from fastestimator_lite.op.numpyop.meta import Sometimes
from fastestimator_lite.op.numpyop.multivariate import HorizontalFlip, Resize
from fastestimator_lite.op.numpyop.univariate import ChannelTranspose, Normalize
from fastestimator_lite.op.tensorop.loss import CrossEntropy
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp
from fastestimator_lite.schedule import EpochScheduler, cosine_decay
from fastestimator_lite.summary import write_png, write_report
from fastestimator_lite.trace.adapt import LRScheduler
from fastestimator_lite.trace.metric import Accuracy

BACKENDS = ("torch", "tensorflow")
ROWS, COLUMNS = 2, 3  # the parts of each of the two photographs; every part is a class
CLASSES = 2 * ROWS * COLUMNS
CROP = 96  # pixels
AREA = 3  # cv2.INTER_AREA: averages the pixels that become one, as a smaller image needs


def load_crops(count, seed):
    """Crops at random places, as many of each class as of any other."""
    from sklearn.datasets import load_sample_images

    rng = np.random.default_rng(seed)
    parts = [
        part
        for photograph in load_sample_images().images
        for row in np.array_split(photograph, ROWS)
        for part in np.array_split(row, COLUMNS, axis=1)
    ]
    labels = rng.permutation(np.arange(count) % CLASSES)
    crops = np.empty((count, CROP, CROP, 3), np.uint8)
    for crop, label in zip(crops, labels, strict=True):
        part = parts[label]
        top, left = (rng.integers(length - CROP + 1) for length in part.shape[:2])
        crop[...] = part[top : top + CROP, left : left + CROP]
    return NumpyDataset({"x": crops, "y": labels})


def torch_network():
    """Three convolutions, and a mean over whatever is left of the image."""
    from torch import nn

    layers = []
    for channels_in, channels_out in ((3, 16), (16, 32), (32, 64)):
        layers += [nn.Conv2d(channels_in, channels_out, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, CLASSES), nn.Softmax(-1))


def tensorflow_network():
    """The same."""
    from keras import Sequential, layers

    body = []
    for channels in (16, 32, 64):
        body += [layers.Conv2D(channels, 3, padding="same", activation="relu"), layers.MaxPooling2D(2)]
    head = [layers.GlobalAveragePooling2D(), layers.Dense(CLASSES, activation="softmax")]
    return Sequential([layers.Input((None, None, 3)), *body, *head])


def get_estimator(
    backend="torch",
    sizes=(32, 48, 64),
    batch_sizes=(256, 128, 64),
    epochs_per_size=4,
    train_count=2400,
    eval_count=480,
    init_lr=4e-3,
    log_steps=10,
    num_process=None,
):
    if backend not in BACKENDS:
        raise ValueError(f"backend must be one of {', '.join(BACKENDS)}, got {backend!r}")
    epochs = epochs_per_size * len(sizes)
    begins = range(1, epochs + 1, epochs_per_size)

    # step 1: the data; every part of the schedule begins its stretches at the same epochs
    batch_size = EpochScheduler(dict(zip(begins, batch_sizes, strict=True)))
    resize = EpochScheduler(
        {
            begin: Resize(size, size, AREA, image_in="x", image_out="x")
            for begin, size in zip(begins, sizes, strict=True)
        }
    )
    pipeline = fe.Pipeline(
        train_data=load_crops(train_count, seed=1),
        eval_data=load_crops(eval_count, seed=2),
        test_data=load_crops(eval_count, seed=3),
        batch_size=batch_size,
        ops=[
            resize,
            Sometimes(HorizontalFlip(image_in="x", image_out="x", mode="train")),
            Normalize(inputs="x", outputs="x"),
            ChannelTranspose(inputs="x", outputs="x") if backend == "torch" else None,
        ],
        num_process=num_process,
    )

    # step 2: the network
    model = fe.build(
        model_fn=torch_network if backend == "torch" else tensorflow_network, optimizer_fn="adam", model_name="net"
    )
    network = fe.Network(
        ops=[
            ModelOp(model=model, inputs="x", outputs="y_pred"),
            CrossEntropy(inputs=("y_pred", "y"), outputs="ce"),
            UpdateOp(model=model, loss_name="ce"),
        ]
    )

    # step 3: the learning rate comes up over the first epoch, then down over all steps of all sizes
    steps = [math.ceil(train_count / batch_size.get_current_value(epoch)) for epoch in range(1, epochs + 1)]
    warm = steps[0] + 1
    traces = [
        Accuracy(true_key="y", pred_key="y_pred"),
        LRScheduler(
            model=model,
            lr_fn=lambda step: cosine_decay(
                step, cycle_length=sum(steps) - steps[0], init_lr=init_lr, start=warm, warmup=True
            ),
        ),
    ]
    return fe.Estimator(pipeline=pipeline, network=network, epochs=epochs, traces=traces, log_steps=log_steps)


def speeds(summary, sizes, train_count):
    """Training images a second at each size, in the fastest of its epochs: the first one pays for what is new."""
    times = np.array_split([float(time) for time in summary.history["train"]["epoch_time(sec)"].values()], len(sizes))
    return {size: train_count / max(min(epoch_times), 0.01) for size, epoch_times in zip(sizes, times, strict=True)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backend", choices=BACKENDS, default="torch")
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 48, 64], help="pixels (default: 32 48 64)")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[256, 128, 64], help="one for each of the sizes")
    parser.add_argument("--epochs-per-size", type=int, default=4)
    parser.add_argument("--images", type=int, default=2400, help="to train on (default: 2400)")
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--out", default="demo", help="folder for the report (default: demo)")
    args = parser.parse_args()
    if len(args.sizes) != len(args.batch_sizes):
        parser.error(f"--batch-sizes needs {len(args.sizes)} entries, one for each size, got {len(args.batch_sizes)}")
    if args.backend == "tensorflow":
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # its notes on the CPU say nothing about this job

    fe.enable_deterministic(args.seed)
    estimator = get_estimator(args.backend, args.sizes, args.batch_sizes, args.epochs_per_size, args.images)
    timeline = estimator.timeline()
    print(timeline)
    estimator.fit(f"Progressive resizing, {args.backend}")
    summary = estimator.test()

    out = Path(args.out)
    speed = speeds(summary, args.sizes, args.images)
    facts = {
        "framework": f"{args.backend} {importlib.import_module(args.backend).__version__}",
        "seed": args.seed,
        **{f"images/sec at {size} pixels": round(speed[size]) for size in args.sizes},
    }
    page = write_report(out / "report.html", summary, timeline, facts=facts)
    picture = write_png(out / "report.png", summary, timeline)
    for size in args.sizes:
        times = speed[size] / speed[args.sizes[-1]]
        print(f"{size} pixels: {speed[size]:.0f} images/sec, {times:.1f} times the speed at {args.sizes[-1]} pixels")
    accuracy = float(list(summary.history["test"]["accuracy"].values())[-1])
    print(f"Test accuracy: {accuracy:.4f}")
    print(f"The curves over the schedule: {page.resolve()}")
    print(f"The same as a picture:        {picture.resolve()}")


if __name__ == "__main__":
    main()
