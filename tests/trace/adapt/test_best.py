import json

import numpy as np
import pytest

from fastestimator_lite.trace.adapt._best import Best
from fastestimator_lite.util.errors import ConfigError


@pytest.mark.parametrize(
    ("compare", "values", "better"),
    [
        ("min", [3, 2, 2, 1], [True, True, False, True]),
        ("max", [3, 4, 4, 5], [True, True, False, True]),
        ("min", [float("nan"), 2, float("nan"), 1], [False, True, False, True]),
        ("max", [-5, -6, -4], [True, False, True]),
    ],
)
def test_better_than_all_before(compare, values, better):
    best = Best(compare)
    assert [best.update(value) for value in values] == better


@pytest.mark.parametrize("min_delta", [0.2, -0.2])
def test_small_steps_do_not_count_but_add_up(min_delta):
    best = Best("min", min_delta)
    assert [best.update(value) for value in (3.0, 2.9, 2.85, 2.7, 2.6)] == [True, False, False, True, False]
    assert best.value == 2.7


def test_a_baseline_must_be_beaten():
    best = Best("max", baseline=0.5)
    assert not best.update(0.4)
    assert best.value == 0.5
    assert best.update(0.6)


def test_unsigned_values_do_not_wrap_around():
    best = Best("max")
    best.update(np.uint8(3))
    assert not best.update(np.uint8(2))
    assert best.update(np.array([True], dtype=bool)) is False


def test_values_of_any_framework(framework, make):
    best = Best("min")
    assert best.update(make([0.1], "float32"))
    assert best.value == np.float32(0.1)


def test_reset_forgets():
    best = Best("min", baseline=2.0)
    best.update(1.0)
    best.reset()
    assert best.value == 2.0


def test_state_keeps_digits_through_json():
    best = Best("min")
    best.update(np.float32(0.1))
    other = Best("min")
    other.load_state_dict(json.loads(json.dumps(best.state_dict())))
    assert str(other.value) == "0.1"
    assert not other.update(np.float32(0.1))


def test_several_numbers_cannot_be_compared():
    with pytest.raises(ConfigError, match=r"one number.*shape \(2,\)"):
        Best("min").update(np.array([1.0, 2.0]))


def test_compare_is_checked():
    with pytest.raises(ConfigError, match="here must be 'min' or 'max', got 'mix'"):
        Best("mix", name="here")
