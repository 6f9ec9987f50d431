"""One step of a network, in torch and in TensorFlow."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import fastestimator_lite as fe
from fastestimator_lite.backend import get_lr, load_model, save_model, set_lr, to_number
from fastestimator_lite.component import When
from fastestimator_lite.op.numpyop import LambdaOp as NumpyLambda
from fastestimator_lite.op.tensorop import Delete, LambdaOp, TensorOp
from fastestimator_lite.op.tensorop.gradient import GradientOp, Watch
from fastestimator_lite.op.tensorop.loss import MeanSquaredError
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp
from fastestimator_lite.schedule import EpochScheduler, RepeatScheduler, Scheduler
from fastestimator_lite.util.errors import CheckpointError, ConfigError, MissingKeyError

_spec = importlib.util.spec_from_file_location("network_models", Path(__file__).with_name("conftest.py"))
models = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(models)
linear, sgd, weights = models.linear, models.sgd, models.weights


def regression(framework, optimizer_fn="default", **update):
    model = fe.build(linear(framework), sgd(framework) if optimizer_fn == "default" else optimizer_fn, model_name="net")
    network = fe.Network(
        [ModelOp(model, "x", "pred"), MeanSquaredError(("pred", "y"), "mse"), UpdateOp(model, "mse", **update)]
    )
    return model, network


def gradient(batch):
    """Gradient of the mean squared error of `linear` by hand: (kernel, bias)."""
    error = batch["x"] @ np.full((2, 1), 0.5, np.float32) - batch["y"]
    return np.concatenate([(2 * batch["x"] * error).mean(0), (2 * error).mean(0)])


def test_a_step_moves_the_weights_by_the_gradient(tensor_framework, batch):
    model, network = regression(tensor_framework)
    outputs = network.load(When("train", 1, ""))(batch)
    np.testing.assert_allclose(weights(model), np.array([0.5, 0.5, 0.0]) - 0.1 * gradient(batch), rtol=1e-5)
    expected = float(((batch["x"] @ np.full((2, 1), 0.5) - batch["y"]) ** 2).mean())
    assert float(outputs["mse"]) == pytest.approx(expected, rel=1e-5)
    assert set(outputs) == {"x", "y", "pred", "mse"}


def test_outputs_belong_to_the_framework_and_carry_no_graph(tensor_framework, batch):
    _, network = regression(tensor_framework)
    outputs = network.load(When("train", 1, ""))(batch)
    assert fe.backend.framework_of(outputs["pred"]).NAME == tensor_framework
    if tensor_framework == "torch":
        assert not outputs["pred"].requires_grad


def test_eval_moves_nothing(tensor_framework, batch):
    model, network = regression(tensor_framework)
    before = weights(model)
    network.load(When("eval", 1, ""))(batch)
    np.testing.assert_array_equal(weights(model), before)


def test_only_wanted_outputs_come_back(tensor_framework, batch):
    _, network = regression(tensor_framework)
    step = network.load(When("train", 1, ""), {"mse"})
    assert step.plan.keys_of_batch() == {"x", "y"}
    assert "pred" not in step(batch)


def test_equal_plans_share_a_step(tensor_framework):
    _, network = regression(tensor_framework)
    first = network.load(When("train", 1, ""), {"mse"})
    assert network.load(When("train", 2, ""), {"mse"}) is first
    assert network.load(When("eval", 2, ""), {"mse"}) is not first


def test_dry_moves_nothing(tensor_framework, batch):
    model, network = regression(tensor_framework)
    before = weights(model)
    network.load(When("train", 1, "")).dry(batch)
    np.testing.assert_array_equal(weights(model), before)


def test_transform_of_a_dict_a_list_and_a_pipeline(tensor_framework, batch):
    model, network = regression(tensor_framework)
    before = weights(model)
    one = network.transform(batch, "train")
    many = network.transform([batch, batch], "eval")
    np.testing.assert_allclose(to_number(one["pred"]), to_number(many[1]["pred"]), rtol=1e-6)
    pipeline = fe.Pipeline(eval_data=fe.dataset.NumpyDataset(batch), batch_size=4, num_process=0)
    assert [len(to_number(found["pred"])) for found in network.transform(pipeline, "eval")] == [4, 4]
    np.testing.assert_array_equal(weights(model), before)


@pytest.mark.parametrize("mode", ["train", "eval", "infer"])
def test_transform_in_mid_epoch_leaves_the_optimizer_of_the_epoch(tensor_framework, batch, mode):
    model, network = regression(tensor_framework, EpochScheduler({1: "adam", 2: sgd(tensor_framework)}))
    step = network.load(When("train", 2, ""))
    network.transform(batch, mode)  # of epoch 1
    assert get_lr(model) == pytest.approx(0.1)
    step(batch)
    np.testing.assert_allclose(weights(model), np.array([0.5, 0.5, 0.0]) - 0.1 * gradient(batch), rtol=1e-5)


def test_transform_in_mid_epoch_leaves_the_graph_for_the_next_gradient(tensor_framework, batch):
    """In train the UpdateOp comes after the GradientOp and needs the graph that in eval nobody needs."""
    model = fe.build(linear(tensor_framework), sgd(tensor_framework))
    network = fe.Network(
        [
            Watch("x"),
            ModelOp(model, "x", "pred"),
            MeanSquaredError(("pred", "y"), "mse"),
            GradientOp("mse", "g", inputs="x"),
            UpdateOp(model, "mse"),
        ]
    )
    step = network.load(When("train", 1, ""))
    network.transform(batch, "eval")
    found = step(batch)["g"]
    error = batch["x"] @ np.full((2, 1), 0.5) - batch["y"]
    np.testing.assert_allclose(to_number(found), 2 * error * [0.5, 0.5] / len(error), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(weights(model), np.array([0.5, 0.5, 0.0]) - 0.1 * gradient(batch), rtol=1e-5)


@pytest.mark.parametrize("change", [lambda x: x[:, ::-1], lambda x: x[::-1], lambda x: x.astype(">f4")])
def test_transform_takes_arrays_of_any_strides_and_byte_order(tensor_framework, batch, change):
    model = fe.build(linear(tensor_framework), None)
    with_bias = LambdaOp(lambda pred, x: pred + x[:, :1], ("pred", "x"), "pred")
    given = change(batch["x"])
    found = fe.Network([ModelOp(model, "x", "pred"), with_bias]).transform({"x": given}, "infer")["pred"]
    np.testing.assert_allclose(to_number(found), given @ [[1.5], [0.5]], rtol=1e-5, atol=1e-6)


def test_optimizer_schedule_switches_and_finds_its_state_again(tensor_framework, batch):
    schedule = RepeatScheduler(["adam", "sgd"])
    model, network = regression(tensor_framework, schedule)
    names = []
    for epoch in (1, 2, 3):
        network.load(When("train", epoch, ""))(batch)
        names.append(model.fe.current_optimizer)
    assert [type(one).__name__ for one in names] == ["Adam", "SGD", "Adam"]
    assert names[0] is names[2]
    assert schedule.repeat_list == ["adam", "sgd"]  # the user's object stays as it was
    steps = (
        names[0].iterations.numpy() if tensor_framework == "tf" else next(iter(names[0].state.values()))["step"].item()
    )
    assert steps == 2


def test_any_scheduler_may_give_the_optimizer(tensor_framework, batch):
    class Late(Scheduler):
        def get_current_value(self, epoch):
            return "adam" if epoch < 3 else "sgd"

        def get_all_values(self):
            return ["adam", "sgd"]

    model, network = regression(tensor_framework, Late())
    for epoch, name in ((1, "Adam"), (3, "SGD"), (2, "Adam")):
        network.load(When("train", epoch, ""))(batch)
        assert type(model.fe.current_optimizer).__name__ == name


def test_training_without_an_optimizer_at_that_epoch_is_refused(tensor_framework):
    _, network = regression(tensor_framework, EpochScheduler({2: "adam"}))
    with pytest.raises(ConfigError, match="'net' is trained at epoch 1, where its optimizer schedule has no value"):
        network.load(When("train", 1, ""))


def test_scheduled_ops_train_one_model_after_the_other(tensor_framework, batch):
    one = fe.build(linear(tensor_framework), sgd(tensor_framework), model_name="one")
    two = fe.build(linear(tensor_framework), sgd(tensor_framework), model_name="two")
    network = fe.Network(
        [
            EpochScheduler({1: ModelOp(one, "x", "pred"), 2: ModelOp(two, "x", "pred")}),
            MeanSquaredError(("pred", "y"), "mse"),
            EpochScheduler({1: UpdateOp(one, "mse"), 2: UpdateOp(two, "mse")}),
        ]
    )
    start = weights(one)
    network.load(When("train", 1, ""))(batch)
    assert not np.array_equal(weights(one), start)
    np.testing.assert_array_equal(weights(two), start)
    kept = weights(one)
    network.load(When("train", 2, ""))(batch)
    np.testing.assert_array_equal(weights(one), kept)
    np.testing.assert_allclose(weights(two), kept, rtol=1e-6)


def test_updates_at_the_end_take_all_gradients_first(tensor_framework, batch):
    """Two models in a row: the second one's update must not change what the first one learns."""
    one = fe.build(linear(tensor_framework, 2, 2), sgd(tensor_framework), model_name="one")
    two = fe.build(linear(tensor_framework, 2, 1), sgd(tensor_framework), model_name="two")
    network = fe.Network(
        [
            ModelOp(one, "x", "h"),
            ModelOp(two, "h", "pred"),
            MeanSquaredError(("pred", "y"), "mse"),
            UpdateOp(two, "mse"),
            UpdateOp(one, "mse"),
        ]
    )
    network.load(When("train", 1, ""))(batch)
    hidden = batch["x"] @ np.full((2, 2), 0.5)
    error = hidden @ np.full((2, 1), 0.5) - batch["y"]
    into_hidden = 2 * error / len(error) * 0.5  # the same for both hidden units
    kernel = np.full((2, 2), 0.5) - 0.1 * (batch["x"].T @ np.repeat(into_hidden, 2, 1))
    found = weights(one)[:4].reshape(2, 2)
    np.testing.assert_allclose(found if tensor_framework == "tf" else found.T, kernel, rtol=1e-5)


def test_merge_grad_equals_the_big_batch(tensor_framework, batch):
    model, network = regression(tensor_framework, merge_grad=2)
    step = network.load(When("train", 1, ""))
    start = weights(model)
    step({key: value[:4] for key, value in batch.items()})
    np.testing.assert_array_equal(weights(model), start)
    step({key: value[4:] for key, value in batch.items()})
    np.testing.assert_allclose(weights(model), np.array([0.5, 0.5, 0.0]) - 0.1 * gradient(batch), rtol=1e-5)


def test_delete_and_lambda_ops(tensor_framework, batch):
    network = fe.Network(
        [
            LambdaOp(lambda x: x * 2, "x", "z"),
            LambdaOp(lambda x, z: [x + z, x - z], ["x", "z"], ["a", "b"]),
            Delete("z"),
        ]
    )
    if network.framework != tensor_framework:
        pytest.skip("without a model the framework in use decides")
    outputs = network.transform(batch, "eval")
    np.testing.assert_allclose(to_number(outputs["a"]), 3 * batch["x"], rtol=1e-6)
    np.testing.assert_allclose(to_number(outputs["b"]), -batch["x"], rtol=1e-6)
    assert "z" not in outputs


def test_own_op_that_branches_on_a_tensor(tensor_framework, batch):
    class Clip(TensorOp):
        def forward(self, data, state):
            if fe.backend.reduce_sum(data) > 0:
                data = data * 0
            return data

    model = fe.build(linear(tensor_framework), None)
    network = fe.Network(
        [LambdaOp(lambda x: x * 0 + 1, "x", "ones"), Clip("ones", "ones"), ModelOp(model, "ones", "pred")]
    )
    assert to_number(network.load(When("eval", 1, ""))(batch)["pred"]).tolist() == [[0.0]] * 8


def test_postprocessing_works_on_arrays(tensor_framework, batch):
    model = fe.build(linear(tensor_framework), None)
    network = fe.Network([ModelOp(model, "x", "pred")], pops=NumpyLambda(lambda pred: np.sign(pred), "pred", "sign"))
    outputs = network.transform(batch, "eval")
    np.testing.assert_array_equal(outputs["sign"], np.sign(to_number(outputs["pred"])))


def test_intermediate_layers(tensor_framework, batch):
    model = fe.build(linear(tensor_framework), None)
    name = "0" if tensor_framework == "torch" else model.layers[0].name
    network = fe.Network([ModelOp(model, "x", ["pred", "inner"], intermediate_layers=name)])
    outputs = network.transform(batch, "eval")
    np.testing.assert_allclose(to_number(outputs["inner"]), to_number(outputs["pred"]), rtol=1e-6)
    with pytest.raises(ConfigError, match="has no layer 'nope'"):
        ModelOp(model, "x", ["pred", "inner"], intermediate_layers="nope")


def test_model_op_without_gradients(tensor_framework, batch):
    frozen = fe.build(linear(tensor_framework, 2, 2), None, model_name="frozen")
    head = fe.build(linear(tensor_framework, 2, 1), sgd(tensor_framework), model_name="head")
    network = fe.Network(
        [
            ModelOp(frozen, "x", "h", gradients=False),
            ModelOp(head, "h", "pred"),
            MeanSquaredError(("pred", "y"), "mse"),
            UpdateOp(head, "mse"),
        ]
    )
    before = weights(head)
    network.load(When("train", 1, ""))(batch)
    assert not np.array_equal(weights(head), before)


def test_save_and_load_with_all_optimizers(tensor_framework, batch, tmp_path):
    model, network = regression(tensor_framework, RepeatScheduler(["adam", "rmsprop"]))
    for epoch in (1, 1, 2):
        network.load(When("train", epoch, ""))(batch)
    path = save_model(model, tmp_path, "state", save_optimizer=True)
    assert Path(path).name == ("state.pt" if tensor_framework == "torch" else "state.h5")
    kept = weights(model)
    network.load(When("train", 1, ""))(batch)
    after_one = weights(model)
    again, fresh = regression(tensor_framework, RepeatScheduler(["adam", "rmsprop"]))
    load_model(again, path, load_optimizer=True)
    np.testing.assert_array_equal(weights(again), kept)
    fresh.load(When("train", 1, ""))(batch)
    np.testing.assert_allclose(weights(again), after_one, rtol=1e-6)


def test_save_and_load_before_all_optimizers_were_used(tensor_framework, batch, tmp_path):
    make = lambda: regression(tensor_framework, EpochScheduler({1: "adam", 3: "rmsprop"}))
    model, network = make()
    for _ in range(2):
        network.load(When("train", 1, ""))(batch)
    again, other = make()
    load_model(again, save_model(model, tmp_path, "state", save_optimizer=True), load_optimizer=True)
    third, last = make()
    last.load_state_dict(network.state_dict())
    for epoch in (2, 3, 4):
        for one in (network, other, last):
            one.load(When("train", epoch, ""))(batch)
        for one in (again, third):
            np.testing.assert_allclose(weights(one), weights(model), rtol=1e-6)


def test_build_with_weights_path(tensor_framework, batch, tmp_path):
    model, network = regression(tensor_framework)
    network.load(When("train", 1, ""))(batch)
    path = save_model(model, tmp_path)
    again = fe.build(linear(tensor_framework), None, weights_path=path)
    np.testing.assert_array_equal(weights(again), weights(model))


@pytest.mark.parametrize("damage", ["missing", "empty", "truncated", "other"])
def test_bad_weights_are_named(tensor_framework, tmp_path, damage):
    model = fe.build(linear(tensor_framework), None)
    path = Path(save_model(model, tmp_path, "w"))
    if damage == "missing":
        path.unlink()
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "truncated":
        path.write_bytes(path.read_bytes()[:100])
    else:
        path = Path(save_model(fe.build(linear(tensor_framework, 5, 3), None), tmp_path, "other"))
    before = weights(model)
    with pytest.raises(CheckpointError, match=path.name):
        load_model(model, path)
    np.testing.assert_array_equal(weights(model), before)


def test_learning_rate(tensor_framework):
    model, _ = regression(tensor_framework)
    assert get_lr(model) == pytest.approx(0.1)
    set_lr(model, 0.025)
    assert get_lr(model) == pytest.approx(0.025)


def test_names_count_up_and_must_differ(tensor_framework):
    one, two = fe.build(lambda: [linear(tensor_framework)(), linear(tensor_framework)()], ["adam", None])
    assert one.fe.name != two.fe.name
    assert one.model_name == one.fe.name
    with pytest.raises(ConfigError, match="two models of the Network are called 'same'"):
        fe.Network(
            [
                ModelOp(fe.build(linear(tensor_framework), None, model_name="same"), "x", "a"),
                ModelOp(fe.build(linear(tensor_framework), None, model_name="same"), "x", "b"),
            ]
        )


def test_missing_key_names_where_keys_come_from(tensor_framework, batch):
    model = fe.build(linear(tensor_framework), None)
    network = fe.Network([ModelOp(model, "x", "pred"), MeanSquaredError(("prd", "y"), "mse")])
    with pytest.raises(
        MissingKeyError,
        match=r"op #1 MeanSquaredError of the Network needs key 'prd'.*'pred' \(from op #0 ModelOp\).*"
        r"Did you mean 'pred'\?",
    ):
        network.transform(batch, "eval")


def test_a_missing_key_of_a_batch_is_named_whatever_batches_come_in(tensor_framework, batch):
    network = fe.Network([ModelOp(fe.build(linear(tensor_framework), None), "image", "pred")])
    for given in ({"imag": batch["x"]}, [{"imag": batch["x"]}], iter([{"imag": batch["x"]}])):
        with pytest.raises(MissingKeyError, match=r"needs key 'image'.*Did you mean 'imag'\?"):
            network.transform(given, "infer")


def test_an_error_in_an_op_says_which_op_and_what_it_was_given(tensor_framework, batch):
    def fail(x):
        raise RuntimeError("no")

    model = fe.build(linear(tensor_framework), None)
    network = fe.Network([ModelOp(model, "x", "pred"), LambdaOp(fail, "pred", "z")])
    with pytest.raises(RuntimeError, match="no") as caught:
        network.transform(batch, "eval")
    if hasattr(caught.value, "__notes__"):
        assert "in op #1 LambdaOp of the Network (mode 'eval', epoch 1), given: pred" in caught.value.__notes__[0]


def test_models_of_both_frameworks_are_refused():
    torch_model, keras_model = (fe.build(linear(framework), None) for framework in ("torch", "tf"))
    with pytest.raises(ConfigError, match="a Network holds models of one framework, got torch: .* TensorFlow: "):
        fe.Network([ModelOp(torch_model, "x", "a"), ModelOp(keras_model, "x", "b")])


def test_state_of_a_network_continues_exactly(tensor_framework, batch):
    """Two steps, saved, two more; or loaded into a new network and the same two: dropout, moments and sums included."""

    def make():
        model = fe.build(
            linear(tensor_framework, dropout=0.3, norm=True), RepeatScheduler(["adam", "rmsprop"]), model_name="net"
        )
        return model, fe.Network(
            [ModelOp(model, "x", "pred"), MeanSquaredError(("pred", "y"), "mse"), UpdateOp(model, "mse", merge_grad=2)]
        )

    def train(network, epochs):
        for epoch in epochs:
            network.load(When("train", epoch, ""))(batch)

    fe.enable_deterministic(1)
    model, network = make()
    train(network, (1, 1, 2))
    state = network.state_dict()
    if tensor_framework == "torch":
        import torch

        randomness = torch.get_rng_state()
    train(network, (2, 1, 1))
    again, other = make()
    other.load_state_dict(state)
    if tensor_framework == "torch":
        torch.set_rng_state(randomness)
    train(other, (2, 1, 1))
    np.testing.assert_array_equal(weights(again), weights(model))
    with pytest.raises(CheckpointError, match=r"holds the models \['net'\]"):
        fe.Network([ModelOp(fe.build(linear(tensor_framework), None, model_name="else"), "x", "p")]).load_state_dict(
            state
        )


def test_an_error_while_a_graph_is_traced_says_which_op_too(batch):
    pytest.importorskip("tensorflow")

    def fail(x):
        raise RuntimeError("no")

    model = fe.build(linear("tf"), None)
    network = fe.Network([ModelOp(model, "x", "pred"), LambdaOp(fail, "pred", "z")])
    with pytest.raises(RuntimeError, match="no") as caught:
        network.load(When("train", 3, ""))(batch)
    if hasattr(caught.value, "__notes__"):
        assert "in op #1 LambdaOp of the Network (mode 'train', epoch 3), given: pred" in caught.value.__notes__[0]


def test_a_transform_in_mid_run_leaves_the_epoch_of_a_step_that_it_shares(tensor_framework, batch):
    _, network = regression(tensor_framework)
    step = network.load(When("train", 2, ""))
    network.transform(batch, mode="train")
    assert network.load(When("train", 1, "")) is step  # shared, as nothing is scheduled
    step.begin(2)
    network.transform(batch, mode="train")
    assert step.epoch == 2
    if tensor_framework == "tf":
        assert int(step._epoch.numpy()) == 2
