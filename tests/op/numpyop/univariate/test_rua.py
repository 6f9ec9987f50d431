"""RUA; "1.7" marks what FastEstimator 1.7 was seen to do."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from fastestimator_lite.op.numpyop import LambdaOp, NumpyOp
from fastestimator_lite.op.numpyop.meta import Fuse, Sometimes
from fastestimator_lite.op.numpyop.univariate import RUA, AutoContrast, Brightness, Minmax, RandomShapes
from fastestimator_lite.types import FilteredData
from fastestimator_lite.util.errors import ConfigError, DataError

STATE = {"mode": "train", "epoch": 1}
DEFAULTS = [  # 1.7, in this order
    "Rotate",
    "Identity",
    "AutoContrast",
    "Equalize",
    "Posterize",
    "Solarize",
    "Sharpness",
    "Contrast",
    "Color",
    "Brightness",
    "ShearX",
    "ShearY",
    "TranslateX",
    "TranslateY",
]


class Note(NumpyOp):
    """Adds a number to the list it gets."""

    draws = False

    def __init__(self, number, inputs="x", outputs="x", **when):
        super().__init__([inputs], [outputs], **when)
        self.number = number
        self.level = None

    def set_rua_level(self, magnitude_coef):
        self.level = magnitude_coef

    def forward(self, data, state):
        return [[*data[0], self.number]]


class Drop(Note):
    def forward(self, data, state):
        return FilteredData()


def photo(shape=(12, 16, 3), seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def names(rua):
    return [type(op).__name__.lstrip("_") for op in rua.ops]


def notes(rua, num_samples=400):
    """The numbers that each sample has collected."""
    collected = []
    for seed in range(num_samples):
        rua.reseed(seed)
        collected.append(rua.forward([[]], STATE)[0])
    return collected


def only(name, level, image, seed=0):
    """What one of the default ops does."""
    rua = RUA("x", "x", choices=name, level=level)
    (op,) = rua.ops
    op.reseed(seed)
    return op.forward([image], STATE)[0]


@pytest.mark.parametrize(
    ("level", "shares"),  # 1.7: how often how many ops run
    [(0, {1: 1}), (1, {1: 0.867, 2: 0.133}), (7.5, {2: 1}), (18, {3: 0.6, 4: 0.4}), (30, {5: 1})],
)
def test_number_of_ops(level, shares):
    counts = Counter(map(len, notes(RUA("x", "x", choices=Note(1), level=level))))
    assert set(counts) == set(shares)
    for number, share in shares.items():
        assert counts[number] / 400 == pytest.approx(share, abs=0.1)  # 4 standard errors


def test_each_op_has_the_same_chance_each_time():
    samples = notes(RUA("x", "x", choices=[Note(number) for number in range(4)], level=30))
    for place in range(5):
        counts = Counter(sample[place] for sample in samples)
        np.testing.assert_allclose([counts[number] / 400 for number in range(4)], 0.25, atol=0.09)
    assert any(len(set(sample)) < 4 for sample in samples)  # with repetitions


@pytest.mark.parametrize(
    ("level", "ranges"),  # 1.7
    [
        (0, {"Rotate": 0, "Color": 0, "ShearX": 0, "TranslateY": 0, "Solarize": 0, "Posterize": 8}),
        (5, {"Rotate": 15, "Color": 0.15, "ShearX": 0.5 / 6, "TranslateY": 0.055, "Solarize": 256 / 6, "Posterize": 7}),
        (18, {"Rotate": 54, "Color": 0.54, "ShearX": 0.3, "TranslateY": 0.198, "Solarize": 153.6, "Posterize": 4}),
        (22, {"Rotate": 66, "Color": 0.66, "ShearX": 11 / 30, "TranslateY": 0.242, "Posterize": 3}),
        (30, {"Rotate": 90, "Color": 0.9, "ShearX": 0.5, "TranslateY": 0.33, "Solarize": 256, "Posterize": 1}),
    ],
)
def test_ranges_grow_with_the_level(level, ranges):
    ops = dict(zip(DEFAULTS, RUA("x", "x", level=level).ops, strict=True))
    assert ops["Posterize"].min_bits == ranges.pop("Posterize")
    for name, end in ranges.items():
        assert ops[name].range == pytest.approx((0 if name == "Solarize" else -end, end))
    for one, other in (
        ("Color", "Brightness"),
        ("Color", "Contrast"),
        ("Color", "Sharpness"),
        ("ShearX", "ShearY"),
        ("TranslateY", "TranslateX"),
    ):
        assert ops[one].range == ops[other].range


def test_rotation_is_by_the_nearest_pixel_and_fills_with_0():
    image = photo((15, 15, 3))
    (op,) = RUA("x", "x", choices="Rotate", level=30).ops
    op.range = (90, 90)
    np.testing.assert_array_equal(op.forward([image], STATE)[0], np.rot90(image))
    op.range = (45, 45)
    turned = op.forward([np.full((21, 21), 200, np.uint8)], STATE)[0]
    assert set(np.unique(turned)) == {0, 200}
    assert turned[10, 10] == 200
    assert turned[0, 0] == 0


def test_equalize_spreads_values_that_are_equally_frequent_evenly():
    image = (np.arange(64 * 64).reshape(64, 64) % 50 + 100).astype(np.uint8)
    values = np.unique(only("Equalize", 18, image))
    assert (values[0], values[-1]) == (0, 255)
    assert np.ptp(np.diff(values)) <= 2


def test_posterize_keeps_upper_bits():
    seen = set()
    for seed in range(60):
        image = photo(seed=seed)
        result = only("Posterize", 18, image, seed)
        (bits,) = [bits for bits in range(1, 9) if (result == image & (0xFF << (8 - bits) & 0xFF)).all()]
        seen.add(bits)
    assert seen == {4, 5, 6, 7, 8}


def test_solarize_inverts_the_bright_values():
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    firsts = []
    for seed in range(60):
        result = only("Solarize", 15, ramp, seed).ravel()
        inverted = np.flatnonzero(result != ramp.ravel())
        firsts.append(inverted.min() if inverted.size else 256)
        np.testing.assert_array_equal(result[: firsts[-1]], np.arange(firsts[-1]))
        np.testing.assert_array_equal(result[firsts[-1] :], 255 - np.arange(firsts[-1], 256))
    assert 128 <= min(firsts) < 140
    assert 245 < max(firsts) <= 256


def test_identity_and_ops_without_strength_leave_the_image():
    image = photo()
    weak = [name for name in DEFAULTS if name not in ("AutoContrast", "Equalize")]
    rua = RUA("x", "x", choices=weak, level=0)
    for seed in range(30):
        rua.reseed(seed)
        np.testing.assert_array_equal(rua.forward([image], STATE)[0], image)


@pytest.mark.parametrize(
    ("choices", "expected"),  # 1.7
    [
        ("defaults", DEFAULTS),
        (["defaults"], DEFAULTS),
        ("Rotate", ["Rotate"]),
        (["Solarize", "Rotate"], ["Solarize", "Rotate"]),
        ("!Rotate", DEFAULTS[1:]),
        (["!Rotate", "!TranslateY"], DEFAULTS[1:-1]),
        ([Note(1), "defaults"], [*DEFAULTS, "Note"]),
        ([Note(1), "!Rotate"], [*DEFAULTS[1:], "Note"]),
        (["Color", Note(1)], ["Color", "Note"]),
        (RandomShapes("x", "x"), ["RandomShapes"]),
    ],
)
def test_choices(choices, expected):
    assert names(RUA("x", "x", choices=choices)) == expected


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        (["defaults", "!Rotate"], "not both"),
        (["Rotate", "!Color"], "not both"),
        (["defaults", "Rotate"], "already holds"),
        ("rotate", r"Did you mean 'Rotate'\?"),
        ("!Shear", r"Did you mean 'Shear.'\?"),
        ([], "at least one"),
        (None, "at least one"),
        (["!" + name for name in DEFAULTS], "at least one"),
        (3, "got 3"),
        (Minmax("x", "x"), "Minmax has no set_rua_level"),
        (Note(1, mode="eval"), "Note does not run whenever RUA does.*'eval'"),
        (Note(1, ds_id="a"), "Note does not run whenever RUA does.*'a'"),
        (Fuse([Brightness("x", "y"), Brightness("z", "z")]), "Fuse reads .*'x', 'z'.* needs 1 of each"),
    ],
)
def test_choices_that_cannot_be(choices, message):
    with pytest.raises(ConfigError, match=message):
        RUA("x", "x", mode="train", choices=choices)


def test_ops_with_the_same_mode_are_fine():
    assert RUA("x", "x", mode="train", choices=Note(1, mode="train")).mode == {"train"}
    assert RUA("x", "x", mode="train", ds_id="a", choices=Note(1)).ds_id == {"a"}
    assert RUA("x", "x", choices=Note(1)).mode == {"train", "eval", "test", "infer"}


def test_given_ops_are_copied():
    op = Brightness("x", "x", limit=0.4)
    rua = RUA("x", "x", choices=op, level=15)
    assert op.range == (-0.4, 0.4)
    assert rua.ops[0].range == pytest.approx((-0.2, 0.2))
    note = Note(1)
    assert RUA("x", "x", choices=note, level=12).ops[0].level == pytest.approx(0.4)
    assert note.level is None


def test_given_ops_work_on_the_keys_of_rua():
    own = [Note(1, "a", "b"), Note(2, "c", "c"), LambdaOp(lambda x: [*x, 3], "d", "d"), Sometimes(Note(4, "e", "e"), 1)]
    rua = RUA("x", "y", choices=own, level=30)
    assert (rua.inputs, rua.outputs) == (["x"], ["y"])
    samples = notes(rua)
    assert {len(sample) for sample in samples} == {5}
    assert {number for sample in samples for number in sample} == {1, 2, 3, 4}


def test_several_images_are_changed_alike():
    rua, image = RUA(["x", "y"], ["v", "w"], level=30), photo()
    for seed in range(20):
        rua.reseed(seed)
        one, other = rua.forward([image, image.copy()], STATE)
        np.testing.assert_array_equal(one, other)


def test_rows_of_a_batch_are_changed_each_in_its_way():
    rua = RUA("x", "x", level=30)
    rua.reseed(0)
    result = rua.forward_batch([np.stack([photo()] * 6)], STATE)[0]
    assert (result.shape, result.dtype) == ((6, 12, 16, 3), np.uint8)
    assert len({row.tobytes() for row in result}) > 3


def test_a_sample_may_be_dropped():
    assert isinstance(RUA("x", "x", choices=Drop(1)).forward([[]], STATE), FilteredData)


@pytest.mark.parametrize("shape", [(12, 16), (12, 16, 1), (12, 16, 3)])
def test_forms_of_images(shape):
    rua = RUA("x", "x", level=30)
    for seed in range(30):
        rua.reseed(seed)
        result = rua.forward([photo(shape)], STATE)[0]
        assert (result.shape, result.dtype) == (shape, np.uint8)


def test_images_that_some_op_cannot_take_are_refused_whatever_is_drawn():
    for wrong in (photo().astype(np.float32), photo((4, 5, 4))):
        rua = RUA("x", "x", level=0)
        for seed in range(20):
            rua.reseed(seed)
            with pytest.raises(DataError, match=rf"RUA takes uint8 .* C one of \(1, 3\), got {wrong.dtype}"):
                rua.forward([wrong], STATE)
    four = photo((4, 5, 4))
    rua = RUA("x", "x", choices=["Color", "Rotate"])
    assert rua.forward([four], STATE)[0].shape == four.shape


def test_level_is_checked():
    for wrong in (-1, 30.5, "18", float("nan")):
        with pytest.raises(ConfigError, match=r"RUA\(level\)"):
            RUA("x", "x", level=wrong)


def test_as_many_outputs_as_inputs_are_needed():
    with pytest.raises(ConfigError, match="RUA: as many outputs"):
        RUA(["x", "y"], ["z"], choices=AutoContrast("x", "x"))
