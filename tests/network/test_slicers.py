"""A step with slicers: the ops run on one minibatch after the other, updates included, and slicers join what comes out."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import fastestimator_lite as fe
from fastestimator_lite.backend import get_shape, reduce_sum, to_number
from fastestimator_lite.component import When
from fastestimator_lite.network.minibatches import MinibatchWork
from fastestimator_lite.op.numpyop import LambdaOp as NumpyLambda
from fastestimator_lite.op.tensorop import Delete, LambdaOp, TensorOp
from fastestimator_lite.op.tensorop.loss import MeanSquaredError
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp
from fastestimator_lite.schedule import EpochScheduler, RepeatScheduler
from fastestimator_lite.slicer import AxisSlicer, MeanUnslicer, Slicer, SlidingSlicer
from fastestimator_lite.util.errors import ConfigError, MissingKeyError

_spec = importlib.util.spec_from_file_location("network_models", Path(__file__).with_name("conftest.py"))
models = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(models)
linear, sgd, weights = models.linear, models.sgd, models.weights

TRAIN = When("train", 1, "")


def halves(unslice="pred", **arguments):
    """Cut x and y, each of 8 samples, into two minibatches of 4."""
    return SlidingSlicer([4, -1], slice=["x", "y"], unslice=unslice, **arguments)


def regression(framework, slicers, **update):
    model = fe.build(linear(framework), sgd(framework), model_name="net")
    ops = [ModelOp(model, "x", "pred"), MeanSquaredError(("pred", "y"), "mse"), UpdateOp(model, "mse", **update)]
    return model, fe.Network(ops, slicers=slicers)


def by_hand(batch, sizes):
    """Steps of gradient descent on the parts of a batch: (weights, predictions, losses)."""
    kernel, bias, start, predictions, losses = np.full((2, 1), 0.5), 0.0, 0, [], []
    for size in sizes:
        x, y = (batch[key][start : start + size].astype(np.float64) for key in "xy")
        start += size
        error = x @ kernel + bias - y
        predictions.append(x @ kernel + bias)
        losses.append((error**2).mean())
        kernel = kernel - 0.1 * (2 * x * error).mean(0)[:, None]
        bias = bias - 0.1 * (2 * error).mean()
    return np.append(kernel.ravel(), bias), np.concatenate(predictions), losses


def network_of(framework, ops, slicers, **arguments):
    """A network without models, of a framework."""
    model = fe.build(linear(framework), None, model_name="unused")
    return fe.Network([*ops, ModelOp(model, "x", "unused", mode="infer")], slicers=slicers, **arguments)


def test_a_step_is_a_step_on_each_minibatch(tensor_framework, batch):
    model, network = regression(tensor_framework, [halves(), MeanUnslicer("mse")])
    outputs = network.load(TRAIN)(batch)
    expected, predictions, losses = by_hand(batch, (4, 4))
    np.testing.assert_allclose(weights(model), expected, rtol=1e-5)
    np.testing.assert_allclose(to_number(outputs["pred"]), predictions, rtol=1e-5, atol=1e-6)
    assert float(outputs["mse"]) == pytest.approx(np.mean(losses), rel=1e-5)
    assert model.fe.updates.count == 2
    assert set(outputs) == {"x", "y", "pred", "mse"}
    for key in "xy":
        np.testing.assert_array_equal(to_number(outputs[key]), batch[key])


def test_a_smaller_batch_has_fewer_or_smaller_minibatches(tensor_framework, batch):
    model, network = regression(tensor_framework, [halves(pad_mode="partial"), MeanUnslicer("mse")])
    step = network.load(TRAIN)
    step({key: value[:6] for key, value in batch.items()})
    np.testing.assert_allclose(weights(model), by_hand(batch, (4, 2))[0], rtol=1e-5)
    step({key: value[:4] for key, value in batch.items()})
    assert model.fe.updates.count == 3


def test_merge_grad_counts_minibatches(tensor_framework, batch):
    model, network = regression(tensor_framework, [halves(), MeanUnslicer("mse")], merge_grad=2)
    network.load(TRAIN)(batch)
    np.testing.assert_allclose(weights(model), by_hand(batch, (8,))[0], rtol=1e-5)
    assert model.fe.updates.count == 1


@pytest.mark.parametrize("defer", [False, True])
def test_deferred_updates_wait_for_the_end_of_their_minibatch(tensor_framework, batch, defer):
    def chain(slicers):
        first, second = (
            fe.build(linear(tensor_framework, outs=outs), sgd(tensor_framework), model_name=name)
            for name, outs in (("first", 2), ("second", 1))
        )
        ops = [ModelOp(first, "x", "h"), ModelOp(second, "h", "pred"), MeanSquaredError(("pred", "y"), "mse")]
        ops += [UpdateOp(first, "mse", defer=defer), UpdateOp(second, "mse", defer=defer)]
        return (first, second), fe.Network(ops, slicers=slicers)

    cut, network = chain([halves(["h", "pred"]), MeanUnslicer("mse")])
    network.load(TRAIN)(batch)
    plain, network = chain(None)
    for part in slice(4), slice(4, 8):
        network.load(TRAIN)({key: value[part] for key, value in batch.items()})
    for one, other in zip(cut, plain, strict=True):
        np.testing.assert_allclose(weights(one), weights(other), rtol=1e-6)


def test_without_a_graph_it_is_the_same():
    pytest.importorskip("tensorflow")
    batch = {"x": np.arange(16, dtype=np.float32).reshape(8, 2) / 16, "y": np.ones((8, 1), np.float32)}
    model, network = regression("tf", [halves(), MeanUnslicer("mse")])
    network.eager = True
    network.load(TRAIN)(batch)
    np.testing.assert_allclose(weights(model), by_hand(batch, (4, 4))[0], rtol=1e-5)


def test_dry_and_transform_move_nothing(tensor_framework, batch):
    model, network = regression(tensor_framework, [halves(), MeanUnslicer("mse")])
    before = weights(model)
    network.load(TRAIN).dry(batch)
    one = network.transform(batch, "train")
    many = network.transform([batch, batch], "eval")
    np.testing.assert_array_equal(weights(model), before)
    expected = batch["x"] @ np.full((2, 1), 0.5)
    for outputs in (one, *many):
        np.testing.assert_allclose(to_number(outputs["pred"]), expected, rtol=1e-5, atol=1e-6)


class Whole(TensorOp):
    """Fails unless it is given a key whole, and another in slices of 2."""

    def forward(self, data, state):
        whole, part = data
        assert (get_shape(whole)[1], get_shape(part)[1]) == (6, 2)
        return part + reduce_sum(whole)


def test_keys_that_are_not_cut_are_whole_in_each_minibatch(tensor_framework):
    batch = {key: np.arange(12, dtype=np.float32).reshape(2, 6) for key in "xy"}
    network = network_of(tensor_framework, [Whole(("y", "x"), "z")], SlidingSlicer([-1, 2], slice="x", unslice="z"))
    outputs = network.transform(batch, "eval")
    np.testing.assert_array_equal(to_number(outputs["z"]), batch["x"] + 66)


def test_a_key_that_is_cut_and_joined_comes_back_from_its_slices(tensor_framework):
    batch = {"x": np.arange(5, dtype=np.float32).reshape(1, 5)}
    total = LambdaOp(lambda x: reduce_sum(x), "x", "sum")
    for unslice, expected in ((), [0, 1, 2, 3, 0]), (None, [0, 1, 2, 3, 4]):
        slicers = [SlidingSlicer([-1, 2], slice="x", unslice=unslice), MeanUnslicer("sum")]
        outputs = network_of(tensor_framework, [total], slicers).transform(batch, "eval")
        assert to_number(outputs["x"]).tolist() == [expected]
        assert float(outputs["sum"]) == 3.0


def test_a_key_that_an_op_overwrites_is_joined(tensor_framework):
    batch = {"x": np.arange(6, dtype=np.float32).reshape(2, 3)}
    twice = LambdaOp(lambda x: 2 * x, "x", "x")
    outputs = network_of(tensor_framework, [twice], AxisSlicer(1, "x")).transform(batch, "eval")
    np.testing.assert_array_equal(to_number(outputs["x"]), 2 * batch["x"])


def test_a_deleted_key_need_not_be_joined(tensor_framework):
    ops = [LambdaOp(lambda x: 2 * x, "x", "y"), LambdaOp(lambda y: y + 1, "y", "z"), Delete("y")]
    network = network_of(tensor_framework, ops, AxisSlicer(1, "x", "z"))
    outputs = network.transform({"x": np.ones((2, 3), np.float32)}, "eval")
    assert sorted(outputs) == ["x", "z"]
    assert to_number(outputs["z"]).tolist() == [[3, 3, 3]] * 2


def test_postprocessing_sees_joined_keys(tensor_framework):
    network = network_of(
        tensor_framework,
        [LambdaOp(lambda x: 2 * x, "x", "y")],
        AxisSlicer(1, "x", "y"),
        pops=NumpyLambda(lambda y: y.sum(), "y", "rows"),
    )
    outputs = network.transform({"x": np.ones((2, 3), np.float32)}, "eval")
    assert outputs["rows"].tolist() == [6, 6]


class Rows(Slicer):
    def _slice_batch(self, batch):
        return [batch[:1], batch[1:]]

    def _unslice_batch(self, slices, key):
        assert len(slices) == self.minibatch_size == 2
        return fe.backend.concat([slices[1], slices[0]])


def test_a_slicer_of_ones_own(tensor_framework):
    network = network_of(tensor_framework, [LambdaOp(lambda x: 2 * x, "x", "y")], Rows("x", "y"))
    step = network.load(When("eval", 1, ""))
    outputs = step({"x": np.array([[1.0], [2.0], [3.0]], np.float32)})
    assert to_number(outputs["y"]).tolist() == [[4], [6], [2]]


def test_several_slicers_cut_together(tensor_framework):
    batch = {"x": np.arange(6, dtype=np.float32).reshape(2, 3), "y": np.arange(12, dtype=np.float32).reshape(2, 6)}
    add = LambdaOp(lambda x, y: x + reduce_sum(y), ("x", "y"), "z")
    slicers = [AxisSlicer(1, "x", "z"), SlidingSlicer([-1, 2], slice="y", unslice=None)]
    outputs = network_of(tensor_framework, [add], slicers).transform(batch, "eval")
    pairs = batch["y"].reshape(2, 3, 2).sum(axis=(0, 2))
    np.testing.assert_array_equal(to_number(outputs["z"]), batch["x"] + pairs)


# ---- what is in force


def test_slicers_follow_mode_and_epoch(tensor_framework, batch):
    cutter = halves()
    schedule = EpochScheduler({1: None, 3: cutter, 5: None})
    model, network = regression(tensor_framework, [schedule, MeanUnslicer("mse")])
    assert schedule in network.get_scheduled_items("train")
    steps = {epoch: network.load(When("train", epoch, ""), {"mse"}) for epoch in range(1, 6)}
    assert [len(steps[epoch].plan.slicers) for epoch in steps] == [0, 0, 2, 2, 0]
    assert steps[1] is steps[2] is steps[5]
    assert steps[3] is steps[4] is not steps[1]
    counts = []
    for step in steps.values():
        before = model.fe.updates.count
        step(batch)
        counts.append(model.fe.updates.count - before)
    assert counts == [1, 1, 2, 2, 1]


def test_a_mode_without_cuts_needs_no_joining(tensor_framework, batch):
    _, network = regression(tensor_framework, [halves(mode="train"), MeanUnslicer("mse")])
    step = network.load(When("eval", 1, ""))
    assert step.plan.slicers == ()
    assert not isinstance(step._work, MinibatchWork)
    assert float(step(batch)["mse"]) == pytest.approx(by_hand(batch, (8,))[2][0], rel=1e-5)
    assert isinstance(network.load(TRAIN)._work, MinibatchWork)


def test_two_cuts_of_a_schedule_are_two_plans(tensor_framework):
    schedule = RepeatScheduler([halves(), halves()])
    _, network = regression(tensor_framework, [schedule, MeanUnslicer("mse")])
    identities = [network.plan(When("train", epoch, "")).identity for epoch in (1, 2, 3)]
    assert identities[0] == identities[2] != identities[1]


def test_only_what_is_read_must_be_joined(tensor_framework, batch):
    _, network = regression(tensor_framework, [halves(None), MeanUnslicer("mse")])
    step = network.load(TRAIN, {"mse", "x"})
    assert sorted(step(batch)) == ["mse", "x", "y"]
    with pytest.raises(
        ConfigError, match=r"no slicer joins 'pred', which somebody reads afterwards; name it in unslice"
    ):
        network.load(TRAIN, {"mse", "pred"})
    with pytest.raises(ConfigError, match="no slicer joins 'pred'.*all keys are asked for"):
        network.transform(batch, "eval")


def test_a_batch_brings_what_is_cut(tensor_framework):
    network = network_of(tensor_framework, [LambdaOp(lambda x: x, "x", "z")], AxisSlicer(1, ["x", "mask"], "z"))
    assert network.load(When("eval", 1, ""), {"z"}).plan.keys_of_batch() == {"x", "mask"}


# ---- a whole run


@pytest.mark.parametrize("warmup", [True, False])
def test_a_run_with_slicers(tensor_framework, warmup):
    same = {"x": np.tile(np.array([[0.5, -1.0]], np.float32), (8, 1)), "y": np.ones((8, 1), np.float32)}  # in any order
    model, network = regression(tensor_framework, [RepeatScheduler([halves(None), None]), MeanUnslicer("mse")])
    data = fe.dataset.NumpyDataset(same)
    pipeline = fe.Pipeline(train_data=data, eval_data=data, batch_size=8, num_process=0)
    run = fe.Estimator(pipeline, network, epochs=3, log_steps=None)
    segments = run.timeline().segments("train slicers")
    summary = run.fit("run", warmup=warmup)
    assert segments == [(1, 1, "SlidingSlicer, MeanUnslicer"), (2, 2, "none"), (3, 3, "SlidingSlicer, MeanUnslicer")]
    many = {key: np.tile(value, (4, 1)) for key, value in same.items()}
    np.testing.assert_allclose(weights(model), by_hand(many, (4, 4, 8, 4, 4))[0], rtol=1e-5, atol=1e-6)
    losses = [by_hand(many, sizes)[2][-1] for sizes in ((4, 4, 8), (4, 4, 8, 8), (4, 4, 8, 4, 4, 8))]
    assert list(summary.history["eval"]["mse"].values()) == pytest.approx(losses, rel=1e-4)


def test_warm_up_finds_a_window_that_does_not_fit(tensor_framework, batch):
    late = EpochScheduler({1: None, 2: SlidingSlicer([9, -1], slice=["x", "y"], unslice=None)})
    model, network = regression(tensor_framework, [late, MeanUnslicer("mse")])
    before = weights(model)
    pipeline = fe.Pipeline(train_data=fe.dataset.NumpyDataset(batch), batch_size=8, num_process=0)
    with pytest.raises(ConfigError, match="cannot cut key 'x': the window has size 9 on axis 0, the data 8"):
        fe.Estimator(pipeline, network, epochs=2).fit()
    np.testing.assert_array_equal(weights(model), before)


# ---- what cannot work


def test_a_key_that_no_batch_brings(tensor_framework, batch):
    slicers = [SlidingSlicer([4, -1], slice=["x", "Y"], unslice=None), MeanUnslicer("mse")]
    _, network = regression(tensor_framework, slicers)
    message = (
        r"slicer #0 SlidingSlicer of the Network cuts key 'Y' \(mode 'eval'\), which no batch brings; batches are cut "
        r"before any op runs, and have: 'x', 'y'. Did you mean 'y'\?"
    )
    with pytest.raises(MissingKeyError, match=message):
        network.load(When("eval", 1, ""), {"mse"}).plan.check_keys(batch)
    pipeline = fe.Pipeline(train_data=fe.dataset.NumpyDataset(batch), batch_size=8, num_process=0)
    with pytest.raises(MissingKeyError, match="cuts key 'Y'"):
        fe.Estimator(pipeline, network, epochs=1).fit()


def test_a_key_that_nobody_makes_cannot_be_joined(tensor_framework):
    with pytest.raises(ConfigError, match=r"slicer #1 MeanUnslicer .* joins key 'msee', .* Did you mean 'mse'\?"):
        regression(tensor_framework, [halves(), None, MeanUnslicer("msee")])


def test_slicers_that_disagree(tensor_framework):
    add = LambdaOp(lambda x, y: reduce_sum(x) + reduce_sum(y), ("x", "y"), "z")
    slicers = [AxisSlicer(1, "x", None), SlidingSlicer([-1, 2], slice="y", unslice=None), MeanUnslicer("z")]
    network = network_of(tensor_framework, [add], slicers)
    batch = {"x": np.zeros((2, 3), np.float32), "y": np.zeros((2, 8), np.float32)}
    message = r"slicer #0 AxisSlicer makes 3, slicer #1 SlidingSlicer makes 4, of 'x' \(2, 3\), 'y' \(2, 8\)"
    with pytest.raises(ConfigError, match=message):
        network.transform(batch, "eval")


def test_no_slices_at_all(tensor_framework):
    network = network_of(tensor_framework, [LambdaOp(lambda x: x, "x", "z")], AxisSlicer(1, "x", "z"))
    with pytest.raises(ConfigError, match=r"at least one: slicer #0 AxisSlicer makes 0, of 'x' \(2, 0\)"):
        network.transform({"x": np.zeros((2, 0), np.float32)}, "eval")


def test_an_axis_that_is_not_there(tensor_framework):
    network = network_of(tensor_framework, [LambdaOp(lambda x: x, "x", "z")], AxisSlicer(2, "x", "z"))
    with pytest.raises(ConfigError, match=r"AxisSlicer cannot cut key 'x': there is no axis 2 in shape \(2, 3\)"):
        network.transform({"x": np.zeros((2, 3), np.float32)}, "eval")


@pytest.mark.parametrize(
    ("slicers", "message"),
    [
        (
            lambda: [halves(), AxisSlicer(1, "x", None)],
            "slicer #0 SlidingSlicer and slicer #1 AxisSlicer .* both cut key 'x'",
        ),
        (
            lambda: [halves(), MeanUnslicer("pred")],
            "slicer #0 SlidingSlicer and slicer #1 MeanUnslicer .* both join key 'pred'",
        ),
    ],
)
def test_two_slicers_for_one_key(tensor_framework, slicers, message):
    _, network = regression(tensor_framework, [*slicers(), MeanUnslicer("mse")])
    with pytest.raises(ConfigError, match=message):
        network.load(TRAIN)


def test_what_is_no_slicer(tensor_framework):
    with pytest.raises(
        ConfigError, match=r"slicer #1 of the Network must be a Slicer, got str: 'x' \(from epoch 3 on\)"
    ):
        regression(tensor_framework, [halves(), EpochScheduler({1: MeanUnslicer("mse"), 3: "x"})])


def test_slicers_that_only_join(tensor_framework):
    with pytest.raises(ConfigError, match=r"slicers \(MeanUnslicer\) only join; give it one that cuts"):
        regression(tensor_framework, MeanUnslicer("mse"))
