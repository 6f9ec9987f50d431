"""Fuse, OneOf, Repeat and Sometimes."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from fastestimator_lite.op.numpyop.meta import Fuse, OneOf, Repeat, Sometimes
from fastestimator_lite.op.numpyop.multivariate import RandomCrop
from fastestimator_lite.op.numpyop.numpyop import Batch, Delete, LambdaOp, NumpyOp, RandomOp, RemoveIf, apply_op
from fastestimator_lite.op.numpyop.univariate import Binarize, Minmax
from fastestimator_lite.types import FilteredData
from fastestimator_lite.util.errors import ConfigError

STATE = {"mode": "train", "epoch": 1}


def add(key_in="x", key_out="x", **kwargs):
    return LambdaOp(lambda x: x + 1, key_in, key_out, **kwargs)


def double(key_in="x", key_out="x", **kwargs):
    return LambdaOp(lambda x: x * 2, key_in, key_out, **kwargs)


class Draw(RandomOp):
    def forward(self, data, state):
        return data + self.rng.random()


class AddInPlace(NumpyOp):
    draws = False

    def forward(self, data, state):
        data += 1
        return data


class Level(NumpyOp):
    level = None

    def set_rua_level(self, magnitude_coef):
        self.level = magnitude_coef


def run(op, **data):
    dropped = apply_op(op, data, STATE, False)
    return data if dropped is None else dropped


def test_fuse_reads_what_it_does_not_write_and_writes_all():
    op = Fuse([add("a", "b"), double("b", "c"), LambdaOp(lambda c, d: [c, d], ["c", "d"], ["e", "a"])])
    assert (op.inputs, op.outputs) == (["a", "d"], ["b", "c", "e", "a"])
    assert run(op, a=3, d=7) == {"a": 7, "b": 4, "c": 8, "d": 7, "e": 8}


def test_fuse_forgets_what_it_deletes():
    op = Fuse([add("a", "b"), double("b", "c"), Delete("b")])
    assert op.outputs == ["c"]
    assert run(op, a=3) == {"a": 3, "c": 8}


def test_fuse_takes_one_op():
    assert run(Fuse(add()), x=3) == {"x": 4}


def test_fuse_stops_at_a_dropped_sample():
    seen = []
    op = Fuse([RemoveIf(lambda x: x > 2, inputs="x"), LambdaOp(seen.append, "x", "y")])
    assert isinstance(run(op, x=3), FilteredData)
    assert seen == []
    assert run(op, x=1) == {"x": 1, "y": None}


def test_fuse_is_vectorized_and_free_of_chance_if_its_ops_are():
    whole = Fuse([Minmax("x", "y"), Binarize(0.5, "y", "y")])
    assert (whole.vectorized, whole.draws) == (True, False)
    mixed = Fuse([Minmax("x", "y"), Draw("y", "y")])
    assert (mixed.vectorized, mixed.draws) == (False, True)
    batch = np.array([[0.0, 1, 2], [10, 30, 20]])
    np.testing.assert_array_equal(whole.forward_batch([batch], STATE)[0], [[0, 1, 1], [0, 1, 1]])


def test_one_of_runs_one_op():
    results = set()
    op = OneOf(add(), double())
    for seed in range(30):
        op.reseed(seed)
        results.add(run(op, x=5)["x"])
    assert results == {6, 10}


def test_one_of_takes_keys_as_its_first_op_does():
    assert OneOf(add(), double()).forward(5, STATE) in (6, 10)
    mixed = OneOf(add("x", "x"), double(["x"], ["x"]))
    for seed in range(10):
        mixed.reseed(seed)
        assert run(mixed, x=np.float64(5))["x"] in (6, 10)
    assert OneOf(Minmax("x", "x")).forward([np.arange(3)], STATE)[0].tolist() == [0, 0.5, 1]


def test_one_of_follows_its_probabilities():
    op = OneOf(add(), double(), LambdaOp(lambda x: 0, "x", "x"), probs=[0.1, 0.9, 0])
    counts: Counter[int] = Counter()
    for seed in range(1000):
        op.reseed(seed)
        counts[run(op, x=5)["x"]] += 1
    assert counts[0] == 0
    assert 60 < counts[6] < 145


def test_sometimes_runs_as_often_as_it_should():
    op = Sometimes(add(), prob=0.2)
    count = 0
    for seed in range(1000):
        op.reseed(seed)
        count += run(op, x=5)["x"] == 6
    assert 150 < count < 250
    for seed in range(50):
        always, never = Sometimes(add(), prob=1), Sometimes(add(), prob=0)
        always.reseed(seed)
        never.reseed(seed)
        assert (run(always, x=5), run(never, x=5)) == ({"x": 6}, {"x": 5})


def test_sometimes_needs_its_outputs_beforehand():
    op = Sometimes(add("x", "y"), prob=0)
    assert (op.inputs, op.outputs, op.extra_inputs) == (["x", "y"], ["y"], ["y"])
    assert run(op, x=1, y=9) == {"x": 1, "y": 9}
    with pytest.raises(KeyError, match="y"):
        run(op, x=1)


def test_sometimes_passes_a_dropped_sample_on():
    assert isinstance(run(Sometimes(RemoveIf(lambda x: True, inputs="x"), prob=1), x=3), FilteredData)
    assert run(Sometimes(RemoveIf(lambda x: True, inputs="x"), prob=0), x=3) == {"x": 3}


def test_a_batch_gets_one_draw():
    batch = np.arange(60.0).reshape(20, 3)
    for op in (Sometimes(Minmax("x", "x")), OneOf(Minmax("x", "x"), Binarize(-1, "x", "x"))):
        kinds = set()
        for seed in range(20):
            op.reseed(seed)
            rows = op.forward_batch([batch], STATE)[0]
            assert len({tuple(row - row[0]) for row in rows}) == 1
            kinds.add(tuple(rows[0] - rows[0][0]))
        assert len(kinds) == 2


def test_repeat_a_number_of_times():
    assert run(Repeat(add(), 3), x=5) == {"x": 8}
    assert run(Repeat(add("x", "y"), 3), x=5) == {"x": 5, "y": 6}
    assert run(Repeat(Fuse([add(), double()]), 2), x=3) == {"x": 18}


def test_repeat_while_a_condition_holds():
    assert run(Repeat(add(), lambda x: x < 9), x=5) == {"x": 9}
    assert run(Repeat(add(), lambda x: False), x=5) == {"x": 6}
    assert run(Repeat(add(), lambda x: x < 9, max_iter=2), x=5) == {"x": 7}
    op = Repeat(add(), lambda x, limit: x < limit)
    assert (op.inputs, op.outputs) == (["x", "limit"], ["x"])
    assert run(op, x=5, limit=8) == {"x": 8, "limit": 8}


def test_repeat_stops_at_a_dropped_sample():
    op = Repeat(Fuse([add(), RemoveIf(lambda x: x > 6, inputs="x")]), 5)
    assert isinstance(run(op, x=5), FilteredData)


def test_repeat_shows_its_op():
    inner = add()
    assert Repeat(inner).op is inner


def test_repeat_draws_anew_each_time():
    op = Repeat(Draw("x", "x"), 2)
    op.reseed(1)
    twice = run(op, x=0.0)["x"]
    op = Repeat(Draw("x", "x"), 1)
    op.reseed(1)
    assert twice != 2 * run(op, x=0.0)["x"]


@pytest.mark.parametrize(
    "wrap",
    [Fuse, OneOf, Repeat, lambda op: Sometimes(op, prob=1), lambda op: Sometimes(Fuse([OneOf(op), add()]), prob=1)],
)
def test_seed_reaches_the_ops_inside(wrap):
    op = wrap(Draw("x", "x"))
    results = []
    for seed in (1, 2, 1):
        op.reseed(seed)
        results.append(run(op, x=0.0)["x"])
    assert results[0] == results[2] != results[1]


def test_equal_ops_inside_draw_differently():
    op = Fuse([Draw("x", "x"), Draw("y", "y")])
    op.reseed(3)
    result = run(op, x=0.0, y=0.0)
    assert result["x"] != result["y"]


def test_the_draw_is_kept_when_an_op_inside_edits_read_only_data():
    values = np.zeros(3)
    values.flags.writeable = False
    op = Sometimes(AddInPlace("x", "x"))
    for seed in range(20):
        op.reseed(seed)
        read_only = run(op, x=values)["x"].tolist()
        op.reseed(seed)
        assert run(op, x=np.zeros(3))["x"].tolist() == read_only
    assert values.tolist() == [0, 0, 0]


def test_mode_and_ds_id_come_from_the_ops():
    for op in (
        Fuse([add(mode="eval", ds_id="a")]),
        OneOf(add(mode="eval", ds_id="a")),
        Repeat(add(mode="eval", ds_id="a")),
        Sometimes(add(mode="eval", ds_id="a")),
    ):
        assert (op.mode, op.ds_id) == ({"eval"}, {"a"})


@pytest.mark.parametrize("make", [Sometimes, Repeat, OneOf, Fuse])
def test_level_is_passed_on(make):
    inner = Level("x", "x")
    make(inner).set_rua_level(0.3)
    assert inner.level == 0.3
    with pytest.raises(ConfigError, match="Minmax has no set_rua_level"):
        make(Minmax("x", "x")).set_rua_level(0.3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Fuse([]), "Fuse needs at least one op"),
        (lambda: OneOf(), "OneOf needs at least one op"),
        (lambda: Fuse([add(mode="train"), add()]), "same mode"),
        (lambda: Fuse([add(ds_id="a"), add(ds_id="b")]), "same ds_id"),
        (lambda: OneOf(add(mode="train"), add()), "same mode"),
        (lambda: OneOf(add(), add("y")), "same inputs and outputs"),
        (lambda: OneOf(add(), add("x", "y")), "same inputs and outputs"),
        (lambda: OneOf(add(), double(), probs=[1.0]), "one probability for each op"),
        (lambda: OneOf(add(), double(), probs=[0.2, 0.3]), "sum to 1"),
        (lambda: OneOf(add(), double(), probs=[-1, 2]), r"in \[0, 1\]"),
        (lambda: Sometimes(add(), prob=1.5), r"in \[0, 1\], got 1.5"),
        (lambda: Sometimes(3), "NumpyOps other than Batch, got 3"),
        (lambda: Sometimes([add()]), "NumpyOps other than Batch"),
        (lambda: Repeat(Batch()), "NumpyOps other than Batch"),
        (lambda: Repeat(add(), 0), "must be >= 1, got 0"),
        (lambda: Repeat(add(), 1.5), "an int >= 1 or a function, got 1.5"),
        (lambda: Repeat(add(), 5, max_iter=2), "max_iter=2"),
        (lambda: Repeat(add(), lambda x: True, max_iter=0), "max_iter"),
    ],
)
def test_arguments_are_checked(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


def test_random_ops_of_albumentations_work_inside():
    image = np.arange(100, dtype=np.uint8).reshape(10, 10)
    op = Repeat(RandomCrop(3, 3, image_in="x", image_out="y"), 2)
    results = []
    for seed in (4, 5, 4):
        op.reseed(seed)
        results.append(run(op, x=image)["y"])
    np.testing.assert_array_equal(results[0], results[2])
    assert not np.array_equal(results[0], results[1])
