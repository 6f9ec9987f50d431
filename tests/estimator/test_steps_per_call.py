"""Several training steps in one call of TensorFlow, where no trace needs to see each of them."""

import numpy as np
import pytest

import fastestimator_lite as fe
from fastestimator_lite.dataset import NumpyDataset
from fastestimator_lite.op.numpyop import NumpyOp
from fastestimator_lite.op.tensorop.loss import CrossEntropy, MeanSquaredError
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp
from fastestimator_lite.slicer import MeanUnslicer, SlidingSlicer
from fastestimator_lite.trace import Trace
from fastestimator_lite.trace.adapt import LRScheduler
from fastestimator_lite.trace.essential import Logger
from fastestimator_lite.trace.io import CSVLogger
from fastestimator_lite.trace.metric import Accuracy
from fastestimator_lite.util.errors import ConfigError, DataError, NonFiniteError, SampleError

tf = pytest.importorskip("tensorflow")
keras = pytest.importorskip("keras")

COUNT = 50  # 13 batches of 4, the last one of 2


def data(bad_row=None):
    generator = np.random.default_rng(0)
    x = generator.standard_normal((COUNT, 3)).astype(np.float32)
    y = (x @ np.array([[1.0], [-2.0], [0.5]], np.float32)) + 0.1
    if bad_row is not None:
        x[bad_row] = np.nan
    return {"x": x, "y": y.astype(np.float32)}


def net(dropout=False):
    layers = [keras.layers.Dropout(0.3, seed=3), keras.layers.BatchNormalization()] if dropout else []
    start = keras.initializers.GlorotUniform(seed=1)
    return keras.Sequential([keras.layers.Input((3,)), *layers, keras.layers.Dense(1, kernel_initializer=start)])


def estimator(steps_per_call, traces=None, log_steps=None, model=None, columns=None, pops=None, ops=None, **options):
    options = {"epochs": 2, **options}
    update = {key: options.pop(key) for key in ("merge_grad", "nan", "clip_norm") if key in options}
    slicers = options.pop("slicers", None)
    one = fe.build(net, "adam") if model is None else model
    network = fe.Network(
        [ModelOp(one, "x", "p"), MeanSquaredError(("p", "y"), "mse"), UpdateOp(one, "mse", **update)],
        pops=pops,
        slicers=slicers,
    )
    source = columns if isinstance(columns, tf.data.Dataset) else NumpyDataset(data() if columns is None else columns)
    sizes = {} if isinstance(columns, tf.data.Dataset) else {"batch_size": 4, "num_process": 0}
    pipeline = fe.Pipeline(train_data=source, ops=ops, **sizes)
    return fe.Estimator(pipeline, network, traces=traces, log_steps=log_steps, steps_per_call=steps_per_call, **options)


def weights(run):
    return [variable.numpy() for variable in run.network.models[0].variables]


def trained(*arguments, **options):
    fe.enable_deterministic(3)
    run = estimator(*arguments, **options)
    run.fit(warmup=False)
    return run


class Watch:
    """Counts the steps that were run alone, and the calls for several with the steps that they held."""

    def __init__(self, monkeypatch):
        from fastestimator_lite.network.tensorflow import TFStep

        self.alone, self.several = 0, []
        call, many = TFStep.__call__, TFStep.many

        def alone(step, batch):
            self.alone += step.plan.mode == "train"
            return call(step, batch)

        def several(step, batches, most):
            many(step, batches, most)
            if step.reached:
                self.several.append(step.reached)

        monkeypatch.setattr(TFStep, "__call__", alone)
        monkeypatch.setattr(TFStep, "many", several)


@pytest.fixture
def watch(monkeypatch):
    return Watch(monkeypatch)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"merge_grad": 3},
        {"clip_norm": 0.1},
        {"nan": "skip", "columns": data(bad_row=17)},
        {"nan": "ignore"},
        {"slicers": [SlidingSlicer([2, -1], slice=["x", "y"]), MeanUnslicer("mse")]},
        {"train_steps_per_epoch": 20},
    ],
    ids=["plain", "merged", "clipped", "skipping", "unchecked", "sliced", "round again"],
)
def test_the_weights_are_those_of_single_steps(options, watch):
    alone = trained(1, **options)
    assert watch.several == []
    several = trained(5, **options)
    assert sum(watch.several) > 20
    for one, other in zip(weights(alone), weights(several), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7)
    assert several.system.global_step == alone.system.global_step == 2 * options.get("train_steps_per_epoch", 13)


def test_statistics_and_random_layers_go_on_as_in_single_steps():
    alone, several = (trained(count, model=fe.build(lambda: net(True), "adam")) for count in (1, 6))
    assert len(weights(alone)) > 4
    for one, other in zip(weights(alone), weights(several), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)


def test_a_smaller_last_batch_gets_a_call_of_its_own(watch):
    trained(100, epochs=1)
    assert watch.several == [13]


def test_only_steps_of_log_lines_run_alone(watch, capsys):
    run = trained(100, log_steps=5)
    printed = [line.split(";")[0] for line in capsys.readouterr().out.splitlines() if "-Train: step" in line]
    assert printed == [
        *(f"FastEstimator-Train: step: {step}" for step in (1, 5, 10)),
        "FastEstimator-Train: step: 13",  # the epoch's end
        *(f"FastEstimator-Train: step: {step}" for step in (15, 20, 25)),
        "FastEstimator-Train: step: 26",
    ]
    assert watch.several == [3, 4, 3, 4, 4, 1]
    assert watch.alone == 7  # those of the lines, and step 14 between two that were seen
    assert (run.system.global_step, run.system.batch_idx) == (26, 13)


def test_what_is_logged_is_what_single_steps_log():
    def logged(count):
        history = trained(count, log_steps=4).system.summary.history["train"]
        return {step: float(value) for step, value in history["mse"].items()}

    alone, several = logged(1), logged(100)
    assert list(alone) == list(several) == [1, 4, 8, 12, 16, 20, 24]
    np.testing.assert_allclose(list(alone.values()), list(several.values()), rtol=1e-5)


def test_traces_that_look_at_every_batch_see_every_batch(watch):
    class Sees(Trace):
        def __init__(self):
            super().__init__(inputs="mse", mode="train")
            self.seen = []

        def on_batch_end(self, data):
            self.seen.append((self.system.global_step, float(data["mse"])))

    sees = Sees()
    trained(100, traces=[sees])
    assert [step for step, _ in sees.seen] == list(range(1, 27))
    assert watch.several == []


def test_a_trace_says_which_steps_it_needs(watch):
    class Third(Trace):
        def __init__(self):
            super().__init__(mode="train")
            self.begun, self.ended = [], []

        def needs_step(self, step):
            return step % 3 == 0

        def on_batch_begin(self, data):
            self.begun.append(self.system.global_step)

        def on_batch_end(self, data):
            self.ended.append(self.system.global_step)

    third = Third()
    trained(100, traces=[third], epochs=1)
    assert third.begun == third.ended == [3, 6, 9, 12]
    assert watch.several == [2, 2, 2, 2, 1]


@pytest.mark.parametrize(
    ("make", "sees_all"),
    [
        (lambda model, folder: LRScheduler(model, lambda epoch: 0.1 / epoch), False),
        (lambda model, folder: LRScheduler(model, lambda step: 0.1 / step), True),
        (lambda model, folder: CSVLogger(str(folder / "log.csv")), False),
        (lambda model, folder: Accuracy("y", "p", mode="eval"), False),
    ],
    ids=["rate by epoch", "rate by step", "csv", "metric of eval"],
)
def test_which_traces_of_ours_need_every_step(make, sees_all, watch, tmp_path):
    one = fe.build(net, "adam")
    trained(100, traces=[make(one, tmp_path)], model=one)
    assert bool(watch.several) is not sees_all


def test_a_rate_by_step_is_applied_at_each_step():
    def run(count):
        one = fe.build(net, "adam")
        return trained(count, traces=[LRScheduler(one, lambda step: 0.1 / step)], model=one)

    for one, other in zip(weights(run(1)), weights(run(50)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_nan_is_told_with_its_step_and_nothing_moves_from_there_on():
    fe.enable_deterministic(3)
    reference = estimator(1, columns=data(bad_row=17), epochs=1)
    with pytest.raises(NonFiniteError) as alone:
        reference.fit(warmup=False)
    fe.enable_deterministic(3)
    run = estimator(100, columns=data(bad_row=17), epochs=1)
    with pytest.raises(NonFiniteError) as several:
        run.fit(warmup=False)
    assert str(several.value) == str(alone.value).replace("'model'", "'model1'")
    assert "17 of the data set" in str(several.value)
    assert run.system.global_step == reference.system.global_step > 1
    for one, other in zip(weights(reference), weights(run), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_steps_before_a_sample_that_fails_are_made():
    class Fails(NumpyOp):
        def forward(self, data, state):
            if data[0] == 7:
                raise ValueError("no such thing")
            return data

    columns = data()
    columns["x"][:, 0] = np.arange(COUNT)
    fe.enable_deterministic(3)
    reference = estimator(1, columns=columns, epochs=1, ops=[Fails("x", "x")])
    with pytest.raises(SampleError, match="no such thing"):
        reference.fit(warmup=False)
    fe.enable_deterministic(3)
    run = estimator(100, columns=columns, epochs=1, ops=[Fails("x", "x")])
    with pytest.raises(SampleError, match="sample 7"):
        run.fit(warmup=False)
    assert run.system.global_step == reference.system.global_step > 0
    for one, other in zip(weights(reference), weights(run), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_an_op_that_fails_in_the_graph_is_named():
    columns = {"x": data()["x"], "y": np.zeros(COUNT, np.int32)}
    columns["y"][30] = 9
    one = fe.build(lambda: keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2)]), "sgd")
    ops = [ModelOp(one, "x", "p"), CrossEntropy(("p", "y"), "ce", from_logits=True), UpdateOp(one, "ce")]
    run = fe.Estimator(
        fe.Pipeline(train_data=NumpyDataset(columns), batch_size=4, num_process=0),
        fe.Network(ops),
        epochs=1,
        log_steps=None,
        steps_per_call=100,
    )
    with pytest.raises(DataError, match="label 9 in sample"):
        run.fit(warmup=False)


def test_tf_data_goes_into_the_same_calls(watch):
    columns = data()
    source = tf.data.Dataset.from_tensor_slices(columns).batch(4)
    alone, several = trained(1, columns=source), trained(100, columns=source)
    assert watch.several == [13, 13]
    for one, other in zip(weights(alone), weights(several), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7)


def test_postprocessing_sees_every_batch():
    class Counts(NumpyOp):
        seen = 0

        def forward(self, data, state):
            Counts.seen += 1
            return data

    trained(100, pops=[Counts("p", "p")], epochs=1)
    assert Counts.seen == COUNT


def test_the_number_of_steps_follows_from_their_length(monkeypatch):
    from fastestimator_lite.network.several import CallSize

    def number(*seconds):
        size = CallSize()
        for one in seconds:
            size.add(one)
        return size.number

    assert number(1.0, 0.001) == 1  # not known yet; the first ones hold the tracing
    assert number(1.0, 0.5, 0.001) == 30
    assert number(1.0, 0.001, 0.001, 9.0) == 30  # settled by then
    assert number(1.0, 1e-6, 1e-6) == 64
    assert number(1.0, 0.2, 0.05) == 1


def test_long_steps_run_alone_by_themselves(watch, monkeypatch):
    from fastestimator_lite.network import several

    monkeypatch.setattr(several, "_CALL_SECONDS", 0.0)
    trained(None)
    assert (watch.alone, watch.several) == (26, [])


def test_short_steps_come_together_by_themselves(watch, monkeypatch):
    from fastestimator_lite.network import several

    monkeypatch.setattr(several, "_CALL_SECONDS", 1e9)
    trained(None)
    assert watch.several == [10, 13]


def test_nothing_is_traced_again(monkeypatch):
    traced = []
    forward = MeanSquaredError.forward
    monkeypatch.setattr(
        MeanSquaredError, "forward", lambda op, data, state: (traced.append(1), forward(op, data, state))[1]
    )
    trained(5, epochs=4)
    assert len(traced) == 2  # full batches, and the last one


def test_large_batches_are_not_gathered(monkeypatch):
    from fastestimator_lite.network import several

    monkeypatch.setattr(several, "_STACK_BYTES", 200)  # a batch has 4 * 3 * 4 + 4 * 4 = 64 bytes
    sizes = []
    stack = several.Stack
    add = stack.add
    monkeypatch.setattr(stack, "add", lambda self, batch: (add(self, batch), sizes.append(self.count))[0])
    alone, several_ = trained(1, epochs=1), trained(100, epochs=1)
    assert max(sizes) == 3
    for one, other in zip(weights(alone), weights(several_), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7)


def test_the_bar_counts_every_step(monkeypatch):
    import sys

    moved = []

    class Bar:
        last_print_t, mininterval = 0.0, 1e12

        def __init__(self, **options):
            self.options = options

        def update(self, count):
            moved.append(count)

        def write(self, line):
            pass

        def set_description(self, text):
            pass

        def close(self):
            pass

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr("fastestimator_lite.trace.essential.tqdm", Bar)
    trained(100, log_steps=5)
    assert sum(moved) == 26
    Bar.mininterval = -1.0  # always due
    logger = Logger()
    logger._bar = Bar()
    assert logger.needs_step(2)


@pytest.mark.parametrize("value", [0, -1, 2.5, True, "many"])
def test_a_wrong_number_is_refused(value):
    with pytest.raises(ConfigError, match="steps_per_call"):
        estimator(value)
