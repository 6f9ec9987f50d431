"""Random numbers are a function of where a draw stands."""

import numpy as np
import pytest

from fastestimator_lite.pipeline.randomness import Stream


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
