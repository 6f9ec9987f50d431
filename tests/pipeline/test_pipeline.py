"""Batches for every mode, epoch and data set, the same for any number of workers."""

import hashlib

import numpy as np
import pytest

from fastestimator_lite.component import When
from fastestimator_lite.dataset import NumpyDataset
from fastestimator_lite.op.numpyop import Batch, Delete, LambdaOp, NumpyOp, RandomOp, RemoveIf
from fastestimator_lite.pipeline import Pipeline
from fastestimator_lite.schedule import EpochScheduler, RepeatScheduler
from fastestimator_lite.util.errors import ConfigError, DataError, MissingKeyError, SampleError, WorkerDied


class Rows:
    """A data set by index that is not columnar."""

    def __init__(self, count, width=3):
        self.samples = [{"x": np.full(width, i, np.float32), "y": i} for i in range(count)]

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        return self.samples[index]


class Noise(RandomOp):
    def forward(self, data, state):
        return data + self.rng.standard_normal(data.shape).astype(np.float32)


class Double(NumpyOp):
    vectorized = True
    draws = False

    def forward(self, data, state):
        return data * 2

    forward_batch = forward


def columns(count, width=3):
    return NumpyDataset({"x": np.repeat(np.arange(count, dtype=np.float32)[:, None], width, 1), "y": np.arange(count)})


def batches(pipeline, mode="train", epoch=1, ds_id="", wanted=None, steps=None, shuffle=None):
    found = list(pipeline.load(When(mode, epoch, ds_id), wanted, steps, shuffle))
    return [{key: np.array(value) for key, value in batch.items()} for batch in found]


def digest(found):
    sha = hashlib.sha256()
    for batch in found:
        for key in sorted(batch):
            sha.update(
                key.encode()
                + str((batch[key].dtype, batch[key].shape)).encode()
                + np.ascontiguousarray(batch[key]).tobytes()
            )
    return sha.hexdigest()


@pytest.mark.parametrize("source", [columns, Rows])
def test_an_epoch_has_each_sample_once(source):
    pipeline = Pipeline(train_data=source(23), eval_data=source(11), batch_size=5, num_process=0)
    train = batches(pipeline)
    assert [len(batch["y"]) for batch in train] == [5, 5, 5, 5, 3]
    seen = np.concatenate([batch["y"] for batch in train])
    assert sorted(seen) == list(range(23))
    assert seen.tolist() != list(range(23))
    assert np.concatenate([batch["y"] for batch in batches(pipeline, "eval")]).tolist() == list(range(11))
    np.testing.assert_array_equal(np.concatenate([batch["x"][:, 0] for batch in train]), seen)


@pytest.mark.parametrize("drop_last", [True, False])
@pytest.mark.parametrize("workers", [0, 2])
def test_drop_last_leaves_the_small_batch_out(drop_last, workers):
    pipeline = Pipeline(train_data=columns(23), batch_size=5, ops=[Batch(drop_last=drop_last)], num_process=workers)
    assert [len(batch["y"]) for batch in batches(pipeline)] == [5, 5, 5, 5] + [3] * (not drop_last)
    pipeline.close()


def test_each_epoch_has_an_order_of_its_own_and_repeats_it():
    pipeline = Pipeline(train_data=columns(50), batch_size=50, num_process=0)
    first, second = batches(pipeline, epoch=1)[0]["y"], batches(pipeline, epoch=2)[0]["y"]
    assert first.tolist() != second.tolist()
    assert batches(pipeline, epoch=1)[0]["y"].tolist() == first.tolist()


def test_more_steps_go_round_again_reshuffled():
    pipeline = Pipeline(train_data=columns(6), batch_size=4, num_process=0)
    drawn = np.concatenate([batch["y"] for batch in batches(pipeline, steps=3)])
    assert len(drawn) == 12
    assert sorted(drawn[:6]) == sorted(drawn[6:]) == list(range(6))
    assert drawn[:6].tolist() != drawn[6:].tolist()


def test_fewer_steps_cut():
    pipeline = Pipeline(train_data=columns(60), batch_size=4, num_process=0)
    assert [len(batch["y"]) for batch in batches(pipeline, steps=2)] == [4, 4]


def test_the_mode_decides_about_shuffling_and_shuffle_overrides():
    pipeline = Pipeline(train_data=columns(40), test_data=columns(40), batch_size=40, num_process=0)
    assert batches(pipeline, "test")[0]["y"].tolist() == list(range(40))
    assert batches(pipeline, "train", shuffle=False)[0]["y"].tolist() == list(range(40))
    assert batches(pipeline, "test", shuffle=True)[0]["y"].tolist() != list(range(40))


@pytest.mark.parametrize("source", [columns, Rows])
@pytest.mark.parametrize("filtered", [False, True])
def test_one_digest_for_any_number_of_workers(source, filtered):
    ops = [Double("x", "x"), Noise("x", "x"), LambdaOp(lambda x: x + np.random.rand(), "x", "x"), Double("x", "x")]
    if filtered:
        ops.insert(1, RemoveIf(lambda y: y % 3 == 0, inputs="y"))
    found = set()
    for workers in (0, 1, 2, 4):
        pipeline = Pipeline(train_data=source(37), batch_size=4, ops=ops, num_process=workers)
        pipeline.load_state_dict({"seed": 11})
        found.add(digest([batch for epoch in (1, 2, 3) for batch in batches(pipeline, epoch=epoch)]))
        pipeline.close()
    assert len(found) == 1


def test_noise_differs_between_samples_epochs_and_draws():
    pipeline = Pipeline(
        train_data=columns(8, 1),
        batch_size=8,
        num_process=0,
        ops=[LambdaOp(lambda x: np.zeros_like(x), "x", "x"), Noise("x", "x")],
    )
    values = [
        value for epoch in (1, 2) for batch in batches(pipeline, epoch=epoch, steps=2) for value in batch["x"].ravel()
    ]
    assert len(set(values)) == 32


def test_noise_does_not_depend_on_other_ops():
    """An op that comes and goes by schedule leaves the draws of the others alone."""

    def make(scheduled):
        pipeline = Pipeline(
            train_data=columns(8), batch_size=8, num_process=0, ops=[EpochScheduler({1: scheduled}), Noise("x", "x")]
        )
        pipeline.load_state_dict({"seed": 5})
        return batches(pipeline)[0]["x"]

    np.testing.assert_array_equal(make(None), make(LambdaOp(lambda y: y, "y", "y")))


def test_whole_batches_equal_row_by_row():
    class RowDouble(Double):
        vectorized = False

    whole = Pipeline(train_data=columns(10), batch_size=4, ops=[Double("x", "x")], num_process=0)
    rows = Pipeline(train_data=columns(10), batch_size=4, ops=[RowDouble("x", "x")], num_process=0)
    for pipeline in (whole, rows):
        pipeline.load_state_dict({"seed": 1})
    assert digest(batches(whole)) == digest(batches(rows))


def test_an_op_that_edits_in_place_leaves_the_data_alone():
    def spoil(x):
        x *= 0
        return x

    for source in (columns(5), Rows(5)):
        pipeline = Pipeline(train_data=source, batch_size=5, ops=[LambdaOp(spoil, "x", "x")], num_process=0)
        assert batches(pipeline)[0]["x"].sum() == 0
        assert source[3]["x"].tolist() == [3, 3, 3]


def test_filtered_samples_are_replaced_in_training_and_left_out_elsewhere():
    data = columns(10)
    pipeline = Pipeline(
        train_data=data, eval_data=data, batch_size=5, num_process=0, ops=[RemoveIf(lambda y: y >= 4, inputs="y")]
    )
    train = batches(pipeline)
    assert [len(batch["y"]) for batch in train] == [5, 5]
    assert max(batch["y"].max() for batch in train) == 3
    assert [batch["y"].tolist() for batch in batches(pipeline, "eval")] == [[0, 1, 2, 3]]


def test_filter_without_replacement_shrinks_the_batch():
    pipeline = Pipeline(
        train_data=columns(10),
        batch_size=10,
        num_process=0,
        ops=[RemoveIf(lambda y: y >= 4, replacement=False, inputs="y")],
    )
    assert sorted(batches(pipeline)[0]["y"]) == [0, 1, 2, 3]


@pytest.mark.parametrize("replacement", [True, False])
def test_filtering_everything_is_an_error_not_a_hang(replacement):
    pipeline = Pipeline(
        train_data=columns(10),
        batch_size=5,
        num_process=0,
        ops=[RemoveIf(lambda y: True, replacement=replacement, inputs="y")],
    )
    with pytest.raises(DataError, match="filtered"):
        batches(pipeline)


def test_ops_after_batch_see_batches():
    seen = []
    pipeline = Pipeline(
        train_data=columns(6),
        batch_size=2,
        num_process=0,
        ops=[Batch(batch_size=3), LambdaOp(lambda x: seen.append(x.shape) or x, "x", "x")],
    )
    pipeline.ops[1].forward_batch = lambda data, state: pipeline.ops[1].forward(data, state)
    batches(pipeline)
    assert seen == [(3, 3), (3, 3)]


def test_default_forward_batch_goes_row_by_row():
    pipeline = Pipeline(
        train_data=columns(6), batch_size=3, num_process=0, ops=[Batch(), LambdaOp(lambda x: x[:1], "x", "x")]
    )
    assert batches(pipeline)[0]["x"].shape == (3, 1)


def test_padding_and_collate_fn_of_batch():
    class Ragged(Rows):
        def __getitem__(self, index):
            return {"x": np.ones(index + 1)}

    padded = Pipeline(eval_data=Ragged(3), batch_size=3, ops=[Batch(pad_value=0)], num_process=0)
    assert batches(padded, "eval")[0]["x"].tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    own = Pipeline(
        eval_data=Ragged(3),
        batch_size=3,
        num_process=0,
        ops=[Batch(collate_fn=lambda rows: {"n": np.array([len(row["x"]) for row in rows])})],
    )
    assert batches(own, "eval")[0]["n"].tolist() == [1, 2, 3]


def test_schedules_of_data_batch_size_and_ops():
    small, large = columns(4), columns(8)
    pipeline = Pipeline(
        train_data=EpochScheduler({1: small, 3: large}),
        batch_size=RepeatScheduler([2, 4]),
        num_process=0,
        ops=[EpochScheduler({1: Double("x", "x"), 2: None})],
    )
    shapes = {epoch: [len(batch["y"]) for batch in batches(pipeline, epoch=epoch)] for epoch in (1, 2, 3, 4)}
    assert shapes == {1: [2, 2], 2: [4], 3: [2, 2, 2, 2], 4: [4, 4]}
    for epoch, factor in ((1, 2), (2, 1)):
        batch = batches(pipeline, epoch=epoch)[0]
        np.testing.assert_array_equal(batch["x"][:, 0], factor * batch["y"])


def test_equal_plans_have_equal_identities():
    pipeline = Pipeline(train_data=columns(8), batch_size=RepeatScheduler([2, 4]), num_process=0)
    plans = [pipeline.plan(When("train", epoch, "")).identity for epoch in (1, 2, 3)]
    assert plans[0] == plans[2] != plans[1]


def test_modes_ids_and_scheduled_items():
    a, b = columns(3), columns(4)
    pipeline = Pipeline(
        train_data={"a": a, "b": EpochScheduler({2: b})}, eval_data=RepeatScheduler([a, None]), num_process=0
    )
    assert pipeline.get_modes() == {"train", "eval"}
    assert pipeline.get_modes(2) == {"train"}
    assert pipeline.get_ds_ids(1, "train") == ["a"]
    assert pipeline.get_ds_ids(2, "train") == ["a", "b"]
    assert pipeline.get_epochs_with_data(5, "eval") == {1, 3, 5}
    assert pipeline.data["eval"][""] in pipeline.get_scheduled_items("eval")


def test_batch_size_by_mode():
    pipeline = Pipeline(train_data=columns(8), eval_data=columns(8), batch_size={"train": 4, "eval": 8}, num_process=0)
    assert [len(batch["y"]) for batch in batches(pipeline)] == [4, 4]
    assert [len(batch["y"]) for batch in batches(pipeline, "eval")] == [8]


def test_only_wanted_keys_come():
    pipeline = Pipeline(train_data=columns(4), batch_size=4, ops=[Double("x", "z")], num_process=0)
    assert set(batches(pipeline, wanted={"z"})[0]) == {"z"}
    assert set(batches(pipeline)[0]) == {"x", "y", "z"}


def test_delete_forgets():
    pipeline = Pipeline(train_data=columns(4), batch_size=4, ops=[Delete("y")], num_process=0)
    assert set(batches(pipeline)[0]) == {"x"}
    assert pipeline.load(When("train", 1, "")).sample_keys() == ["x"]


def test_missing_key_names_op_key_and_suggestion():
    pipeline = Pipeline(train_data=columns(4), batch_size=4, ops=[Double("xx", "x")], num_process=0)
    with pytest.raises(MissingKeyError, match=r"op #0 Double .*needs key 'xx'.*'x', 'y'\. Did you mean 'x'\?"):
        pipeline.load(When("train", 1, "")).sample_keys()


@pytest.mark.parametrize("workers", [0, 2])
def test_a_failing_op_names_itself_and_the_sample(workers):
    def fail(y):
        if y == 7:
            raise RuntimeError("seven")
        return y

    pipeline = Pipeline(
        eval_data=columns(10), batch_size=2, ops=[Double("x", "x"), LambdaOp(fail, "y", "y")], num_process=workers
    )
    with pytest.raises(
        SampleError,
        match=r"op #1 LambdaOp of the Pipeline failed on sample 7 \(mode 'eval', epoch 1\): RuntimeError: "
        r"seven.*x float32 \(3,\)",
    ):
        batches(pipeline, "eval")
    pipeline.close()


def test_a_killed_worker_is_named_with_what_it_did():
    import os
    import signal

    pipeline = Pipeline(
        eval_data=columns(10),
        batch_size=1,
        num_process=1,
        ops=[LambdaOp(lambda y: os.kill(os.getpid(), signal.SIGKILL) if y == 4 else y, "y", "y")],
    )
    with pytest.raises(WorkerDied, match=r"ended by signal SIGKILL while op #0 LambdaOp worked on sample 4"):
        batches(pipeline, "eval")


def test_a_reader_may_keep_all_batches_of_workers():
    pipeline = Pipeline(eval_data=columns(200), batch_size=4, num_process=2)
    kept = list(pipeline.load(When("eval", 1, "")))
    assert np.concatenate([batch["y"] for batch in kept]).tolist() == list(range(200))
    pipeline.close()


def test_giving_up_an_epoch_leaves_the_next_one_right():
    pipeline = Pipeline(eval_data=columns(100), batch_size=4, num_process=2)
    for _ in range(3):
        next(iter(pipeline.load(When("eval", 1, ""))))
    assert np.concatenate([batch["y"] for batch in batches(pipeline, "eval")]).tolist() == list(range(100))
    pipeline.close()


def test_workers_see_a_change_of_an_op():
    class Add(NumpyOp):
        draws = False
        amount = 0

        def forward(self, data, state):
            return data + self.amount

    op = Add("y", "y")
    pipeline = Pipeline(eval_data=columns(3), batch_size=3, ops=[op], num_process=2)
    assert batches(pipeline, "eval")[0]["y"].tolist() == [0, 1, 2]
    op.amount = 10
    assert batches(pipeline, "eval")[0]["y"].tolist() == [10, 11, 12]
    pipeline.close()


def test_the_pool_lives_over_epochs_and_ends_on_close():
    pipeline = Pipeline(train_data=columns(12), eval_data=columns(4), batch_size=RepeatScheduler([2, 3]), num_process=2)
    batches(pipeline)
    pool = pipeline._pool
    pids = [process.pid for process in pool._processes]
    batches(pipeline, epoch=2)
    batches(pipeline, "eval")
    assert pipeline._pool is pool
    pipeline.close()
    import os

    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_strings_go_through_workers():
    data = NumpyDataset({"name": ["a", "b", "c"], "y": np.arange(3)})
    pipeline = Pipeline(eval_data=data, batch_size=3, num_process=1)
    assert next(iter(pipeline.load(When("eval", 1, ""))))["name"] == ["a", "b", "c"]
    pipeline.close()


def test_transform_makes_a_batch_of_one_and_leaves_the_sample_alone():
    sample = {"x": np.ones(3), "y": 2}
    pipeline = Pipeline(ops=[Double("x", "x", mode="eval")])
    result = pipeline.transform(sample, "eval")
    assert result["x"].tolist() == [[2, 2, 2]]
    assert result["y"].tolist() == [2]
    assert sample["x"].tolist() == [1, 1, 1]
    assert pipeline.transform(sample, "train")["x"].tolist() == [[1, 1, 1]]


def test_get_results_gives_one_batch_or_a_list():
    pipeline = Pipeline(train_data=columns(10), batch_size=4, num_process=0)
    assert pipeline.get_results()["y"].tolist() == [0, 1, 2, 3]
    assert [len(batch["y"]) for batch in pipeline.get_results(num_steps=3)] == [4, 4, 2]
    with pytest.raises(ConfigError, match="no eval data"):
        pipeline.get_results(mode="eval")
    assert len(pipeline.get_results()["y"]) == 4  # an error leaves nothing behind


def test_the_with_block_iterates_and_ends_the_workers():
    pipeline = Pipeline(eval_data=columns(5), batch_size=2, num_process=2)
    with pipeline(mode="eval") as loader:
        assert len(loader) == 3
        assert [len(batch["y"]) for batch in loader] == [2, 2, 1]
    assert pipeline._pool is None


def test_several_batch_ops_at_one_moment_are_refused():
    with pytest.raises(ConfigError, match="two Batch ops"):
        Pipeline(train_data=columns(3), ops=[Batch(), Batch()])
    Pipeline(train_data=columns(3), eval_data=columns(3), ops=[Batch(mode="train"), Batch(mode="eval")])
    Pipeline(train_data={"a": columns(3), "b": columns(3)}, ops=[Batch(ds_id="a"), Batch(ds_id="!a")])


def test_state_of_the_run_seed():
    one, two = (Pipeline(train_data=columns(30), batch_size=30, num_process=0) for _ in range(2))
    assert batches(one)[0]["y"].tolist() != batches(two)[0]["y"].tolist()
    two.load_state_dict(one.state_dict())
    assert batches(one)[0]["y"].tolist() == batches(two)[0]["y"].tolist()


def test_benchmark_prints_speed_and_a_table_of_ops(capsys):
    Pipeline(train_data=columns(64), batch_size=8, ops=[Double("x", "x"), Noise("x", "x")], num_process=0).benchmark(
        num_steps=20, log_interval=10
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("FastEstimator-Benchmark (Train): Step: 10, Epoch: 1, Steps/sec: ")
    assert lines[1].startswith("FastEstimator-Benchmark (Train): Step: 20, Epoch: 1, Steps/sec: ")
    table = "\n".join(lines[3:])
    assert "#0 Double" in table
    assert "whole batch" in table
    assert "#1 Noise" in table
    assert "each sample" in table


def test_torch_dataloader_is_taken_as_it_is():
    torch = pytest.importorskip("torch")
    loader = torch.utils.data.DataLoader(Rows(5), batch_size=2)
    pipeline = Pipeline(train_data=loader)
    assert [batch["y"].tolist() for batch in pipeline.load(When("train", 1, ""))] == [[0, 1], [2, 3], [4]]
    assert len(list(pipeline.load(When("train", 1, ""), steps=7))) == 7
    with pytest.raises(ConfigError, match="makes its own batches; leave out batch_size, ops"):
        Pipeline(train_data=loader, batch_size=3, ops=[Double("x", "x")])


def test_after_a_worker_died_new_ones_start(tmp_path):
    import os
    import signal

    mark = tmp_path / "died"

    def die_once(y):
        if y == 4 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return y

    pipeline = Pipeline(eval_data=columns(10), batch_size=1, num_process=1, ops=[LambdaOp(die_once, "y", "y")])
    with pytest.raises(WorkerDied):
        batches(pipeline, "eval")
    assert np.concatenate([batch["y"] for batch in batches(pipeline, "eval")]).tolist() == list(range(10))
    pipeline.close()


def test_a_list_of_samples_is_a_data_set():
    samples = [{"x": np.full(2, index), "y": index} for index in range(5)]
    found = batches(Pipeline(eval_data=samples, batch_size=3, num_process=0), "eval")
    assert [batch["y"].tolist() for batch in found] == [[0, 1, 2], [3, 4]]


def test_arrays_and_tensors_are_no_data_sets():
    torch = pytest.importorskip("torch")
    for data in (np.zeros((3, 3)), torch.zeros(3, 3)):
        with pytest.raises(ConfigError, match=r"train_data must be a data set .*, got (ndarray|Tensor)"):
            Pipeline(train_data=data)
