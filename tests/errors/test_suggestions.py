"""The nearest right word: typos get the suggestion that was meant, through the calls that users make."""

import random
import string
import traceback

import numpy as np
import pytest

import fastestimator_lite as fe
from fastestimator_lite.component import When
from fastestimator_lite.dataset import NumpyDataset
from fastestimator_lite.op.numpyop import Delete
from fastestimator_lite.util.errors import ConfigError, DataError, MissingKeyError, SampleError, suggest

KEYS = ["x", "y", "image", "label", "mask", "bbox", "y_pred", "ce", "accuracy"]
MODES = ["train", "eval", "test", "infer"]
DS_IDS = ["day", "night", "source", "target", "ds_1", "ds_2"]
OPTIMIZERS = ["adadelta", "adagrad", "adam", "adamax", "rmsprop", "sgd"]
LETTERS = string.ascii_lowercase + string.digits + "_"


def typo_of(word, rng):
    """One slip of the fingers: a letter left out, added, doubled, hit wrong, in capitals, or swapped with the next."""
    at = rng.randrange(len(word))
    other = rng.choice(LETTERS)
    slips = [
        word[:at] + other + word[at:],
        word[:at] + word[at] + word[at:],
        word[:at] + word[at].upper() + word[at + 1 :],
    ]
    if len(word) > 1:  # of a word of one letter nothing would be left
        slips += [
            word[:at] + word[at + 1 :],
            word[:at] + other + word[at + 1 :],
            word[:at] + word[at : at + 2][::-1] + word[at + 2 :],
        ]
    return rng.choice(slips)


def typos(words, count):
    """Pairs of (word, a typo of it that is no word)."""
    rng = random.Random(7)
    found = []
    while len(found) < count:
        word = rng.choice(words)
        typo = typo_of(word, rng)
        if typo not in words:
            found.append((word, typo))
    return found


def read_key(typo):
    data = NumpyDataset({key: np.zeros(2) for key in KEYS})
    fe.Pipeline(train_data=data, ops=Delete(typo), num_process=0).load(When("train", 1, "")).sample_keys()


def run_for_ds_id(typo):
    fe.Pipeline(train_data={ds_id: NumpyDataset({"x": np.zeros(2)}) for ds_id in DS_IDS}, ops=Delete("x", ds_id=typo))


def build_with(typo):
    import torch

    fe.build(lambda: torch.nn.Linear(1, 1), typo)


CASES = [
    (KEYS, read_key),
    (MODES, lambda typo: Delete("x", mode=typo)),
    (DS_IDS, run_for_ds_id),
    (OPTIMIZERS, build_with),
]


def test_300_typos_get_the_word_that_was_meant():
    wrong = []
    for words, call in CASES:
        for word, typo in typos(words, 75):
            with pytest.raises((ConfigError, MissingKeyError)) as caught:
                call(typo)
            assert repr(typo) in str(caught.value)
            if not str(caught.value).endswith(f" Did you mean {word!r}?"):
                wrong.append((word, typo))
    assert len(wrong) <= 15, wrong


@pytest.mark.parametrize(
    ("word", "options", "best"),
    [
        ("_e", ["x", "y_pred", "ce"], "ce"),  # a likeness of parts alone would say y_pred
        ("adaa", ["adamax", "adam"], "adam"),
        ("Y_Pred", ["y_true", "y_pred"], "y_pred"),
        ("X", ["y", "x"], "x"),
        ("ec", ["x", "ce"], "ce"),
        (3, ["13", "3"], "3"),
    ],
)
def test_the_fewest_edits_win(word, options, best):
    assert suggest(word, options) == f" Did you mean {best!r}?"


def test_nothing_is_suggested_when_nothing_is_near():
    assert suggest("zebra", ["x", "y_pred", "ce"]) == ""
    assert suggest("x", []) == ""


def test_scripts_catch_errors_as_in_1x():
    caught = []
    try:
        Delete("x", mode="trian")
    except AssertionError as err:
        caught.append(err)
    try:
        fe.Pipeline(batch_size=0)
    except ValueError as err:
        caught.append(err)
    try:
        read_key("iamge")
    except KeyError as err:
        caught.append(err)
    try:
        read_key("iamge")
    except AssertionError as err:
        caught.append(err)
    assert [type(err) for err in caught] == [ConfigError, ConfigError, MissingKeyError, MissingKeyError]
    assert issubclass(DataError, RuntimeError)
    assert issubclass(SampleError, DataError)


def test_a_missing_key_prints_its_text_without_quotes():
    with pytest.raises(MissingKeyError) as caught:
        read_key("iamge")
    text = str(caught.value)
    assert text.startswith("op #0 Delete of the Pipeline needs key 'iamge'")
    assert text.endswith("Did you mean 'image'?")
    assert traceback.format_exception_only(caught.value)[-1].strip().endswith(f"MissingKeyError: {text}")
    assert str(MissingKeyError()) == ""
