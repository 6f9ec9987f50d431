"""TrainableSchedule in whole runs of both frameworks."""

import numpy as np
import pytest

from fastestimator_lite.schedule import EpochScheduler, RepeatScheduler
from fastestimator_lite.trace.adapt.trainable_schedule import TrainableSchedule
from fastestimator_lite.trace.trace import Trace
from fastestimator_lite.util.errors import ConfigError

NAMES = {"body", "body.bias", "head", "head.bias"}


def momentum_and_decay(framework):
    if framework == "torch":
        import torch

        return lambda x: torch.optim.SGD(x, lr=0.1, momentum=0.9, weight_decay=0.1)
    import keras

    return lambda: keras.optimizers.SGD(learning_rate=0.1, momentum=0.9, weight_decay=0.1)


class Moves(Trace):
    """Which parameters each epoch moved."""

    def __init__(self, model, by_name):
        super().__init__(mode="train")
        self.model, self.by_name, self.moved = model, by_name, []

    def on_epoch_begin(self, data):
        self.before = self.by_name(self.model)

    def on_epoch_end(self, data):
        after = self.by_name(self.model)
        self.moved.append({name for name in after if np.any(after[name] != self.before[name])})


@pytest.fixture
def moved(tensor_framework, two_layers, watched_run, by_name):
    """What each epoch of a run with a schedule moves: moved(patterns, ...), and the run."""

    def run(patterns, optimizer_fn=None, **arguments):
        watch = []

        def traces(model):
            watch.append(Moves(model, by_name))
            return [TrainableSchedule(model, patterns), watch[0]]

        done = watched_run(two_layers(optimizer_fn or momentum_and_decay(tensor_framework)), traces, **arguments)
        return watch[0].moved, done

    return run


def test_only_what_is_named_moves(moved, tensor_framework):
    found, run = moved({1: "head*", 3: "*", 4: ["head*", "body.bias"]}, epochs=5)
    assert found == [{"head", "head.bias"}] * 2 + [NAMES] + [NAMES - {"body"}] * 2
    if tensor_framework == "tf":
        assert run.traced.times == 3


def test_a_set_that_comes_back_is_not_traced_again(moved, tensor_framework):
    found, run = moved(RepeatScheduler(["head*", "body*"]), epochs=6)
    assert found == [{"head", "head.bias"}, {"body", "body.bias"}] * 3
    if tensor_framework == "tf":
        assert run.traced.times == 2


def test_before_the_first_entry_it_is_as_it_was_made(moved):
    found, _ = moved(EpochScheduler({2: "body*", 3: None}))
    assert found == [NAMES, {"body", "body.bias"}, NAMES]


def test_gathered_gradients_of_what_was_frozen_are_dropped(moved, samples):
    """3 batches an epoch, merged by 2: a gradient waits while the set changes."""
    found, _ = moved({1: "*", 2: "head*", 4: "*"}, epochs=5, merge_grad=2, data=samples(6))
    assert found == [NAMES] + [{"head", "head.bias"}] * 2 + [NAMES] * 2


def test_adam_has_room_for_what_is_freed_later(moved):
    found, _ = moved({1: "head.bias", 2: "*"}, "adam", epochs=2)
    assert found == [{"head.bias"}, NAMES]


def test_a_parameter_frozen_by_hand_stays_where_it_is(tensor_framework, two_layers, watched_run, by_name):
    class Freeze(Trace):
        def on_epoch_begin(self, data):
            if self.system.epoch_idx == 2:
                if tensor_framework == "torch":
                    model.body.requires_grad_(False)
                else:
                    model.get_layer("body").trainable = False

    model = two_layers(momentum_and_decay(tensor_framework))
    watch = Moves(model, by_name)
    watched_run(model, [Freeze(mode="train"), watch])
    assert watch.moved == [NAMES, {"head", "head.bias"}, {"head", "head.bias"}]


def test_moving_statistics_are_no_parameters(tensor_framework):
    import fastestimator_lite as fe

    if tensor_framework == "torch":
        import torch

        model = fe.build(lambda: torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2)), "sgd")
        names = {"0.weight", "0.bias", "1.weight", "1.bias"}
    else:
        import keras

        def net():
            made = keras.Sequential(
                [keras.layers.Input((2,)), keras.layers.Dense(2, name="a"), keras.layers.BatchNormalization(name="b")]
            )
            made.get_layer("a").trainable = False
            return made

        model = fe.build(net, "sgd")
        names = {"a.kernel", "a.bias", "b.gamma", "b.beta"}
    assert TrainableSchedule(model, {1: "*"}).trained_at(1) == names


@pytest.mark.parametrize(
    ("patterns", "told"),
    [
        ({1: "haed*"}, r"'haed\*' fits no parameter of model 'm'; they are body.*Did you mean 'head'"),
        ({1: ["head*", "tail"]}, "'tail' fits no parameter"),
        ({1: []}, "nothing of model 'm' is trained; schedule its UpdateOp for that"),
        ({0: "head*"}, "epochs start at 1"),
        ("head*", "must be a dict"),
        ({1: 3}, "3 fits no parameter"),
    ],
)
def test_what_cannot_work_is_refused(two_layers, patterns, told):
    with pytest.raises(ConfigError, match=told):
        TrainableSchedule(two_layers(), patterns)


def test_a_model_without_an_optimizer_is_refused(two_layers):
    with pytest.raises(ConfigError, match="'m' has no optimizer"):
        TrainableSchedule(two_layers(None), {1: "*"})


def test_an_unbuilt_keras_model_is_refused(tensor_framework):
    if tensor_framework == "torch":
        pytest.skip("a torch model has its parameters from the start")
    import keras

    import fastestimator_lite as fe

    model = fe.build(lambda: keras.Sequential([keras.layers.Dense(2)]), "sgd", model_name="m")
    with pytest.raises(ConfigError, match="'m' has no parameters yet; run it once, or give its input shape"):
        TrainableSchedule(model, {1: "*"})
