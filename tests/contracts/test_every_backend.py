"""What every backend keeps: the same primitives with the same arguments, the same results, no framework loaded unasked."""

import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fastestimator_lite import backend
from fastestimator_lite.backend.convert import to_number, to_tensor

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


RNG = np.random.default_rng(0)
X = RNG.uniform(0.1, 0.9, (4, 3)).astype("float32")
Z = RNG.normal(size=(4, 3)).astype("float32")
SHARES = X / X.sum(1, keepdims=True)
LABELS, YES = RNG.integers(0, 3, 4), RNG.integers(0, 2, (4, 3))
IMAGE = RNG.uniform(0, 255, (2, 3, 4, 3)).astype("float32")  # as many channels as rows: either may be first
VOLUME = RNG.normal(size=(2, 3, 4, 3, 3)).astype("float32")
MASKS = RNG.integers(0, 2, (2, 3, 4, 3))

# function -> its arguments; those that are arrays become tensors of the framework
CALLS = {
    "abs": [Z],
    "argmax": [X, 1],
    "binary_crossentropy": [X, YES],
    "cast": [Z, "int32"],
    "categorical_crossentropy": [SHARES, np.eye(3)[LABELS]],
    "clip_by_value": [Z, -0.5, 0.5],
    "concat": [[X, Z], 1],
    "convert_tensor_precision": [X.astype("float64")],
    "exp": [Z],
    "expand_dims": [X, 1],
    "flip": [X, 0],
    "focal_loss": [YES, X],
    "gather": [X, np.array([2, 0])],
    "gather_from_batch": [X, LABELS],
    "hinge": [YES * 2 - 1, Z],
    "huber": [X, Z],
    "iwd": [X],
    "l1_loss": [X, Z],
    "lambertw": [X],
    "matmul": [X, Z.T.copy()],
    "maximum": [X, Z],
    "mean_squared_error": [X, Z],
    "ones_like": [X],
    "percentile": [X, [0, 30, 100], 1],
    "permute": [VOLUME, (4, 0, 2, 3, 1)],
    "pow": [X, 1.5],
    "reduce_max": [Z, 1],
    "reduce_mean": [Z, 1],
    "reduce_min": [Z, 1],
    "reduce_std": [Z, 1],
    "reduce_sum": [Z, 1],
    "reshape": [Z, (2, 6)],
    "roll": [Z, 1, 0],
    "sign": [Z],
    "smooth_l1_loss": [X, Z],
    "sparse_categorical_crossentropy": [SHARES, LABELS],
    "squeeze": [Z[None]],
    "tensor_pow": [X, 2],
    "tensor_round": [Z],
    "tensor_sqrt": [X],
    "transpose": [Z],
    "where": [Z > 0, X, Z],
    "zeros_like": [X],
    "zscore": [Z],
}
# image functions, whose channels torch has in another place; the second says whether the result has channels too
IMAGE_CALLS = {
    "dice_score": ([IMAGE / 255, MASKS], False),
    "normalize": ([IMAGE], True),
    "resize_3d": ([VOLUME, (2, 2, 5), "area"], True),
}
# of models, devices, random numbers, and of what is no array
OTHERS = {
    *("check_nan", "cpu_count", "detach_tensors", "feed_forward", "framework_of", "get_batch_size", "get_device"),
    *("get_gradient", "get_image_dims", "get_lr", "get_num_devices", "get_num_gpus", "get_shape", "is_tensor"),
    *("l2_regularization", "load_model", "move_tensors_to_device", "random_normal_like", "random_uniform_like"),
    *("save_model", "set_lr", "to_number", "to_shape", "to_tensor", "to_type", "update_model", "watch"),
}


def test_every_public_function_is_compared_or_set_apart():
    assert set(backend.__all__) == set(CALLS) | set(IMAGE_CALLS) | OTHERS
    assert len(backend.__all__) == len(CALLS) + len(IMAGE_CALLS) + len(OTHERS)


def as_tensors(arguments, framework):
    """Arrays, in lists as well, become tensors; numbers stay."""
    if isinstance(arguments, list):
        return [as_tensors(one, framework) for one in arguments]
    return to_tensor(arguments, framework) if isinstance(arguments, np.ndarray) else arguments


@pytest.mark.parametrize("name", sorted(CALLS))
def test_it_gives_what_numpy_gives(name, tensor_framework):
    function, arguments = getattr(backend, name), CALLS[name]
    expected = to_number(function(*arguments))
    result = function(*as_tensors(arguments, tensor_framework))
    assert backend.framework_of(result).NAME == tensor_framework
    np.testing.assert_allclose(to_number(result), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", sorted(IMAGE_CALLS))
def test_it_gives_what_numpy_gives_for_images(name, tensor_framework):
    function, (arguments, is_image) = getattr(backend, name), IMAGE_CALLS[name]
    expected = to_number(function(*arguments))
    if tensor_framework == "torch":
        arguments = [np.moveaxis(one, -1, 1).copy() if isinstance(one, np.ndarray) else one for one in arguments]
    result = to_number(function(*as_tensors(arguments, tensor_framework)))
    if tensor_framework == "torch" and is_image:
        result = np.moveaxis(result, 1, -1)
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)


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
