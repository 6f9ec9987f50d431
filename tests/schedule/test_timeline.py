"""The timeline as data and as a table."""

import json

import pytest

from fastestimator_lite.schedule import Timeline
from fastestimator_lite.schedule.course import Course
from fastestimator_lite.schedule.timeline import Stretch

TIMELINE = Timeline(
    [
        Stretch(1, 2, {"data": "a", "size": "32", "ops": "Rotate"}),
        Stretch(3, 3, {"data": "b", "size": "32", "ops": "Rotate"}),
        Stretch(4, 9, {"data": "b", "size": "64", "ops": "Rotate"}),
    ],
    9,
)


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


WITH_COURSE = Timeline(
    [Stretch(1, 2, {"size": "32"}), Stretch(3, 6, {"size": "64"})],
    6,
    [Course("m_lr", [(0.0, 0.1), (0.1, 0.1), (0.1, 0.08), (0.08, 0.06), (0.06, 0.04), None])],
)


def test_a_new_row_begins_where_a_course_turns():
    assert str(WITH_COURSE).splitlines() == [
        'Timeline of 6 epochs (* = changes here, " = as above)',
        "  epoch | size | m_lr",
        "  ------+------+--------------",
        "  1     | 32   | 0 -> 0.1",
        "  2     | 32   | 0.1 *",
        "  3-5   | 64 * | 0.1 -> 0.04 *",
        "  6     | 64   | - *",
    ]


def test_a_course_that_turns_all_the_time_is_told_in_one_cell():
    pairs = [(value, value) for value in (1, 2, 3, 0) for _ in range(2)] * 20
    timeline = Timeline([Stretch(1, len(pairs), {"size": "32"})], len(pairs), [Course("m_lr", pairs)])
    assert str(timeline).splitlines() == ["Timeline of 160 epochs", "  size: 32", "  m_lr: 0 to 3, up and down"]


def test_an_epoch_has_the_words_of_its_course():
    assert WITH_COURSE.at(4) == {"size": "64", "m_lr": "0.08 -> 0.06"}
    assert WITH_COURSE.segments("m_lr")[0] == (1, 1, "0 -> 0.1")
    assert WITH_COURSE.course("m_lr").pairs[3] == (0.08, 0.06)
    with pytest.raises(KeyError, match="Did you mean 'm_lr'"):
        WITH_COURSE.course("m_rl")


def test_csv_has_a_line_for_each_epoch():
    lines = WITH_COURSE.to_csv().splitlines()
    assert lines[0] == "epoch,size,m_lr first,m_lr last"
    assert lines[3] == "3,64,0.1,0.08"
    assert lines[6] == "6,64,,"
    assert len(lines) == 7


def test_json_holds_stretches_and_courses():
    data = json.loads(WITH_COURSE.to_json())
    assert data["stretches"][1] == {"first": 3, "last": 6, "size": "64"}
    assert data["courses"]["m_lr"][0] == [0.0, 0.1]
    assert data["courses"]["m_lr"][5] is None


def test_long_values_are_wrapped_and_not_said_twice():
    long = "Minmax, Resize(height=28, width=28), Rotate, ExpandDims"
    timeline = Timeline(
        [
            Stretch(1, 1, {"ops": long, "size": "1"}),
            Stretch(2, 2, {"ops": long, "size": "2"}),
            Stretch(3, 3, {"ops": "none", "size": "2"}),
        ],
        3,
    )
    assert str(timeline).splitlines()[3:] == [
        "  1     | Minmax, Resize(height=28,     | 1",
        "        | width=28), Rotate, ExpandDims |",
        '  2     | "                             | 2 *',
        "  3     | none *                        | 2",
    ]
