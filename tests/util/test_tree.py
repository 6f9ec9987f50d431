"""The walk over nested collections, and what is said of them."""

from collections import ChainMap, OrderedDict, namedtuple

import numpy as np
import pytest

from fastestimator_lite.util import tree

Pair = namedtuple("Pair", "left right")


def test_map_structure_keeps_the_form():
    data = {"a": 1, "b": [2, (3, 4)], "c": {5}, "d": Pair(6, [7]), "e": frozenset({8}), "f": []}
    result = tree.map_structure(lambda leaf: leaf * 10, data)
    assert result == {"a": 10, "b": [20, (30, 40)], "c": {50}, "d": Pair(60, [70]), "e": frozenset({80}), "f": []}
    assert type(result["d"]) is Pair
    assert data["b"] == [2, (3, 4)]


@pytest.mark.parametrize("mapping", [OrderedDict(a=1, b=2), ChainMap({"b": 2}, {"a": 1})])
def test_a_mapping_becomes_a_dictionary(mapping):
    result = tree.map_structure(str, mapping)
    assert type(result) is dict
    assert result == {"a": "1", "b": "2"}


def test_arrays_and_text_are_leaves():
    array = np.ones(3)
    assert tree.map_structure(lambda leaf: leaf, array) is array
    assert list(tree.leaves({"a": array, "b": ["text", (None, 5)]}))[1:] == ["text", None, 5]


def test_leaves_and_map_structure_go_the_same_way():
    seen = []
    data = {"z": [1, {"y": 2}], "a": (3, [4, 5])}
    tree.map_structure(seen.append, data)
    assert seen == list(tree.leaves(data)) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (np.ones(2, "int32"), "int32"),
        (np.float16(1), "float16"),
        ([np.ones(1), np.ones(2)], "List[float64]"),
        ((1, 2), "Tuple[int]"),
        ([1, "a"], "List"),
        ([[1], [2, 3]], "List[List[int]]"),
        ("x", "str"),
        ({}, "dict"),
        ([], "List"),
    ],
)
def test_get_type(value, name):
    assert tree.get_type(value) == name


def test_get_type_of_tensors(tensor_framework, make):
    assert tree.get_type(make([1.0], "float32")) == "float32"


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        (np.ones((12, 22, 11)), [12, 22, 11]),
        ([np.ones((2, 3)), np.ones((2, 3))], [2, 3]),
        ([np.ones((2, 3)), np.ones((4, 3))], [None, 3]),
        ([np.ones(2), np.ones((2, 2))], []),
        (27, []),
        ("text", []),
        ([], []),
    ],
)
def test_get_shape(value, shape):
    assert tree.get_shape(value) == shape
