import json

import numpy as np
import pytest

from fastestimator_lite.dataset.summary import DatasetSummary, KeySummary, summarize_column, summarize_sample


def _objects(*values):
    column = np.empty(len(values), dtype=object)
    for index, value in enumerate(values):
        column[index] = value
    return column


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (np.zeros((4, 28, 28), np.uint8), KeySummary("uint8", None, (28, 28))),
        (np.array([1.0, 2.0, 2.0]), KeySummary("float64", 2, ())),
        (np.array(["a", "bb"]), KeySummary("str", 2, ())),
        (_objects("a", "b", "a"), KeySummary("str", 2, ())),
        (_objects(None, 1), KeySummary("NoneType | int", 2, ())),
        (_objects({"a": 1}, {"a": 2}), KeySummary("dict", None, ())),
        (_objects([1, 2], [3]), KeySummary("List[int]", None, (None,))),
        (_objects([[1, 2]], [[3, 4]]), KeySummary("List[List[int]]", None, (1, 2))),
        (_objects(np.zeros((2, 3)), np.zeros((2, 4))), KeySummary("float64", None, (2, None))),
        (_objects(np.zeros((2, 3)), np.zeros(4)), KeySummary("float64", None, (None,))),
    ],
)
def test_a_column_is_described(column, expected):
    assert summarize_column(column) == expected


def test_a_sample_is_described_without_counting():
    sample = {"x": np.zeros((2, 3), np.float32), "y": 3, "name": "a", "z": np.int8(1)}
    assert summarize_sample(sample) == {
        "x": KeySummary("float32", shape=(2, 3)),
        "y": KeySummary("int"),
        "name": KeySummary("str"),
        "z": KeySummary("int8"),
    }


def test_text_is_json_with_the_known_facts():
    summary = DatasetSummary(3, {"x": KeySummary("uint8", 3, (None, 2))}, 2, {"a": 0}, "y")
    assert str(summary) == (
        '{"num_instances": 3, "class_key": "y", "num_classes": 2, "class_key_mapping": {"a": 0}, '
        '"keys": {"x": {"num_unique_values": 3, "shape": [null, 2], "dtype": "uint8"}}}'
    )
    assert json.loads(str(DatasetSummary(1, {}))) == {"num_instances": 1, "keys": {}}


def test_repr_names_the_class():
    summary = DatasetSummary(1, {"x": KeySummary("int")})
    assert repr(summary) == (
        "<DatasetSummary {'num_instances': 1, 'keys': {'x': <KeySummary {'shape': [], 'dtype': 'int'}>}}>"
    )
    assert str(KeySummary("int", 2)) == '{"num_unique_values": 2, "shape": [], "dtype": "int"}'
