"""Names for people, and values that come as text."""

import pytest

from fastestimator_lite.util import text


def test_strip():
    assert text.strip_prefix("astring", "a") == "string"
    assert text.strip_prefix("bstring", "a") == "bstring"
    assert text.strip_prefix(None, "a") is None
    assert text.strip_prefix("a", None) == "a"
    assert text.strip_suffix("stringa", "a") == "string"
    assert text.strip_suffix("stringb", "a") == "stringb"
    assert text.strip_suffix(None, "a") is None
    assert text.strip_suffix("a", None) == "a"


@pytest.mark.parametrize(
    ("metric", "title"),
    [("myUgly_loss", "My Ugly Loss"), ("max_accuracy", "Max Accuracy"), ("ce1", "Ce1"), ("", "")],
)
def test_prettify_metric_name(metric, title):
    assert text.prettify_metric_name(metric) == title


def test_is_number():
    assert all(text.is_number(word) for word in ("13.7", "-1e3", "5"))
    assert not any(text.is_number(word) for word in ("ae13.7", "", "1.2.3"))


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("5", 5),
        ("-0.5", -0.5),
        ("[5, 4, 0.3]", [5, 4, 0.3]),
        ("{'a': 5, 'b': 7}", {"a": 5, "b": 7}),
        ("True", True),
        ("true", True),
        ("null", None),
        ('{"x": null}', {"x": None}),
        ("None", None),
        ("adam", "adam"),
        ("", ""),
        ("(1,", "(1,"),
    ],
)
def test_parse_string_to_python(word, value):
    assert text.parse_string_to_python(word) == value
