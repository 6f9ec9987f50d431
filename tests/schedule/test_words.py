"""Names of what takes part, so that what differs reads differently."""

import numpy as np

from fastestimator_lite.backend.card import ModelCard
from fastestimator_lite.op.numpyop import LambdaOp
from fastestimator_lite.op.numpyop.meta import Sometimes
from fastestimator_lite.op.numpyop.multivariate import HorizontalFlip, Resize
from fastestimator_lite.op.numpyop.univariate import Minmax
from fastestimator_lite.op.op import Op
from fastestimator_lite.schedule import EpochScheduler
from fastestimator_lite.schedule.words import Names, optimizer_name, short_name


class Model:
    """Stands for a built model."""

    def __init__(self, name):
        self.fe = ModelCard(name)


class Uses(Op):
    def __init__(self, model, table=None):
        super().__init__()


def test_a_class_stands_for_its_only_op():
    op = Minmax("x", "x")
    assert Names([op])[op] == "Minmax"


def test_models_and_ops_within_are_named():
    assert short_name(Uses(Model("generator"))) == "Uses(generator)"
    assert short_name(Sometimes(HorizontalFlip(image_in="x", image_out="x"))) == "Sometimes(HorizontalFlip)"


def test_two_of_a_class_are_told_apart_by_their_calls():
    small, large = Resize(height=8, width=8, image_in="x"), Resize(height=16, width=16, image_in="x")
    names = Names([EpochScheduler({1: small, 3: large, 5: None})])
    assert names[small] == "Resize(height=8, width=8, image_in='x')"
    assert names[large] == "Resize(height=16, width=16, image_in='x')"


def test_functions_and_arrays_that_look_alike_are_numbered():
    first, second = LambdaOp(lambda x: x, "x", "x"), LambdaOp(lambda x: 2 * x, "x", "x")
    assert [Names([first, second])[op] for op in (first, second)] == ["LambdaOp #1", "LambdaOp #2"]
    model = Model("m")
    one, two = Uses(model, np.zeros(2)), Uses(model, np.ones(2))
    assert [Names([one, two])[op] for op in (one, two)] == ["Uses(m) #1", "Uses(m) #2"]


def test_equal_calls_of_plain_values_have_one_name():
    one, two = Minmax("x", "x"), Minmax("x", "x")
    names = Names([one, two])
    assert names[one] == names[two] == "Minmax('x', 'x')"


def test_optimizers_of_one_class_are_numbered():
    class Adam:
        pass

    class SGD:
        pass

    phases = [Adam(), SGD(), Adam()]
    assert [optimizer_name(one, phases) for one in phases] == ["Adam #1", "SGD", "Adam #2"]
    assert optimizer_name(phases[0], None) == "Adam"
