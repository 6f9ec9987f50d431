"""Between frameworks and data types, through nested collections."""

from collections import namedtuple

import numpy as np
import pytest

from fastestimator_lite.backend import convert
from fastestimator_lite.backend.framework import framework_of
from fastestimator_lite.util.errors import ConfigError

Pair = namedtuple("Pair", "left right")


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "uint8", "int16", "int32", "int64", "bool"])
def test_there_and_back(framework, dtype):
    x = np.array([[0, 1, 2], [3, 4, 5]]).astype(dtype)
    there = convert.to_tensor(x, framework)
    assert framework_of(there).NAME == framework
    assert framework_of(there).dtype_name(there) == dtype
    back = convert.to_tensor(there, "np")
    assert back.dtype == dtype
    np.testing.assert_array_equal(back, x)


def test_structures_keep_their_form(framework):
    data = {"a": np.ones(2), "b": [np.zeros(3), (np.ones(1), "text")], "c": None, "d": Pair(np.ones(4), 7), "e": {"s"}}
    result = convert.to_tensor(data, framework)
    assert list(result) == list("abcde")
    assert isinstance(result["b"], list)
    assert isinstance(result["b"][1], tuple)
    assert result["b"][1][1] == "text"
    assert result["c"] is None
    assert type(result["d"]) is Pair
    assert result["e"] == {"s"}
    numbers = [result["a"], result["b"][0], result["b"][1][0], result["d"].left, result["d"].right]
    assert {framework_of(leaf).NAME for leaf in numbers} == {framework}
    assert int(result["d"].right) == 7
    assert isinstance(data["a"], np.ndarray)
    assert isinstance(data["d"].right, int)


def test_what_is_right_already_is_the_same_object(framework, make):
    x = make([1.0, 2.0])
    assert convert.to_tensor({"x": x}, framework)["x"] is x


def test_text_and_objects_stay(framework):
    thing = object()
    data = {"words": np.array(["a", "b"]), "thing": thing, "mixed": np.array([None, {}], dtype=object)}
    result = convert.to_tensor(data, framework)
    assert result["words"] is data["words"]
    assert result["mixed"] is data["mixed"]
    assert result["thing"] is thing


def test_between_tensors(tensor_framework, make):
    other = {"torch": "tf", "tf": "torch"}[tensor_framework]
    result = convert.to_tensor(make([[1.5, 2.5]], "float32"), other)
    assert framework_of(result).NAME == other
    np.testing.assert_array_equal(convert.to_number(result), [[1.5, 2.5]])


def test_torch_shares_memory_of_numpy():
    pytest.importorskip("torch")
    x = np.zeros(3, "float32")
    tensor = convert.to_tensor(x, "torch")
    x[1] = 5
    assert tensor.tolist() == [0, 5, 0]
    assert convert.to_tensor(tensor, "np").base is not None


def test_torch_copies_what_it_cannot_share():
    pytest.importorskip("torch")
    x = np.arange(3.0)
    x.flags.writeable = False
    assert convert.to_tensor(x, "torch").tolist() == [0, 1, 2]
    assert convert.to_tensor(np.arange(3.0)[::-1], "torch").tolist() == [2, 1, 0]
    assert convert.to_tensor(np.arange(3, dtype=">i4"), "torch").tolist() == [0, 1, 2]


def test_shared_memory():
    pytest.importorskip("torch")
    result = convert.to_tensor({"x": np.ones(2)}, "torch", shared_memory=True)
    assert result["x"].is_shared()


def test_a_tensor_with_a_gradient_becomes_numpy():
    torch = pytest.importorskip("torch")
    x = torch.ones(2, requires_grad=True)
    np.testing.assert_array_equal(convert.to_number(x * 2), [2, 2])
    np.testing.assert_array_equal(convert.to_tensor(x, "np"), [1, 1])


def test_bfloat16_becomes_float32(tensor_framework, make):
    x = convert.cast(make([1.5, 2.0]), "bfloat16")
    assert framework_of(x).dtype_name(x) == "bfloat16"
    assert convert.to_number(x).dtype == np.float32
    np.testing.assert_array_equal(convert.to_number(x), [1.5, 2])


def test_tf_variables_are_tensors():
    tf = pytest.importorskip("tensorflow")
    import keras

    for variable in (tf.Variable([1.0, 2.0]), keras.Variable([1.0, 2.0])):
        assert framework_of(variable).NAME == "tf"
        np.testing.assert_array_equal(convert.to_number(variable), [1, 2])


def test_to_number_of_plain_values():
    for value in (5, 5.0, np.float32(5), [5]):
        result = convert.to_number(value)
        assert isinstance(result, np.ndarray)
        assert float(result.reshape(())) == 5
    x = np.ones(3)
    assert convert.to_number(x) is x


def test_unknown_target():
    with pytest.raises(ConfigError, match="got 'torhc'. Did you mean 'torch'"):
        convert.to_tensor(np.ones(1), "torhc")


@pytest.mark.parametrize("dtype", ["float16", "float64", "int32", "uint8", "bool"])
def test_cast(framework, make, dtype):
    result = convert.cast({"x": make([0.0, 1.7, 3.2], "float32"), "t": "text", "n": None}, dtype)
    assert result["t"] == "text"
    assert result["n"] is None
    assert framework_of(result["x"]).NAME == framework
    expected = np.array([0.0, 1.7, 3.2], "float32").astype(dtype)
    assert convert.to_number(result["x"]).dtype == dtype
    np.testing.assert_array_equal(convert.to_number(result["x"]), expected)


def test_cast_to_an_unknown_type():
    with pytest.raises(ConfigError, match="got 'flaot32'. Did you mean 'float32'"):
        convert.cast(np.ones(1), "flaot32")


def test_convert_tensor_precision(framework, make):
    result = convert.convert_tensor_precision(make([1.0, 2.0], "float64"))
    assert framework_of(result).dtype_name(result) == "float32"
    whole = convert.convert_tensor_precision(make([1, 2], "int64"))
    assert framework_of(whole).dtype_name(whole) == "int64"


def test_convert_tensor_precision_follows_autocast():
    torch = pytest.importorskip("torch")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert convert.convert_tensor_precision(torch.ones(2)).dtype == torch.bfloat16


def test_convert_tensor_precision_follows_keras():
    tf = pytest.importorskip("tensorflow")
    import keras

    keras.mixed_precision.set_dtype_policy("mixed_float16")
    try:
        assert convert.convert_tensor_precision(tf.ones(2)).dtype == tf.float16
    finally:
        keras.mixed_precision.set_dtype_policy("float32")


def test_to_type(framework, make):
    result = convert.to_type({"x": make([1.0], "float32"), "y": [make([1], "uint8"), "text"]})
    assert str(result["x"]).endswith("float32") or "float32" in repr(result["x"])
    assert result["x"] == make([2.0], "float32").dtype
    assert result["y"] == [make([2], "uint8").dtype, str]


def test_to_shape(framework, make):
    data = {"x": make(np.ones((10, 8))), "y": [make(np.ones(3)), "text"]}
    assert convert.to_shape(data) == {"x": (10, 8), "y": [(3,), ()]}
    assert convert.to_shape(data, add_batch=True) == {"x": (None, 10, 8), "y": [(None, 3), ()]}
    assert convert.to_shape(data, exact_shape=False) == {"x": (None, None), "y": [(None,), ()]}
    assert convert.to_shape(data["x"], add_batch=True, exact_shape=False) == (None, None, None)


def test_get_batch_size(framework, make):
    assert convert.get_batch_size({"x": make(np.ones((6, 2))), "y": make(np.ones(6)), "n": "text", "s": make(1.0)}) == 6
    with pytest.raises(ConfigError, match=r"got \{'x': \(6,\), 'y': \(5,\)\}"):
        convert.get_batch_size({"x": make(np.ones(6)), "y": make(np.ones(5))})
    with pytest.raises(ConfigError, match="cannot be told"):
        convert.get_batch_size({"x": "text"})
