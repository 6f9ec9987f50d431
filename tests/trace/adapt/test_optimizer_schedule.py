"""OptimizerSchedule in whole runs of both frameworks."""

import logging
import math

import numpy as np
import pytest

from fastestimator_lite.backend.card import card_of
from fastestimator_lite.schedule import (
    Epochs,
    EpochScheduler,
    Fraction,
    Horizon,
    RepeatScheduler,
    Samples,
    Steps,
    cosine,
    function,
    linear,
    one_cycle,
    step,
)
from fastestimator_lite.trace.adapt.lr_scheduler import LRScheduler
from fastestimator_lite.trace.adapt.optimizer_schedule import OptimizerSchedule
from fastestimator_lite.trace.trace import Trace
from fastestimator_lite.util.errors import ConfigError


def sgd(framework, **arguments):
    """An optimizer_fn for SGD with torch's names of arguments."""
    if framework == "torch":
        import torch

        return lambda x: torch.optim.SGD(x, **{"lr": 0.1, **arguments})
    import keras

    lr = arguments.pop("lr", 0.1)
    return lambda: keras.optimizers.SGD(learning_rate=lr, **arguments)


def adam(framework):
    if framework == "torch":
        import torch

        return lambda x: torch.optim.AdamW(x, lr=0.1)
    import keras

    return lambda: keras.optimizers.AdamW(learning_rate=0.1)


def curve_values(curve, horizon):
    return [curve.value(horizon.clock(number)) for number in range(1, horizon.total_steps + 1)]


@pytest.mark.parametrize(
    "curve",
    [
        cosine(0.1, 0.01, Fraction(1)),
        linear(0, 0.1, Epochs(1)).then(cosine(0.1, 0, Epochs(2))),
        one_cycle(0.5, Fraction(1)),
        step(0.1, 0.5, Epochs(1)),
        linear(0.1, 0, Samples(20)).then(0.05, at=Steps(11)),
    ],
    ids=range(5),
)
def test_each_step_uses_the_value_of_the_curve(two_layers, watched_run, near, curve):
    run = watched_run(two_layers(), lambda model: [OptimizerSchedule(model, value=curve)])
    assert run.field("lr") == near(curve_values(curve, Horizon.even(3, 4, 2)))
    logged = run.summary.history["train"]["m_lr"]
    assert [float(logged[number]) for number in range(1, 13)] == near(run.field("lr"))


def test_batch_sizes_that_change_stretch_epochs_not_updates(two_layers, watched_run, near):
    sizes = EpochScheduler({1: 2, 3: 4})
    curve = step(0.1, 0.5, Epochs(1))
    run = watched_run(two_layers(), lambda model: [OptimizerSchedule(model, value=curve)], epochs=4, batch_size=sizes)
    assert run.field("lr") == near([0.1] * 4 + [0.05] * 4 + [0.025] * 2 + [0.0125] * 2)


@pytest.mark.parametrize("curve", [function(lambda step: 0.1 / step), lambda step: 0.1 / step])
def test_gathering_gradients_does_not_move_the_clock(two_layers, watched_run, near, curve):
    """5 batches an epoch, merged by 2: updates come after batches 2 and 4, and at the end of the epoch."""
    from fastestimator_lite.dataset.numpy_dataset import NumpyDataset

    data = NumpyDataset({"x": np.ones((10, 2), "float32"), "y": np.zeros(10, "int64")})
    run = watched_run(
        two_layers(), lambda model: [OptimizerSchedule(model, value=curve)], epochs=3, merge_grad=2, data=data
    )
    assert run.field("lr") == near([0.1 / (1 + 3 * epoch + batch // 2) for epoch in range(3) for batch in range(5)])
    assert card_of(run.watcher.model).updates.count == 9
    assert run.estimator.system.horizon("m").steps == (3, 3, 3)
    assert run.estimator.system.horizon().steps == (5, 5, 5)


def test_a_curve_over_the_run_ends_with_its_updates(two_layers, watched_run, near):
    run = watched_run(
        two_layers(), lambda model: [OptimizerSchedule(model, value=linear(0.6, 0, Fraction(1)))], merge_grad=2
    )
    assert run.field("lr") == near([0.6 - 0.1 * (batch // 2) for batch in range(12)])


def test_momentum_moves_as_by_hand_and_is_traced_once(tensor_framework, two_layers, watched_run, by_name):
    """Each framework's own rule of SGD with weight decay, worked out in numpy."""
    momentum, decay = linear(0.9, 0.1, Steps(6)), linear(0, 0.3, Steps(6))
    model = two_layers(sgd(tensor_framework, momentum=0.5, weight_decay=0.01))
    before = []

    class Gradients(Trace):
        def on_batch_begin(self, data):
            before.append(by_name(model))

    def traces(model):
        return [
            OptimizerSchedule(model, "momentum", momentum),
            OptimizerSchedule(model, "weight_decay", decay),
            Gradients(mode="train"),
        ]

    run = watched_run(model, traces, epochs=2, batch_size=2)
    values = [*before, by_name(model)]
    assert run.field("momentum") == pytest.approx(curve_values(momentum, Horizon.even(2, 4)), rel=1e-6)
    assert run.field("weight_decay") == pytest.approx(curve_values(decay, Horizon.even(2, 4)), rel=1e-6, abs=1e-9)
    # from two updates in a row the gradient is known, so a twin with the same gradients must come to the same weights
    grads = _gradients(tensor_framework, values, run.field("momentum"), run.field("weight_decay"))
    constant = _gradients(tensor_framework, values, [0.5] * 8, [0.01] * 8)
    weights, labels = _data(run)
    for number in range(8):
        expected = _gradient_of_head_bias(values[number], weights[number], labels[number])
        np.testing.assert_allclose(grads[number], expected, atol=2e-5)
    assert (
        max(
            np.abs(constant[number] - _gradient_of_head_bias(values[number], weights[number], labels[number])).max()
            for number in range(8)
        )
        > 1e-2
    )  # the test would see a constant
    if tensor_framework == "tf":
        assert run.traced.times == 1
    else:
        assert run.traced.times == 8


def _gradients(framework, values, momenta, decays, lr=0.1):
    """The gradients of the head's bias that lead from each value to the next."""
    found, speed = [], np.zeros(2)
    for number, (now, after) in enumerate(zip(values, values[1:], strict=False)):
        x, y = now["head.bias"].astype("float64"), after["head.bias"].astype("float64")
        if framework == "torch":  # v = m v + (g + d x); the first step takes v = g + d x
            new = (x - y) / lr
            found.append(new - momenta[number] * speed - decays[number] * x if number else new - decays[number] * x)
            speed = new
        else:  # x = x - d lr x; v = m v - lr g; x = x + v
            new = y - (x - decays[number] * lr * x)
            found.append((momenta[number] * speed - new) / lr)
            speed = new
    return found


def _data(run):
    """The inputs and labels of each step of the run, in order."""
    from fastestimator_lite.component import When

    xs, ys = [], []
    for epoch in (1, 2):
        for batch in run.estimator.pipeline.load(When("train", epoch, "")).in_main_process():
            xs.append(batch["x"])
            ys.append(batch["y"])
    return xs, ys


def _gradient_of_head_bias(weights, x, y):
    body, head = weights["body"], weights["head"]
    body = body if body.shape == (2, 3) else body.T
    head = head if head.shape == (3, 2) else head.T
    scores = (x @ body + weights["body.bias"]) @ head + weights["head.bias"]
    shares = np.exp(scores - scores.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    return (shares - np.eye(2)[y]).mean(0)


def test_betas_and_several_fields_at_once(tensor_framework, two_layers, watched_run, near):
    run = watched_run(
        two_layers(adam(tensor_framework)),
        lambda model: [
            OptimizerSchedule(model, "betas", (linear(0.5, 0.9, Fraction(1)), 0.99)),
            OptimizerSchedule(model, "eps", 1e-6),
            OptimizerSchedule(model, "weight_decay", EpochScheduler({2: 0.2, 3: lambda step: step / 100})),
        ],
    )
    assert [pair[0] for pair in run.field("betas")] == near([0.5 + 0.4 * number / 12 for number in range(12)])
    assert [pair[1] for pair in run.field("betas")] == near([0.99] * 12)
    assert run.field("eps") == near([1e-6] * 12)
    default = {"torch": 0.01, "tf": 0.004}[tensor_framework]
    assert run.field("weight_decay") == near([default] * 4 + [0.2] * 4 + [0.09, 0.1, 0.11, 0.12])
    logged = run.summary.history["train"]["m_betas"][12]
    np.testing.assert_allclose(logged, [0.5 + 0.4 * 11 / 12, 0.99], rtol=1e-6)


def grouped(names=("body", "head")):
    import torch

    def make(parameters):
        listed = list(parameters)
        named = [{"params": listed[:2], "lr": 0.1}, {"params": listed[2:], "lr": 0.2, "weight_decay": 0.5}]
        for group, name in zip(named, names, strict=True):
            if name:
                group["name"] = name
        return torch.optim.SGD(named, lr=0.3)

    return make


@pytest.mark.parametrize(
    ("arguments", "body", "head", "keys"),
    [
        ({"value": 0.7}, [0.7] * 4, [0.7] * 4, ["m_lr"]),
        ({"value": lambda step: step, "group": "head"}, [0.1] * 4, [1, 2, 3, 4], ["m_lr_head"]),
        ({"value": lambda step: step, "group": 0}, [1, 2, 3, 4], [0.2] * 4, ["m_lr_body"]),
        ({"value": [linear(1, 0, Steps(4)), None]}, [1, 0.75, 0.5, 0.25], [0.2] * 4, ["m_lr_body"]),
        ({"value": {"head": 0.5, 0: lambda epoch: epoch}}, [1] * 4, [0.5] * 4, ["m_lr_body", "m_lr_head"]),
    ],
    ids=range(5),
)
def test_parameter_groups(tensor_framework, two_layers, watched_run, arguments, body, head, keys):
    if tensor_framework == "tf":
        pytest.skip("a Keras optimizer is one group")
    run = watched_run(two_layers(grouped()), lambda model: [OptimizerSchedule(model, **arguments)], epochs=1)
    assert run.field("lr", 0) == pytest.approx(body)
    assert run.field("lr", 1) == pytest.approx(head)
    assert sorted(key for key in run.summary.history["train"] if "_lr" in key) == sorted({*keys, "m_lr"})
    assert run.field("weight_decay", 1) == [0.5] * 4


def test_groups_without_names_are_known_by_index(tensor_framework, two_layers):
    if tensor_framework == "tf":
        pytest.skip("a Keras optimizer is one group")
    model = two_layers(grouped((None, None)))
    assert OptimizerSchedule(model, value=[1, 2]).outputs == ["m_lr_0", "m_lr_1"]
    with pytest.raises(
        ConfigError, match=r"no parameter group 'head'; the optimizer has 2 \(0 to 1\), none has a name"
    ):
        OptimizerSchedule(model, value=1, group="head")
    with pytest.raises(ConfigError, match="3 values for 2 parameter groups"):
        OptimizerSchedule(model, value=[1, 2, 3])
    with pytest.raises(ConfigError, match="give one value for group 0, not one for each group"):
        OptimizerSchedule(model, value=[1, 2], group=0)


def test_it_follows_the_optimizer_in_force(two_layers, watched_run, near):
    optimizers = EpochScheduler({1: "sgd", 2: "adam", 3: "sgd"})
    run = watched_run(
        two_layers(optimizers),
        lambda model: [
            OptimizerSchedule(model, value=linear(0.12, 0, Fraction(1))),
            OptimizerSchedule(model, "betas", (0.5, 0.6)),
        ],
    )
    assert [name for _, name, _ in run.watcher.seen] == ["sgd"] * 4 + ["adam"] * 4 + ["sgd"] * 4
    assert run.field("lr") == near([0.12 - 0.01 * number for number in range(12)])
    assert [fields[0]["betas"] for _, name, fields in run.watcher.seen if name == "adam"] == [
        pytest.approx((0.5, 0.6))
    ] * 4


class Resume(Trace):
    """Goes on from a folder, as if the run had been interrupted."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder

    def on_begin(self, data):
        self.system.load_state(self.folder)


class Save(Trace):
    def __init__(self, folder, epoch):
        super().__init__(mode="train")
        self.folder, self.epoch = folder, epoch

    def on_epoch_end(self, data):
        if self.system.epoch_idx == self.epoch:
            self.system.save_state(self.folder)


def test_a_resumed_run_equals_one_that_was_never_stopped(tensor_framework, two_layers, watched_run, by_name, tmp_path):
    def traces(model):
        return [
            LRScheduler(model, cosine(0.2, 0.01, Fraction(1)).warmup(Epochs(1))),
            OptimizerSchedule(model, "momentum", linear(0.9, 0.1, Epochs(4))),
            OptimizerSchedule(model, "weight_decay", RepeatScheduler([0.1, 0.0])),
        ]

    def start():
        return two_layers(sgd(tensor_framework, momentum=0.9))

    from fastestimator_lite.estimator import enable_deterministic

    enable_deterministic(5)
    one = watched_run(start(), lambda model: [*traces(model), Save(str(tmp_path), 2)], epochs=4, merge_grad=2)
    two = watched_run(start(), lambda model: [*traces(model), Resume(str(tmp_path))], epochs=4, merge_grad=2)
    assert card_of(two.watcher.model).updates.count == 8
    for field in ("lr", "momentum", "weight_decay"):
        assert two.field(field) == one.field(field)[8:]
    for name, value in by_name(one.watcher.model).items():
        np.testing.assert_allclose(by_name(two.watcher.model)[name], value, atol=1e-6)


def test_a_second_fit_begins_anew(two_layers, watched_run, near):
    run = watched_run(two_layers(), lambda model: [OptimizerSchedule(model, value=lambda step: step / 100)], epochs=1)
    run.estimator.fit()
    assert run.field("lr") == near([0.01, 0.02, 0.03, 0.04] * 2)


def test_what_is_planned_is_what_happens(two_layers, watched_run):
    run = watched_run(
        two_layers(),
        lambda model: [
            OptimizerSchedule(model, value=cosine(0.1, 0, Fraction(1))),
            OptimizerSchedule(model, "weight_decay", lambda epoch: epoch / 10),
        ],
        merge_grad=2,
    )
    traces = run.estimator.system.traces[3:5]
    for epoch in (1, 2, 3):
        for trace, field in zip(traces, ("lr", "weight_decay"), strict=True):
            seen = [fields[0][field] for number, _, fields in run.watcher.seen if number == epoch]
            first, last = trace.planned(epoch, run.estimator.system.horizon())[f"m_{field}"]
            assert (first, last) == pytest.approx((seen[0], seen[-1]), rel=1e-6)


def test_what_a_curve_tells_is_said_once_before_training(two_layers, watched_run, caplog):
    with caplog.at_level(logging.WARNING, "fastestimator_lite"):
        watched_run(
            two_layers(),
            lambda model: [
                OptimizerSchedule(model, value=cosine(0.1, 0.01, Epochs(9))),
                LRScheduler(model, step(0.1, 0.01, Epochs(1))),
            ],
        )
    told = [record.message for record in caplog.records if "m_lr" in record.message]
    assert told == [
        "FastEstimator-Warn: m_lr: the last value 0.01 is never reached: that takes 36 updates, the run has 12",
        "FastEstimator-Warn: m_lr: the value jumps from 0.1 to 0.001 at update 5",
    ]


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("lr", lambda step: -step, r"at update 1 \(epoch 1\) 'lr' of model 'm' must be a number >= 0, got -1"),
        ("lr", lambda epoch: math.nan, "must be a number >= 0, got nan"),
        ("lr", lambda step: "fast", "got 'fast'"),
        ("momentum", 1.0, "must be a number from 0 to below 1, got 1.0"),
        ("momentum", (0.1, 0.2), r"got \(0.1, 0.2\)"),
    ],
)
def test_what_no_optimizer_can_use_is_refused(two_layers, watched_run, field, value, told):
    with pytest.raises(ConfigError, match=told):
        watched_run(two_layers(), lambda model: [OptimizerSchedule(model, field, value)])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"field": "momentums", "value": 1}, "has no field 'momentums'; it has: .*Did you mean 'momentum'"),
        ({"field": "betas", "value": 1}, "has no field 'betas'"),
        ({"field": "lr"}, "needs a value"),
        ({"value": "fast"}, "a curve or a number is wanted, got str"),
        ({"value": lambda steps: 1}, "Did you mean 'step'"),
        ({"value": EpochScheduler({1: "fast"})}, "a curve or a number is wanted"),
        ({"value": 1, "group": 3}, "no parameter group 3"),
    ],
)
def test_what_cannot_work_is_refused_at_once(two_layers, arguments, told):
    with pytest.raises(ConfigError, match=told):
        OptimizerSchedule(two_layers(), **arguments)


def test_a_model_without_an_optimizer_is_refused(two_layers):
    with pytest.raises(ConfigError, match="'m' has no optimizer"):
        OptimizerSchedule(two_layers(None), value=1)
