"""How many updates each epoch has, asked before the run and held against it."""

import numpy as np
import pytest

import fastestimator_lite as fe
from fastestimator_lite.backend.card import card_of
from fastestimator_lite.dataset.numpy_dataset import NumpyDataset
from fastestimator_lite.op.tensorop.loss.mean_squared_error import MeanSquaredError
from fastestimator_lite.op.tensorop.model.model import ModelOp
from fastestimator_lite.op.tensorop.model.update import UpdateOp
from fastestimator_lite.schedule import EpochScheduler, RepeatScheduler
from fastestimator_lite.slicer import MeanUnslicer, SlidingSlicer
from fastestimator_lite.trace.trace import Trace

torch = pytest.importorskip("torch")


def data(count):
    return NumpyDataset({"x": np.ones((count, 2), "float32"), "y": np.zeros((count, 1), "float32")})


def linear(name):
    return fe.build(lambda: torch.nn.Linear(2, 1), "sgd", model_name=name)


class Updates(Trace):
    """The updates of each model at the end of each training epoch."""

    def __init__(self):
        super().__init__(mode="train")
        self.counts = {}

    def on_epoch_end(self, data):
        for model in self.system.network.models:
            self.counts.setdefault(card_of(model).name, []).append(card_of(model).updates.count)


def run(train_data=None, batch_size=2, epochs=4, updates=None, steps=None):
    a, b = linear("a"), linear("b")
    ops = [
        ModelOp(a, "x", "pa"),
        ModelOp(b, "x", "pb"),
        MeanSquaredError(("pa", "y"), "la"),
        MeanSquaredError(("pb", "y"), "lb"),
    ]
    seen = Updates()
    estimator = fe.Estimator(
        fe.Pipeline(train_data=train_data or data(10), batch_size=batch_size, num_process=0),
        fe.Network([*ops, *(updates or (lambda a, b: [UpdateOp(a, "la"), UpdateOp(b, "lb")]))(a, b)]),
        epochs=epochs,
        traces=seen,
        log_steps=None,
        train_steps_per_epoch=steps,
    )
    horizons = {name: estimator.system.horizon(name) for name in ("a", "b", None)}
    estimator.fit(warmup=False)
    for name in ("a", "b"):  # planned is what happens
        assert list(np.cumsum(horizons[name].steps)) == seen.counts[name], name
    return {name: horizon.steps for name, horizon in horizons.items()}, horizons[None].samples


def test_alike_epochs():
    assert run() == ({"a": (5,) * 4, "b": (5,) * 4, None: (5,) * 4}, (10,) * 4)


def test_batch_sizes_and_data_by_schedule():
    steps, samples = run(RepeatScheduler([data(10), data(7)]), EpochScheduler({1: 2, 3: 5}), epochs=5)
    assert steps[None] == (5, 4, 2, 2, 2)
    assert samples == (10, 7, 10, 7, 10)


def test_epochs_without_data_have_none():
    model = linear("a")
    network = fe.Network([ModelOp(model, "x", "p"), MeanSquaredError(("p", "y"), "l"), UpdateOp(model, "l")])
    pipeline = fe.Pipeline(train_data=EpochScheduler({1: data(4), 2: None, 3: data(6)}), batch_size=2, num_process=0)
    estimator = fe.Estimator(pipeline, network, epochs=3, log_steps=None)
    assert estimator.system.horizon("a").steps == (2, 0, 3)
    estimator.fit()
    assert card_of(model).updates.count == 5


def test_gradients_left_at_the_end_of_an_epoch_make_an_update():
    steps, _ = run(updates=lambda a, b: [UpdateOp(a, "la", merge_grad=3), UpdateOp(b, "lb", merge_grad=2)], epochs=4)
    assert steps == {"a": (2,) * 4, "b": (3,) * 4, None: (5,) * 4}


def test_updates_under_slicers_are_not_known_beforehand():
    model = linear("a")
    network = fe.Network(
        [ModelOp(model, "x", "p"), MeanSquaredError(("p", "y"), "l"), UpdateOp(model, "l")],
        slicers=[
            EpochScheduler({1: None, 3: SlidingSlicer([2, -1], slice=["x", "y"], unslice=None)}),
            MeanUnslicer("l"),
        ],
    )
    pipeline = fe.Pipeline(train_data=data(8), batch_size=4, num_process=0)
    assert fe.Estimator(pipeline, network, epochs=2).system.horizon("a").steps == (2, 2)
    estimator = fe.Estimator(pipeline, network, epochs=3, log_steps=None)
    assert estimator.system.horizon("a").steps == ()
    assert estimator.system.horizon().steps == (2, 2, 2)
    estimator.fit()
    assert card_of(model).updates.count == 2 + 2 + 4


def test_updates_by_schedule_and_twice_a_step():
    steps, _ = run(
        updates=lambda a, b: [
            RepeatScheduler([UpdateOp(a, "la"), None]),
            UpdateOp(b, "lb"),
            EpochScheduler({3: UpdateOp(b, "lb")}),
        ]
    )
    assert steps == {"a": (5, 0, 5, 0), "b": (5, 5, 10, 10), None: (5,) * 4}


def test_steps_per_epoch_cut_or_go_round_again():
    assert run(steps=7)[0][None] == (7,) * 4
    assert run(steps=7)[1] == (14,) * 4


def test_several_data_sets_and_those_that_only_one_model_learns_from():
    steps, samples = run(
        {"one": data(4), "two": data(6)}, updates=lambda a, b: [UpdateOp(a, "la"), UpdateOp(b, "lb", ds_id="two")]
    )
    assert steps == {"a": (5,) * 4, "b": (3,) * 4, None: (5,) * 4}
    assert samples == (10,) * 4


def test_data_of_unknown_length_has_no_horizon():
    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self):
            yield from ({"x": np.ones(2, "float32"), "y": np.zeros(1, "float32")} for _ in range(4))

    model = linear("a")
    estimator = fe.Estimator(
        fe.Pipeline(train_data=torch.utils.data.DataLoader(Stream(), batch_size=2)),
        fe.Network([ModelOp(model, "x", "p"), MeanSquaredError(("p", "y"), "l"), UpdateOp(model, "l")]),
        epochs=2,
    )
    assert estimator.system.horizon("a").steps == ()


def test_work_does_not_grow_with_the_epochs():
    class Counting(fe.Pipeline):
        asked = 0

        def load(self, *args, **kwargs):
            Counting.asked += 1
            return super().load(*args, **kwargs)

    model = linear("a")
    network = fe.Network(
        [ModelOp(model, "x", "p"), MeanSquaredError(("p", "y"), "l"), UpdateOp(model, "l", merge_grad=2)]
    )
    pipeline = Counting(train_data=data(6), batch_size=EpochScheduler({1: 2, 60_000: 3}))
    horizon = fe.Estimator(pipeline, network, epochs=100_000).system.horizon("a")
    assert horizon.total_steps == 59_999 * 2 + 40_001
    assert Counting.asked == 2
