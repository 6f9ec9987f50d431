"""Memory of large batches is used again, and never while somebody holds the batch."""

import numpy as np

from fastestimator_lite.component import When
from fastestimator_lite.dataset import NumpyDataset
from fastestimator_lite.op.numpyop import LambdaOp
from fastestimator_lite.pipeline import Pipeline
from fastestimator_lite.pipeline.recycle import MOST_KEPT, SMALLEST, Recycler


def address(array):
    return array.__array_interface__["data"][0]


def test_memory_comes_back_when_the_last_view_is_gone():
    recycler = Recycler()
    first = recycler.empty((SMALLEST, 2), np.uint8)
    part, place = first[5:, 1], address(first)
    del first
    second = recycler.empty((SMALLEST, 2), np.uint8)
    assert address(second) != place
    del part
    third = recycler.empty((SMALLEST // 4, 2), np.float32)
    assert address(third) == place
    assert third.shape == (SMALLEST // 4, 2)
    assert third.flags.c_contiguous
    assert third.flags.writeable


def test_small_arrays_are_left_to_numpy():
    recycler = Recycler()
    assert recycler.empty((3, 4), np.float64).base is None
    del recycler
    assert Recycler().empty((SMALLEST,), object).dtype == object


def test_a_piece_far_too_large_is_not_taken():
    recycler = Recycler()
    large = recycler.empty((8 * SMALLEST,), np.uint8)
    place = address(large)
    del large
    assert address(recycler.empty((SMALLEST,), np.uint8)) != place


def test_no_more_is_kept_than_a_few():
    recycler = Recycler()
    held = [recycler.empty((SMALLEST,), np.uint8) for _ in range(10)]
    held.clear()
    assert len(recycler._free) == MOST_KEPT


def test_batches_that_a_reader_keeps_stay_as_they_were():
    data = NumpyDataset({"i": np.arange(40)})
    big = LambdaOp(lambda i: np.full((256, 256), i, np.float32), "i", "x")
    pipeline = Pipeline(train_data=data, batch_size=8, ops=big, num_process=0)
    kept = list(pipeline.load(When("train", 1, "")))
    for _ in pipeline.load(When("train", 2, "")):
        pass
    for batch in kept:
        np.testing.assert_array_equal(batch["x"][:, 3, 5], batch["i"])
    places = {address(batch["x"]) for batch in kept}
    assert len(places) == 5
    seen = set()
    for batch in pipeline.load(When("train", 3, "")):
        seen.add(address(batch["x"]))
        del batch
    assert len(seen) <= 2
    assert not seen & places
