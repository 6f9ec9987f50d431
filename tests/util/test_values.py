"""Small stand-ins for values."""

import copy
import pickle

import pytest

from fastestimator_lite.util.values import DefaultKeyDict, Flag, IfElse


def test_flag():
    flag = Flag()
    holder = flag
    assert not flag
    holder.set_true()
    assert flag
    assert repr(flag) == "Flag(True)"
    flag.set_false()
    assert not holder
    assert pickle.loads(pickle.dumps(Flag(True)))


def test_default_key_dict():
    asked = []

    def double(key):
        asked.append(key)
        return key * 2

    table = DefaultKeyDict(double, a="first")
    assert table["a"] == "first"
    assert table["b"] == table["b"] == "bb"
    assert asked == ["b"]
    assert "c" not in table
    assert table.get("c") is None
    assert table == {"a": "first", "b": "bb"}


@pytest.mark.parametrize("again", [lambda table: pickle.loads(pickle.dumps(table)), copy.copy, copy.deepcopy])
def test_default_key_dict_copies(again):
    table = DefaultKeyDict(str.upper, a=1)
    other = again(table)
    assert other == {"a": 1}
    assert other["b"] == "B"
    assert "b" not in table


def test_if_else():
    assert IfElse(True, "y", "n") == "y"
    assert IfElse(0, "y", "n") == "n"
    assert IfElse(False, "y") is None
