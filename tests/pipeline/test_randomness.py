"""Random numbers are a function of where a draw stands."""

import numpy as np
import pytest

from fastestimator_lite.component import When
from fastestimator_lite.dataset import NumpyDataset
from fastestimator_lite.op.numpyop import LambdaOp, RandomOp, RemoveIf
from fastestimator_lite.op.numpyop.meta import Sometimes
from fastestimator_lite.pipeline import Pipeline
from fastestimator_lite.pipeline.randomness import Stream
from fastestimator_lite.util.errors import ConfigError


def test_seed_repeats_and_depends_on_everything():
    seeds = {
        Stream(seed, mode, ds_id, epoch).seed(draw, slot)
        for seed in (0, 1)
        for mode in ("train", "eval")
        for ds_id in ("", "a")
        for epoch in (1, 2)
        for draw in (0, 1)
        for slot in (0, 1)
    }
    assert len(seeds) == 64
    assert Stream(0, "train", "", 1).seed(3, 2) == Stream(0, "train", "", 1).seed(3, 2)


def test_neighbouring_draws_share_no_seed():
    stream = Stream(7, "train", "", 1)
    seeds = {stream.seed(draw, slot) for draw in range(2000) for slot in range(5)}
    assert len(seeds) == 10_000
    bits = np.array([seed >> 63 for seed in seeds])
    assert 0.47 < bits.mean() < 0.53  # 6 sigma of 10 000 fair coins


@pytest.mark.parametrize("length", [1, 2, 97])
def test_order_is_a_permutation_that_changes_with_the_round(length):
    stream = Stream(7, "train", "", 1)
    assert sorted(stream.order(0, length)) == list(range(length))
    assert stream.order(0, length).tolist() == stream.order(0, length).tolist()
    if length > 2:
        assert stream.order(0, length).tolist() != stream.order(1, length).tolist()
        assert stream.order(0, length).tolist() != Stream(7, "train", "", 2).order(0, length).tolist()


def test_a_sample_is_replayed_alone_as_it_was_in_its_batch():
    data = NumpyDataset({"x": np.arange(48, dtype=np.float32).reshape(12, 4), "i": np.arange(12)})

    class Noise(RandomOp):
        def forward(self, data, state):
            return data + self.rng.standard_normal(4).astype(np.float32)

    ops = [LambdaOp(np.negative, "x", "x"), Noise("x", "x"), Sometimes(LambdaOp(np.abs, "x", "x"))]
    pipeline = Pipeline(train_data=data, eval_data=data, batch_size=5, ops=ops, num_process=2)
    for mode, epoch in (("train", 1), ("train", 4), ("eval", 1)):
        draw = 0
        for batch in pipeline.load(When(mode, epoch, "")):
            for row, index in zip(batch["x"], batch["i"], strict=True):
                again = pipeline.replay(epoch, draw, mode)
                assert again.index == index
                np.testing.assert_array_equal(again.sample["x"], row)
                assert [name for name, _ in again.stages] == [
                    "read",
                    "op #0 LambdaOp",
                    "op #1 Noise",
                    "op #2 Sometimes",
                ]
                np.testing.assert_array_equal(again.stages[1][1]["x"], -data[int(index)]["x"])
                draw += 1
        assert draw == 12
    pipeline.close()


def test_a_replay_shows_which_op_filtered():
    data = NumpyDataset({"y": np.arange(4)})
    pipeline = Pipeline(eval_data=data, ops=[RemoveIf(lambda y: y == 2, inputs="y"), LambdaOp(np.negative, "y", "y")])
    assert [name for name, _ in pipeline.replay(1, 2, "eval").stages] == ["read", "op #0 RemoveIf (filtered)"]
    assert pipeline.replay(1, 3, "eval").sample["y"] == -3


def test_what_cannot_be_replayed_says_so():
    def stream():
        yield {"x": 1}

    with pytest.raises(ConfigError, match="cannot be read at one place"):
        Pipeline(train_data=stream).replay(1, 0)
    with pytest.raises(ConfigError, match="draw.*>= 0, got -1"):
        Pipeline(train_data=NumpyDataset({"x": np.zeros(3)})).replay(1, -1)
