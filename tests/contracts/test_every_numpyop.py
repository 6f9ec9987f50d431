"""What every NumpyOp promises to the pipeline."""

from __future__ import annotations

import copy
import inspect
import pickle
import random
from typing import Any

import cv2
import numpy as np
import pytest

from fastestimator_lite.op import numpyop
from fastestimator_lite.op.numpyop import meta, multivariate, univariate
from fastestimator_lite.op.numpyop.numpyop import Batch, Delete, NumpyOp, RandomOp
from fastestimator_lite.types import FilteredData
from tests.contracts.examples import NUMPYOP_BASES, NUMPYOPS
from tests.contracts.samples import takes_images

STATE = {"mode": "train", "epoch": 1, "ds_id": ""}
RUN = sorted(set(NUMPYOPS) - {Batch, Delete}, key=lambda kind: kind.__name__)
each_op = pytest.mark.parametrize("kind", RUN, ids=lambda kind: kind.__name__)

# ops on arrays of any kind, for which an image is one array among others
ON_ARRAYS = {"ChannelTranspose", "Minmax", "Normalize"}
CHANGES_DTYPE = {"FromFloat", "ToFloat"}
IMAGE_OPS = [kind for kind in RUN if takes_images(NUMPYOPS[kind]) and kind.__name__ not in ON_ARRAYS]
each_image_op = pytest.mark.parametrize("kind", IMAGE_OPS, ids=lambda kind: kind.__name__)

TARGET_OPS = [kind for kind in IMAGE_OPS if "image_in" in NUMPYOPS[kind].arguments]
each_target_op = pytest.mark.parametrize("kind", TARGET_OPS, ids=lambda kind: kind.__name__)
BOX_OPS = [kind for kind in TARGET_OPS if "bbox_in" in inspect.signature(kind).parameters]
each_box_op = pytest.mark.parametrize("kind", BOX_OPS, ids=lambda kind: kind.__name__)
TURNS = {"Affine", "Rotate", "ShiftScaleRotate"}  # a box around a turned box is larger than what is in it


def make(kind: type) -> Any:
    example = NUMPYOPS[kind]
    return kind(*copy.deepcopy(example.args), **copy.deepcopy(example.arguments))


def sample(kind: type, seed: int = 0) -> list[Any]:
    return NUMPYOPS[kind].sample(np.random.default_rng(seed))


def run(op: NumpyOp, values: list[Any], batched: bool = False) -> list[Any]:
    """The outputs as a list, whatever form the op takes and gives them in."""
    work = op.forward_batch if batched else op.forward
    result = work(values if op.in_list else values[0], STATE)
    if isinstance(result, FilteredData) or not op.outputs:
        return [isinstance(result, FilteredData)]
    return list(result) if op.out_list else [result]


def global_state() -> tuple[Any, ...]:
    _, numbers, place, *rest = np.random.get_state()
    return random.getstate(), numbers.tolist(), place, rest


def same(left: list[Any], right: list[Any]) -> bool:
    return len(left) == len(right) and all(
        np.asarray(a).dtype == np.asarray(b).dtype and np.array_equal(a, b) for a, b in zip(left, right, strict=True)
    )


def test_every_public_class_has_an_example():
    public = {
        value
        for face in (numpyop, meta, multivariate, univariate)
        for value in (getattr(face, name) for name in face.__all__)
        if inspect.isclass(value)
    }
    assert public - NUMPYOP_BASES == set(NUMPYOPS)


@pytest.mark.parametrize("kind", sorted(NUMPYOPS, key=lambda kind: kind.__name__), ids=lambda kind: kind.__name__)
def test_it_remembers_its_call_and_runs_in_the_modes_it_was_given(kind):
    op = make(kind)
    assert set(op.made_with[1]) == set(NUMPYOPS[kind].arguments)
    if "mode" in inspect.signature(kind).parameters:
        example = NUMPYOPS[kind]
        only_eval = kind(*example.args, **example.arguments, mode="eval", ds_id="a")
        assert (only_eval.mode, only_eval.ds_id) == ({"eval"}, {"a"})


@each_op
def test_it_survives_pickling_and_copying(kind):
    for used in (False, True):
        op = make(kind)
        if used:
            op.reseed(3)
            run(op, sample(kind))
        for twin in (pickle.loads(pickle.dumps(op)), copy.deepcopy(op)):
            assert (twin.inputs, twin.outputs, twin.mode, twin.ds_id) == (op.inputs, op.outputs, op.mode, op.ds_id)
            op.reseed(11)
            twin.reseed(11)
            assert same(run(op, sample(kind)), run(twin, sample(kind)))


@each_op
def test_a_seed_fixes_the_result_whatever_ran_before(kind):
    op, values = make(kind), sample(kind)
    op.reseed(5)
    first = run(op, values)
    for seed in range(3):
        op.reseed(seed)
        run(op, sample(kind, seed))
    run(op, values)
    op.reseed(5)
    assert same(run(op, values), first)


@each_op
def test_other_seeds_give_other_results_only_to_ops_that_draw(kind):
    op, values = make(kind), sample(kind)
    results = []
    for seed in (2**64 - 1, *range(1, 24)):
        op.reseed(seed)
        results.append(run(op, values))
    is_random = isinstance(op, RandomOp) and op.draws
    assert any(not same(result, results[0]) for result in results) == is_random


@each_op
def test_an_op_with_a_generator_of_its_own_leaves_the_global_ones_alone(kind):
    op = make(kind)
    if not isinstance(op, RandomOp):
        pytest.skip("draws from no generator, or from unknown ones")
    before = global_state()
    op.reseed(1)
    run(op, sample(kind))
    assert global_state() == before


@each_op
def test_input_is_left_alone_and_may_be_read_only(kind):
    op, values = make(kind), sample(kind)
    op.reseed(7)
    expected = run(op, copy.deepcopy(values))
    for value in values:
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
    before = copy.deepcopy(values)
    op.reseed(7)
    assert same(run(op, values), expected)
    assert same(values, before)


@each_op
def test_a_batch_is_worked_on_row_by_row(kind):
    op = make(kind)
    if op.draws and isinstance(op, RandomOp):
        pytest.skip("draws for each row")
    rows = [sample(kind, seed) for seed in range(4)]
    batch = [np.array(column) for column in zip(*rows, strict=True)]
    before = copy.deepcopy(batch)
    results = run(op, batch, batched=True)
    if not op.outputs:
        return
    expected = [np.array(column) for column in zip(*(run(op, row) for row in rows), strict=True)]
    assert same(results, expected)
    assert same(batch, before)


def picture(values: list[Any], dtype: str, form: str) -> np.ndarray:
    """The image of a sample as another kind of image; floats are in [0, 1]."""
    image = {"colour": values[0], "one channel": values[0][..., :1], "gray": values[0][..., 0]}[form]
    return image.copy() if dtype == "uint8" else (image / 255).astype(np.float32)


@pytest.mark.parametrize("form", ["colour", "one channel", "gray"])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@each_image_op
def test_an_image_op_takes_every_kind_of_image_or_names_what_it_got(kind, dtype, form):
    op, values = make(kind), sample(kind)
    op.reseed(5)
    image = values[0] = picture(values, dtype, form)
    if not NUMPYOPS[kind].refuses & {dtype, "colour" if form == "colour" else "gray"}:
        result = np.asarray(run(op, values)[0])
        assert result.ndim == image.ndim
        assert result.dtype == image.dtype or kind.__name__ in CHANGES_DTYPE
        assert np.isfinite(result).all()
        return
    with pytest.raises(Exception) as caught:
        run(op, values)
    assert not isinstance(caught.value, cv2.error)
    message = str(caught.value)
    assert kind.__name__ in message
    assert dtype in message or str(image.shape) in message


class Scene:
    """A dark picture with a bright rectangle, and the rectangle in every form that an op may take along."""

    box = (4, 3, 10, 9)  # x_min, y_min, x_max, y_max
    middle = (6.5, 5.5)  # of the pixels, whose centres are at 4, 5, ..., 9 and 3, 4, ..., 8

    def __init__(self, kind: type, **extra: Any) -> None:
        example = NUMPYOPS[kind]
        known = inspect.signature(kind).parameters
        more = {"interpolation": cv2.INTER_NEAREST, "border_mode": cv2.BORDER_CONSTANT, **extra}
        more = {name: value for name, value in more.items() if name in known}
        self.op = kind(*example.args, **{**example.arguments, **more})
        image = np.zeros((12, 16), np.uint8)
        image[3:9, 4:10] = 1
        self.values = {"x": image, "m": image.copy(), "c": np.array(self.box), "b": np.array([[*self.box, 7]])}

    def run(self, seed: int, **values: Any) -> dict[str, Any]:
        everything = {**self.values, **values}
        self.op.reseed(seed)
        results = self.op.forward([everything[key] for key in self.op.inputs], STATE)
        return dict(zip(self.op.outputs, results, strict=True))


@each_target_op
def test_image_mask_and_masks_move_together(kind):
    scene = Scene(kind, masks_in="l")
    image = np.random.default_rng(0).integers(0, 4, (12, 16), dtype=np.uint8)
    for seed in range(8):
        moved = scene.run(seed, x=image, m=image.copy(), l=[image.copy(), image.copy()])
        for mask in (moved["m"], *moved["l"]):
            np.testing.assert_array_equal(mask, moved["x"])
        stacked = scene.run(seed, x=image, m=image.copy(), l=np.stack([image, image]))
        np.testing.assert_array_equal(stacked["l"], moved["l"])


@each_box_op
def test_boxes_may_be_an_array_or_a_list_and_there_may_be_none(kind):
    scene = Scene(kind, bbox_in="b", bbox_params="pascal_voc")
    table = np.array([[4, 3, 10, 9, 7], [0, 0, 16, 12, 8]])
    for seed in range(4):
        array, rows = scene.run(seed, b=table)["b"], scene.run(seed, b=table.tolist())["b"]
        assert isinstance(array, np.ndarray)
        assert isinstance(rows, list)
        assert array.shape == (len(rows), 5)
        np.testing.assert_allclose(array, np.reshape(rows, (-1, 5)), atol=1 if array.dtype.kind == "i" else 1e-4)
        for nothing in (table[:0], []):
            left = scene.run(seed, b=nothing)["b"]
            assert type(left) is type(nothing)
            assert len(left) == 0


@each_box_op
def test_keypoints_may_be_an_array_or_a_list_and_there_may_be_none(kind):
    if "keypoints_in" not in inspect.signature(kind).parameters:
        pytest.skip("takes no keypoints")
    scene = Scene(kind, keypoints_in="k", keypoint_params="xy")
    table = np.array([[6.0, 5.0], [7.0, 4.0]])
    for seed in range(4):
        array, rows = scene.run(seed, k=table)["k"], scene.run(seed, k=[tuple(row) for row in table])["k"]
        assert isinstance(rows, list)
        np.testing.assert_allclose(array, np.reshape(rows, (-1, 2)), atol=1e-4)
        for nothing in (table[:0], []):
            left = scene.run(seed, k=nothing)["k"]
            assert type(left) is type(nothing)
            assert len(left) == 0


@each_box_op
def test_boxes_and_keypoints_stay_on_what_they_mark(kind):
    known = inspect.signature(kind).parameters
    extra = {"keypoints_in": "k", "keypoint_params": "xy"} if "keypoints_in" in known else {}
    scene = Scene(kind, bbox_in="b", bbox_params="pascal_voc", **extra)
    table = np.array([[*Scene.box, 7]], np.float32)
    dot = np.zeros((12, 16), np.uint8)
    dot[5:7, 6:8] = 1  # around the keypoint
    seen = 0
    for seed in range(16):
        moved = scene.run(seed, b=table, m=dot, k=np.array([Scene.middle]))
        height, width = moved["x"].shape
        rows, columns = np.nonzero(moved["x"])
        if not len(moved["b"]):
            assert not len(rows)
            continue
        bright = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
        grown = max(1.0, width / 16, height / 12)  # the nearest pixel may be off by that much
        outside = moved["b"][0, :4] - bright  # below 0 at the first corner where the box is the larger one
        assert (outside[:2] <= grown).all()
        assert (outside[2:] >= -grown).all()
        if kind.__name__ not in TURNS:
            np.testing.assert_allclose(outside, 0, atol=grown)
        rows, columns = np.nonzero(moved["m"])
        if extra and len(rows) and len(moved["k"]):
            seen += 1
            np.testing.assert_allclose(moved["k"][0], [columns.mean(), rows.mean()], atol=grown)
    assert seen or not extra
