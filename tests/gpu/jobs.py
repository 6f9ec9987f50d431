"""Runs on a pretended GPU: `python -m tests.gpu.jobs [NAME ...]` prints as JSON what waited for it in which step."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import traceback

os.environ.update(CUDA_VISIBLE_DEVICES="", OMP_NUM_THREADS="1", FASTESTIMATOR_LITE_HISTORY="off")

import numpy as np
import torch
from torch.utils._pytree import tree_leaves

from tests.gpu.pretended import DEVICE, Driver, OnDevice, pinned, plug_in, waits

STEPS = 12


def data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(STEPS * 4, 3, 8, 8)).astype("float32")
    return {"x": x, "y": rng.integers(0, 3, STEPS * 4)}


def convolutions():
    layers = [torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU(), torch.nn.Dropout(0.1)]
    return torch.nn.Sequential(*layers, torch.nn.Flatten(), torch.nn.Linear(4 * 36, 3))


def watch(mode):
    """A trace that keeps what waited up to the end of each step of a mode, and what did after the last."""
    from fastestimator_lite.trace import Trace

    class Watch(Trace):
        def __init__(self):
            super().__init__(mode=mode)
            self.seen = []

        def on_ds_begin(self, data):
            waits.clear()

        def on_batch_end(self, data):
            self.seen.append(list(waits))
            waits.clear()

        def on_ds_end(self, data):
            self.seen.append(list(waits))

    return Watch()


def train(
    optimizer="adam",
    before=(),
    after=(),
    loss=None,
    traces=lambda model: (),
    update=None,
    log_steps=None,
    mode="train",
    columns=None,
    slicers=None,
    **build,
):
    """What waited in each step of a run, in a list for each step, and once more for what came after the last."""
    import fastestimator_lite as fe
    from fastestimator_lite.op.tensorop.loss import CrossEntropy
    from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp

    torch.manual_seed(0)
    model = fe.build(convolutions, optimizer, **build)
    loss = loss or CrossEntropy(("pred", "y"), "loss", from_logits=True)
    ops = [*before, ModelOp(model, "x", "pred"), *after, loss, UpdateOp(model, "loss", **(update or {}))]
    dataset = fe.dataset.NumpyDataset(columns or data())
    pipeline = fe.Pipeline(
        train_data=dataset, eval_data=dataset if mode == "eval" else None, batch_size=4, num_process=0
    )
    looking = watch(mode)
    estimator = fe.Estimator(
        pipeline,
        fe.Network(ops, slicers=slicers),
        epochs=1,
        traces=[*traces(model), looking],
        log_steps=log_steps,
    )
    estimator.fit()
    assert all(isinstance(one, OnDevice) for one in model.parameters())
    return looking.seen


def jobs():
    """Name -> a function that runs it."""
    from fastestimator_lite.op.tensorop import LambdaOp, loss
    from fastestimator_lite.op.tensorop.augmentation import CutMixBatch, MixUpBatch
    from fastestimator_lite.schedule import cosine_decay
    from fastestimator_lite.slicer import MeanUnslicer, SlidingSlicer
    from fastestimator_lite.trace.adapt import EMA, LRScheduler
    from fastestimator_lite.trace.metric import Accuracy

    onehot = data()
    onehot["y"] = np.eye(3, dtype="float32")[onehot["y"]]

    def bad_at(step):
        """An op that makes the inputs of one training step NaN; it is called once before, to try it."""
        calls = iter([1.0] * step + [float("nan")] + [1.0] * STEPS)
        return LambdaOp(lambda x: x * next(calls), "x", "x")

    def asks(question):
        return lambda: train(after=[LambdaOp(lambda x: (question(x), x)[1], "pred", "pred")])

    named = {
        name: lambda name=name: train(name) for name in ("adadelta", "adagrad", "adam", "adamax", "rmsprop", "sgd")
    }
    losses = {
        "L1_Loss": lambda: train(loss=loss.L1_Loss(("pred", "y"), "loss"), columns=onehot),
        "MeanSquaredError": lambda: train(loss=loss.MeanSquaredError(("pred", "y"), "loss"), columns=onehot),
        "Hinge": lambda: train(loss=loss.Hinge(("pred", "y"), "loss"), columns=onehot),
        "one-hot CrossEntropy": lambda: train(columns=onehot),
        "class weights": lambda: train(
            loss=loss.CrossEntropy(("pred", "y"), "loss", from_logits=True, class_weights={0: 2.0, 1: 1.0, 2: 0.5})
        ),
    }
    quiet = {
        **named,
        **losses,
        "merge_grad": lambda: train(update=dict(merge_grad=3)),
        "clip_norm": lambda: train(update=dict(clip_norm=1e-2)),
        "clip_value": lambda: train(update=dict(clip_value=1e-3)),
        "nan ignored": lambda: train(update=dict(nan="ignore")),
        "defer": lambda: train(update=dict(defer=True)),
        "bf16": lambda: train(mixed_precision="bf16"),
        "Accuracy": lambda: train(traces=lambda _: [Accuracy("y", "pred", mode="train")]),
        "Accuracy of many batches": lambda: train(traces=lambda _: [adding_up(Accuracy)]),
        "EMA": lambda: train(traces=lambda model: [EMA(model, decay=0.9)]),
        "LRScheduler": lambda: train(traces=lambda model: [LRScheduler(model, lambda step: 0.1 / step)]),
        "LRScheduler of a curve": lambda: train(
            "sgd", traces=lambda model: [LRScheduler(model, lambda step: cosine_decay(step, STEPS, 0.1))]
        ),
        "all of it": lambda: train(
            update=dict(merge_grad=2, clip_norm=0.1),
            traces=lambda model: [
                EMA(model),
                LRScheduler(model, lambda step: 0.1 / step),
                Accuracy("y", "pred", mode="train"),
            ],
            mixed_precision="bf16",
        ),
        "CutMixBatch": lambda: train(before=[CutMixBatch(("x", "y"), ("x", "y"))], columns=onehot),
        "MixUpBatch": lambda: train(before=[MixUpBatch(("x", "y"), ("x", "y"))], columns=onehot),
        "slicers": lambda: train(
            slicers=[
                SlidingSlicer((2, -1, -1, -1), slice="x"),
                SlidingSlicer((2,), slice="y"),
                MeanUnslicer("loss"),
            ],
            update=dict(merge_grad=2),
        ),
        "filled": asks(lambda x: torch.full((3,), 2.0, device=x.device) + x.new_zeros(())),
        "pinned": asks(lambda x: torch.ones(3).pin_memory().to(x.device, non_blocking=True)),
        "evaluation": lambda: train(mode="eval", traces=lambda _: [Accuracy("y", "pred", mode="eval")]),
    }
    loud = {
        "item": asks(lambda x: x.sum().item()),
        "float": asks(lambda x: float(x.detach().sum())),
        "bool": asks(lambda x: bool((x > 0).any())),
        "numpy": asks(lambda x: x.detach().cpu().numpy()),
        "tolist": asks(lambda x: x.tolist()),
        "nonzero": asks(lambda x: torch.nonzero(x)),
        "mask": asks(lambda x: x[x > 0]),
        "unique": asks(lambda x: x.detach().unique()),
        "equal": asks(lambda x: torch.equal(x, x)),
        "new constant": asks(lambda x: torch.tensor([1.0, 2.0], device=x.device)),
        "new scalar": asks(lambda x: torch.tensor(1.0, device=x.device)),
        "not pinned": asks(lambda x: torch.ones(3).to(x.device, non_blocking=True)),
        "copied to the CPU": asks(lambda x: torch.zeros(3).copy_(x[0])),
    }
    other = {
        "nan skipped": lambda: train(update=dict(nan="skip")),
        "fp16": lambda: train(mixed_precision="fp16"),
        "log_steps=4": lambda: train(log_steps=4),
        "log_steps=4, Accuracy and EMA": lambda: train(
            log_steps=4, traces=lambda model: [EMA(model), Accuracy("y", "pred", mode="train")]
        ),
        "NaN": lambda: told(lambda: train(before=[bad_at(6)], log_steps=4)),
    }
    return {
        "quiet": quiet,
        "loud": loud,
        "other": other,
        "ops": {f"op {kind.__name__}": lambda kind=kind: call(kind) for kind in working_ops()},
    }


def adding_up(kind):
    """An Accuracy that adds up what it has every few steps, not every few hundred."""
    sys.modules["fastestimator_lite.trace.metric.accuracy"]._MANY = 3
    return kind("y", "pred", mode="train")


def working_ops():
    from tests.contracts.examples_tensorop import TENSOROPS

    return [kind for kind, example in TENSOROPS.items() if example.has_forward]


def call(kind):
    """What waited in two calls of an op and the gradient of what it gives, after a first one."""
    import fastestimator_lite as fe
    from tests.contracts.examples_tensorop import MODEL, TENSOROPS

    example = TENSOROPS[kind]
    model = fe.build(lambda: torch.nn.Linear(2, 1, bias=False), "sgd")
    op = kind(*example.args, **{key: model if value is MODEL else value for key, value in example.arguments.items()})
    op.build("torch", DEVICE)
    values = example.sample(np.random.default_rng(0))
    if example.channels:
        values = [np.ascontiguousarray(np.moveaxis(one, -1, 1)) if np.ndim(one) > 3 else one for one in values]
    given = [torch.as_tensor(one).to(DEVICE) for one in values]
    state = {"mode": "train", "epoch": 1, "warmup": False, "tape": None, "deferred": {}}
    steps = []
    for _ in range(3):
        data = [one.detach().requires_grad_(one.is_floating_point()) for one in given]
        waits.clear()
        made = op.forward(data if op.in_list else data[0], state)
        for one in tree_leaves(made):
            if isinstance(one, torch.Tensor) and one.requires_grad:
                one.sum().backward(retain_graph=True)
        steps.append(list(waits))
    return steps[1:]


def told(work):
    """What a run says that ends with NaN."""
    from fastestimator_lite.util.errors import NonFiniteError

    try:
        return work()
    except NonFiniteError as err:
        return str(err)


def main() -> None:
    plug_in()
    found = {}
    for kind, named in jobs().items():
        for name, run in named.items():
            if len(sys.argv) > 1 and name not in sys.argv[1:]:
                continue
            pinned.clear()
            try:
                with Driver(), contextlib.redirect_stdout(io.StringIO()):
                    steps = run()
                found[name] = {"kind": kind, "steps": steps, "pinned": list(pinned)}
            except Exception:  # noqa: BLE001 - the test that asks for this job shows it
                found[name] = {"kind": kind, "error": traceback.format_exc()}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
