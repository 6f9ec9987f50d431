"""Half precision: what computes in it, what stays float32, and the scale of the loss."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import fastestimator_lite as fe
from fastestimator_lite.backend import to_number
from fastestimator_lite.component import When
from fastestimator_lite.op.tensorop import LambdaOp
from fastestimator_lite.op.tensorop.loss import MeanSquaredError
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp
from fastestimator_lite.util.errors import ConfigError, NonFiniteError

_spec = importlib.util.spec_from_file_location("network_models", Path(__file__).with_name("conftest.py"))
models = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(models)
linear, sgd, weights = models.linear, models.sgd, models.weights

TRAIN = When("train", 1, "")


def watched(framework, seen, activation=True):
    """A model that notes the type of its inner activations."""
    if framework == "torch":
        import torch

        class Net(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.body, self.head = torch.nn.Linear(2, 8), torch.nn.Linear(8, 1)

            def forward(self, x):
                h = self.body(x)
                seen.append(str(h.dtype).removeprefix("torch."))
                return self.head(torch.relu(h))

        def make():
            torch.manual_seed(0)
            return Net()

        return make
    import keras

    class Note(keras.layers.Layer):
        def call(self, x):
            seen.append(x.dtype.name)
            return x

    def make():
        keras.utils.set_random_seed(0)
        layers = [keras.layers.Dense(8), Note(), keras.layers.ReLU(), keras.layers.Dense(1)]
        return keras.Sequential([keras.layers.Input((2,)), *layers])

    return make


def regression(model_fn, framework, **options):
    model = fe.build(model_fn, sgd(framework), model_name="net", **options)
    ops = [ModelOp(model, "x", "pred"), MeanSquaredError(("pred", "y"), "mse"), UpdateOp(model, "mse")]
    return model, fe.Network(ops)


def variables(model):
    return list(model.parameters()) if hasattr(model, "named_parameters") else model.trainable_variables


@pytest.mark.parametrize("kind, dtype", [("bf16", "bfloat16"), ("fp16", "float16"), (True, "bfloat16")])
def test_activations_are_half_and_weights_are_not(tensor_framework, batch, kind, dtype):
    if kind is True and fe.backend.get_num_gpus():
        dtype = "float16"
    seen = []
    model, network = regression(watched(tensor_framework, seen), tensor_framework, mixed_precision=kind)
    seen.clear()  # what making the model may have shown
    outputs = network.load(TRAIN)(batch)
    assert set(seen) == {dtype}
    for key in ("pred", "mse"):
        assert to_number(outputs[key]).dtype == np.float32
        assert "float32" in str(outputs[key].dtype)
    assert {str(one.dtype).removeprefix("torch.") for one in variables(model)} == {"float32"}
    assert model.fe.mixed_precision == {"bfloat16": "bf16", "float16": "fp16"}[dtype]


@pytest.mark.parametrize("kind", ["bf16", "fp16"])
def test_training_is_that_of_float32_up_to_rounding(tensor_framework, batch, kind):
    losses = {}
    for half in (False, kind):
        model, network = regression(watched(tensor_framework, []), tensor_framework, mixed_precision=half)
        step = network.load(TRAIN)
        losses[half] = [float(to_number(step(batch)["mse"])) for _ in range(10)]
    np.testing.assert_allclose(losses[kind], losses[False], rtol=0.03)
    assert losses[kind] != losses[False]
    assert losses[kind][-1] < losses[kind][0]


def test_a_layer_that_is_told_otherwise_keeps_its_precision():
    keras = pytest.importorskip("keras")

    def make():
        last = keras.layers.Dense(1, dtype="float32")
        return keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(4), last])

    model = fe.build(make, None, mixed_precision="bf16")
    assert [layer.compute_dtype for layer in model.layers] == ["bfloat16", "float32"]
    assert keras.config.dtype_policy().name == "float32"


def test_a_finished_keras_model_is_switched():
    keras = pytest.importorskip("keras")
    model = linear("tf")()
    assert model.layers[0].compute_dtype == "float32"
    fe.build(lambda: model, None, mixed_precision="bf16")
    assert model.layers[0].compute_dtype == "bfloat16"
    assert model.layers[0].kernel.dtype == "float32"
    assert keras.config.dtype_policy().name == "float32"


def huge(framework, **update):
    """A network whose loss is pred * k in half precision, so its gradient overflows for a large k."""
    model = fe.build(linear(framework), sgd(framework, 1e-3), model_name="net", mixed_precision="fp16")
    ops = [
        ModelOp(model, "x", "pred"),
        LambdaOp(lambda pred, k: pred * fe.backend.reduce_mean(k), ("pred", "k"), "loss"),
        UpdateOp(model, "loss", **update),
    ]
    return model, fe.Network(ops)


def scale(model):
    return model.fe.scale.state_dict()


@pytest.mark.parametrize("nan", ["raise", "skip", "ignore"])
@pytest.mark.parametrize("defer", [False, True])
def test_a_step_that_overflows_is_left_out_and_halves_the_scale(tensor_framework, batch, nan, defer):
    model, network = huge(tensor_framework, nan=nan, defer=defer)
    step, k = network.load(TRAIN), np.ones((8, 1), np.float32)
    start = weights(model)
    assert scale(model) == {"value": 65536.0, "good": 0}
    step({**batch, "k": 100 * k})  # 100 * 65536 / 8 is beyond 65504
    np.testing.assert_array_equal(weights(model), start)
    assert scale(model) == {"value": 32768.0, "good": 0}
    assert model.fe.updates.count == 0
    step({**batch, "k": k})
    assert scale(model) == {"value": 32768.0, "good": 1}
    assert model.fe.updates.count == 1
    expected = start - 1e-3 * np.append(batch["x"].mean(0), 1)
    np.testing.assert_allclose(weights(model), expected, rtol=1e-3)


def test_the_scale_doubles_after_many_good_steps(tensor_framework, batch):
    model, network = huge(tensor_framework)
    model.fe.scale.load_state_dict({"value": 8.0, "good": model.fe.scale.INTERVAL - 1})
    network.load(TRAIN)({**batch, "k": np.ones((8, 1), np.float32)})
    assert scale(model) == {"value": 16.0, "good": 0}


def test_an_overflow_that_no_scale_can_help_ends_the_run(tensor_framework, batch):
    model, network = huge(tensor_framework)
    model.fe.scale.load_state_dict({"value": 2.0**-11, "good": 0})
    start = weights(model)
    with pytest.raises(NonFiniteError, match="'loss'"):
        network.load(TRAIN)({**batch, "k": np.full((8, 1), 3e9, np.float32)})
    np.testing.assert_array_equal(weights(model), start)


def test_a_loss_that_is_not_finite_is_no_overflow_of_gradients(tensor_framework, batch):
    model, network = huge(tensor_framework)
    with pytest.raises(NonFiniteError, match="'k' .from the Pipeline., NaN"):
        network.load(TRAIN)({**batch, "k": np.full((8, 1), np.nan, np.float32)})
    assert scale(model)["value"] == 65536.0


def test_clipping_sees_gradients_without_their_scale(tensor_framework, batch):
    model, network = huge(tensor_framework, clip_norm=1e6)
    other, plain = huge(tensor_framework)
    given = {**batch, "k": np.ones((8, 1), np.float32)}
    network.load(TRAIN)(given)
    plain.load(TRAIN)(given)
    np.testing.assert_array_equal(weights(model), weights(other))


def test_merged_steps_are_added_without_their_scale(tensor_framework, batch):
    model, network = huge(tensor_framework, merge_grad=3)
    step, k = network.load(TRAIN), np.full((8, 1), 0.5, np.float32)
    start = weights(model)
    for factor in (1, 100, 1):  # the second overflows, has no part, and changes the scale between the others
        step({**batch, "k": factor * k})
    assert scale(model)["value"] == 32768.0
    assert model.fe.updates.count == 1
    np.testing.assert_allclose(weights(model), start - 5e-4 * np.append(batch["x"].mean(0), 1), rtol=1e-3)


def test_the_scale_is_saved_with_a_run(tensor_framework, batch, tmp_path):
    model, network = huge(tensor_framework)
    network.load(TRAIN)({**batch, "k": 100 * np.ones((8, 1), np.float32)})
    state = network.state_dict()
    other, fresh = huge(tensor_framework)
    fresh.load_state_dict(state)
    assert scale(other) == scale(model) == {"value": 32768.0, "good": 0}

    data = fe.dataset.NumpyDataset({**batch, "k": np.ones((8, 1), np.float32)})
    pipeline = fe.Pipeline(train_data=data, batch_size=8, num_process=0)
    fe.Estimator(pipeline, network, epochs=1, log_steps=None).system.save_state(str(tmp_path))
    third, last = huge(tensor_framework)
    fe.Estimator(pipeline, last, epochs=1, log_steps=None).system.load_state(str(tmp_path))
    assert scale(third)["value"] == 32768.0


def test_a_run_in_half_precision(tensor_framework, batch):
    model, network = regression(linear(tensor_framework), tensor_framework, mixed_precision="fp16")
    data = fe.dataset.NumpyDataset(batch)
    pipeline = fe.Pipeline(train_data=data, eval_data=data, batch_size=4, num_process=0)
    summary = fe.Estimator(pipeline, network, epochs=5, log_steps=None).fit()
    losses = list(summary.history["eval"]["mse"].values())
    assert losses[-1] < losses[0]
    assert model.fe.updates.count == 10 - np.log2(65536 / scale(model)["value"])


@pytest.mark.parametrize("reads", ["x", "half", "product"])
def test_a_model_of_full_precision_stays_so_beside_one_of_half(tensor_framework, batch, reads):
    """Whatever it reads: data, an output of the other model, or of an op that computes in half."""
    half = fe.build(linear(tensor_framework, 2, 2), None, model_name="half", mixed_precision="bf16")
    full = fe.build(linear(tensor_framework), sgd(tensor_framework), model_name="full")
    network = fe.Network(
        [
            ModelOp(half, "x", "half"),
            LambdaOp(lambda x: x @ fe.backend.transpose(x[:2]), "x", "product"),
            ModelOp(full, reads, "pred"),
            MeanSquaredError(("pred", "y"), "mse"),
            UpdateOp(full, "mse"),
        ]
    )
    found = network.load(TRAIN)(batch)
    x, pred = to_number(found[reads]).astype(np.float64), to_number(found["pred"])
    assert "float32" in str(found["pred"].dtype)
    np.testing.assert_allclose(pred, x.sum(1, keepdims=True) / 2, rtol=1e-6, atol=1e-6)
    error = pred - batch["y"]
    moved = np.append((2 * x * error).mean(0), (2 * error).mean())
    np.testing.assert_allclose(weights(full), [0.5, 0.5, 0] - 0.1 * moved, rtol=1e-5, atol=1e-6)


def test_models_of_a_torch_step_agree_on_the_precision(batch):
    pytest.importorskip("torch")
    one, two = (fe.build(linear("torch"), None, model_name=kind, mixed_precision=kind) for kind in ("bf16", "fp16"))
    network = fe.Network([ModelOp(one, "x", "a"), ModelOp(two, "x", "b")])
    with pytest.raises(ConfigError, match="must compute in the same half precision, got 'bf16' bf16, 'fp16' fp16"):
        network.transform(batch, "eval")


def test_the_precision_is_one_of_four(tensor_framework):
    with pytest.raises(
        ConfigError, match=r"build\(mixed_precision\) must be True, False, 'bf16' or 'fp16', got 'half'"
    ):
        fe.build(linear(tensor_framework), None, mixed_precision="half")
