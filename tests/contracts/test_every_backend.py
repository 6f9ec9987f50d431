"""What every backend keeps: the same primitives with the same arguments, and no framework loaded unasked."""

import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from fastestimator_lite import backend

ROOT = Path(__file__).parents[2]


def primitives(folder):
    """{name: parameter names} of the functions of a backend, and {name: None} of its constants."""
    module = importlib.import_module(f"fastestimator_lite.backend.{folder}.array")
    functions = {
        name: list(inspect.signature(value).parameters)
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")
    }
    constants = {name: None for name in vars(module) if name.isupper() and len(name) > 1}
    return functions | constants


@pytest.mark.parametrize(("folder", "library"), [("pytorch", "torch"), ("tensorflow", "tensorflow")])
def test_same_primitives_as_numpy(folder, library):
    pytest.importorskip(library)
    ours, reference = primitives(folder), primitives("numpy")
    assert ours == reference
    assert reference["reduce_mean"] == ["x", "axis", "keepdims"]


def test_every_primitive_is_used():
    """A primitive that no topic file calls is dead."""
    text = "".join(
        file.read_text()
        for file in (ROOT / "fastestimator_lite").rglob("*.py")
        if file.parent.name not in ("numpy", "pytorch", "tensorflow")
    )
    unused = [
        name
        for name in primitives("numpy")
        if f").{name}" not in text
        and f"framework.{name}" not in text
        and f"target.{name}" not in text
        and f"module.{name}" not in text
        and f"].{name}" not in text
    ]
    assert unused == []


def test_every_public_function_is_there():
    for name in backend.__all__:
        assert callable(getattr(backend, name)), name
        assert getattr(backend, name).__doc__, name


NUMPY_ALONE = """
import sys
import numpy as np
from fastestimator_lite import backend
x = np.array([[0.2, 0.8], [0.7, 0.3]])
y = np.array([1, 0])
assert backend.sparse_categorical_crossentropy(x, y).shape == ()
assert backend.to_tensor({"x": x}, "np")["x"] is x
assert backend.cast(backend.zscore(x), "float32").dtype == "float32"
assert backend.get_batch_size({"x": x}) == 2
assert backend.check_nan(x) is False
assert backend.is_tensor(x) is False
assert backend.cpu_count() >= 1
backend.detach_tensors(backend.move_tensors_to_device({"x": x, "t": "text"}, "cpu"))
print(sorted({"torch", "tensorflow", "keras"} & set(sys.modules)))
"""
TORCH_ALONE = """
import sys
import torch
from fastestimator_lite import backend
x = torch.tensor([[0.2, 0.8], [0.7, 0.3]])
assert backend.sparse_categorical_crossentropy(x, torch.tensor([1, 0])).shape == ()
backend.to_tensor(backend.to_tensor({"x": x}, "np"), "torch")
backend.get_num_devices()
print(sorted({"tensorflow", "keras"} & set(sys.modules)))
"""
TF_ALONE = """
import sys
import tensorflow as tf
from fastestimator_lite import backend
x = tf.constant([[0.2, 0.8], [0.7, 0.3]])
assert backend.sparse_categorical_crossentropy(x, tf.constant([1, 0])).shape == ()
backend.to_tensor(backend.to_tensor({"x": x}, "np"), "tf")
backend.get_num_devices()
print(sorted({"torch"} & set(sys.modules)))
"""


@pytest.mark.parametrize(
    ("script", "library"),
    [(NUMPY_ALONE, "numpy"), (TORCH_ALONE, "torch"), (TF_ALONE, "tensorflow")],
    ids=["numpy", "torch", "tensorflow"],
)
def test_no_framework_is_loaded_unasked(script, library):
    pytest.importorskip(library)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
