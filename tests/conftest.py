"""Fixtures for every test: the frameworks under test, and settings as they were."""
import os

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# FEL_FRAMEWORKS=torch, or np,tf: run the tests of these alone
CHOSEN = os.environ.get("FEL_FRAMEWORKS", "np,torch,tf").split(",")
ARRAYS = [name for name in ("np", "torch", "tf") if name in CHOSEN]
TENSORS = [name for name in ("torch", "tf") if name in CHOSEN]


def pytest_generate_tests(metafunc):
    if "framework" in metafunc.fixturenames:
        metafunc.parametrize("framework", ARRAYS)
    if "tensor_framework" in metafunc.fixturenames:
        metafunc.parametrize("tensor_framework", TENSORS)


@pytest.fixture
def make(request):
    """Make an array of the framework under test: make(values, dtype)."""
    from fastestimator_lite.backend.convert import to_tensor

    names = {"framework", "tensor_framework"} & set(request.fixturenames)
    name = request.getfixturevalue(names.pop())
    return lambda values, dtype=None: to_tensor(np.array(values, dtype=dtype), name)


@pytest.fixture
def gradient_of():
    """The gradient of a function of one tensor: gradient_of(function, x), as numpy."""

    def torch_gradient(function, x):
        x = x.clone().requires_grad_()
        function(x).sum().backward()
        return x.grad.numpy()

    def tf_gradient(function, x):
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
        return tape.gradient(y, x).numpy()

    return lambda function, x: (torch_gradient if type(x).__module__.startswith("torch") else tf_gradient)(function, x)


@pytest.fixture(autouse=True)
def no_history(monkeypatch):
    """Runs of tests are not recorded in the home of whoever runs them."""
    monkeypatch.setenv("FASTESTIMATOR_LITE_HISTORY", "off")


@pytest.fixture(autouse=True)
def settings_as_they_were():
    from fastestimator_lite import _settings

    before = _settings.settings()
    yield
    _settings._current = before
