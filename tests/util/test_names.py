"""What users write, read: ranges, lists and keys."""

import numpy as np
import pytest

from fastestimator_lite.util import names
from fastestimator_lite.util.errors import ConfigError


@pytest.mark.parametrize(
    ("written", "ends"),
    [
        (3, (-3, 3)),
        (-3, (-3, 3)),
        (0, (0, 0)),
        (2.5, (-2.5, 2.5)),
        ((1, 2), (1, 2)),
        ([-0.25, 2], (-0.25, 2)),
        ((4, 4), (4, 4)),
        (np.float32(0.5), (-0.5, 0.5)),
        (np.array([1, 7]), (1, 7)),
    ],
)
def test_param_to_range(written, ends):
    found = names.param_to_range(written)
    assert found == ends
    assert isinstance(found, tuple)
    assert all(type(end) is float for end in found)


@pytest.mark.parametrize(
    "written", [(2, 1), (1, 2, 3), (1,), "3", None, True, float("nan"), (0, float("inf")), [(1, 2)] * 2]
)
def test_param_to_range_refuses(written):
    with pytest.raises(ConfigError, match=r"^Slide\(limit\) must be a number n for \(-n, n\), or a range") as caught:
        names.param_to_range(written, "Slide(limit)")
    assert repr(written) in str(caught.value)


def test_to_list_and_set():
    assert names.to_list(None) == []
    assert names.to_list("abc") == ["abc"]
    assert names.to_list(("a", "b")) == ["a", "b"]
    assert names.to_list(0) == [0]
    assert names.to_set(["a", "b", "a"]) == {"a", "b"}
    assert names.filter_nones([0, None, "", None, 2]) == [0, "", 2]
