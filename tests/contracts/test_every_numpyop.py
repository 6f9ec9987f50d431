"""What every NumpyOp promises to the pipeline."""

from __future__ import annotations

import copy
import inspect
import pickle
import random
from typing import Any

import numpy as np
import pytest

from fastestimator_lite.op import numpyop
from fastestimator_lite.op.numpyop import meta, multivariate, univariate
from fastestimator_lite.op.numpyop.numpyop import Batch, Delete, NumpyOp, RandomOp
from fastestimator_lite.types import FilteredData
from tests.contracts.examples import NUMPYOP_BASES, NUMPYOPS

STATE = {"mode": "train", "epoch": 1, "ds_id": ""}
RUN = sorted(set(NUMPYOPS) - {Batch, Delete}, key=lambda kind: kind.__name__)
each_op = pytest.mark.parametrize("kind", RUN, ids=lambda kind: kind.__name__)


def make(kind: type) -> Any:
    example = NUMPYOPS[kind]
    return kind(*copy.deepcopy(example.args), **copy.deepcopy(example.arguments))


def sample(kind: type, seed: int = 0) -> list[Any]:
    return NUMPYOPS[kind].sample(np.random.default_rng(seed))


def run(op: NumpyOp, values: list[Any], batched: bool = False) -> list[Any]:
    """The outputs as a list, whatever form the op takes and gives them in."""
    work = op.forward_batch if batched else op.forward
    result = work(values if op.in_list else values[0], STATE)
    if isinstance(result, FilteredData) or not op.outputs:
        return [isinstance(result, FilteredData)]
    return list(result) if op.out_list else [result]


def global_state() -> tuple[Any, ...]:
    _, numbers, place, *rest = np.random.get_state()
    return random.getstate(), numbers.tolist(), place, rest


def same(left: list[Any], right: list[Any]) -> bool:
    return len(left) == len(right) and all(
        np.asarray(a).dtype == np.asarray(b).dtype and np.array_equal(a, b) for a, b in zip(left, right, strict=True)
    )


def test_every_public_class_has_an_example():
    public = {
        value
        for face in (numpyop, meta, multivariate, univariate)
        for value in (getattr(face, name) for name in face.__all__)
        if inspect.isclass(value)
    }
    assert public - NUMPYOP_BASES == set(NUMPYOPS)


@pytest.mark.parametrize("kind", sorted(NUMPYOPS, key=lambda kind: kind.__name__), ids=lambda kind: kind.__name__)
def test_it_remembers_its_call_and_runs_in_the_modes_it_was_given(kind):
    op = make(kind)
    assert set(op.made_with[1]) == set(NUMPYOPS[kind].arguments)
    if "mode" in inspect.signature(kind).parameters:
        example = NUMPYOPS[kind]
        only_eval = kind(*example.args, **example.arguments, mode="eval", ds_id="a")
        assert (only_eval.mode, only_eval.ds_id) == ({"eval"}, {"a"})


@each_op
def test_it_survives_pickling_and_copying(kind):
    for used in (False, True):
        op = make(kind)
        if used:
            op.reseed(3)
            run(op, sample(kind))
        for twin in (pickle.loads(pickle.dumps(op)), copy.deepcopy(op)):
            assert (twin.inputs, twin.outputs, twin.mode, twin.ds_id) == (op.inputs, op.outputs, op.mode, op.ds_id)
            op.reseed(11)
            twin.reseed(11)
            assert same(run(op, sample(kind)), run(twin, sample(kind)))


@each_op
def test_a_seed_fixes_the_result_whatever_ran_before(kind):
    op, values = make(kind), sample(kind)
    op.reseed(5)
    first = run(op, values)
    for seed in range(3):
        op.reseed(seed)
        run(op, sample(kind, seed))
    run(op, values)
    op.reseed(5)
    assert same(run(op, values), first)


@each_op
def test_other_seeds_give_other_results_only_to_ops_that_draw(kind):
    op, values = make(kind), sample(kind)
    results = []
    for seed in (2**64 - 1, *range(1, 24)):
        op.reseed(seed)
        results.append(run(op, values))
    is_random = isinstance(op, RandomOp) and op.draws
    assert any(not same(result, results[0]) for result in results) == is_random


@each_op
def test_an_op_with_a_generator_of_its_own_leaves_the_global_ones_alone(kind):
    op = make(kind)
    if not isinstance(op, RandomOp):
        pytest.skip("draws from no generator, or from unknown ones")
    before = global_state()
    op.reseed(1)
    run(op, sample(kind))
    assert global_state() == before


@each_op
def test_input_is_left_alone_and_may_be_read_only(kind):
    op, values = make(kind), sample(kind)
    op.reseed(7)
    expected = run(op, copy.deepcopy(values))
    for value in values:
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
    before = copy.deepcopy(values)
    op.reseed(7)
    assert same(run(op, values), expected)
    assert same(values, before)


@each_op
def test_a_batch_is_worked_on_row_by_row(kind):
    op = make(kind)
    if op.draws and isinstance(op, RandomOp):
        pytest.skip("draws for each row")
    rows = [sample(kind, seed) for seed in range(4)]
    batch = [np.array(column) for column in zip(*rows, strict=True)]
    before = copy.deepcopy(batch)
    results = run(op, batch, batched=True)
    if not op.outputs:
        return
    expected = [np.array(column) for column in zip(*(run(op, row) for row in rows), strict=True)]
    assert same(results, expected)
    assert same(batch, before)
