"""TensorOps that run TensorOps: keys, how often, by what chance, and with models that learn inside."""

import numpy as np
import pytest

from fastestimator_lite.backend.convert import to_number
from fastestimator_lite.op.tensorop import Delete, LambdaOp, Reshape
from fastestimator_lite.op.tensorop.gradient import GradientOp, Watch
from fastestimator_lite.op.tensorop.loss import MeanSquaredError
from fastestimator_lite.op.tensorop.meta import Fuse, OneOf, Repeat, Sometimes
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp
from fastestimator_lite.util.errors import ConfigError

BATCH = {"x": np.array([[1, 2], [3, 4]], "float32"), "y": np.ones((2, 1), "float32")}


def more(x):
    return x + 1


def times_ten(x):
    return x * 10


def learn(model):
    return Fuse(
        [
            ModelOp(model, "x", "p", mode="train"),
            MeanSquaredError(("p", "y"), "l", mode="train"),
            UpdateOp(model, "l", mode="train"),
        ]
    )


def plain_weights(steps):
    """Of so many steps of the same by hand."""
    weights = np.array([1.0, -2.0])
    for _ in range(steps):
        weights = weights - 0.1 * ((BATCH["x"] @ weights - 1) @ BATCH["x"])
    return weights


# ------------------------------------------------------------------------------------------------------------ keys
def test_fuse_names_what_it_needs_and_leaves():
    op = Fuse([LambdaOp(more, ["a", "z"], "b"), LambdaOp(more, ["b", "q"], ["c", "a"]), Delete("b")])
    assert (op.inputs, op.outputs) == (["a", "z", "q"], ["c", "a"])
    assert Fuse(LambdaOp(more, "a", "b")).outputs == ["b"]


def test_modes_are_those_of_the_ops_inside():
    assert Fuse([LambdaOp(more, "a", "b", mode="train"), LambdaOp(more, "b", "c", mode="train")]).mode == {"train"}
    with pytest.raises(ConfigError, match="same mode"):
        Fuse([LambdaOp(more, "a", "b", mode="train"), LambdaOp(more, "b", "c", mode="eval")])
    with pytest.raises(ConfigError, match="same ds_id"):
        OneOf(LambdaOp(more, "a", "b"), LambdaOp(more, "a", "b", ds_id="k"))


def test_sometimes_needs_its_outputs_beforehand():
    op = Sometimes(LambdaOp(more, ["a", "c"], ["b", "c"]))
    assert (op.inputs, op.outputs) == (["a", "c", "b"], ["b", "c"])


def test_repeat_needs_what_its_function_asks_for():
    op = Repeat(LambdaOp(more, "a", "b"), lambda b, q: True, max_iter=1)
    assert (op.inputs, op.outputs) == (["a", "q"], ["b"])


def test_what_is_refused():
    add = LambdaOp(more, "a", "a")
    for make, words in (
        (lambda: Fuse([]), "at least one op"),
        (lambda: OneOf(), "at least one op"),
        (lambda: OneOf(add, LambdaOp(more, "a", "b")), "same inputs and outputs"),
        (lambda: OneOf(add, add, probs=[0.3, 0.3]), "sum to 1"),
        (lambda: OneOf(add, add, probs=[1.0]), "1 for 2 ops"),
        (lambda: Sometimes(add, prob=2), r"in \[0, 1\], got 2"),
        (lambda: Sometimes("add"), "takes TensorOps"),
        (lambda: Repeat(add, 0), ">= 1, got 0"),
        (lambda: Repeat(add, 2, max_iter=3), "for a function"),
        (lambda: Repeat(add, more, max_iter=0), ">= 1 or None"),
        (lambda: Repeat(add, "twice"), "an int >= 1 or a function"),
    ):
        with pytest.raises(ConfigError, match=words):
            make()


# ------------------------------------------------------------------------------------------------------- how often
def test_repeat_so_many_times(tensor_framework, linear, step):
    result = step([ModelOp(linear, "x", "p"), Repeat(LambdaOp(more, "x", "x"), 3)], BATCH)
    np.testing.assert_array_equal(to_number(result["x"]), BATCH["x"] + 3)


@pytest.mark.parametrize(("max_iter", "runs"), [(None, 4), (2, 2), (1, 1)])
def test_repeat_while_a_function_says_so(tensor_framework, linear, step, max_iter, runs):
    def again(x):
        return x[0, 0] < 5

    result = step([ModelOp(linear, "x", "p"), Repeat(LambdaOp(more, "x", "x"), again, max_iter)], BATCH)
    np.testing.assert_array_equal(to_number(result["x"]), BATCH["x"] + runs)


def test_gradients_flow_through_a_loop(tensor_framework, linear, step):
    def again(z):
        return z[0, 0] < 5

    twice = LambdaOp(lambda z: z * 2, "z", "z")
    ops = [Watch("x"), ModelOp(linear, "x", "p"), LambdaOp(lambda x: x * 1, "x", "z"), Repeat(twice, again)]
    result = step([*ops, GradientOp("z", "g", inputs="x")], BATCH)
    np.testing.assert_array_equal(to_number(result["g"]), np.full((2, 2), 8))


# -------------------------------------------------------------------------------------------------------- by chance
def test_each_op_is_drawn_as_often_as_it_should_be(tensor_framework, linear):
    import fastestimator_lite as fe
    from fastestimator_lite.component import When

    fe.enable_deterministic(3)
    ops = OneOf(
        LambdaOp(more, "x", "z"), LambdaOp(times_ten, "x", "z"), Reshape("x", "z", (2, 2)), probs=[0.6, 0.3, 0.1]
    )
    maybe = Sometimes(LambdaOp(more, "y", "y"), prob=0.25)
    work = fe.Network([ModelOp(linear, "x", "p"), ops, maybe]).load(When("train", 1, ""))
    results = [work({key: value.copy() for key, value in BATCH.items()}) for _ in range(400)]
    first = np.array([float(result["z"][0, 0]) for result in results])
    shares = [(first == value).mean() for value in (2, 10, 1)]
    assert sum(shares) == 1
    np.testing.assert_allclose(shares, [0.6, 0.3, 0.1], atol=0.07)  # three standard deviations
    ran = np.array([float(result["y"][0, 0]) for result in results]) == 2
    assert abs(ran.mean() - 0.25) < 0.065


# ------------------------------------------------------------------------------------------------- models inside
def test_fused_learning_is_learning(tensor_framework, linear, step, weights):
    step([learn(linear)], BATCH, times=2)
    np.testing.assert_allclose(weights(linear), plain_weights(2), rtol=1e-4)


def test_repeated_learning_learns_each_time(tensor_framework, linear, step, weights):
    step([Repeat(learn(linear), 2)], BATCH)
    np.testing.assert_allclose(weights(linear), plain_weights(2), rtol=1e-4)


@pytest.mark.parametrize(("prob", "steps"), [(0.0, 0), (1.0, 3)])
def test_learning_by_chance(tensor_framework, linear, step, weights, prob, steps):
    loss = [ModelOp(linear, "x", "p"), MeanSquaredError(("p", "y"), "l")]
    step([*loss, Sometimes(UpdateOp(linear, "l"), prob)], BATCH, times=3)
    np.testing.assert_allclose(weights(linear), plain_weights(steps), rtol=1e-4)


def test_the_network_knows_what_is_inside(tensor_framework, linear):
    import fastestimator_lite as fe

    network = fe.Network([Sometimes(Fuse([UpdateOp(linear, "l")]))])
    assert network.models == [linear]
    assert network.get_loss_keys() == {"l"}


@pytest.mark.parametrize("prob", [0.0, 1.0])
def test_updates_that_skip_nan_go_inside_a_branch_and_beside_it(tensor_framework, make_linear, step, weights, prob):
    """The look for NaN of an UpdateOp beside the branch must not need what is inside of it."""
    linear, other = make_linear(), make_linear()
    ops = [ModelOp(linear, "x", "p"), MeanSquaredError(("p", "y"), "l")]
    ops += [ModelOp(other, "x", "q"), MeanSquaredError(("q", "y"), "k")]
    ops += [UpdateOp(linear, "l", nan="skip"), Sometimes(UpdateOp(other, "k", nan="skip"), prob)]
    step(ops, BATCH, times=2)
    np.testing.assert_allclose(weights(linear), plain_weights(2), rtol=1e-4)
    assert (linear.fe.updates.count, other.fe.updates.count) == (2, 2 * prob)


@pytest.mark.parametrize("around", [Fuse, Repeat, lambda op: Fuse([Repeat(op)])])
def test_an_op_inside_that_returns_nothing_is_named(tensor_framework, linear, around):
    import fastestimator_lite as fe

    op = around(LambdaOp(lambda p: None, "p", "z"))
    with pytest.raises(ConfigError, match=r"LambdaOp\.forward returned None for its outputs \['z'\]"):
        fe.Network([ModelOp(linear, "x", "p"), op]).transform(BATCH, "infer")
