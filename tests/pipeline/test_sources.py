"""Data as it comes: sets by index of every make, sets that give batches, iterables and generators."""

import functools
import random

import numpy as np
import pytest

from fastestimator_lite.component import When
from fastestimator_lite.dataset import (
    BatchDataset,
    CombinedDataset,
    ExtendDataset,
    FEDataset,
    InterleaveDataset,
    NumpyDataset,
)
from fastestimator_lite.op.numpyop import Batch, LambdaOp, RemoveIf
from fastestimator_lite.pipeline import Pipeline
from fastestimator_lite.schedule import EpochScheduler
from fastestimator_lite.util.errors import ConfigError, DataError, SampleError


def samples(count):
    return [{"x": np.float32([i]), "y": i} for i in range(count)]


def numbers():
    yield from samples(10)


class Countdown:
    """An iterable with a length."""

    def __len__(self):
        return 6

    def __iter__(self):
        return iter(samples(6)[::-1])


class Groups(FEDataset):
    """Batch i of a round holds i + 1 samples, shuffled by the round's seed."""

    gives_batches = True
    draws = False

    def __init__(self):
        self.calls = []
        self.order = np.arange(3)

    def __len__(self):
        return 3

    def fe_reset_ds(self, shuffle=True, seed=None):
        self.calls.append((shuffle, seed))
        self.order = np.random.default_rng(seed).permutation(3) if shuffle else np.arange(3)

    def __getitem__(self, index):
        if not 0 <= index < 3:
            raise IndexError(index)
        return [{"x": np.float32(10 * self.order[index] + j)} for j in range(index + 1)]


class Drawing:
    """Reads from the global generators, as many a data set does."""

    def __len__(self):
        return 12

    def __getitem__(self, index):
        return {"index": index, "x": random.random(), "z": np.random.rand()}


def made(pipeline, mode="train", epoch=1, steps=None, shuffle=None):
    return list(pipeline.load(When(mode, epoch, ""), None, steps, shuffle))


def values(found, key="y"):
    return [np.asarray(batch[key]).tolist() for batch in found]


@pytest.mark.parametrize("workers", [None, 0, 2])
def test_a_function_that_makes_a_generator_is_read_anew_each_epoch(workers):
    pipeline = Pipeline(train_data=numbers, batch_size=4, ops=LambdaOp(lambda x: x + 1, "x", "x"), num_process=workers)
    for epoch in (1, 2):
        found = made(pipeline, epoch=epoch)
        assert values(found) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
        np.testing.assert_array_equal(found[2]["x"], [[9], [10]])


def test_a_stream_goes_round_for_more_steps_and_is_cut_for_fewer():
    pipeline = Pipeline(train_data=numbers, batch_size=4)
    assert values(made(pipeline, steps=4)) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 0, 1], [2, 3, 4, 5]]
    assert values(made(pipeline, steps=1)) == [[0, 1, 2, 3]]


def test_the_length_of_a_stream_is_known_only_if_it_says_so():
    assert Pipeline(train_data=numbers, batch_size=4).load(When("train", 1, "")).steps is None
    loader = Pipeline(train_data=Countdown(), batch_size=4).load(When("train", 1, ""))
    assert len(loader) == 2
    assert values(list(loader)) == [[5, 4, 3, 2], [1, 0]]


def test_a_stream_drops_its_small_last_batch_when_asked():
    pipeline = Pipeline(train_data=numbers, batch_size=4, ops=Batch(drop_last=True))
    assert values(made(pipeline)) == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_a_filtered_sample_of_a_stream_gives_way_to_the_next_one():
    odd = RemoveIf(lambda y: y % 2 == 1, inputs="y")
    assert values(made(Pipeline(train_data=numbers, batch_size=2, ops=odd))) == [[0, 2], [6, 4], [8]]
    assert values(made(Pipeline(eval_data=numbers, batch_size=2, ops=odd), "eval")) == [[0], [2], [4], [6], [8]]


def test_a_stream_of_which_nothing_is_left_is_an_error_not_a_hang():
    all_of_it = RemoveIf(lambda y: True, inputs="y")
    for steps in (None, 5):
        with pytest.raises(DataError, match="RemoveIf"):
            made(Pipeline(train_data=numbers, batch_size=2, ops=all_of_it), steps=steps)


def test_a_generator_itself_is_gone_through_once_and_a_look_takes_nothing_from_it():
    pipeline = Pipeline(train_data=numbers(), batch_size=4)
    loader = pipeline.load(When("train", 1, ""))
    assert loader.sample_keys() == ["x", "y"]
    assert values([pipeline.get_results()]) == [[0, 1, 2, 3]]
    assert values([next(loader.in_main_process(look=True))]) == [[0, 1, 2, 3]]
    assert values(made(pipeline)) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    with pytest.raises(DataError, match="gave no|pass the function that makes it"):
        made(pipeline, epoch=2)


def test_a_generator_that_ends_too_early_says_so():
    with pytest.raises(DataError, match="ended after 10 samples.*pass the function that makes it"):
        made(Pipeline(train_data=numbers(), batch_size=4), steps=5)


def test_a_partial_of_a_generator_function_is_one():
    def upto(count):
        yield from samples(count)

    assert values(made(Pipeline(train_data=functools.partial(upto, 3)))) == [[0], [1], [2]]


def test_what_a_generator_raises_comes_with_the_number_of_the_sample():
    def breaks():
        yield {"x": 1.0}
        raise OSError("disk gone")

    with pytest.raises(SampleError, match="sample 1 of the train data.*OSError: disk gone"):
        made(Pipeline(train_data=breaks, batch_size=2))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_data_set_may_give_batches(workers):
    data = Groups()
    pipeline = Pipeline(train_data=data, batch_size=64, ops=LambdaOp(lambda x: x * 2, "x", "x"), num_process=workers)
    first, again, other = made(pipeline), made(pipeline), made(pipeline, epoch=2)
    pipeline.close()
    assert [len(batch["x"]) for batch in first] == [1, 2, 3]
    assert values(first, "x") == values(again, "x")
    assert sorted(batch["x"][0] for batch in first) == [0, 20, 40]
    assert len({str(values(made(pipeline, epoch=epoch), "x")) for epoch in range(1, 9)}) > 1
    assert len(values(other, "x")) == 3
    assert values(made(pipeline, shuffle=False), "x") == [[0], [20, 22], [40, 42, 44]]


def test_each_round_of_batches_has_an_order_of_its_own():
    data = Groups()
    made(Pipeline(train_data=data, num_process=0), steps=7)
    assert [shuffle for shuffle, _ in data.calls] == [True] * 3
    assert len({seed for _, seed in data.calls}) == 3


def test_a_data_set_that_should_give_batches_and_gives_a_sample_is_named():
    class Wrong(Groups):
        def __getitem__(self, index):
            return {"x": 1.0}

    with pytest.raises(ConfigError, match="batch 0 of the train data .Wrong. is .*must give a list of samples"):
        made(Pipeline(train_data=Wrong(), num_process=0))


def test_a_data_set_that_draws_gives_the_same_for_any_number_of_workers():
    def run(workers, epoch=1):
        pipeline = Pipeline(train_data=Drawing(), batch_size=5, num_process=workers)
        pipeline.load_state_dict({"seed": 3})
        found = made(pipeline, epoch=epoch)
        pipeline.close()
        return [values(found, key) for key in ("index", "x", "z")]

    expected = run(0)
    assert run(1) == run(2) == expected
    assert run(0, epoch=2) != expected
    drawn = [number for batch in expected[1] for number in batch]
    assert len(set(drawn)) == 12


def test_the_global_generators_are_left_alone():
    def state():
        return random.getstate(), np.random.get_state()[1].tolist(), np.random.get_state()[2]

    before = state()
    made(Pipeline(train_data=Drawing(), batch_size=5, ops=LambdaOp(np.negative, "x", "x"), num_process=0))
    assert state() == before


def test_several_samples_are_read_in_one_call_where_the_data_set_can():
    class Several:
        asked = []

        def __len__(self):
            return 5

        def __getitem__(self, index):
            raise AssertionError("one by one")

        def __getitems__(self, indices):
            self.asked.append(indices)
            return [{"y": index} for index in indices]

    assert values(made(Pipeline(eval_data=Several(), batch_size=3, num_process=0), "eval")) == [[0, 1, 2], [3, 4]]
    assert Several.asked == [[0, 1, 2], [3, 4]]


def test_torch_data_sets_of_every_kind():
    torch = pytest.importorskip("torch")

    class ByIndex(torch.utils.data.Dataset):
        def __len__(self):
            return 5

        def __getitem__(self, index):
            return {"x": torch.full((2,), float(index)), "y": index}

    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self):
            return iter(ByIndex()[index] for index in range(5))

    for data in (ByIndex(), Stream(), torch.utils.data.Subset(ByIndex(), [0, 1, 2, 3, 4])):
        for mode in ("train", "eval", "test"):
            pipeline = Pipeline(**{f"{mode}_data": data}, batch_size=2, num_process=0)
            found = made(pipeline, mode, shuffle=False)
            assert values(found) == [[0, 1], [2, 3], [4]]
            assert found[0]["x"].dtype == np.float32
            np.testing.assert_array_equal(found[1]["x"], [[2, 2], [3, 3]])
            assert len(made(pipeline, mode, steps=4)) == 4


def test_a_torch_data_set_that_draws_from_torch():
    torch = pytest.importorskip("torch")

    class Noisy(torch.utils.data.Dataset):
        def __len__(self):
            return 6

        def __getitem__(self, index):
            return {"x": torch.rand(2)}

    def run(workers):
        pipeline = Pipeline(train_data=Noisy(), batch_size=3, num_process=workers)
        pipeline.load_state_dict({"seed": 3})
        found = made(pipeline)
        pipeline.close()
        return values(found, "x")

    torch.manual_seed(1)
    before = torch.get_rng_state()
    expected = run(0)
    assert torch.equal(torch.get_rng_state(), before)
    assert run(2) == expected
    assert len({number for batch in expected for row in batch for number in row}) == 12


class LikeHuggingFace:
    """The calls that `datasets.Dataset` answers: `__getitems__` gives a list of rows of plain Python values."""

    def __init__(self, columns):
        self.columns = columns
        self.column_names = list(columns)

    def __len__(self):
        return len(next(iter(self.columns.values())))

    def __getitem__(self, index):
        return {key: column[index] for key, column in self.columns.items()}

    def __getitems__(self, indices):
        return [self[index] for index in indices]


@pytest.mark.parametrize("mode", ["train", "eval", "test"])
def test_columns_of_hugging_face_become_keys(mode):
    from PIL import Image

    pictures = [Image.fromarray(np.full((2, 3, 3), i, np.uint8)) for i in range(4)]
    data = LikeHuggingFace({"image": pictures, "label": [0, 1, 2, 3], "text": list("abcd"), "box": [[1.0, 2.0]] * 4})
    pipeline = Pipeline(**{f"{mode}_data": data}, batch_size=2, num_process=0)
    found = made(pipeline, mode, shuffle=False)
    assert found[1]["image"].dtype == np.uint8
    assert found[1]["image"].shape == (2, 2, 3, 3)
    assert found[1]["image"][0, 0, 0, 0] == 2
    assert found[0]["label"].tolist() == [0, 1]
    assert found[0]["text"] == ["a", "b"]
    assert found[0]["box"].shape == (2, 2)


def test_things_that_are_no_data_are_refused():
    for wrong in ((1, 2), {1, 2}, "abc", b"abc", 5, np.zeros(3), lambda: 1):
        with pytest.raises(ConfigError, match="train_data must be a data set"):
            Pipeline(train_data=wrong)


def test_an_empty_data_set_is_refused():
    with pytest.raises(ConfigError, match="train_data has 0 samples"):
        Pipeline(train_data=NumpyDataset({"x": np.zeros((0, 2))}))


def empty():
    yield from ()


def test_an_empty_stream_is_an_error_when_it_is_read():
    pipeline = Pipeline(train_data=empty)
    with pytest.raises(DataError, match="gave no sample"):
        pipeline.load(When("train", 1, "")).sample_keys()
    with pytest.raises(DataError, match="gave no sample"):
        made(pipeline)


def line(name, start, count):
    return NumpyDataset({name: np.arange(start, start + count)})


def test_batch_sizes_reach_a_data_set_of_several_in_turn():
    data = InterleaveDataset([line("x", 0, 8), line("x", 100, 8)], [0, 1, 1])
    for workers in (0, 2):
        pipeline = Pipeline(eval_data=data, batch_size=2, num_process=workers)
        found = made(pipeline, "eval")
        pipeline.close()
        assert values(found, "x") == [[0, 1], [100, 101], [102, 103], [2, 3], [104, 105], [106, 107]]
    sizes = EpochScheduler({1: 2, 2: 4})
    pipeline = Pipeline(train_data=data, batch_size=sizes, num_process=0)
    assert [len(batch["x"]) for batch in made(pipeline, epoch=2)] == [4, 4, 4]
    assert [len(batch["x"]) for batch in made(pipeline, epoch=1)] == [2] * 6


def test_ops_may_run_for_one_of_several_data_sets_in_turn_and_set_its_batch_size():
    data = InterleaveDataset({"a": line("x", 0, 6), "b": line("x", 100, 4)})
    ops = [LambdaOp(np.negative, "x", "x", ds_id="a"), Batch(batch_size=3, ds_id="a"), Batch(batch_size=2, ds_id="b")]
    for workers in (0, 2):
        pipeline = Pipeline(eval_data=data, ops=ops, num_process=workers)
        found = made(pipeline, "eval")
        assert values(found, "x") == [[0, -1, -2], [100, 101], [-3, -4, -5], [102, 103]]
        again = pipeline.replay(1, 5, "eval")
        assert again.sample["x"] == -3
        assert [name for name, _ in again.stages] == ["read", "op #0 LambdaOp"]
        pipeline.close()
    with pytest.raises(ConfigError, match="ds_id 'c' is not one of the data sets \\('a', 'b'\\)"):
        Pipeline(eval_data=data, ops=LambdaOp(np.negative, "x", "x", ds_id="c"))


def test_keys_of_data_sets_in_turn_are_those_that_all_have():
    data = InterleaveDataset({"a": line("x", 0, 4), "b": line("z", 100, 4)})
    copied = LambdaOp(np.negative, "z", "x", ds_id="b")
    loader = Pipeline(train_data=data, ops=copied, batch_size=2).load(When("train", 1, ""))
    assert loader.sample_keys() == ["x"]


def test_a_data_set_with_an_order_of_its_own_is_told_of_each_round():
    data = ExtendDataset(line("x", 0, 100), 3)
    for workers in (0, 2):
        pipeline = Pipeline(train_data=data, batch_size=2, num_process=workers)
        pipeline.load_state_dict({"seed": 5})
        epochs = [
            sorted(np.concatenate([b["x"] for b in made(pipeline, epoch=epoch)]).tolist()) for epoch in range(1, 5)
        ]
        rounds = np.concatenate([batch["x"] for batch in made(pipeline, steps=6)]).reshape(4, 3)
        pipeline.close()
        assert len({str(one) for one in epochs}) == 4
        assert len({str(sorted(one.tolist())) for one in rounds}) == 4
        assert sorted(rounds[0].tolist()) == epochs[0]
        if workers == 0:
            expected = epochs
        assert epochs == expected


def test_workers_see_a_split_of_a_data_set_inside_another():
    inner = line("x", 0, 10)
    pipeline = Pipeline(eval_data=CombinedDataset([inner, line("x", 100, 2)]), batch_size=4, num_process=2)
    assert sum(len(batch["x"]) for batch in made(pipeline, "eval")) == 12
    inner.split([0, 1, 2])
    assert values(made(pipeline, "eval"), "x") == [[3, 4, 5, 6], [7, 8, 9, 100], [101]]
    pipeline.close()


def test_half_and_half_batches_are_the_same_for_any_number_of_workers():
    data = BatchDataset([line("x", 0, 9), line("x", 100, 30)], [2, 3])

    def run(workers, epoch):
        pipeline = Pipeline(train_data=data, num_process=workers)
        pipeline.load_state_dict({"seed": 5})
        found = values(made(pipeline, epoch=epoch), "x")
        pipeline.close()
        return found

    first = run(0, 1)
    assert [sum(x < 100 for x in batch) for batch in first] == [2] * 10
    assert run(2, 1) == first
    assert run(0, 2) != first


def test_splits_of_hugging_face_are_not_taken_for_data_sets_by_id():
    splits = type("DatasetDict", (dict,), {"__module__": "datasets.dataset_dict"})(train=samples(2), test=samples(2))
    with pytest.raises(
        ConfigError, match=r"train_data is a DatasetDict of splits \['train', 'test'\].*data\['train'\]"
    ):
        Pipeline(train_data=splits)


def test_a_stream_without_an_end_of_which_nothing_passes_is_an_error_too(monkeypatch):
    def endless():
        while True:
            yield {"y": 1}

    monkeypatch.setattr("fastestimator_lite.pipeline.streamed_source.PATIENCE", 50)
    pipeline = Pipeline(train_data=endless, batch_size=2, ops=RemoveIf(lambda y: True, inputs="y"))
    with pytest.raises(DataError, match="RemoveIf of the Pipeline filtered 51 of 51 samples"):
        made(pipeline, steps=3)
