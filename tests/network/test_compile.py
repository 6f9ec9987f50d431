"""Models whose forward pass is compiled: same numbers, same names, same files."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import fastestimator_lite as fe
from fastestimator_lite.backend import load_model, save_model, to_number
from fastestimator_lite.component import When
from fastestimator_lite.op.tensorop.loss import MeanSquaredError
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp
from fastestimator_lite.util.errors import ConfigError

_spec = importlib.util.spec_from_file_location("network_models", Path(__file__).with_name("conftest.py"))
models = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(models)
linear, sgd, weights = models.linear, models.sgd, models.weights

TRAIN, EVAL = When("train", 1, ""), When("eval", 1, "")


@pytest.fixture
def option(tensor_framework):
    """What compiles without a compiler: torch's graph by autograd, or XLA."""
    return {"backend": "aot_eager"} if tensor_framework == "torch" else True


def regression(framework, model_fn=None, **options):
    model = fe.build(model_fn or linear(framework, norm=True), sgd(framework), model_name="net", **options)
    ops = [ModelOp(model, "x", "pred"), MeanSquaredError(("pred", "y"), "mse"), UpdateOp(model, "mse")]
    return model, fe.Network(ops)


def test_it_trains_and_evaluates_as_without(tensor_framework, batch, option):
    plain, network = regression(tensor_framework)
    compiled, other = regression(tensor_framework, compile=option)
    for _ in range(3):
        one, two = (net.load(TRAIN)(batch) for net in (network, other))
        np.testing.assert_allclose(to_number(two["mse"]), to_number(one["mse"]), rtol=1e-5)
    np.testing.assert_allclose(weights(compiled), weights(plain), rtol=1e-5, atol=1e-6)
    one, two = (net.load(EVAL)(batch) for net in (network, other))
    np.testing.assert_allclose(to_number(two["pred"]), to_number(one["pred"]), rtol=1e-4, atol=1e-5)


def test_the_forward_pass_is_compiled(batch):
    torch = pytest.importorskip("torch")
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    _, network = regression("torch", compile={"backend": backend})
    for _ in range(3):
        network.load(TRAIN)(batch)
    assert len(graphs) == 1
    assert isinstance(graphs[0], torch.fx.GraphModule)


def test_keras_runs_by_xla(batch):
    tf = pytest.importorskip("tensorflow")
    model, network = regression("tf", compile=True)
    network.load(TRAIN)(batch)
    text = model.fe.compiled._run.experimental_get_compiler_ir(tf.constant(batch["x"]), True)()
    assert "HloModule" in text


def test_names_and_files_are_those_of_a_plain_model(tensor_framework, batch, option, tmp_path):
    plain, _ = regression(tensor_framework)
    compiled, network = regression(tensor_framework, compile=option)
    network.load(TRAIN)(batch)
    if tensor_framework == "torch":
        assert list(compiled.state_dict()) == list(plain.state_dict())
    path = save_model(compiled, tmp_path, "compiled", save_optimizer=True)
    load_model(plain, path, load_optimizer=True)
    np.testing.assert_array_equal(weights(plain), weights(compiled))
    back, other = regression(tensor_framework, compile=option)
    load_model(back, save_model(plain, tmp_path, "plain"))
    np.testing.assert_array_equal(weights(back), weights(compiled))
    other.load_state_dict(network.state_dict())


def test_regularization_of_a_compiled_keras_model(batch):
    keras = pytest.importorskip("keras")

    def make():
        layers = [
            keras.layers.Input((2,)),
            keras.layers.Dense(3, activity_regularizer="l2", kernel_regularizer="l2", kernel_initializer="ones"),
            keras.layers.Dense(1, kernel_initializer="ones"),
        ]
        return keras.Sequential(layers)

    found = []
    for option in (False, True):
        model, network = regression("tf", make, compile=option)
        for _ in range(3):
            network.load(TRAIN)(batch)
        found.append(weights(model))
    np.testing.assert_allclose(found[1], found[0], rtol=1e-5)


def test_dropout_draws_anew_in_each_step(tensor_framework, option):
    model, network = regression(tensor_framework, linear(tensor_framework, dropout=0.5), compile=option)
    batch = {"x": np.ones((64, 2), np.float32), "y": np.zeros((64, 1), np.float32)}
    fe.backend.set_lr(model, 0.0)
    one, two = (to_number(network.load(TRAIN)(batch)["pred"]).ravel() for _ in range(2))
    assert set(one) == {0, 1, 2}
    assert (one != two).any()
    assert set(to_number(network.load(EVAL)(batch)["pred"]).ravel()) == {1}


def test_options_are_a_flag_or_a_dictionary(tensor_framework):
    with pytest.raises(ConfigError, match=r"build\(compile\) must be True, False or a dict"):
        fe.build(linear(tensor_framework), None, compile="fast")
    if tensor_framework == "tf":
        with pytest.raises(ConfigError, match="takes True or False for a Keras model"):
            fe.build(linear("tf"), None, compile={"backend": "eager"})


@pytest.mark.slow
def test_the_default_compiler_of_torch(batch):
    pytest.importorskip("torch")
    plain, network = regression("torch")
    compiled, other = regression("torch", compile=True)
    network.load(TRAIN)(batch)
    other.load(TRAIN)(batch)
    np.testing.assert_allclose(weights(compiled), weights(plain), rtol=1e-5, atol=1e-6)
