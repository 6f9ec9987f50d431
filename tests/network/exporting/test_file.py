"""What is exported runs without this package and gives the same, for any number of samples."""

import numpy as np
import pytest

import fastestimator_lite as fe
from fastestimator_lite.component import When
from fastestimator_lite.network.exporting import file
from fastestimator_lite.op.tensorop import Delete, LambdaOp
from fastestimator_lite.op.tensorop.loss import MeanSquaredError
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp
from fastestimator_lite.schedule import EpochScheduler
from fastestimator_lite.slicer import AxisSlicer
from fastestimator_lite.util.errors import ConfigError, MissingKeyError

X = np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)
Z = np.random.default_rng(1).standard_normal((5, 4)).astype(np.float32)


def model(framework):
    def torch_model():
        import torch

        return torch.nn.Sequential(
            torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 2)
        )

    def keras_model():
        import keras

        layers = [
            keras.layers.Dense(8),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(2),
        ]
        return keras.Sequential([keras.layers.Input((4,)), *layers])

    return fe.build(torch_model if framework == "torch" else keras_model, "sgd")


def small(framework):
    if framework == "torch":
        import torch

        return torch.nn.Linear(4, 2)
    import keras

    return keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(2)])


def network(framework, slicers=None):
    one = model(framework)
    ops = [
        LambdaOp(lambda x, z: x + 2 * z, ["x", "z"], "both"),
        ModelOp(one, "both", "p"),
        LambdaOp(lambda p: p * 10, "p", "scaled", mode="infer"),
        MeanSquaredError(("p", "y"), "mse", mode="!infer"),
        UpdateOp(one, "mse"),
    ]
    return fe.Network(ops, slicers=slicers)


def ours(made, count=5):
    return {
        key: fe.backend.to_number(value)
        for key, value in made.transform({"x": X[:count], "z": Z[:count]}, mode="infer").items()
    }


def folder_or_file(framework, tmp_path):
    return tmp_path / ("deep" if framework == "tf" else "deep.pt2")


@pytest.mark.parametrize("count", [1, 5])
def test_the_native_form_gives_what_the_network_gives(tensor_framework, tmp_path, count):
    made = network(tensor_framework)
    path = fe.export(
        made, folder_or_file(tensor_framework, tmp_path), {"x": X[:count], "z": Z[:count]}, ["p", "scaled"]
    )
    expected = ours(made)
    if tensor_framework == "torch":
        import torch

        found = torch.export.load(path).module()(torch.from_numpy(X), torch.from_numpy(Z))
        found = {key: value.detach().numpy() for key, value in zip(("p", "scaled"), found, strict=True)}
    else:
        import tensorflow as tf

        loaded = tf.saved_model.load(str(path))
        found = loaded.signatures["serving_default"](x=tf.constant(X), z=tf.constant(Z))
        assert set(found) == {"p", "scaled"}
    for key in ("p", "scaled"):
        np.testing.assert_allclose(found[key], expected[key], rtol=1e-5, atol=1e-6)


def test_onnx_runtime_gives_what_the_network_gives(tensor_framework, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    made = network(tensor_framework)
    path = fe.export(made, tmp_path / "new" / "m.onnx", {"x": X[:2], "z": Z[:2], "unread": X})
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    assert {value.name for value in session.get_inputs()} == {"x", "z"}
    assert {value.name for value in session.get_outputs()} == {"both", "p", "scaled"}
    for count in (5, 1):
        found = session.run(["both", "p", "scaled"], {"x": X[:count], "z": Z[:count]})
        expected = ours(made, count)
        for value, key in zip(found, ("both", "p", "scaled"), strict=True):
            np.testing.assert_allclose(value, expected[key], rtol=1e-4, atol=1e-5)


def test_a_file_that_is_there_is_replaced_and_nothing_else_stays(tensor_framework, tmp_path):
    path = folder_or_file(tensor_framework, tmp_path)
    for _ in range(2):
        fe.export(network(tensor_framework), path, {"x": X, "z": Z}, "p")
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


def test_the_weights_and_ops_of_the_moment_are_taken(tensor_framework, tmp_path):
    first, second = model(tensor_framework), model(tensor_framework)
    made = fe.Network([EpochScheduler({1: ModelOp(first, "x", "p"), 3: ModelOp(second, "x", "q")})])
    with pytest.raises(MissingKeyError, match="no op in force writes 'q'; written are: 'p'"):
        fe.export(made, folder_or_file(tensor_framework, tmp_path), {"x": X}, "q")
    fe.export(made, folder_or_file(tensor_framework, tmp_path), {"x": X}, "q", epoch=3)


def test_a_network_goes_on_training_after_an_export(tensor_framework, tmp_path):
    made = network(tensor_framework)
    before = ours(made)
    fe.export(made, folder_or_file(tensor_framework, tmp_path), {"x": X, "z": Z})
    np.testing.assert_array_equal(ours(made)["p"], before["p"])
    data = fe.dataset.NumpyDataset({"x": X, "z": Z, "y": np.zeros((5, 2), np.float32)})
    fe.Estimator(fe.Pipeline(train_data=data, batch_size=5), made, epochs=1, log_steps=None).fit()
    assert not np.array_equal(ours(made)["p"], before["p"])


def test_an_export_in_mid_epoch_leaves_the_optimizer_of_the_epoch(tensor_framework, tmp_path):
    one = fe.build(lambda: small(tensor_framework), EpochScheduler({1: "adam", 2: "sgd"}))
    made = fe.Network([ModelOp(one, "x", "p"), MeanSquaredError(("p", "y"), "mse"), UpdateOp(one, "mse")])
    made.load(When("train", 2, ""))
    fe.export(made, folder_or_file(tensor_framework, tmp_path), {"x": X}, "p")  # of epoch 1
    assert type(one.fe.current_optimizer).__name__ == "SGD"


@pytest.mark.parametrize("name", ["m.onnx", None])
def test_keys_that_are_deleted_are_left_out(tensor_framework, tmp_path, name):
    one = fe.build(lambda: small(tensor_framework), None)
    made = fe.Network([LambdaOp(lambda x: x * 2, "x", "z"), ModelOp(one, "z", "p"), Delete("z")])
    if name is not None:
        runtime = pytest.importorskip("onnxruntime")
        path = fe.export(made, tmp_path / name, {"x": X})
        assert [one.name for one in runtime.InferenceSession(str(path)).get_outputs()] == ["p"]
    else:
        assert fe.export(made, folder_or_file(tensor_framework, tmp_path), {"x": X}).exists()
    with pytest.raises(MissingKeyError, match="no op in force writes 'z'; written are: 'p'"):
        fe.export(made, folder_or_file(tensor_framework, tmp_path), {"x": X}, "z")


def test_a_key_that_an_op_reads_and_writes_is_an_input_alone(tensor_framework, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    made = fe.Network(
        [LambdaOp(lambda x: x * 2, "x", "x"), ModelOp(fe.build(lambda: small(tensor_framework), None), "x", "p")]
    )
    expected = made.transform({"x": X}, "infer")["p"].numpy()
    path = fe.export(made, tmp_path / "m.onnx", {"x": X})
    (found,) = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, {"x": X})
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(ConfigError, match="'x' is an input of the ONNX file as well"):
        fe.export(made, tmp_path / "m.onnx", {"x": X}, ["x", "p"])
    native = fe.export(made, folder_or_file(tensor_framework, tmp_path), {"x": X}, ["x", "p"])  # has no such rule
    assert native.exists()


def test_an_export_that_fails_leaves_what_was_there(tensor_framework, tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime")
    path = tmp_path / "m.onnx"
    made = fe.Network(ModelOp(fe.build(lambda: small(tensor_framework), None), "x", "p"))
    fe.export(made, path, {"x": X})
    before = path.read_bytes()
    monkeypatch.setattr(file, "_TOLERANCE", -1.0)  # no file is good enough
    other = fe.Network(ModelOp(fe.build(lambda: small(tensor_framework), None), "x", "q"))
    with pytest.raises(ConfigError, match=r"m\.onnx"):
        fe.export(other, path, {"x": X})
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["m.onnx"]


def test_a_folder_in_the_place_of_a_file_keeps_what_is_in_it(tensor_framework, tmp_path):
    path = tmp_path / "m.onnx"
    path.mkdir()
    (path / "kept.txt").write_text("kept")
    made = fe.Network(ModelOp(fe.build(lambda: small(tensor_framework), None), "x", "p"))
    with pytest.raises((ConfigError, OSError), match=r"m\.onnx"):
        fe.export(made, path, {"x": X})
    assert (path / "kept.txt").read_text() == "kept"


def test_wrong_calls_are_named(tensor_framework, tmp_path):
    made = network(tensor_framework)
    example = {"x": X, "z": Z}
    other = "m.pt2" if tensor_framework == "tf" else "m"
    with pytest.raises(ConfigError, match="fe.export cannot write"):
        fe.export(made, tmp_path / other, example)
    with pytest.raises(ConfigError, match="fe.export cannot write 'onxn'.*Did you mean 'onnx'"):
        fe.export(made, tmp_path / "m", example, format="onxn")
    with pytest.raises(MissingKeyError, match="needs key 'z', which an op reads; it has: 'x', 'zz'. Did you mean 'zz'"):
        fe.export(made, folder_or_file(tensor_framework, tmp_path), {"x": X, "zz": Z})
    with pytest.raises(ConfigError, match="key 'z' must have a batch axis"):
        fe.export(made, folder_or_file(tensor_framework, tmp_path), {"x": X, "z": 1.0})
    sliced = network(tensor_framework, AxisSlicer(1, ["x", "z"], unslice=["both", "p", "scaled"]))
    with pytest.raises(ConfigError, match="slicers are in force"):
        fe.export(sliced, folder_or_file(tensor_framework, tmp_path), example)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_tensor_cannot_be_written(tmp_path):
    torch = pytest.importorskip("torch")

    class States(torch.nn.Module):
        def forward(self, x):
            return {"pred": x * 2, "states": (x, x + 1)}

    made = fe.Network(ModelOp(fe.build(States, None), "x", ["pred", "states"]))
    for name in ("m.pt2", "m.onnx"):
        with pytest.raises(ConfigError, match="writes tensors, and 'states' is a tuple; name the keys to write"):
            fe.export(made, tmp_path / name, {"x": X})
    assert list(tmp_path.iterdir()) == []
    program = torch.export.load(fe.export(made, tmp_path / "m.pt2", {"x": X}, "pred"))
    np.testing.assert_array_equal(program.module()(torch.from_numpy(X))[0].numpy(), X * 2)


def test_a_compiled_model_is_written_as_it_is(tensor_framework, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    options = {"backend": "eager"} if tensor_framework == "torch" else True
    one = fe.build(lambda: small(tensor_framework), None, compile=options)
    made = fe.Network(ModelOp(one, "x", "p"))
    expected = made.transform({"x": X}, "infer")["p"].numpy()
    compiled = one.fe.compiled
    path = fe.export(made, tmp_path / "m.onnx", {"x": X})
    found = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(["p"], {"x": X})[0]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert compiled is not None and one.fe.compiled is compiled


def test_half_precision_in_a_file(tensor_framework, tmp_path):
    """Torch learns of it only when it runs, so its files are in float32; a Keras model is made of half layers."""
    pytest.importorskip("onnxruntime")
    one = fe.build(lambda: small(tensor_framework), None, mixed_precision="bf16", model_name="half")
    made = fe.Network(ModelOp(one, "x", "p"))
    fe.export(made, folder_or_file(tensor_framework, tmp_path), {"x": X})
    if tensor_framework == "tf":
        with pytest.raises(ConfigError, match="cannot write model 'half', a Keras model in bf16, as ONNX"):
            fe.export(made, tmp_path / "m.onnx", {"x": X})
    else:
        fe.export(made, tmp_path / "m.onnx", {"x": X})


def test_several_inputs_and_outputs_of_a_keras_model_by_name(tmp_path, caplog):
    keras, tf = pytest.importorskip("keras"), pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("Keras runs on another backend")

    def make():
        right, left = keras.Input((4,), name="right"), keras.Input((4,), name="left")
        return keras.Model({"right": right, "left": left}, {"sum": right + left, "gap": right - 2 * left})

    made = fe.Network(ModelOp(fe.build(make, None), ["right", "left"], ["gap", "sum"]))
    path = fe.export(made, tmp_path / "m", {"right": X, "left": Z})
    found = tf.saved_model.load(str(path)).signatures["serving_default"](right=tf.constant(X), left=tf.constant(Z))
    np.testing.assert_allclose(found["sum"], X + Z, rtol=1e-5)
    np.testing.assert_allclose(found["gap"], X - 2 * Z, rtol=1e-5)
    assert "AutoGraph" not in caplog.text
