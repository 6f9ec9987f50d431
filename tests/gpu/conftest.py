"""What the tests of a GPU share: the GPU, and a small run that goes on there or on the CPU."""

import importlib
import sys
from typing import Any, NamedTuple

import numpy as np
import pytest

BATCH = 16


@pytest.fixture
def cuda():
    """torch, where it has a GPU that computes as the CPU does: no TF32, the same kernels each time."""
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("needs a GPU")
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = cudnn.allow_tf32, matmul.allow_tf32, cudnn.deterministic, cudnn.benchmark
    cudnn.allow_tf32 = matmul.allow_tf32 = cudnn.benchmark = False
    cudnn.deterministic = True
    yield torch
    cudnn.allow_tf32, matmul.allow_tf32, cudnn.deterministic, cudnn.benchmark = before


@pytest.fixture
def on(cuda, monkeypatch):
    """Have networks that are made from here on work on a device: on("cpu")."""
    for name in ("fastestimator_lite.network.pytorch", "fastestimator_lite.backend.pytorch.model"):
        importlib.import_module(name)

    def choose(name):
        for module in list(sys.modules.values()):
            if getattr(module, "__name__", "").startswith("fastestimator_lite.") and "get_device" in vars(module):
                monkeypatch.setattr(module, "get_device", lambda: cuda.device(name))

    return choose


class Run(NamedTuple):
    """A run that is ready: the model, the Estimator, and the losses of its steps, which come in while it trains."""

    model: Any
    estimator: Any
    losses: list[float]

    def fit(self):
        self.estimator.fit()
        return self

    def weights(self):
        return {key: value.cpu().numpy() for key, value in self.model.state_dict().items()}


def net():
    """A small net with all kinds of layers; its weights are drawn on the CPU, so they are the same everywhere."""
    import torch

    torch.manual_seed(0)
    layers = [torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.ReLU(), torch.nn.MaxPool2d(2)]
    return torch.nn.Sequential(*layers, torch.nn.Conv2d(8, 8, 3), torch.nn.Flatten(), torch.nn.Linear(8 * 25, 4))


def columns(steps, seed=0):
    """Images whose mean tells their class."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 4, steps * BATCH)
    x = rng.normal(size=(steps * BATCH, 3, 16, 16)) + 0.5 * y[:, None, None, None]
    return {"x": x.astype("float32"), "y": y}


@pytest.fixture
def run(cuda):
    """Make a run: run(steps, optimizer, traces=lambda model: [...], update={...}, ...)."""
    import fastestimator_lite as fe
    from fastestimator_lite.op.tensorop.loss import CrossEntropy
    from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp
    from fastestimator_lite.trace import Trace

    def make(
        steps=8,
        optimizer="adam",
        traces=lambda model: [],
        update=None,
        log_steps=None,
        data=None,
        ops=(),
        keep_losses=False,
        model_fn=net,
        epochs=1,
        **build,
    ):
        fe.enable_deterministic(1)  # the batches come in the same order
        model = fe.build(model_fn, optimizer, **build)
        losses = []

        class Keep(Trace):
            def on_batch_end(self, data):
                losses.append(float(data["loss"]))

        chain = [*ops, ModelOp(model, "x", "pred"), CrossEntropy(("pred", "y"), "loss", from_logits=True)]
        network = fe.Network([*chain, UpdateOp(model, "loss", **(update or {}))])
        dataset = fe.dataset.NumpyDataset(data if data is not None else columns(steps))
        pipeline = fe.Pipeline(train_data=dataset, batch_size=BATCH, num_process=0)
        watching = [*traces(model), *([Keep(inputs="loss", mode="train")] if keep_losses else [])]
        return Run(model, fe.Estimator(pipeline, network, epochs=epochs, traces=watching, log_steps=log_steps), losses)

    return make


@pytest.fixture
def profiled(cuda):
    """Make a trace that profiles some steps, and what it finds: trace, found = profiled(12, 19)."""
    from benchmarks._gpu import Profile
    from fastestimator_lite.trace import Trace

    def make(first, last):
        found = Profile(first, last)

        class Profiled(Trace):
            def on_batch_begin(self, data):
                found.begin_of(self.system.global_step)

            def on_batch_end(self, data):
                found.end_of(self.system.global_step)

        return Profiled(mode="train"), found

    return make
