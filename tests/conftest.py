"""Fixtures for every test: the frameworks under test, and settings as they were."""

import functools
import gzip
import hashlib
import http.server
import os
import struct
import threading

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests run side by side; more threads than processors slow all of them
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

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


def _idx(array):
    return gzip.compress(struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes())


@pytest.fixture
def served_mnist(tmp_path, monkeypatch):
    """MNIST's real download path, from a local server: 640 training and 64 evaluation images of bars instead of digits."""
    from fastestimator_lite.dataset.data import mnist

    folder = tmp_path / "served"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for part, count in (("train", 640), ("t10k", 64)):
        labels = rng.integers(0, 10, count, dtype=np.uint8)
        images = rng.integers(0, 60, (count, 28, 28), dtype=np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[2 * label : 2 * label + 6, 4:24] = 255  # a bar whose height tells the digit
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            content = _idx(array)
            (folder / f"{part}-{kind}-ubyte.gz").write_bytes(content)
            monkeypatch.setitem(mnist.SHA256, f"{part}-{kind}-ubyte.gz", hashlib.sha256(content).hexdigest())

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("FASTESTIMATOR_LITE_MIRROR", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("HOME", str(tmp_path))
    yield
    server.shutdown()
    server.server_close()
    thread.join()
