"""What trace tests share: a system by hand, small models, and whole runs on eight samples."""

import types

import numpy as np
import pytest


@pytest.fixture
def system():
    """The state of a run, as far as traces that stand alone look at it."""
    return types.SimpleNamespace(
        epoch_idx=0, global_step=0, batch_idx=0, mode="train", ds_id="", log_steps=2, stop_training=False
    )


@pytest.fixture
def placed(system):
    """Give a trace its system."""

    def place(trace):
        trace.system = system
        return trace

    return place


def _torch_linear():
    import torch

    return torch.nn.Linear(2, 2)


def _keras_linear():
    import keras

    return keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(2)])


_LINEAR = {"torch": _torch_linear, "tf": _keras_linear}


def _builder(framework):
    import fastestimator_lite as fe

    return lambda optimizer_fn="sgd", model_name="m": fe.build(_LINEAR[framework], optimizer_fn, model_name=model_name)


@pytest.fixture
def build(tensor_framework):
    """Build a linear model of the framework under test: build(optimizer_fn="sgd", model_name="m")."""
    return _builder(tensor_framework)


@pytest.fixture
def torch_model():
    """A linear torch model, with SGD as its optimizer."""
    return _builder("torch")()


@pytest.fixture
def weights_of():
    """The weights of a model as one numpy array."""

    def read(model):
        values = model.state_dict().values() if hasattr(model, "state_dict") else model.get_weights()
        return np.concatenate([np.asarray(value).reshape(-1) for value in values])

    return read


@pytest.fixture
def fill():
    """Set all weights of a model to a number."""

    def write(model, number):
        if hasattr(model, "state_dict"):
            model.load_state_dict({key: value * 0 + number for key, value in model.state_dict().items()})
        else:
            model.set_weights([value * 0 + number for value in model.get_weights()])

    return write


def _samples(count=8, seed=0):
    from fastestimator_lite.dataset.numpy_dataset import NumpyDataset

    x = np.random.default_rng(seed).normal(size=(count, 2)).astype("float32")
    return NumpyDataset({"x": x, "y": (x.sum(1) > 0).astype("int64"), "id": np.arange(count)})


@pytest.fixture
def samples():
    """Make a data set with "x" of shape (2,), "y" 0 or 1, and "id": samples(count, seed)."""
    return _samples


def _estimator_maker(framework):
    import fastestimator_lite as fe
    from fastestimator_lite.op.tensorop.loss.cross_entropy import CrossEntropy
    from fastestimator_lite.op.tensorop.model.model import ModelOp
    from fastestimator_lite.op.tensorop.model.update import UpdateOp

    def make(traces, epochs=2, train_data=None, eval_data=None, test_data=None, optimizer_fn="sgd", log_steps=2):
        model = _builder(framework)(optimizer_fn)
        network = fe.Network(
            [ModelOp(model, "x", "p"), CrossEntropy(("p", "y"), "ce", from_logits=True), UpdateOp(model, "ce")]
        )
        pipeline = fe.Pipeline(
            train_data=train_data or _samples(),
            eval_data=eval_data or _samples(4, 1),
            test_data=test_data,
            batch_size=4,
            num_process=0,
        )
        return fe.Estimator(pipeline, network, epochs=epochs, traces=traces(model), log_steps=log_steps)

    return make


@pytest.fixture
def estimator(tensor_framework):
    """Make an Estimator of a linear classifier: estimator(lambda model: traces, epochs=2, ...)."""
    return _estimator_maker(tensor_framework)


@pytest.fixture
def torch_estimator():
    """The same in torch alone, for what does not differ."""
    return _estimator_maker("torch")
