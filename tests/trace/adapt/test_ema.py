"""EMA: the average by hand, who sees it, and what is left of it on disk."""

import numpy as np
import pytest

import fastestimator_lite as fe
from fastestimator_lite.backend import load_model
from fastestimator_lite.dataset.numpy_dataset import NumpyDataset
from fastestimator_lite.trace.adapt import EMA
from fastestimator_lite.trace.io import BestModelSaver, ModelSaver
from fastestimator_lite.trace.trace import Trace
from fastestimator_lite.util.errors import CheckpointError, ConfigError


class Weights(Trace):
    """A model's weights as another trace sees them: after each batch, and at the end of epochs."""

    def __init__(self, model, read):
        super().__init__(mode={"train", "eval"})
        self.model, self.read = model, read
        self.batches, self.train_ends, self.eval_batches, self.counts = [], [], [], []

    def on_batch_end(self, data):
        (self.batches if self.system.mode == "train" else self.eval_batches).append(self.read(self.model))
        if self.system.mode == "train":
            self.counts.append(self.model.fe.updates.count)

    def on_epoch_end(self, data):
        if self.system.mode == "train":
            self.train_ends.append(self.read(self.model))


def averages(start, steps, decay, warm_up=False):
    found, average = [], start
    for n, weights in enumerate(steps, 1):
        kept = min(decay, (1 + n) / (10 + n)) if warm_up else decay
        average = {name: kept * average[name] + (1 - kept) * weights[name] for name in weights}
        found.append(average)
    return found


def same(one, other, **tolerance):
    for name in other:
        np.testing.assert_allclose(one[name], other[name], **(tolerance or {"rtol": 1e-5, "atol": 1e-6}))


DATA = {"x": np.tile(np.array([[0.5, -1.0]], "float32"), (8, 1)), "y": np.zeros(8, "int64")}  # in any order the same


@pytest.fixture
def run(two_layers, by_name, watched_run):
    def go(traces=lambda model: [], model=None, **options):
        model = model or two_layers()
        seen = Weights(model, by_name)
        start = by_name(model)
        options = {"data": NumpyDataset(DATA), "eval_data": NumpyDataset(DATA), **options}
        found = watched_run(model, lambda model: [*traces(model), seen], **options)
        return model, seen, start, found

    return go


@pytest.mark.parametrize("warm_up", [False, True])
def test_training_goes_on_with_the_weights_and_all_else_sees_the_average(run, by_name, warm_up):
    _, plain, start, _ = run(epochs=2)
    model, seen, _, _ = run(lambda model: [EMA(model, 0.9, warm_up)], epochs=2)
    for one, other in zip(seen.batches, plain.batches, strict=True):
        same(one, other, rtol=1e-6)
    expected = averages(start, plain.batches, 0.9, warm_up)
    for found, k in ((seen.train_ends, (3, 7)), (seen.eval_batches[::4], (3, 7))):
        for one, place in zip(found, k, strict=True):
            same(one, expected[place])
    same(by_name(model), expected[-1])


def test_a_step_that_only_gathers_leaves_the_average(run):
    _, plain, start, _ = run(epochs=1, merge_grad=3)
    assert plain.counts == [0, 0, 1, 1]  # and one more at the end of the epoch
    _, seen, _, _ = run(lambda model: [EMA(model, 0.5, False)], epochs=1, merge_grad=3)
    expected = averages(start, [plain.batches[2], plain.train_ends[0]], 0.5)
    same(seen.train_ends[0], expected[-1])


def test_files_hold_the_average(run, two_layers, by_name, tmp_path):
    def traces(model):
        return [ModelSaver(model, tmp_path / "all"), BestModelSaver(model, tmp_path / "best", "ce"), EMA(model, 0.8)]

    _, seen, _, _ = run(traces, epochs=2)
    other = two_layers(name="other")
    for number, end in enumerate(seen.train_ends, 1):
        load_model(other, next((tmp_path / "all").glob(f"m_epoch_{number}.*")))
        same(by_name(other), end, rtol=0)
    load_model(other, next((tmp_path / "best").glob("m_best_ce.*")))
    same(by_name(other), seen.train_ends[1], rtol=0)


def test_a_resumed_run_goes_on_exactly(run, two_layers, by_name):
    kept = {}

    class Keep(Trace):
        """Takes the state of everything at the end of the first epoch, when the model holds the average."""

        def on_epoch_end(self, data):
            if self.system.epoch_idx == 1 and self.system.mode == "train":
                ema = next(trace for trace in self.system.traces if isinstance(trace, EMA))
                kept.update(network=self.system.network.state_dict(), ema=ema.state_dict())

    class Resume(Trace):
        def on_begin(self, data):
            self.system.network.load_state_dict(kept["network"])
            next(trace for trace in self.system.traces if isinstance(trace, EMA)).load_state_dict(kept["ema"])

    _, whole, _, _ = run(lambda model: [EMA(model, 0.7), Keep()], epochs=2)
    _, rest, _, _ = run(lambda model: [EMA(model, 0.7), Resume()], epochs=1)
    for one, other in zip(rest.batches, whole.batches[4:], strict=True):
        same(one, other, rtol=1e-6)
    same(rest.train_ends[0], whole.train_ends[1], rtol=1e-6)


def test_a_second_run_begins_with_what_the_model_holds(run, by_name):
    model, first, _, found = run(lambda model: [EMA(model, 0.9, False)], epochs=1)
    start = by_name(model)
    found.estimator.fit()
    same(first.train_ends[1], averages(start, first.batches[4:], 0.9)[-1])


def test_a_state_of_another_model_is_refused(two_layers):
    ema = EMA(two_layers())
    state = ema.state_dict()
    with pytest.raises(CheckpointError, match="the state of EMA is of another model than 'm'"):
        ema.load_state_dict({**state, "average": state["average"][:-1]})
    with pytest.raises(CheckpointError, match="the state of EMA is of another model than 'm'"):
        ema.load_state_dict({**state, "average": state["average"][::-1]})


@pytest.mark.parametrize("decay", [1, 1.5, -0.1, True, "0.9", float("nan")])
def test_decay_is_from_0_to_below_1(two_layers, decay):
    with pytest.raises(ConfigError, match=r"EMA\(decay\) must be a number from 0 to below 1, got"):
        EMA(two_layers(), decay)


def test_a_model_that_is_not_trained_has_no_average(two_layers):
    with pytest.raises(ConfigError, match="EMA: the model 'm' has no optimizer"):
        EMA(two_layers(None))


@pytest.mark.parametrize("last", [2, 3])
def test_the_average_is_in_the_model_after_a_run_that_was_stopped_in_mid_epoch(run, by_name, last):
    class Stop(Trace):
        def on_batch_end(self, data):
            self.system.stop_training = self.system.global_step == last

    _, plain, start, _ = run(epochs=1)
    model, seen, _, _ = run(lambda model: [EMA(model, 0.9, False), Stop(mode="train")], epochs=1)
    assert len(seen.batches) == last
    same(by_name(model), averages(start, plain.batches[:last], 0.9)[-1])


def test_the_state_of_a_bfloat16_model_comes_back():
    torch = pytest.importorskip("torch")
    model = fe.build(lambda: torch.nn.Linear(2, 2).bfloat16(), "sgd")
    ema = EMA(model)
    state = ema.state_dict()
    for value, parameter in zip(state["average"], model.parameters(), strict=True):
        np.testing.assert_array_equal(value, parameter.detach().float().numpy())
    ema.load_state_dict({**state, "average": [value + 1 for value in state["average"]]})
    for value, other in zip(ema.state_dict()["average"], state["average"], strict=True):
        np.testing.assert_allclose(value, other + 1, rtol=2**-8)
