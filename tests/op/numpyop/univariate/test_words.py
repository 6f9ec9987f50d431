"""Tokenize, WordtoId and PadSequence."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from fastestimator_lite.op.numpyop.univariate import PadSequence, Tokenize, WordtoId
from fastestimator_lite.util.errors import ConfigError, DataError

STATE = {"mode": "train", "epoch": 1}
IDS = {"red": 1, "green": 2, "blue": 3}


def at_commas(text):
    return text.split(",")


def pad(sequence, max_len, **arguments):
    return PadSequence("x", "y", max_len, **arguments).forward([sequence], STATE)[0]


def to_ids(words, mapping=IDS):
    return WordtoId(mapping, "x", "y").forward([words], STATE)[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello World, it is  a\ttest.\n", ["Hello", "World,", "it", "is", "a", "test."]),
        ("", []),
        (np.str_("Ab c"), ["Ab", "c"]),
        (np.array("Ab c"), ["Ab", "c"]),
        (b"Ab c", [b"Ab", b"c"]),
    ],
)
def test_tokenize(text, words):
    result = Tokenize("x", "y").forward([text], STATE)[0]
    assert isinstance(result, list)
    assert result == words


def test_tokenize_by_a_function():
    assert Tokenize("x", "y", tokenize_fn=at_commas).forward(["A,b c"], STATE) == [["A", "b c"]]
    assert Tokenize("x", "y", tokenize_fn=at_commas, to_lower_case=True).forward(["A,B"], STATE) == [["a", "b"]]
    assert Tokenize("x", "y", to_lower_case=True).forward(["A B"], STATE) == [["a", "b"]]


def test_only_functions_may_draw():
    assert not Tokenize("x", "y").draws
    assert Tokenize("x", "y", tokenize_fn=at_commas).draws
    assert not WordtoId(IDS, "x", "y").draws
    assert WordtoId(len, "x", "y").draws


def test_tokenize_what_is_no_text():
    with pytest.raises(DataError, match=r"Tokenize takes a text for \['x'\], got \['a b'\] \(list\)"):
        Tokenize("x", "y").forward([["a b"]], STATE)
    with pytest.raises(ConfigError, match=r"Tokenize\(tokenize_fn\) .* got 3"):
        Tokenize("x", "y", tokenize_fn=3)


@pytest.mark.parametrize("words", [["red", "blue", "red"], ("red", "blue", "red"), np.array(["red", "blue", "red"])])
def test_words_to_ids(words):
    result = to_ids(words)
    assert result.dtype == np.int64
    np.testing.assert_array_equal(result, [1, 3, 1])


def test_no_words():
    result = to_ids([])
    assert (result.dtype, result.shape) == (np.int64, (0,))


def test_words_to_ids_by_a_function():
    np.testing.assert_array_equal(to_ids(["a", "bb"], lambda words: [len(word) for word in words]), [1, 2])


def test_a_word_that_is_not_known():
    with pytest.raises(DataError, match=r"WordtoId: 'gren' .* none of the 3 words .* Did you mean 'green'\?"):
        to_ids(["red", "gren"])
    np.testing.assert_array_equal(to_ids(["red", "gren"], defaultdict(int, IDS)), [1, 0])


def test_a_mapping_that_is_none():
    for wrong in (["red"], 3, None):
        with pytest.raises(ConfigError, match=r"WordtoId\(mapping\)"):
            WordtoId(wrong, "x", "y")


@pytest.mark.parametrize(
    ("sequence", "arguments", "expected"),
    [
        ([1, 2, 3], {"max_len": 5}, [1, 2, 3, 0, 0]),
        ((1, 2, 3), {"max_len": 5, "append": False}, [0, 0, 1, 2, 3]),
        ([1, 2, 3], {"max_len": 2}, [1, 2]),
        ([1, 2, 3], {"max_len": 2, "append": False}, [1, 2]),
        ([1, 2], {"max_len": 2}, [1, 2]),
        (np.array([1, 2], np.int32), {"max_len": 3, "value": 9}, np.array([1, 2, 9], np.int32)),
        (np.array([1, 2], np.float32), {"max_len": 3, "value": 9}, np.array([1, 2, 9], np.float32)),
        ([1, 2], {"max_len": 3, "value": 0.5}, [1, 2, 0.5]),
        (["a", "b"], {"max_len": 4, "value": "[PAD]"}, ["a", "b", "[PAD]", "[PAD]"]),
        (["a", "b"], {"max_len": 3}, ["a", "b", "0"]),
        ([], {"max_len": 3}, [0, 0, 0]),
        ([], {"max_len": 2, "value": "-"}, ["-", "-"]),
        (np.zeros(0, np.float32), {"max_len": 2}, np.zeros(2, np.float32)),
        (np.ones((1, 2)), {"max_len": 3, "value": -1}, [[1.0, 1.0], [-1.0, -1.0], [-1.0, -1.0]]),
        (np.ones((3, 2)), {"max_len": 1}, [[1.0, 1.0]]),
    ],
)
def test_padding(sequence, arguments, expected):
    result, expected = pad(sequence, **arguments), np.array(expected)
    assert result.dtype.kind == expected.dtype.kind
    if expected.dtype.kind != "U":
        assert result.dtype == expected.dtype
    np.testing.assert_array_equal(result, expected)


def test_padding_checks_its_arguments():
    for wrong in (0, -1, 2.5, True):
        with pytest.raises(ConfigError, match=r"PadSequence\(max_len\)"):
            PadSequence("x", "y", wrong)
    with pytest.raises(DataError, match=r"PadSequence .* got 'a b'"):
        pad("a b", 3)


def test_from_text_to_numbers_of_one_length():
    rows = []
    for text in ("Red", "green blue red RED", ""):
        words = Tokenize("x", "y", to_lower_case=True).forward([text], STATE)[0]
        rows.append(pad(to_ids(words), 3))
    np.testing.assert_array_equal(np.stack(rows), [[1, 0, 0], [2, 3, 1], [0, 0, 0]])
