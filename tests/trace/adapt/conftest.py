"""Whole runs in which what an optimizer used is seen at each update."""

import numpy as np
import pytest


def _torch_model(optimizer_fn, name):
    import torch

    import fastestimator_lite as fe

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.body = torch.nn.Linear(2, 3)
            self.head = torch.nn.Linear(3, 2)

        def forward(self, x):
            return self.head(self.body(x))

    torch.manual_seed(3)
    return fe.build(Net, optimizer_fn, model_name=name)


def _keras_model(optimizer_fn, name):
    import keras

    import fastestimator_lite as fe

    keras.utils.set_random_seed(3)
    return fe.build(
        lambda: keras.Sequential(
            [keras.layers.Input((2,)), keras.layers.Dense(3, name="body"), keras.layers.Dense(2, name="head")]
        ),
        optimizer_fn,
        model_name=name,
    )


@pytest.fixture
def two_layers(tensor_framework):
    """Build a model with the layers "body" and "head": two_layers(optimizer_fn="sgd", name="m")."""
    build = {"torch": _torch_model, "tf": _keras_model}[tensor_framework]
    return lambda optimizer_fn="sgd", name="m": build(optimizer_fn, name)


@pytest.fixture
def by_name(tensor_framework):
    """The parameters of a model by name, as numpy arrays: body, body.bias, head, head.bias."""

    def read(model):
        if tensor_framework == "torch":
            named = {name: value.detach().numpy().copy() for name, value in model.named_parameters()}
        else:
            named = {".".join(variable.path.split("/")[-2:]): variable.numpy() for variable in model.variables}
        return {name.replace(".weight", "").replace(".kernel", ""): value for name, value in named.items()}

    return read


@pytest.fixture
def watched_run(samples):
    """Run a model: watched_run(model, traces, epochs=3, ...) gives the Estimator, and what was in force at each step."""
    import fastestimator_lite as fe
    from fastestimator_lite.backend.card import card_of
    from fastestimator_lite.backend.optimizer import param_groups
    from fastestimator_lite.op.tensorop.loss.cross_entropy import CrossEntropy
    from fastestimator_lite.op.tensorop.model.model import ModelOp
    from fastestimator_lite.op.tensorop.model.update import UpdateOp
    from fastestimator_lite.op.tensorop.tensorop import TensorOp
    from fastestimator_lite.trace.trace import Trace

    class Watcher(Trace):
        def __init__(self, model):
            super().__init__(mode="train")
            self.model, self.seen = model, []

        def on_batch_end(self, data):
            optimizer = card_of(self.model).current_optimizer
            fields = [
                {field: value for field, value in group.items() if field not in ("params", "name")}
                for group in param_groups(optimizer)
            ]
            self.seen.append((self.system.epoch_idx, type(optimizer).__name__.lower(), fields))

    class Traced(TensorOp):
        """Counts how often Python runs it; in a graph that is once for each trace."""

        times = 0

        def forward(self, data, state):
            self.times += not state["warmup"]
            return data

    class Run:
        def __init__(self, estimator, watcher, traced):
            self.estimator, self.watcher, self.traced = estimator, watcher, traced
            self.summary = estimator.fit()

        def field(self, name, group=0):
            return [fields[group][name] for _, _, fields in self.watcher.seen]

    def run(
        model,
        traces,
        epochs=3,
        merge_grad=1,
        batch_size=2,
        data=None,
        train=None,
        log_steps=1,
        eval_data=None,
        steps=None,
        extra=(),
    ):
        traced = Traced(inputs="x", outputs="x")
        network = fe.Network(
            [
                traced,
                ModelOp(model, "x", "p"),
                CrossEntropy(("p", "y"), "ce", from_logits=True),
                train(model) if train else UpdateOp(model, "ce", merge_grad=merge_grad),
            ]
        )
        watcher = Watcher(model)
        pipeline = fe.Pipeline(train_data=data or samples(8), eval_data=eval_data, batch_size=batch_size, num_process=0)
        made = traces(model) if callable(traces) else traces
        estimator = fe.Estimator(
            pipeline,
            network,
            epochs=epochs,
            traces=[*made, watcher, *extra],
            log_steps=log_steps,
            train_steps_per_epoch=steps,
        )
        return Run(estimator, watcher, traced)

    return run


@pytest.fixture
def near():
    """Numbers in the precision that both frameworks keep."""
    return lambda values: pytest.approx([float(np.float32(value)) for value in values], rel=1e-6, abs=1e-12)
