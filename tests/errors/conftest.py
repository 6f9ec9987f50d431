"""A small run in either framework, and the two questions that tests of bad input ask: what was said, and when."""

import contextlib

import numpy as np
import pytest

import fastestimator_lite as fe
from fastestimator_lite.dataset import NumpyDataset
from fastestimator_lite.op.tensorop.loss import MeanSquaredError
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp
from fastestimator_lite.trace import Trace
from fastestimator_lite.util.errors import ConfigError, DataError, MissingKeyError

# what FastEstimator scripts may catch in the place of each family
CAUGHT_AS = {
    ConfigError: (ValueError, AssertionError),
    MissingKeyError: (KeyError, AssertionError),
    DataError: (RuntimeError,),
}


class Witness(Trace):
    """Sees whether a run began."""

    def __init__(self):
        super().__init__()
        self.began = False

    def on_begin(self, data):
        self.began = True


class Run:
    """Makes the parts of a small run: keys 'x' and 'y' from the data, 'pred' of the model, the loss 'mse'."""

    def __init__(self, framework):
        self.framework = framework

    @staticmethod
    def data(count=6):
        return NumpyDataset({"x": np.ones((count, 2), np.float32), "y": np.ones((count, 1), np.float32)})

    def pipeline(self, **changes):
        return fe.Pipeline(**{"train_data": self.data(), "batch_size": 2, "num_process": 0, **changes})

    def model(self, optimizer="sgd", name=None):
        def torch_model():
            import torch

            return torch.nn.Linear(2, 1)

        def keras_model():
            import keras

            return keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])

        return fe.build(torch_model if self.framework == "torch" else keras_model, optimizer, model_name=name)

    def sgd(self, lr):
        """A function that makes an optimizer."""
        if self.framework == "torch":
            import torch

            return lambda parameters: torch.optim.SGD(parameters, lr=lr)
        import keras

        return lambda: keras.optimizers.SGD(lr)

    def network(self, inputs="x", truth="y", loss="mse", extra=(), model=None, pops=None, slicers=None):
        model = model or self.model()
        return fe.Network(
            [ModelOp(model, inputs, "pred"), MeanSquaredError(("pred", truth), "mse"), *extra, UpdateOp(model, loss)],
            pops,
            slicers,
        )

    def estimator(self, pipeline=None, network=None, epochs=1, log_steps=None, **changes):
        return fe.Estimator(
            pipeline or self.pipeline(), network or self.network(), epochs=epochs, log_steps=log_steps, **changes
        )

    def refuses(self, error, *said, warmup=(True, False), pipeline=None, network=None, traces=(), **changes):
        """Check that a run is refused before it begins, whether or not it is tried on a batch first."""
        for tried in warmup:
            witness = Witness()
            with refused(error, *said):
                self.estimator(pipeline, network, traces=[*traces, witness], **changes).fit(warmup=tried)
            assert not witness.began


@contextlib.contextmanager
def refused(error, *said):
    """Check what a block raises: the family, what 1.x scripts catch it as, and the parts of its message."""
    with pytest.raises(error) as caught:
        yield caught
    family = next(family for family in CAUGHT_AS if issubclass(error, family))
    for other in CAUGHT_AS[family]:
        assert isinstance(caught.value, other)
    message = str(caught.value)
    for part in said:
        assert part in message, f"{part!r} is not in: {message}"


@pytest.fixture(name="refused")
def refused_fixture():
    return refused


@pytest.fixture
def run():
    """The parts of a small run in torch."""
    return Run("torch")


@pytest.fixture
def run_in(tensor_framework):
    """The parts of a small run in each framework."""
    return Run(tensor_framework)
