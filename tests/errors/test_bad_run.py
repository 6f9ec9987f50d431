"""Arguments of Estimator, Network, build, traces and schedules that cannot work: named, and before the first step."""

import pytest

import fastestimator_lite as fe
from fastestimator_lite.op.numpyop import Delete
from fastestimator_lite.op.numpyop import LambdaOp as NumpyLambda
from fastestimator_lite.op.tensorop import LambdaOp
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp
from fastestimator_lite.schedule import EpochScheduler, RepeatScheduler
from fastestimator_lite.slicer import AxisSlicer
from fastestimator_lite.trace import Trace
from fastestimator_lite.trace.io import BestModelSaver, ModelSaver
from fastestimator_lite.trace.metric import Accuracy
from fastestimator_lite.util.errors import ConfigError, MissingKeyError

NO_COUNTS = [0, -2, 2.5, "2", True]


# ---- numbers


@pytest.mark.parametrize("bad", NO_COUNTS)
@pytest.mark.parametrize("argument", ["epochs", "train_steps_per_epoch", "eval_steps_per_epoch"])
def test_numbers_of_epochs_and_steps_that_are_none(run, refused, argument, bad):
    with refused(ConfigError, f"Estimator({argument}) must be an int >= 1", f"got {bad!r} ({type(bad).__name__})"):
        run.estimator(**{argument: bad})


@pytest.mark.parametrize("bad", [1.5, -1, "100", True])
def test_log_steps_that_is_no_number_of_steps(run, refused, bad):
    with refused(ConfigError, "log_steps must be an int >= 0", "None (no log)", f"got {bad!r}"):
        run.estimator(log_steps=bad)


def test_pipeline_and_network_that_are_none(run, refused):
    with refused(ConfigError, "Estimator(pipeline) must be a fe.Pipeline(...), got TorchNetwork"):
        fe.Estimator(run.network(), run.pipeline(), epochs=1)
    with refused(ConfigError, "Estimator(network) must be a fe.Network(...), got list"):
        fe.Estimator(run.pipeline(), [], epochs=1)
    with refused(ConfigError, "trace #1 of the Estimator must be a Trace, got int: 3 (from epoch 500 on)"):
        run.estimator(traces=[Trace(), EpochScheduler({1: Trace(), 500: 3})])


# ---- keys


def test_a_model_that_reads_a_misspelt_key(run_in):
    run_in.refuses(
        MissingKeyError,
        "op #0 ModelOp of the Network needs key 'xs' (mode 'train')",
        "'x' (from the Pipeline), 'y' (from the Pipeline)",
        "Did you mean 'x'?",
        network=run_in.network(inputs="xs"),
    )


def test_a_loss_that_reads_a_misspelt_key(run_in):
    run_in.refuses(
        MissingKeyError,
        "op #1 MeanSquaredError of the Network needs key 'yy'",
        "'pred' (from op #0 ModelOp)",
        "Did you mean 'y'?",
        network=run_in.network(truth="yy"),
    )


def test_an_update_of_a_misspelt_loss(run_in):
    run_in.refuses(
        MissingKeyError,
        "op #2 UpdateOp(loss_name='mes') of the Network needs key 'mes'",
        "'mse' (from op #1 MeanSquaredError)",
        "Did you mean 'mse'?",
        network=run_in.network(loss="mes"),
    )


def test_a_misspelt_key_in_eval_alone_or_at_a_late_epoch(run_in):
    pipeline = run_in.pipeline(eval_data=run_in.data())
    network = run_in.network(extra=[LambdaOp(lambda x: x, "preds", "out", mode="eval")])
    run_in.refuses(
        MissingKeyError,
        "op #2 LambdaOp of the Network needs key 'preds' (mode 'eval')",
        "Did you mean 'pred'?",
        pipeline=pipeline,
        network=network,
    )
    network = run_in.network(extra=[EpochScheduler({500: LambdaOp(lambda x: x, "preds", "out")})])
    run_in.refuses(MissingKeyError, "op #2 LambdaOp of the Network needs key 'preds'", network=network, epochs=600)


def test_misspelt_monitor_names(run):
    run.refuses(
        MissingKeyError,
        "monitor_names",
        "'mes'",
        "mode 'train', epoch 1",
        "'mse', 'pred', 'x', 'y'",
        "Did you mean 'mse'?",
        monitor_names="mes",
    )


def test_a_metric_that_reads_a_misspelt_key(run):
    pipeline = run.pipeline(eval_data=run.data())
    run.refuses(
        MissingKeyError,
        "trace Accuracy needs key 'yy' (mode 'eval', epoch 1)",
        "'mse', 'pred', 'x', 'y'",
        "Did you mean 'y'?",
        pipeline=pipeline,
        traces=[Accuracy("yy", "pred")],
    )


def test_saving_the_best_by_a_misspelt_metric(run, tmp_path):
    model = run.model()
    saver = BestModelSaver(model, str(tmp_path), metric="acuracy")
    run.refuses(
        MissingKeyError,
        "trace BestModelSaver needs key 'acuracy' (mode 'eval', epoch 1)",
        "Did you mean 'accuracy'?",
        pipeline=run.pipeline(eval_data=run.data()),
        network=run.network(model=model),
        traces=[saver, Accuracy("y", "pred")],
    )


def test_keys_that_are_none(refused):
    with refused(ConfigError, "Delete: a key must be a non-empty string without ':', ';' or '|'", "got 'x;y'"):
        Delete("x;y")
    with refused(ConfigError, "Trace: a key must be", "got 3"):
        Trace(inputs=["x", 3])


# ---- modes and data sets


@pytest.mark.parametrize(
    ("mode", "meant"), [("trian", "train"), ("!evl", "eval"), (["train", "tset"], "test"), ("Infer", "infer")]
)
def test_misspelt_modes(refused, mode, meant):
    for kind in (lambda: Delete("x", mode=mode), lambda: LambdaOp(lambda x: x, mode=mode), lambda: Trace(mode=mode)):
        with refused(ConfigError, "'train', 'eval', 'test', 'infer'", f"Did you mean '{meant}'?") as caught:
            kind()
        word = mode[-1] if isinstance(mode, list) else mode
        assert str(caught.value).startswith(("Delete: ", "LambdaOp: ", "Trace: "))
        assert f"mode={word!r} is not known" in str(caught.value)


def test_misspelt_modes_of_calls(run_in, refused):
    pipeline, network = run_in.pipeline(), run_in.network()
    with refused(ConfigError, "Pipeline.transform: mode='trian' is not known", "Did you mean 'train'?"):
        pipeline.transform({}, "trian")
    with refused(ConfigError, "Network.transform: mode='trian' is not known", "Did you mean 'train'?"):
        network.transform({}, "trian")
    with refused(ConfigError, "no trian data", "Did you mean 'train'?"):
        pipeline.get_results(mode="trian")


def test_modes_with_and_without_a_mark(refused):
    with refused(ConfigError, "Delete: mode=['!eval', 'train']: plain and '!' words cannot be mixed"):
        Delete("x", mode=["train", "!eval"])


def test_network_ops_and_traces_for_data_that_does_not_exist(run, refused):
    pipeline = run.pipeline(train_data={"day": run.data(), "night": run.data()})
    end = "ds_id 'nigth' is not one of the data sets ('day', 'night'). Did you mean 'night'?"
    with refused(ConfigError, f"op #2 LambdaOp of the Network can never run: {end}"):
        run.estimator(pipeline, run.network(extra=[LambdaOp(lambda x: x, "x", "x", ds_id="nigth")]))
    with refused(ConfigError, f"op #2 LambdaOp of the Network can never run: {end}"):
        run.estimator(
            pipeline, run.network(extra=[EpochScheduler({9: LambdaOp(lambda x: x, "x", "x", ds_id="nigth")})])
        )
    with refused(ConfigError, f"op #0 Delete of the Network's pops can never run: {end}"):
        run.estimator(pipeline, run.network(pops=Delete("x", ds_id="nigth")))
    with refused(ConfigError, f"slicer #1 AxisSlicer of the Network can never run: {end}"):
        run.estimator(pipeline, run.network(slicers=[AxisSlicer(0, "x"), AxisSlicer(0, "y", ds_id="nigth")]))
    with refused(ConfigError, f"trace #1 Trace of the Estimator can never run: {end}"):
        run.estimator(pipeline, traces=[Trace(), Trace(ds_id="nigth")])
    with refused(ConfigError, f"trace #0 Trace of the Estimator excludes nothing: {end}"):
        run.estimator(pipeline, traces=Trace(ds_id="!nigth"))


# ---- models and optimizers


@pytest.mark.parametrize(
    ("word", "meant"), [("adan", "adam"), ("Adam", "adam"), ("SGD", "sgd"), ("rmsprob", "rmsprop")]
)
def test_misspelt_optimizers(run_in, refused, word, meant):
    with refused(
        ConfigError,
        f"no optimizer {word!r} (model 'small')",
        "adadelta, adagrad, adam, adamax, rmsprop, sgd",
        f"Did you mean {meant!r}?",
    ):
        run_in.model(word, name="small")


def test_optimizers_that_are_none(run_in, refused):
    with refused(ConfigError, "optimizer_fn (model 'small') must be a name, a function or a Scheduler", "got 3"):
        run_in.model(3, name="small")
    with refused(ConfigError, "optimizer_fn of model 'small' returned int", "optim"):
        run_in.model(lambda *parameters: 3, name="small")


@pytest.mark.parametrize("rate", [-1.0, -0.5])
def test_a_negative_learning_rate(run_in, refused, rate):
    with refused(ConfigError, "build: ", "model 'small'", "learning rate", str(rate)):
        run_in.model(run_in.sgd(rate), name="small")
    with refused(ConfigError, "model 'small'", "learning rate", str(rate), "(from epoch 500 on)"):
        run_in.model(EpochScheduler({1: "adam", 500: run_in.sgd(rate)}), name="small")


def test_scheduled_optimizers_that_are_none_name_their_epoch(run_in, refused):
    with refused(ConfigError, "no optimizer 'adan'", "Did you mean 'adam'? (from epoch 500 on)"):
        run_in.model(EpochScheduler({1: "adam", 500: "adan"}))
    with refused(
        ConfigError, "must be a name, a function or a Scheduler", "got 5 (at epoch 2 and every 2 epochs after it)"
    ):
        run_in.model(RepeatScheduler(["adam", 5]))
    with refused(ConfigError, "the optimizer schedule of model 'small' holds no optimizer"):
        run_in.model(EpochScheduler({}), name="small")


def test_a_model_that_trains_before_its_optimizer_comes(run_in):
    network = run_in.network(model=run_in.model(EpochScheduler({2: "adam"}), name="small"))
    run_in.refuses(ConfigError, "the model 'small' is trained at epoch 1", "from epoch 1 on", network=network, epochs=3)


def test_two_models_with_one_name(run_in, refused):
    one, other = run_in.model(name="twin"), run_in.model(name="twin")
    with refused(ConfigError, "two models", "'twin'", "model_name"):
        fe.Network([ModelOp(one, "x", "a"), ModelOp(other, "x", "b")])
    with refused(ConfigError, "build", "a name of its own", "['twin', 'twin']"):
        fe.build(lambda: [one, other], ["sgd", "sgd"], model_name=["twin", "twin"])


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "a\\b", "a\nb"])
def test_names_that_lead_out_of_the_folder(run, refused, name, tmp_path):
    with refused(ConfigError, f"build: model_name {name!r} cannot be a file name", "letters, digits"):
        run.model(name=name)
    if name:
        with refused(ConfigError, f"{name!r} cannot be a file name"):
            ModelSaver(run.model(), str(tmp_path), weights_name=name)


def test_things_that_are_no_op_of_a_network(run, refused):
    with refused(
        ConfigError,
        "op #1 of the Network must be a TensorOp, got LambdaOp",
        "NumpyOps belong in the Pipeline or in pops",
    ):
        fe.Network([LambdaOp(lambda x: x, "x", "x"), NumpyLambda(lambda x: x, "x", "x")])
    with refused(ConfigError, "op #0 of the Network must be a TensorOp, got Delete", "(from epoch 500 on)"):
        fe.Network([EpochScheduler({1: LambdaOp(lambda x: x, "x", "x"), 500: Delete("x")})])


@pytest.mark.parametrize(
    ("fn", "outputs", "came"),
    [(lambda x: (x, x), ["x", "a", "b"], "2 values"), (lambda x: None, "x", "None"), (lambda x: None, ["x"], "None")],
)
def test_a_network_op_that_returns_another_number_of_values(run_in, fn, outputs, came):
    shown = [outputs] if isinstance(outputs, str) else outputs
    network = run_in.network(extra=[LambdaOp(fn, "x", outputs)])
    run_in.refuses(
        ConfigError,
        f"op #2 LambdaOp of the Network returned {came} for its outputs {shown} (mode 'train')",
        network=network,
        warmup=[True],
    )


def test_an_update_of_a_model_without_optimizer(run_in, refused):
    with refused(ConfigError, "UpdateOp: the model 'still' has no optimizer", "optimizer_fn"):
        UpdateOp(run_in.model(None, name="still"), "mse")


# ---- schedules


def test_epochs_of_a_schedule_that_are_none(refused):
    with refused(ConfigError, "EpochScheduler: epochs start at 1, got key 0"):
        EpochScheduler({0: 8})
    with refused(ConfigError, "EpochScheduler: an epoch must be an int, got True (bool)"):
        EpochScheduler({True: 8})
    with refused(ConfigError, "EpochScheduler: an epoch must be an int, got 1.5 (float)"):
        EpochScheduler({1.5: 8})
    with refused(ConfigError, "EpochScheduler(epoch_dict) must be a dict {epoch: value}, got [8]"):
        EpochScheduler([8])
    with refused(ConfigError, "RepeatScheduler needs at least 2 values", "got [8]"):
        RepeatScheduler([8])


# ---- files


@pytest.mark.parametrize("bad", [0, "1", -1, True, 1.5])
def test_how_often_to_save_must_be_a_number(run, refused, bad, tmp_path):
    model = run.model()
    with refused(ConfigError, "ModelSaver(frequency) must be an int >= 1", f"got {bad!r} ({type(bad).__name__})"):
        ModelSaver(model, str(tmp_path), frequency=bad)


@pytest.mark.parametrize("kind", [ModelSaver, BestModelSaver])
def test_a_folder_that_is_a_file(run, kind, tmp_path):
    file = tmp_path / "file"
    file.write_text("mine")
    for folder, reason in ((file, "it is a file"), (file / "inner", "NotADirectoryError")):
        model = run.model()
        run.refuses(
            ConfigError,
            f"{kind.__name__}(save_dir) must be a folder that can be written to",
            repr(str(folder)),
            reason,
            pipeline=run.pipeline(eval_data=run.data()),
            network=run.network(model=model),
            traces=[kind(model, str(folder))],
        )
    assert file.read_text() == "mine"


def test_a_folder_that_cannot_be_written_to(run, tmp_path, monkeypatch):
    def refuse(**kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)  # a mode of the folder would not stop root
    model = run.model()
    run.refuses(
        ConfigError,
        "ModelSaver(save_dir) must be a folder that can be written to",
        repr(str(tmp_path)),
        "Permission denied",
        network=run.network(model=model),
        traces=[ModelSaver(model, str(tmp_path))],
    )
