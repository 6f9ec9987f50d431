"""What every Trace promises to the Estimator."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import fastestimator_lite as fe
from fastestimator_lite import trace as face
from fastestimator_lite.backend.card import card_of
from fastestimator_lite.backend.convert import to_number
from fastestimator_lite.schedule.parameter import CosineLrScheduler
from fastestimator_lite.summary.system import System
from fastestimator_lite.trace import adapt, io, metric
from fastestimator_lite.trace.runner import HOOKS, TraceRunner
from fastestimator_lite.trace.trace import PerDSTrace, Trace
from fastestimator_lite.util.data import Data

torch = pytest.importorskip("torch")

BASES = {Trace, PerDSTrace}
# the smallest call of each: model and folder -> arguments
EXAMPLES: dict[type, Callable[[Any, Path], tuple[Any, ...]]] = {
    face.EvalEssential: lambda model, folder: (["ce"],),
    face.Logger: lambda model, folder: (),
    face.TestEssential: lambda model, folder: (["ce"],),
    face.TrainEssential: lambda model, folder: (["ce"],),
    adapt.EMA: lambda model, folder: (model,),
    adapt.EarlyStopping: lambda model, folder: ("ce",),
    adapt.LRScheduler: lambda model, folder: (model, lambda step: 0.1 / step),
    adapt.OptimizerSchedule: lambda model, folder: (model, "weight_decay", lambda epoch: epoch / 10),
    adapt.ParameterScheduler: lambda model, folder: (model, lambda optimizer: CosineLrScheduler(optimizer, 2, 2)),
    adapt.ReduceLROnPlateau: lambda model, folder: (model, "ce", 1),
    adapt.TrainableSchedule: lambda model, folder: (model, {1: "weight", 2: "*"}),
    io.BestModelSaver: lambda model, folder: (model, folder),
    io.CSVLogger: lambda model, folder: (folder / "log.csv",),
    io.ModelSaver: lambda model, folder: (model, folder),
    metric.Accuracy: lambda model, folder: ("y", "p"),
}
KINDS = sorted(EXAMPLES, key=lambda kind: kind.__name__)
each_trace = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


@pytest.fixture
def make(tmp_path):
    """Make a trace of a kind in a system, as the Estimator would; a new system for each."""
    model = fe.build(lambda: torch.nn.Linear(2, 2), "sgd", model_name="m")
    card_of(model).loss_names = {"ce"}

    def build(kind: type) -> Any:
        trace = kind(*EXAMPLES[kind](model, tmp_path))
        trace.system = System(
            network=SimpleNamespace(models=[model]), pipeline=None, traces=[trace], log_steps=1, total_epochs=2
        )
        trace.system.epoch_steps = 2
        trace.check()
        return trace

    return build


def batch(seed: int) -> dict[str, Any]:
    values = np.random.default_rng(seed)
    arrays = {
        "x": values.normal(size=(4, 2)),
        "y": values.integers(0, 2, 4),
        "p": values.normal(size=(4, 2)),
        "ce": values.random(),
    }
    return {key: torch.as_tensor(value) for key, value in arrays.items()}


def run_epoch(trace: Any, mode: str, batches: int, ds_ids: tuple[str, ...] = ("",)) -> list[tuple[str, dict[str, Any]]]:
    """Run the hooks of one epoch in order; what was logged, by hook."""
    system, runner, logs = trace.system, TraceRunner([trace]), []

    def run(hook: str, data: Data) -> None:
        before = dict(data.read_logs())
        runner.run(hook, data)
        logs.append((hook, {key: value for key, value in data.read_logs().items() if key not in before}))

    system.mode, system.epoch_idx = mode, system.epoch_idx + 1
    run("on_epoch_begin", Data())
    for system.ds_id in ds_ids:
        system.batch_idx = 0
        run("on_ds_begin", Data())
        for number in range(batches):
            system.global_step += mode == "train"
            system.batch_idx += 1
            data = Data(batch(10 * system.epoch_idx + number))
            run("on_batch_begin", data)
            run("on_batch_end", data)
        run("on_ds_end", Data())
    system.ds_id = ""
    end = Data()
    if batches and "ce" not in trace.outputs:
        end.write_with_log("ce", np.float32(1 / system.epoch_idx))
    run("on_epoch_end", end)
    return logs


def plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=lambda array: to_number(array).tolist()))


def timeless(logs: list[tuple[str, dict[str, Any]]]) -> list[Any]:
    """The logs without what depends on the clock."""
    return plain([(hook, {key: value for key, value in values.items() if "sec" not in key}) for hook, values in logs])


def mode_of(trace: Any) -> str:
    return next(mode for mode in ("train", "eval", "test") if mode in trace.mode)


def test_every_public_trace_has_an_example():
    values = [getattr(one, name) for one in (face, adapt, io, metric) for name in one.__all__]
    public = {value for value in values if inspect.isclass(value) and issubclass(value, Trace)}
    assert public - BASES == set(EXAMPLES)


@each_trace
@pytest.mark.parametrize("batches", [0, 2])
def test_all_hooks_run_in_order_twice(kind, make, batches, capsys):
    trace = make(kind)
    for _ in range(2):
        trace.system.reset()
        TraceRunner([trace]).run("on_begin")
        for mode in ("train", "eval", "test"):
            if mode in trace.mode:
                run_epoch(trace, mode, batches)
                run_epoch(trace, mode, batches, ("a", "b"))
        TraceRunner([trace]).run("on_end")
    assert "nan" not in capsys.readouterr().out


@each_trace
def test_it_ends_after_an_error(kind, make):
    trace = make(kind)
    TraceRunner([trace]).run("on_begin")
    run_epoch(trace, mode_of(trace), 1)
    trace.on_exception(Data(), RuntimeError("lost"))


@each_trace
def test_what_it_logs_is_among_its_keys(kind, make):
    trace = make(kind)
    TraceRunner([trace]).run("on_begin")
    logs = run_epoch(trace, mode_of(trace), 2, ("a", "b"))
    assert {key for _, values in logs for key in values} <= {*trace.get_outputs(["a", "b"]), *trace.inputs}


@each_trace
def test_a_resumed_one_goes_on_like_one_that_was_never_stopped(kind, make):
    one, other = make(kind), make(kind)
    mode = mode_of(one)
    TraceRunner([one]).run("on_begin")
    run_epoch(one, mode, 2, ("a", "b"))
    state = plain(one.state_dict())
    expected = timeless(run_epoch(one, mode, 2, ("a", "b")))
    other.system.epoch_idx, other.system.global_step = 1, 4 * (mode == "train")
    other.load_state_dict(state)
    TraceRunner([other]).run("on_begin")
    assert timeless(run_epoch(other, mode, 2, ("a", "b"))) == expected


@each_trace
def test_state_saves_and_restores(kind, make):
    one, other = make(kind), make(kind)
    TraceRunner([one]).run("on_begin")
    run_epoch(one, mode_of(one), 2, ("a", "b"))
    state = plain(one.state_dict())
    other.load_state_dict(state)
    restored = plain(other.state_dict())
    assert {**restored, "elapsed": 0} == {**state, "elapsed": 0}
    assert restored.get("elapsed", 0) >= state.get("elapsed", 0)


@each_trace
def test_hooks_have_one_signature(kind):
    hooks = {hook for hook in HOOKS if hasattr(kind, hook)}
    assert hooks >= set(HOOKS) - {"on_ds_begin", "on_ds_end"}
    assert {tuple(inspect.signature(getattr(kind, hook)).parameters) for hook in hooks} == {("self", "data")}
