"""Which arguments of a forward pass an op's inputs go to."""

import pytest

from fastestimator_lite.backend.arguments import Arguments
from fastestimator_lite.util.errors import ConfigError


def model(forward):
    return type("Model", (), {"forward": staticmethod(forward)})()


def bert(input_ids=None, attention_mask=None, token_type_ids=None, labels=None, **more):
    pass


def needy(x, y, mask=None, hidden="begin"):
    pass


def star(*x, **named):
    pass


@pytest.mark.parametrize(
    "forward, keys, given",
    [
        (bert, ["input_ids", "attention_mask"], [0, 1]),
        (bert, ["input_ids", "labels"], [0, None, None, 1]),
        (bert, ["words", "labels"], [0, None, None, 1]),
        (bert, ["labels", "input_ids"], [1, None, None, 0]),
        (bert, ["labels"], [None, None, None, 0]),
        (bert, ["labels", "y"], [0, 1]),  # only the last ones go by name
        (bert, ["words", "input_ids"], [0, 1]),  # one argument twice
        (bert, ["input_ids", "input_ids"], [0, 1]),
        (needy, ["y", "x"], [0, 1]),  # these have no default, so they go in order
        (needy, ["a", "b", "hidden"], [0, 1, None, 2]),
        (needy, ["a", "hidden", "mask"], [0, 1, 2]),  # y would get nothing
        (needy, ["hidden"], [0]),
        (star, ["x", "named"], [0, 1]),
    ],
)
def test_inputs_go_in_order_or_by_name(forward, keys, given):
    arguments = Arguments(model(forward), keys)
    assert arguments.arrange(list(range(len(keys)))) == given
    assert arguments.is_plain is (given == list(range(len(keys))))


def test_defaults_are_the_models_own():
    assert Arguments(model(needy), ["a", "b"], ["y", "x"]).arrange(["a", "b"]) == ["b", "a"]

    def late(x, size=3, mask=None):
        pass

    assert Arguments(model(late), ["x", "mask"]).arrange(["x", "mask"]) == ["x", 3, "mask"]


@pytest.mark.parametrize(
    "names, told",
    [
        (["x", "maks"], "no argument 'maks'; it has: 'x', 'y', 'mask', 'hidden'. Did you mean 'mask'"),
        (["x", "mask"], "the model needs 'y' as well"),
    ],
)
def test_names_that_do_not_fit(names, told):
    with pytest.raises(ConfigError, match=told):
        Arguments(model(needy), ["a", "b"], names)
    with pytest.raises(ConfigError, match="no argument 'x'; it has: none with a name"):
        Arguments(model(star), ["a"], ["x"])


def test_what_is_told_of_arguments():
    arguments = Arguments(model(bert), ["words", "labels"])
    assert arguments.named([5, 6]) == {"words": 5, "attention_mask": None, "token_type_ids": None, "labels": 6}
    assert arguments.told() == "'words' as 'input_ids'"
    assert Arguments(model(bert), ["labels", "input_ids"]).told() is None
    assert Arguments(model(bert), ["words"], ["labels"]).told() is None  # it was asked for
    assert Arguments(model(needy), ["a", "b"]).told() is None  # as every call of Python would
