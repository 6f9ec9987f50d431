"""Gradients of several steps merged into one update: equal to the big batch, and nothing is left at an epoch's end."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import fastestimator_lite as fe
from fastestimator_lite.backend import reduce_mean
from fastestimator_lite.component import When
from fastestimator_lite.op.tensorop import LambdaOp
from fastestimator_lite.op.tensorop.loss import MeanSquaredError
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp
from fastestimator_lite.schedule import EpochScheduler
from fastestimator_lite.slicer import MeanUnslicer, SlidingSlicer
from fastestimator_lite.trace.trace import Trace

_spec = importlib.util.spec_from_file_location("network_models", Path(__file__).with_name("conftest.py"))
models = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(models)
linear, sgd, weights = models.linear, models.sgd, models.weights

TRAIN = When("train", 1, "")


def parts(batch, sizes):
    start = 0
    for size in sizes:
        yield {key: value[start : start + size] for key, value in batch.items()}
        start += size


def by_hand(batch, groups, lr=0.1):
    """Gradient descent from 0.5, 0.5, 0 by the mean over each group of samples."""
    kernel, bias, start = np.full((2, 1), 0.5), 0.0, 0
    for size in groups:
        x, y = (batch[key][start : start + size].astype(np.float64) for key in "xy")
        start += size
        error = x @ kernel + bias - y
        kernel, bias = kernel - lr * (2 * x * error).mean(0)[:, None], bias - lr * (2 * error).mean()
    return np.append(kernel.ravel(), bias)


def regression(framework, average=True, slicers=None, optimizer=None, **update):
    model = fe.build(linear(framework), optimizer or sgd(framework), model_name="net")
    loss = MeanSquaredError(("pred", "y"), "mse", average_loss=average)
    return model, fe.Network([ModelOp(model, "x", "pred"), loss, UpdateOp(model, "mse", **update)], slicers=slicers)


@pytest.mark.parametrize("average", [True, False])
@pytest.mark.parametrize("eager", [False, True])
def test_unequal_batches_equal_the_big_one(tensor_framework, batch, average, eager):
    model, network = regression(tensor_framework, average, merge_grad=3)
    network.eager = eager
    step = network.load(TRAIN)
    for part in parts(batch, (3, 3, 2)):
        assert model.fe.updates.count == 0
        step(part)
    assert model.fe.updates.count == 1
    np.testing.assert_allclose(weights(model), by_hand(batch, (8,)), atol=1e-6)


def test_adam_on_merged_steps_equals_adam_on_big_batches(tensor_framework, batch):
    merged, network = regression(tensor_framework, optimizer="adam", merge_grad=2)
    whole, other = regression(tensor_framework, optimizer="adam")
    for _ in range(3):
        for part in parts(batch, (5, 3)):
            network.load(TRAIN)(part)
        other.load(TRAIN)(batch)
    np.testing.assert_allclose(weights(merged), weights(whole), atol=1e-6)


def test_what_is_left_is_averaged_over_the_samples_there_are(tensor_framework, batch):
    model, network = regression(tensor_framework, merge_grad=3)
    step = network.load(TRAIN)
    for part in parts(batch, (2, 2, 2, 1, 1)):
        step(part)
    network.end_epoch()
    assert model.fe.updates.count == 2
    np.testing.assert_allclose(weights(model), by_hand(batch, (6, 2)), atol=1e-6)
    network.end_epoch()  # nothing is left
    assert model.fe.updates.count == 2


def test_a_parameter_without_a_part_stays_where_it_is_at_the_flush(tensor_framework, batch):
    """Adam would move it by its momentum if the flush gave it a gradient of 0."""
    used, unused = (fe.build(linear(tensor_framework), "adam", model_name=name) for name in ("used", "unused"))
    ops = [ModelOp(used, "x", "pred"), MeanSquaredError(("pred", "y"), "mse")]
    network = fe.Network(
        [*ops, UpdateOp(used, "mse", merge_grad=2), EpochScheduler({2: UpdateOp(unused, "mse", merge_grad=2), 3: None})]
    )
    network.load(When("train", 2, ""))(batch)
    network.end_epoch()
    np.testing.assert_array_equal(weights(unused), [0.5, 0.5, 0.0])
    assert used.fe.updates.count == 1


def heads(framework):
    """Two linear models of the same input with constant weights, as one; it gives what each gives."""
    if framework == "torch":
        import torch

        class Heads(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.one, self.two = linear("torch")(), linear("torch")()

            def forward(self, x):
                return self.one(x), self.two(x)

        return Heads
    import keras

    def make():
        x, half = keras.layers.Input((2,)), keras.initializers.Constant(0.5)
        return keras.Model(x, [keras.layers.Dense(1, kernel_initializer=half)(x) for _ in range(2)])

    return make


@pytest.mark.parametrize("sizes", [(5, 3), (2, 6)])
def test_gradients_of_two_data_sets_reach_both_heads(tensor_framework, batch, sizes):
    """Each head sees its own samples only, and the mean is over all."""
    model = fe.build(heads(tensor_framework), sgd(tensor_framework))
    ops = [ModelOp(model, "x", ["one", "two"])]
    ops += [MeanSquaredError((key, "y"), "mse", ds_id=ds) for key, ds in (("one", "a"), ("two", "b"))]
    network = fe.Network([*ops, UpdateOp(model, "mse", merge_grad=2)])
    found = parts(batch, sizes)
    for ds, part in zip("ab", found, strict=True):
        network.load(When("train", 1, ds))(part)
    assert model.fe.updates.count == 1
    expected = [by_hand(part, (size,), 0.1 * size / 8) for size, part in zip(sizes, parts(batch, sizes), strict=True)]
    np.testing.assert_allclose(weights(model), np.concatenate(expected), atol=1e-6)


def test_a_head_without_a_part_in_the_epoch_stays_where_it_is(tensor_framework, batch):
    """Adam would move it by its momentum if it were given the 0 that is left of the epoch before."""
    model = fe.build(heads(tensor_framework), "adam")
    losses = {1: MeanSquaredError(("one", "y"), "mse"), 2: MeanSquaredError(("two", "y"), "mse")}
    network = fe.Network(
        [ModelOp(model, "x", ["one", "two"]), EpochScheduler(losses), UpdateOp(model, "mse", merge_grad=2)]
    )
    seen = [weights(model)]
    for epoch in (1, 2):
        for part in parts(batch, (3, 3, 2)):  # an update in the epoch, and one at its end
            network.load(When("train", epoch, ""))(part)
        network.end_epoch()
        seen.append(weights(model))
    moved = [(after != before).tolist() for before, after in zip(seen[:-1], seen[1:], strict=True)]
    assert moved == [[True] * 3 + [False] * 3, [False] * 3 + [True] * 3]


class Counts(Trace):
    """The updates of models, and their weights, as traces see them at the end of training epochs."""

    def __init__(self, *trained):
        super().__init__(mode="train")
        self.models, self.seen = trained, []

    def on_epoch_end(self, data):
        self.seen.append([model.fe.updates.count for model in self.models])
        self.weights = [weights(model) for model in self.models]


def test_epochs_of_a_run_end_with_an_update(tensor_framework, batch):
    model, network = regression(tensor_framework, merge_grad=3)
    same = {key: np.repeat(value[:1], 10, 0) for key, value in batch.items()}  # so that the order does not count
    pipeline = fe.Pipeline(train_data=fe.dataset.NumpyDataset(same), batch_size=4, num_process=0)
    counts = Counts(model)
    fe.Estimator(pipeline, network, epochs=2, log_steps=None, traces=counts, train_steps_per_epoch=4).fit()
    assert counts.seen == [[2], [4]]
    np.testing.assert_allclose(counts.weights[0], by_hand(same, (1,) * 4), atol=1e-6)
    np.testing.assert_array_equal(weights(model), counts.weights[0])


def test_a_new_run_forgets_what_the_last_one_gathered(tensor_framework, batch):
    model, network = regression(tensor_framework, merge_grad=3)
    network.load(TRAIN)({key: 100 * value for key, value in batch.items()})
    network.begin_run()
    network.load(TRAIN)(batch)
    network.end_epoch()
    np.testing.assert_allclose(weights(model), by_hand(batch, (8,)), atol=1e-6)


@pytest.mark.parametrize("defer", [False, True])
def test_several_models_merge_each_by_its_own_number(tensor_framework, batch, defer):
    trained = [fe.build(linear(tensor_framework), sgd(tensor_framework), model_name=name) for name in "ab"]
    ops = [op for name, model in zip("ab", trained, strict=True) for op in (ModelOp(model, "x", f"p{name}"),)]
    ops += [MeanSquaredError((f"p{name}", "y"), f"l{name}") for name in "ab"]
    ops += [UpdateOp(model, f"l{model.fe.name}", merge_grad=2 + k, defer=defer) for k, model in enumerate(trained)]
    network = fe.Network(ops)
    for part in parts(batch, (3, 3, 1, 1)):
        network.load(TRAIN)(part)
    network.end_epoch()
    np.testing.assert_allclose(weights(trained[0]), by_hand(batch, (6, 2)), atol=1e-6)
    np.testing.assert_allclose(weights(trained[1]), by_hand(batch, (7, 1)), atol=1e-6)


def test_minibatches_of_unequal_size(tensor_framework, batch):
    cutter = SlidingSlicer([3, -1], slice=["x", "y"], pad_mode="partial", unslice=None)
    model, network = regression(tensor_framework, slicers=[cutter, MeanUnslicer("mse")], merge_grad=3)
    network.load(TRAIN, {"mse"})(batch)
    assert model.fe.updates.count == 1
    np.testing.assert_allclose(weights(model), by_hand(batch, (8,)), atol=1e-6)


def test_gradients_made_by_another_op_merge_by_samples(tensor_framework, batch):
    """The op's gradients stand for the batch's mean; here they are the mean of x in place of a gradient."""
    model = fe.build(linear(tensor_framework), sgd(tensor_framework), model_name="net")

    def gradients(x):
        column = reduce_mean(x, 0, keepdims=True)
        kernel = column if tensor_framework == "torch" else fe.backend.transpose(column)
        return [[kernel, reduce_mean(x) * fe.backend.ones_like(x)[0, :1]]]

    network = fe.Network(
        [
            ModelOp(model, "x", "pred"),
            MeanSquaredError(("pred", "y"), "mse"),
            LambdaOp(gradients, "x", ["g"]),
            UpdateOp(model, "mse", gradients="g", merge_grad=2),
        ]
    )
    for part in parts(batch, (6, 2)):
        network.load(TRAIN)(part)
    expected = np.array([0.5, 0.5, 0.0]) - 0.1 * np.append(batch["x"].mean(0), batch["x"].mean())
    np.testing.assert_allclose(weights(model), expected, atol=1e-6)


def test_the_state_holds_what_is_gathered(tensor_framework, batch):
    first, network = regression(tensor_framework, merge_grad=2)
    start, end = parts(batch, (5, 3))
    network.load(TRAIN)(start)
    state = network.state_dict()
    again, other = regression(tensor_framework, merge_grad=2)
    other.load_state_dict(state)
    other.load(TRAIN)(end)
    np.testing.assert_allclose(weights(again), by_hand(batch, (8,)), atol=1e-6)
    np.testing.assert_array_equal(weights(first), [0.5, 0.5, 0.0])


def test_what_a_resumed_run_had_gathered_is_flushed(tensor_framework, batch):
    """Of an interruption right before the end of an epoch: no step comes between."""
    _, network = regression(tensor_framework, merge_grad=3)
    network.load(TRAIN)(batch)
    again, resumed = regression(tensor_framework, merge_grad=3)
    resumed.load_state_dict(network.state_dict())
    resumed.end_epoch()
    np.testing.assert_allclose(weights(again), by_hand(batch, (8,)), atol=1e-6)


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "2"])
def test_merge_grad_is_a_count(tensor_framework, value):
    with pytest.raises(fe.util.errors.ConfigError, match=r"UpdateOp\(merge_grad\) must be an int >= 1, got"):
        regression(tensor_framework, merge_grad=value)
