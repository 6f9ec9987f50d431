"""Every NumpyOp in worker processes: the same results as in the main one, however the workers start."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from fastestimator_lite.component import When
from fastestimator_lite.op.numpyop.numpyop import Batch, Delete, NumpyOp, RandomOp, RemoveIf
from fastestimator_lite.pipeline import Pipeline
from tests.contracts.examples import NUMPYOPS

KINDS = {kind.__name__: kind for kind in NUMPYOPS if kind not in (Batch, Delete, RemoveIf)}
REPEATS, EPOCHS = 6, (1, 2, 3)  # the same sample again and again: what differs is drawn


def pipeline_of(number: int, method: str | None = None) -> Pipeline:
    """All ops in one Pipeline, each with a data set of its own, of one sample over and over."""
    data: dict[str, Any] = {}
    ops: list[NumpyOp] = []
    for name, kind in KINDS.items():
        example = NUMPYOPS[kind]
        op = kind(*copy.deepcopy(example.args), **copy.deepcopy(example.arguments))
        op.ds_id = {name}
        ops.append(op)
        sample = dict(zip(op.inputs, example.sample(np.random.default_rng(0)), strict=True))
        data[name] = [sample] * REPEATS
    pipeline = Pipeline(train_data=data, test_data=data, ops=ops, num_process=number, start_method=method)
    pipeline.load_state_dict({"seed": 17})
    return pipeline


def results_of(pipeline: Pipeline) -> dict[str, list[list[str]]]:
    """By op, a text of each result, epoch by epoch."""
    found = {
        op.__class__.__name__: [
            [
                _text([batch[key] for key in op.outputs])
                for batch in pipeline.load(When("train" if "train" in op.mode else "test", epoch, name))
            ]
            for epoch in EPOCHS
        ]
        for op, name in zip(pipeline.ops, KINDS, strict=True)
    }
    pipeline.close()
    return found


def _text(values: list[Any]) -> str:
    arrays = [np.asarray(value) for value in values]
    return str(
        [
            (array.dtype.str, array.shape, hash(array.tobytes()) if array.dtype != object else str(array))
            for array in arrays
        ]
    )


@pytest.fixture(scope="module")
def expected() -> dict[str, list[list[str]]]:
    return results_of(pipeline_of(0))


@pytest.mark.parametrize(("number", "method"), [(2, "fork"), (1, "spawn")])
def test_results_do_not_depend_on_the_workers(expected, number, method):
    found = results_of(pipeline_of(number, method))
    assert [name for name in KINDS if found[name] != expected[name]] == []


@pytest.mark.parametrize("name", KINDS)
def test_what_draws_differs_from_sample_to_sample_and_from_epoch_to_epoch(expected, name):
    op = next(op for op in pipeline_of(0).ops if type(op).__name__ == name)
    epochs = expected[name]
    assert [len(epoch) for epoch in epochs] == [REPEATS] * len(EPOCHS)
    drawn = {text for epoch in epochs for text in epoch}
    if isinstance(op, RandomOp) and op.draws:
        assert any(len(set(epoch)) > 1 for epoch in epochs)
        assert len({str(epoch) for epoch in epochs}) > 1
    else:
        assert len(drawn) == 1
