"""Where a number rises, falls and stays over a run."""

import pytest

from fastestimator_lite.schedule.course import Course


def steady(*values):
    """A course whose value stays within each epoch."""
    return Course("lr", [None if value is None else (value, value) for value in values])


def legs(course):
    return [(leg.first, leg.last, leg.way, leg.words) for leg in course.legs]


@pytest.mark.parametrize(
    ("course", "expected"),
    [
        (steady(0.1), [(1, 1, "holds", "0.1")]),
        (steady(0.1, 0.1, 0.01, 0.01), [(1, 2, "holds", "0.1"), (3, 4, "holds", "0.01")]),
        (steady(1, 2, 3, 2, 1, 1, 1), [(1, 3, "rises", "1 -> 3"), (4, 4, "holds", "2"), (5, 7, "holds", "1")]),
        (steady(1, 2, 3, 2, 1.5, 1, 1), [(1, 3, "rises", "1 -> 3"), (4, 6, "falls", "2 -> 1"), (7, 7, "holds", "1")]),
        (steady(5, 4, 3, 9, 8, 7), [(1, 3, "falls", "5 -> 3"), (4, 6, "falls", "9 -> 7")]),
        (steady(None, None, 1, 1, None), [(1, 2, "none", "-"), (3, 4, "holds", "1"), (5, 5, "none", "-")]),
        (steady(1, 2, 1, 2), [(1, 1, "holds", "1"), (2, 2, "holds", "2"), (3, 3, "holds", "1"), (4, 4, "holds", "2")]),
        (
            Course("lr", [(0, 0.1), (0.1, 0.08), (0.08, 0.02), (0.02, 0.02)]),
            [(1, 1, "rises", "0 -> 0.1"), (2, 3, "falls", "0.1 -> 0.02"), (4, 4, "holds", "0.02")],
        ),
        (Course("lr", [(0.02, 0.02), (0.02, 0.01)]), [(1, 1, "holds", "0.02"), (2, 2, "falls", "0.02 -> 0.01")]),
        (
            Course(
                "betas", [((0.9, 0.99), (0.9, 0.99))] * 2 + [((0.9, 0.99), (0.8, 0.99))] + [((0.8, 0.99), (0.8, 0.99))]
            ),
            [
                (1, 2, "holds", "(0.9, 0.99)"),
                (3, 3, "changes", "(0.9, 0.99) -> (0.8, 0.99)"),
                (4, 4, "holds", "(0.8, 0.99)"),
            ],
        ),
        (
            Course("trains", [("head*", "head*"), ("head*", "head*"), ("*", "*")]),
            [(1, 2, "holds", "head*"), (3, 3, "holds", "*")],
        ),
    ],
)
def test_legs(course, expected):
    assert legs(course) == expected


def test_legs_cover_every_epoch_once():
    course = steady(3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, None, 3, 2, 1)
    covered = [epoch for leg in course.legs for epoch in range(leg.first, leg.last + 1)]
    assert covered == list(range(1, 20))


def test_words_of_a_stretch_of_epochs():
    course = steady(0, 0.05, 0.1, 0.1, 0.01, 0.001, None)
    assert course.words(1, 1) == "0"
    assert course.words(1, 3) == "0 -> 0.1"
    assert course.words(1, 4) == "0 -> 0.1"
    assert course.words(7, 7) == "-"
    assert steady(5, 4, 3, 9, 8, 7).words(1, 6) == "5 -> 3 -> 9 -> 7"
    assert steady(*[1, 2, 3] * 9).words(1, 27) == "1 to 3, up and down"


def test_many_steps_one_way_are_told_by_their_ends():
    falling = [value for value in (5, 4, 3, 2, 1) for _ in range(2)]
    assert [leg.way for leg in steady(*falling).legs] == ["holds"] * 5
    assert steady(*falling).words(1, 10) == "5 -> 1"
    assert steady(*reversed(falling)).words(2, 10) == "1 -> 5"
    assert steady(*falling, 9).words(1, 11) == "1 to 9, up and down"
    assert steady(*falling, None).words(1, 11) == "1 to 5, up and down"


def test_words_of_a_part_are_those_of_the_part_alone():
    values = [None, None, 1, 1, 1, 2, 3, 4, 4, 3, 2, 2, 0.5, 7, 7, None, 1, 2, 1, 2]
    moving = [(3, 2), (2, 1), (1, 4), (4, 4), (4, 4), (4, 6), (6, 9)]
    for course in (steady(*values), Course("lr", moving), Course("betas", [((1, value),) * 2 for value in values])):
        count = len(course.pairs)
        for first in range(1, count + 1):
            for last in range(first, count + 1):
                alone = Course("part", course.pairs[first - 1 : last])
                assert course.words(first, last) == alone.words(1, last - first + 1)


def test_numbers_that_differ_by_rounding_are_the_same():
    assert [leg.way for leg in steady(0.1, 0.1 + 1e-12, 0.1).legs] == ["holds"]
