"""The timeline as data and as a table."""
import pytest

from fastestimator_lite.schedule import Timeline
from fastestimator_lite.schedule.timeline import Stretch

TIMELINE = Timeline([Stretch(1, 2, {"data": "a", "size": "32", "ops": "Rotate"}),
                     Stretch(3, 3, {"data": "b", "size": "32", "ops": "Rotate"}),
                     Stretch(4, 9, {"data": "b", "size": "64", "ops": "Rotate"})], 9)


def test_table_shows_constants_once_and_marks_changes():
    assert str(TIMELINE).splitlines() == [
        "Timeline of 9 epochs (* = changes here)",
        "  ops: Rotate",
        "  epoch | data | size",
        "  ------+------+-----",
        "  1-2   | a    | 32",
        "  3     | b *  | 32",
        "  4-9   | b    | 64 *",
    ]


def test_segments_of_a_part():
    assert TIMELINE.segments("data") == [(1, 2, "a"), (3, 9, "b")]
    assert TIMELINE.segments("ops") == [(1, 9, "Rotate")]


def test_at_and_rows():
    assert TIMELINE.at(3)["data"] == "b"
    assert next(iter(TIMELINE.rows())) == {"first": 1, "last": 2, "data": "a", "size": "32", "ops": "Rotate"}
    with pytest.raises(IndexError, match="covers epochs 1..9, not 10"):
        TIMELINE.at(10)
