"""Data, batch sizes and ops that cannot work in a Pipeline: what is said about them, and that it is said in time."""

import logging

import numpy as np
import pytest

import fastestimator_lite as fe
from fastestimator_lite.component import When
from fastestimator_lite.dataset import NumpyDataset
from fastestimator_lite.op.numpyop import Batch, Delete, LambdaOp, NumpyOp, RemoveIf
from fastestimator_lite.op.numpyop.univariate import ReadImage
from fastestimator_lite.schedule import EpochScheduler, RepeatScheduler
from fastestimator_lite.util.errors import ConfigError, DataError, MissingKeyError, SampleError


class Rows:
    """A data set of samples made by a function of the index."""

    def __init__(self, length, sample, root_dir=None):
        self.length, self.sample = length, sample
        if root_dir is not None:
            self.root_dir = root_dir

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        return self.sample(index)


def ones(*shape):
    return np.ones(shape, np.float32)


EMPTY = Rows(0, lambda index: {}, root_dir="/data/cats")


# ---- data that is not there, or is none


@pytest.mark.parametrize("mode", ["train", "eval", "test"])
def test_data_without_samples(refused, mode):
    with refused(ConfigError, f"{mode}_data has 0 samples", "Rows", "root_dir '/data/cats'", "at least one"):
        fe.Pipeline(**{f"{mode}_data": EMPTY})


def test_named_and_scheduled_data_without_samples(run, refused):
    with refused(ConfigError, "train_data['night'] has 0 samples"):
        fe.Pipeline(train_data={"day": run.data(), "night": EMPTY})
    with refused(ConfigError, "train_data['night'] (from epoch 7 on) has 0 samples"):
        fe.Pipeline(train_data={"night": EpochScheduler({1: run.data(), 7: EMPTY})})


def test_no_data_at_all(run):
    run.refuses(ConfigError, "no train data", "nothing to do", "train_data", pipeline=fe.Pipeline())
    run.refuses(ConfigError, "no train data", "nothing to do", pipeline=fe.Pipeline(eval_data=run.data()))


def test_train_data_that_comes_after_the_last_epoch(run):
    for late in ({5: run.data()}, {}):
        pipeline = run.pipeline(train_data=EpochScheduler(late))
        run.refuses(
            ConfigError, "train data is empty in all of the 3 epochs", "from epoch 1", pipeline=pipeline, epochs=3
        )


def test_no_data_to_test_on(run, refused):
    estimator = run.estimator()
    with refused(ConfigError, "no test data", "test_data"):
        estimator.test()


def test_a_sample_that_is_a_tuple(run):
    pipeline = run.pipeline(train_data=Rows(4, lambda index: (ones(2), 1)))
    run.refuses(
        ConfigError,
        "sample 0 of the train data (Rows) is a tuple",
        "must be a dict",
        "{'x': image, 'y': label}",
        pipeline=pipeline,
    )


def test_a_sample_whose_keys_are_numbers(run):
    pipeline = run.pipeline(train_data=Rows(4, lambda index: {0: ones(2)}))
    run.refuses(ConfigError, "sample 0 of the train data (Rows) is a dict with keys [0]", pipeline=pipeline)


def test_a_data_loader_that_yields_lists(run):
    torch = pytest.importorskip("torch")
    loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(torch.ones(4, 2), torch.ones(4, 1)), batch_size=2
    )
    run.refuses(
        ConfigError, "a batch of the train data (DataLoader) is a list", "must be a dict", pipeline=fe.Pipeline(loader)
    )


def test_a_data_loader_of_unknown_length_that_yields_nothing(run):
    torch = pytest.importorskip("torch")

    class Nothing(torch.utils.data.IterableDataset):
        def __iter__(self):
            return iter(())

    run.refuses(
        DataError,
        "the train data (DataLoader) gave no batch",
        pipeline=fe.Pipeline(torch.utils.data.DataLoader(Nothing())),
    )


@pytest.mark.parametrize("bad", [(1, 2), [1, 2], "folder", 3])
def test_data_that_is_no_data_set(refused, bad):
    with refused(ConfigError, "train_data must be a data set", f"got {type(bad).__name__}", repr(bad), "NumpyDataset"):
        fe.Pipeline(train_data=bad)


def test_an_array_as_data(refused):
    with refused(ConfigError, "train_data must be a data set", "got ndarray", "NumpyDataset"):
        fe.Pipeline(train_data=ones(4, 2))


def test_scheduled_data_of_the_wrong_type_names_its_epoch(run, refused):
    with refused(ConfigError, "train_data (from epoch 500 on) must be a data set", "list"):
        fe.Pipeline(train_data=EpochScheduler({1: run.data(), 500: [1, 2]}))


def test_arrays_of_unequal_length(refused):
    with refused(ConfigError, "equal length", "'x': 4", "'y': 5"):
        NumpyDataset({"x": ones(4), "y": ones(5)})


# ---- samples that form no batch


@pytest.mark.parametrize(
    "data",
    [
        Rows(4, lambda index: {"x": None if index == 2 else ones(2), "y": ones(1)}),
        Rows(4, lambda index: {"x": None if index == 2 else "text", "y": ones(1)}),
        Rows(4, lambda index: {"x": None if index == 2 else {"inner": 1}, "y": ones(1)}),
    ],
)
def test_a_value_that_is_none(run, data):
    run.refuses(
        DataError,
        "key 'x' of sample 2 is None",
        "RemoveIf",
        "data set Rows",
        "mode 'train', epoch 1",
        warmup=[True],
        pipeline=run.pipeline(train_data=data, batch_size=4),
    )


def test_ragged_samples_without_padding(run):
    data = Rows(40, lambda index: {"x": ones(5 if index == 37 else 4), "y": ones(1)})
    run.refuses(
        SampleError,
        "key 'x' of sample 37 has shape (5,)",
        "others of its batch have (4,)",
        "pad_value",
        "data set Rows",
        pipeline=run.pipeline(train_data=data, batch_size=40),
        warmup=[True],
    )


def test_an_op_that_makes_ragged_samples_is_named(run):
    pipeline = run.pipeline(
        train_data=Rows(4, lambda index: {"x": ones(2), "i": index, "y": ones(1)}),
        batch_size=4,
        ops=[Delete("y"), LambdaOp(lambda x, i: x[:1] if i == 3 else x, ["x", "i"], "x")],
    )
    said = r"key 'x' of sample 3 has shape \(1,\).* \(written by op #1 LambdaOp of the Pipeline; mode 'train', epoch 1"
    with pytest.raises(SampleError, match=said):
        next(iter(pipeline.load(When("train", 1, ""))))


class Forgetful(NumpyOp):
    def forward(self, data, state):
        data + 1  # and nothing is returned


@pytest.mark.parametrize("outputs", ["x", ["x"]])
@pytest.mark.parametrize(
    "data", [Rows(4, lambda index: {"x": ones(2), "y": ones(1)}), NumpyDataset({"x": ones(4, 2), "y": ones(4, 1)})]
)
def test_an_op_that_forgets_to_return(run, data, outputs):
    pipeline = run.pipeline(train_data=data, ops=[LambdaOp(lambda y: y, "y", "y"), Forgetful("x", outputs)])
    run.refuses(
        SampleError,
        "op #1 Forgetful",
        "returned None for its output 'x' on sample ",
        "mode 'train', epoch 1",
        pipeline=pipeline,
        warmup=[True],
    )


@pytest.mark.parametrize("outputs", ["x", ["x"]])
def test_an_op_on_batches_that_forgets_to_return(run, outputs):
    pipeline = run.pipeline(ops=[Batch(), Forgetful("x", outputs)])
    run.refuses(
        SampleError,
        "op #1 Forgetful",
        "batch of samples",
        "returned None for its outputs ['x']",
        pipeline=pipeline,
        warmup=[True],
    )


def test_none_that_a_later_op_filters_is_no_error(run):
    """An op may say None for "could not", and RemoveIf drop such samples."""
    pipeline = fe.Pipeline(
        eval_data=NumpyDataset({"y": np.arange(4)}),
        batch_size=4,
        num_process=0,
        ops=[LambdaOp(lambda y: None if y == 2 else y, "y", "y"), RemoveIf(lambda y: y is None, inputs="y")],
    )
    assert next(iter(pipeline.load(When("eval", 1, ""))))["y"].tolist() == [0, 1, 3]


@pytest.mark.parametrize(
    ("before", "fn", "came"),
    [
        ([], lambda x: (x, x), "2 values"),
        ([], lambda x: [x] * 4, "4 values"),
        ([], lambda x: 7, "one int"),
        ([Batch()], lambda x: (x, x), "2 values"),
        ([Batch()], lambda x: [x] * 4, "4 values"),
    ],
)
def test_an_op_that_returns_another_number_of_values(run, before, fn, came):
    pipeline = run.pipeline(ops=[*before, LambdaOp(fn, "x", ["x", "a", "b"])])
    run.refuses(
        SampleError,
        f"op #{len(before)} LambdaOp",
        f"returned {came} for 3 outputs ['x', 'a', 'b']",
        pipeline=pipeline,
        warmup=[True],
    )


@pytest.mark.parametrize("workers", [0, 1])
def test_an_op_that_raises_at_sample_37(workers):
    def fail(x, i):
        if i == 37:
            raise OSError("no /mnt/cats/37.png")
        return x

    pipeline = fe.Pipeline(
        eval_data=NumpyDataset({"x": ones(40, 2), "i": np.arange(40)}),
        batch_size=8,
        num_process=workers,
        ops=[LambdaOp(lambda x: x, "x", "x"), LambdaOp(fail, ["x", "i"], "x")],
    )
    with pytest.raises(SampleError) as caught:
        list(pipeline.load(When("eval", 1, "")))
    pipeline.close()
    for part in (
        "op #1 LambdaOp",
        "sample 37",
        "mode 'eval', epoch 1",
        "OSError: no /mnt/cats/37.png",
        "x float32 (2,)",
        "i ",
    ):
        assert part in str(caught.value)
    if not workers:
        assert isinstance(caught.value.__cause__, OSError)


def test_an_image_that_is_missing_or_none(run, tmp_path):
    (tmp_path / "text.png").write_text("hello, I am text")
    for name, said in (("gone.png", "does not exist"), ("text.png", "16 bytes, starting with b'hello, I am text'")):
        data = NumpyDataset({"x": [name] * 4, "y": ones(4, 1)})
        pipeline = run.pipeline(train_data=data, ops=[ReadImage("x", "x", parent_path=str(tmp_path))])
        run.refuses(
            SampleError, "op #0 ReadImage", "sample ", str(tmp_path / name), said, pipeline=pipeline, warmup=[True]
        )


# ---- filters that leave nothing


@pytest.mark.timeout(20)
@pytest.mark.parametrize("replacement", [True, False])
def test_a_filter_that_removes_every_sample(run, replacement):
    seen = []
    pipeline = run.pipeline(
        train_data=run.data(64),
        batch_size=8,
        ops=[
            LambdaOp(lambda x: x, "x", "x"),
            Delete([]),
            RemoveIf(lambda x: seen.append(1) or True, inputs="x", replacement=replacement),
        ],
    )
    run.refuses(
        DataError,
        "op #2 RemoveIf of the Pipeline filtered",
        "64",
        "train data",
        "nothing is left",
        pipeline=pipeline,
        warmup=[True],
    )
    assert 64 <= len(seen) <= 3 * 64


@pytest.mark.timeout(20)
@pytest.mark.parametrize("replacement", [True, False])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_filter_that_removes_every_sample_of_an_untried_run(run, replacement, workers):
    pipeline = run.pipeline(ops=[RemoveIf(lambda x: True, inputs="x", replacement=replacement)], num_process=workers)
    estimator = run.estimator(pipeline)
    with pytest.raises(DataError, match="op #0 RemoveIf of the Pipeline filtered"):
        estimator.fit(warmup=False)
    assert estimator.system.global_step == 0


# ---- batch sizes


@pytest.mark.parametrize(
    ("size", "got"),
    [
        (0, "got 0"),
        (-3, "got -3"),
        (8.0, "got 8.0 (float)"),
        ("8", "got '8' (str)"),
        (True, "got True (bool)"),
        ([8], "got [8] (list)"),
    ],
)
def test_batch_sizes_that_are_none(refused, size, got):
    with refused(ConfigError, "batch_size must be an int >= 1", got):
        fe.Pipeline(batch_size=size)
    with refused(ConfigError, "batch_size['eval'] must be an int >= 1", got):
        fe.Pipeline(batch_size={"train": 4, "eval": size})
    with refused(ConfigError, "Batch(batch_size) must be an int >= 1", got):
        Batch(batch_size=size)


def test_scheduled_batch_sizes_that_are_none_name_their_epoch(refused):
    late = EpochScheduler({1: 8, 500: "8"})
    with refused(ConfigError, "batch_size (from epoch 500 on) must be an int >= 1", "'8' (str)"):
        fe.Pipeline(batch_size=late)
    with refused(ConfigError, "batch_size['train'] (from epoch 500 on)"):
        fe.Pipeline(batch_size={"train": late})
    with refused(ConfigError, "Batch(batch_size) (from epoch 500 on)"):
        Batch(batch_size=late)
    with refused(ConfigError, "batch_size (at epoch 2 and every 3 epochs after it) must be an int >= 1", "got 0"):
        fe.Pipeline(batch_size=RepeatScheduler([8, 0, 4]))


def test_batch_size_for_a_misspelt_mode(refused):
    with refused(ConfigError, "batch_size: 'trian' is no mode", "Did you mean 'train'?"):
        fe.Pipeline(batch_size={"trian": 4})


@pytest.mark.parametrize(
    ("sizes", "epoch", "shown"),
    [
        (EpochScheduler({2: 8}), 1, "EpochScheduler({2: 8})"),
        (EpochScheduler({}), 1, "EpochScheduler({})"),
        (EpochScheduler({1: 8, 3: None}), 3, "EpochScheduler({1: 8, 3: None})"),
        (RepeatScheduler([4, None]), 2, "RepeatScheduler([4, None])"),
    ],
)
def test_epochs_without_a_batch_size(run, sizes, epoch, shown):
    said = f"batch_size has no value for epoch {epoch} (mode 'train'), it is {shown}"
    run.refuses(ConfigError, said, "from epoch 1 on", pipeline=run.pipeline(batch_size=sizes), epochs=4)
    run.refuses(ConfigError, said, pipeline=run.pipeline(batch_size={"train": sizes, "eval": 4}), epochs=4)
    run.refuses(ConfigError, said, pipeline=run.pipeline(batch_size=None, ops=[Batch(batch_size=sizes)]), epochs=4)


def test_drop_last_of_more_than_there_is(run):
    run.refuses(
        ConfigError,
        "Batch(drop_last=True)",
        "batch_size 8",
        "0 batches",
        "5 samples",
        "train data",
        pipeline=run.pipeline(train_data=run.data(5), batch_size=8, ops=[Batch(drop_last=True)]),
    )


# ---- worker processes


@pytest.mark.parametrize("bad", [-1, 1.5, "2", True])
def test_num_process_that_is_none(refused, bad):
    with refused(ConfigError, "num_process must be an int >= 0", f"got {bad!r}"):
        fe.Pipeline(num_process=bad)


def test_num_process_far_above_the_processors_is_capped(run, monkeypatch, caplog):
    monkeypatch.setattr("fastestimator_lite.pipeline.verify.cpu_count", lambda: 1)
    with caplog.at_level(logging.WARNING, "fastestimator_lite"):
        pipeline = run.pipeline(train_data=NumpyDataset({"y": np.arange(8)}), num_process=64)
    assert [record.getMessage() for record in caplog.records] == [
        "FastEstimator-Warn: num_process=64 is far more than the 1 processors this process may use; 4 will be started"
    ]
    drawn = [value for batch in pipeline.load(When("train", 1, "")) for value in batch["y"].tolist()]
    started = len(pipeline._pool._processes)
    pipeline.close()
    assert sorted(drawn) == list(range(8))
    assert started == 4


# ---- ops


def test_an_op_that_reads_a_misspelt_key(run):
    pipeline = run.pipeline(
        train_data=NumpyDataset({"image": ones(4, 2), "label": ones(4, 1)}),
        ops=[LambdaOp(lambda x: x, "label", "y"), LambdaOp(lambda x: x, "iamge", "x")],
    )
    run.refuses(
        MissingKeyError,
        "op #1 LambdaOp of the Pipeline needs key 'iamge'",
        "mode 'train'",
        "'image', 'label', 'y'",
        "Did you mean 'image'?",
        pipeline=pipeline,
    )


def test_a_key_that_an_earlier_op_deleted(run):
    run.refuses(
        MissingKeyError,
        "op #1 LambdaOp of the Pipeline needs key 'x'",
        "there are: 'y'",
        pipeline=run.pipeline(ops=[Delete("x"), LambdaOp(lambda x: x, "x", "x")]),
    )


def test_a_misspelt_key_at_a_late_epoch_or_for_one_data_set(run):
    late = run.pipeline(ops=[EpochScheduler({500: LambdaOp(lambda x: x, "xx", "x")})])
    run.refuses(MissingKeyError, "op #0 LambdaOp of the Pipeline needs key 'xx'", pipeline=late, epochs=600)
    one = run.pipeline(
        train_data={"day": run.data(), "night": run.data()}, ops=[LambdaOp(lambda x: x, "xx", "x", ds_id="night")]
    )
    run.refuses(MissingKeyError, "needs key 'xx' (mode 'train', ds_id 'night')", pipeline=one)


def test_things_that_are_no_op_of_a_pipeline(refused):
    from fastestimator_lite.op.tensorop import LambdaOp as TensorLambda

    with refused(
        ConfigError, "op #1 of the Pipeline must be a NumpyOp, got LambdaOp", "TensorOps belong in the Network"
    ):
        fe.Pipeline(ops=[Delete("x"), TensorLambda(lambda x: x, "x", "x")])
    with refused(ConfigError, "op #0 of the Pipeline must be a NumpyOp, got str: 'Minmax' (from epoch 500 on)"):
        fe.Pipeline(ops=[EpochScheduler({1: Delete("x"), 500: "Minmax"})])


def test_an_op_for_data_that_does_not_exist(run, refused):
    for op in (Delete("x", ds_id="nigth"), EpochScheduler({3: Delete("x", ds_id="nigth")})):
        with refused(
            ConfigError,
            "op #1 Delete of the Pipeline can never run",
            "ds_id 'nigth'",
            "'day', 'night'",
            "Did you mean 'night'?",
        ):
            run.pipeline(train_data={"day": run.data(), "night": run.data()}, ops=[Batch(), op])
    with refused(ConfigError, "op #0 Delete of the Pipeline can never run", "ds_id 'day'", "none is named"):
        run.pipeline(ops=Delete("x", ds_id="day"))
