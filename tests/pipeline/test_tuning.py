"""The search for the number of workers, on machines made of numbers."""

import pytest

from fastestimator_lite.pipeline.tuning import Tuning


def search(seconds, wait, most=8, least=0, batches=2000):
    """The numbers that are tried, for a machine where a batch takes `seconds(n)` of which the step waits `wait(n)`."""
    tuning = Tuning(least, most)
    tried = [tuning.number]
    for _ in range(batches):
        if tuning.is_settled:
            break
        before = tuning.number
        changed = tuning.add(wait(before), seconds(before))
        assert changed == (tuning.number != before)
        if changed:
            tried.append(tuning.number)
    assert tuning.is_settled
    return tried


def test_a_step_that_hardly_waits_gets_no_worker():
    assert search(lambda n: 0.1, lambda n: 0.005) == [0]


def test_a_batch_that_costs_next_to_nothing_gets_no_worker():
    assert search(lambda n: 0.001, lambda n: 0.0009) == [0]


def test_trifles_are_seen_at_once():
    tuning = Tuning(0, 4)
    for _ in range(34):
        tuning.add(0.00004, 0.0002)
    assert (tuning.number, tuning.is_settled) == (0, True)


def test_workers_are_added_while_they_help():
    """20 ms of work on samples that any number of workers share, and a step of 5 ms."""
    total = {0: 0.025, 1: 0.020, 2: 0.010, 4: 0.005, 8: 0.005}
    assert search(total.get, lambda n: max(total[n] - 0.005, 0)) == [0, 1, 2, 4]


def test_more_than_help_are_taken_back():
    """Two processors: the third process only gets in the way."""
    total = {0: 0.025, 1: 0.020, 2: 0.012, 4: 0.013}
    assert search(total.get, lambda n: 0.006) == [0, 1, 2, 4, 2]


def test_a_worker_that_slows_the_step_down_is_taken_back():
    assert search({0: 0.035, 1: 0.200}.get, lambda n: {0: 0.015, 1: 0.010}[n]) == [0, 1, 0]


def test_there_are_never_more_than_allowed():
    assert search(lambda n: 1 / (n + 1), lambda n: 0.5 / (n + 1), most=3) == [0, 1, 2, 3]
    assert search(lambda n: 1 / (n + 1), lambda n: 0.5 / (n + 1), most=1, least=1) == [1]


def test_a_slow_start_is_not_counted():
    tuning = Tuning(0, 4)
    for _ in range(2):
        assert not tuning.add(9.0, 10.0)
    for _ in range(9):
        tuning.add(0.0, 0.1)
    assert (tuning.number, tuning.is_settled) == (0, True)


@pytest.mark.parametrize("spike", [0, 3, 7])
def test_one_slow_batch_does_not_decide(spike):
    tuning = Tuning(0, 4)
    for index in range(20):
        tuning.add(5.0 if index == spike + 2 else 0.0, 6.0 if index == spike + 2 else 0.05)
    assert (tuning.number, tuning.is_settled) == (0, True)
