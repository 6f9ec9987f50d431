"""NaN and infinity in a loss or gradient: seen before anything moves, and told with step, key and samples."""

import numpy as np
import pytest

import fastestimator_lite as fe
from fastestimator_lite.backend import exp, reduce_sum, to_number
from fastestimator_lite.backend.convert import to_tensor
from fastestimator_lite.component import When
from fastestimator_lite.dataset.numpy_dataset import NumpyDataset
from fastestimator_lite.op.tensorop import LambdaOp
from fastestimator_lite.op.tensorop.loss import MeanSquaredError
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp
from fastestimator_lite.trace.trace import Trace
from fastestimator_lite.util.errors import ConfigError, NonFiniteError

TRAIN = When("train", 1, "")


def model_of(framework, optimizer="adam", norm=False, name="net"):
    if framework == "torch":
        import torch

        torch.manual_seed(0)
        layers = [torch.nn.BatchNorm1d(2)] * norm + [torch.nn.Linear(2, 1)]
        return fe.build(lambda: torch.nn.Sequential(*layers), optimizer, model_name=name)
    import keras

    keras.utils.set_random_seed(0)
    layers = [keras.layers.Input((2,))] + [keras.layers.BatchNormalization()] * norm + [keras.layers.Dense(1)]
    return fe.build(lambda: keras.Sequential(layers), optimizer, model_name=name)


def everything(model):
    """Weights, statistics, optimizer state and the update clock, as numpy arrays."""
    if hasattr(model, "named_parameters"):
        state = model.fe.current_optimizer.state
        moments = [value for one in state.values() for value in one.values()]
        found = [*model.state_dict().values(), *moments]
    else:
        found = [one for one in (*model.variables, *model.fe.current_optimizer.variables) if one.dtype != "uint32"]
    return [np.array(to_tensor(value, "np")) for value in found] + [np.array(model.fe.updates.count)]


def same(one, other):
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


def network_of(model, *ops, loss="mse", **update):
    chain = [ModelOp(model, "x", "pred"), *ops, MeanSquaredError(("pred", "y"), "mse")]
    return fe.Network([*chain, UpdateOp(model, loss, **update)])


def good_batch(size=4):
    rng = np.random.default_rng(1)
    return {"x": rng.normal(size=(size, 2)).astype("float32"), "y": rng.normal(size=(size, 1)).astype("float32")}


def bad_batch(value=np.nan, row=2):
    batch = good_batch()
    batch["x"][row, 1] = value
    return batch


def root(x):
    """A loss that is 0 and whose gradient is infinite times 0, or NaN."""
    return fe.backend.pow(fe.backend.abs(x * 0.0), 0.5)


SOURCES = {
    "NaN in the data": (bad_batch(), [], "mse", "'x' (from the Pipeline), NaN in sample 2"),
    "infinity in the data": (bad_batch(np.inf), [], "mse", "'x' (from the Pipeline), infinite in sample 2"),
    "minus infinity in the data": (bad_batch(-np.inf), [], "mse", "'x' (from the Pipeline), infinite in sample 2"),
    "NaN in the labels": (
        {**good_batch(), "y": np.array([[0], [np.nan], [0], [np.nan]], "float32")},
        [],
        "mse",
        "'y' (from the Pipeline), NaN in samples 1, 3",
    ),
    "log of 0": (
        good_batch(),
        [LambdaOp(lambda y: fe.backend.reduce_mean(fe.backend.pow(y * 0.0, -1.0)), "y", "inverse")]
        + [LambdaOp(lambda pred, inverse: pred * inverse, ("pred", "inverse"), "pred")],
        "mse",
        "is not finite is 'pred' (from op #0 ModelOp)",
    ),
    "overflow": (
        good_batch(),
        [LambdaOp(lambda pred: exp(pred * 0.0 + 200.0) * pred, "pred", "big")],
        "big",
        "'big' (from op #1 LambdaOp)",
    ),
    "gradient only": (good_batch(), [LambdaOp(root, "pred", "root")], "root", "gradient"),
}


@pytest.mark.parametrize("defer", [False, True])
@pytest.mark.parametrize("source", SOURCES)
def test_nothing_moves_and_the_place_is_named(tensor_framework, source, defer):
    batch, ops, loss, words = SOURCES[source]
    model = model_of(tensor_framework)
    network = network_of(model, *ops, loss=loss, defer=defer)
    step = network.load(TRAIN)
    good = network_of(model).load(TRAIN)
    good(good_batch())  # moments are there
    before = everything(model)
    with pytest.raises(NonFiniteError) as caught:
        step(batch)
    same(everything(model), before)
    assert f"{loss!r}" in str(caught.value)
    assert "'net'" in str(caught.value)
    if source != "log of 0":
        assert words in str(caught.value)


def test_eager_tensorflow_raises_too():
    pytest.importorskip("tensorflow")
    model = model_of("tf")
    network = network_of(model)
    network.eager = True
    step = network.load(TRAIN)
    step(good_batch())
    before = everything(model)
    with pytest.raises(NonFiniteError, match="'x' .from the Pipeline., NaN in sample 2"):
        step(bad_batch())
    same(everything(model), before)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_skip_leaves_everything_as_it_was(tensor_framework, value):
    model, other = (model_of(tensor_framework, norm=True, name=name) for name in ("one", "two"))
    step, plain = (network_of(one, nan="skip").load(TRAIN) for one in (model, other))
    step(good_batch())
    before = everything(model)
    found = step(bad_batch(value))
    assert not np.isfinite(to_number(found["mse"]))
    same(everything(model), before)
    step(good_batch())
    for _ in range(2):
        plain(good_batch())
    same(everything(model), everything(other))
    assert model.fe.updates.count == 2


def test_a_skipped_step_has_no_part_in_what_is_merged(tensor_framework):
    model, other = (model_of(tensor_framework, name=name) for name in ("one", "two"))
    step = network_of(model, nan="skip", merge_grad=3).load(TRAIN)
    plain = network_of(other).load(TRAIN)
    batch = good_batch(5)
    halves = [{key: value[rows] for key, value in batch.items()} for rows in (slice(3), slice(3, 5))]
    for one in (halves[0], bad_batch(), halves[1]):
        step(one)
    plain(batch)
    for a, b in zip(everything(model), everything(other), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    before = everything(model)
    for _ in range(3):
        step(bad_batch())
    same(everything(model), before)


def test_ignore_does_not_look(tensor_framework):
    model = model_of(tensor_framework)
    network_of(model, nan="ignore").load(TRAIN)(bad_batch())
    assert model.fe.updates.count == 1
    assert any(np.isnan(value).any() for value in everything(model))


def test_no_model_moves_if_the_loss_of_another_is_bad(tensor_framework):
    """Updates at the end of the list wait for one another, and for their checks."""
    one, two = (model_of(tensor_framework, name=name) for name in ("one", "two"))
    network = fe.Network(
        [
            ModelOp(one, "x", "p"),
            ModelOp(two, "z", "q"),
            MeanSquaredError(("p", "y"), "lp"),
            MeanSquaredError(("q", "y"), "lq"),
            UpdateOp(one, "lp"),
            UpdateOp(two, "lq"),
        ]
    )
    step = network.load(TRAIN)
    batch = good_batch()
    step({**batch, "z": batch["x"]})
    before = everything(one) + everything(two)
    with pytest.raises(NonFiniteError, match="'lq' of model 'two'"):
        step({**batch, "z": bad_batch()["x"]})
    same(everything(one) + everything(two), before)


def test_evaluation_does_not_look(tensor_framework):
    network = network_of(model_of(tensor_framework))
    found = network.load(When("eval", 1, ""))(bad_batch())
    assert np.isnan(to_number(found["mse"])).any()


def test_gradients_of_another_op_are_looked_at(tensor_framework):
    model = model_of(tensor_framework)
    kernel = [[1.0, np.nan]] if tensor_framework == "torch" else [[1.0], [np.nan]]
    given = {"k": np.array(kernel, "float32")}

    def gradients(k):
        return [[k, reduce_sum(k) * fe.backend.ones_like(k)[0, :1]]]

    network = fe.Network(
        [
            ModelOp(model, "x", "pred"),
            MeanSquaredError(("pred", "y"), "mse"),
            LambdaOp(gradients, "k", ["g"]),
            UpdateOp(model, "mse", gradients="g"),
        ]
    )
    before = everything(model)
    with pytest.raises(NonFiniteError, match="'k' .from the Pipeline., NaN"):
        network.load(TRAIN)({**good_batch(), **given})
    assert np.isfinite(everything(model)[0]).all()
    same(everything(model)[:1], before[:1])


class Ended(Trace):
    def __init__(self):
        super().__init__()
        self.error = None

    def on_exception(self, data, error):
        self.error = error


@pytest.mark.parametrize("workers", [0, 1])
def test_a_run_ends_with_step_key_and_samples(tensor_framework, workers):
    rng = np.random.default_rng(0)
    data = {"x": rng.normal(size=(12, 2)).astype("float32"), "y": np.zeros((12, 1), "float32")}
    data["x"][7] = np.nan
    model, ended = model_of(tensor_framework), Ended()
    pipeline = fe.Pipeline(train_data=NumpyDataset(data), batch_size=4, num_process=workers)
    estimator = fe.Estimator(pipeline, network_of(model), epochs=3, log_steps=None, traces=ended)
    with pytest.raises(
        NonFiniteError, match=r"step (\d) .epoch 1, batch \1.: .*'mse'.*'x' .*these are 7 of the data set"
    ):
        estimator.fit()
    assert isinstance(ended.error, NonFiniteError)
    assert estimator.system.summary.stopped == "NonFiniteError"
    assert model.fe.updates.count == estimator.system.global_step - 1
    for value in everything(model):
        assert np.isfinite(value).all()


def test_a_run_that_skips_goes_on(tensor_framework):
    data = {"x": np.ones((12, 2), "float32"), "y": np.zeros((12, 1), "float32")}
    data["x"][7] = np.nan
    model = model_of(tensor_framework)
    pipeline = fe.Pipeline(train_data=NumpyDataset(data), batch_size=4, num_process=0)
    fe.Estimator(pipeline, network_of(model, nan="skip"), epochs=3, log_steps=None).fit()
    assert model.fe.updates.count == 3 * 2
    assert all(np.isfinite(value).all() for value in everything(model))


def test_the_policy_is_one_of_three(tensor_framework):
    with pytest.raises(ConfigError, match=r"UpdateOp\(nan\) must be one of 'raise', 'skip', 'ignore', got 'stop'"):
        UpdateOp(model_of(tensor_framework), "mse", nan="stop")


# ---- torch: what an accelerator does, whose checks are read later


@pytest.fixture
def waiting(monkeypatch):
    """A network whose checks are read at `settle`, as on a GPU."""
    pytest.importorskip("torch")
    model = model_of("torch")
    network = network_of(model)
    network.ops[-1]._learner.waits = True
    return model, network


def test_checks_that_are_read_later(waiting):
    model, network = waiting
    step = network.load(TRAIN)
    step(good_batch())
    step.settle()
    for batch in (good_batch(), bad_batch(), good_batch()):
        step(batch)
        assert all(np.isfinite(value).all() for value in everything(model))
    with pytest.raises(NonFiniteError, match="the loss 'mse' of model 'net', or a gradient of it") as caught:
        step.settle()
    assert caught.value.steps_ago == 1
    step.settle()  # it is told once


@pytest.mark.parametrize("bad", [0, 2, 3, 6, 7])
def test_many_checks_take_little_memory_until_they_are_read(waiting, monkeypatch, bad):
    from fastestimator_lite.backend.pytorch import learning

    monkeypatch.setattr(learning, "_FLAGS_IN_A_ROW", 3)
    _, network = waiting
    step, learner = network.load(TRAIN), network.ops[-1]._learner
    for number in range(8):
        step(bad_batch() if number == bad else good_batch())
    assert [len(row) for row in learner._rows] == [3, 3]
    assert len(learner._flags) == 2
    with pytest.raises(NonFiniteError) as caught:
        step.settle()
    assert caught.value.steps_ago == 7 - bad
    step.settle()


def test_a_good_step_is_the_same_with_checks_read_later(waiting):
    model, network = waiting
    other = model_of("torch", name="other")
    network.load(TRAIN)(good_batch())
    network_of(other).load(TRAIN)(good_batch())
    same(everything(model), everything(other))


def test_sparse_gradients_are_read_at_once(waiting):
    torch = pytest.importorskip("torch")
    embedding = fe.build(lambda: torch.nn.Embedding(5, 2, sparse=True), "sgd")
    network = fe.Network(
        [ModelOp(embedding, "i", "p"), MeanSquaredError(("p", "y"), "mse"), UpdateOp(embedding, "mse")]
    )
    network.ops[-1]._learner.waits = True
    step = network.load(TRAIN)
    step({"i": np.array([1, 3]), "y": np.zeros((2, 2), "float32")})
    with pytest.raises(NonFiniteError, match="'y' .from the Pipeline., NaN in sample 1"):
        step({"i": np.array([1, 3]), "y": np.array([[0, 0], [np.nan, 0]], "float32")})


@pytest.mark.parametrize("log_steps, told", [(3, 3), (None, 4)])
def test_a_run_reads_them_at_log_lines_and_at_the_end_of_an_epoch(waiting, log_steps, told):
    model, network = waiting
    bad = [2]  # only the second batch
    network.ops.insert(0, LambdaOp(lambda x: x * (np.nan if (bad.append(0) or len(bad)) == 3 else 1.0), "x", "x"))
    data = {"x": np.ones((16, 2), "float32"), "y": np.zeros((16, 1), "float32")}
    pipeline = fe.Pipeline(train_data=NumpyDataset(data), batch_size=4, num_process=0)
    estimator = fe.Estimator(pipeline, network, epochs=3, log_steps=log_steps)
    with pytest.raises(NonFiniteError, match=r"step 2 .epoch 1, batch 2.: .*the batch holds \d+, \d+, \d+, \d+ of the"):
        estimator.fit(warmup=False)
    assert estimator.system.global_step == told
    assert all(np.isfinite(value).all() for value in everything(model))


@pytest.mark.gpu
@pytest.mark.filterwarnings("ignore:Synchronization debug mode:UserWarning")
def test_a_step_on_a_gpu_does_not_wait():
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    model = model_of("torch")
    step = network_of(model).load(TRAIN, {"mse"})
    batch = {key: torch.as_tensor(value).cuda() for key, value in good_batch().items()}
    step(batch)
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(3):
            step(batch)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    step({key: value * float("nan") for key, value in batch.items()})
    with pytest.raises(NonFiniteError):
        step.settle()
    assert all(np.isfinite(value).all() for value in everything(model))
