"""Runs of one experiment, averaged."""

import numpy as np
import pytest

from fastestimator_lite.summary.summary import Summary, ValWithError, average_summaries


def average(*values):
    """Average runs that logged one value each; None logs nothing."""
    runs = []
    for value in values:
        run = Summary("run")
        if value is not None:
            run.history["train"]["loss"][4] = value
        runs.append(run)
    found = average_summaries("all", runs)
    assert found.name == "all"
    return found.history["train"]["loss"].get(4)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((1.0, 3.0), (2 - np.sqrt(2), 2, 2 + np.sqrt(2))),
        ((1.0, 3.0, 8.0), (4 - np.sqrt(13), 4, 4 + np.sqrt(13))),
        ((1, None, 4), (2.5 - np.sqrt(4.5), 2.5, 2.5 + np.sqrt(4.5))),
        ((ValWithError(1, 2, 3), ValWithError(3, 4, 5)), (3 - np.sqrt(2), 3, 3 + np.sqrt(2))),
        ((ValWithError(0, 2, 9), 4.0), (3 - np.sqrt(2), 3, 3 + np.sqrt(2))),
        ((np.array(1.0), np.float32(3)), (2 - np.sqrt(2), 2, 2 + np.sqrt(2))),
    ],
)
def test_mean_and_sample_deviation(values, expected):
    found = average(*values)
    assert isinstance(found, ValWithError)
    np.testing.assert_allclose(found.as_tuple(), expected, rtol=1e-12)


def test_values_that_agree_or_stand_alone_stay_plain():
    assert average(2.0, 2.0) == 2.0
    assert average(7.5, None) == 7.5
    assert average("text") == "text"


def test_what_is_no_number_is_left_out():
    assert average("a", "b") is None
    assert average(np.array([1.0, 2.0]), np.array([3.0, 2.0])) is None
    assert average(np.ones(2), np.ones(3)) is None
    assert average("a", 1.0) is None
    assert average(np.str_("a"), np.str_("b")) is None


def test_modes_keys_and_steps_stay_apart():
    one, two = Summary("one"), Summary("two")
    one.history["train"]["loss"][1] = 1.0
    one.history["train"]["loss"][2] = 5.0
    two.history["train"]["loss"][2] = 5.0
    two.history["eval"]["loss"][2] = 9.0
    found = average_summaries("both", [one, two])
    assert found.state_dict()["history"] == {"train": {"loss": {1: 1.0, 2: 5.0}}, "eval": {"loss": {2: 9.0}}}
    assert average_summaries("none", []).state_dict()["history"] == {}
    assert one.state_dict()["history"] == {"train": {"loss": {1: 1.0, 2: 5.0}}}
