"""Fields of optimizers under one set of names, and that a graph sees what is written to them."""

import numpy as np
import pytest

from fastestimator_lite.backend.optimizer import param_groups, vary, write
from fastestimator_lite.util.errors import ConfigError

# the optimizer, the field, its values at three updates, and the Keras attributes that hold it
CASES = [
    ("SGD", "momentum", [0.3, 0.5, 0.9], ("momentum",)),
    ("SGD", "weight_decay", [0.2, 0.5, 0.1], ("weight_decay",)),
    ("RMSprop", "momentum", [0.3, 0.5, 0.9], ("momentum",)),
    ("RMSprop", "alpha", [0.1, 0.5, 0.9], ("rho",)),
    ("Adam", "betas", [(0.5, 0.9), (0.6, 0.99), (0.7, 0.999)], ("beta_1", "beta_2")),
    ("Adam", "eps", [0.1, 0.5, 0.9], ("epsilon",)),
    ("AdamW", "weight_decay", [0.0, 0.5, 0.1], ("weight_decay",)),
    ("Nadam", "betas", [(0.5, 0.9), (0.6, 0.99), (0.7, 0.999)], ("beta_1", "beta_2")),
    ("Adamax", "betas", [(0.5, 0.9), (0.6, 0.99), (0.7, 0.999)], ("beta_1", "beta_2")),
    ("Lion", "betas", [(0.5, 0.9), (0.6, 0.99), (0.7, 0.999)], ("beta_1", "beta_2")),
    ("Adam", "lr", [0.1, 0.2, 0.05], ("learning_rate",)),
]


@pytest.fixture
def keras():
    pytest.importorskip("tensorflow")
    return pytest.importorskip("keras")


@pytest.mark.parametrize(("name", "field", "values", "attributes"), CASES)
def test_a_graph_is_traced_once_and_sees_each_value(keras, name, field, values, attributes):
    import tensorflow as tf

    traces = []

    def updated(graph):
        optimizer = getattr(keras.optimizers, name)(learning_rate=0.1)
        weights = keras.Variable(np.array([1.0, 2.0], "float32"))
        if graph:
            vary(optimizer, field)
        elif field == "momentum":
            optimizer.momentum = 0.5  # Keras makes room only for one above 0
        optimizer.build([weights])
        count = len(optimizer.variables)

        def update(gradient):
            traces.append(graph)
            optimizer.apply([gradient], [weights])

        call = tf.function(update) if graph else update
        for value in values:
            if graph:
                write(param_groups(optimizer)[0], field, value)
                assert param_groups(optimizer)[0][field] == pytest.approx(value)
            else:
                for attribute, one in zip(attributes, value if len(attributes) > 1 else (value,), strict=True):
                    setattr(optimizer, attribute, one)
            call(tf.constant([1.0, 3.0]))
        assert len(optimizer.variables) == count  # what is saved of an optimizer stays the same
        return weights.numpy()

    in_graph, by_attribute = updated(True), updated(False)
    np.testing.assert_allclose(in_graph, by_attribute, rtol=1e-6)
    assert traces.count(True) == 1


def test_the_fields_of_a_keras_optimizer(keras):
    (group,) = param_groups(keras.optimizers.SGD(0.1, momentum=0.5))
    assert dict(group) == {"lr": pytest.approx(0.1), "weight_decay": 0.0, "momentum": 0.5}
    assert group.constants() == (None, None, 0.5, None, None, None, None)
    group["momentum"] = 0.25
    assert (group["momentum"], group.constants()) == (0.25, (None,) * 7)
    group["note"] = "kept"
    assert group["note"] == "kept"
    del group["note"]
    assert "note" not in group


def test_momentum_needs_room(keras):
    optimizer = keras.optimizers.SGD(0.1)
    optimizer.build([keras.Variable([1.0])])
    with pytest.raises(ConfigError, match="built without momentum and has no place for it"):
        vary(optimizer, "momentum")


def test_a_schedule_of_keras_stands_in_the_way(keras):
    optimizer = keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5))
    with pytest.raises(ConfigError, match="has a Keras ExponentialDecay of its own as learning rate"):
        vary(optimizer, "lr")


def test_a_field_that_torch_holds_as_a_tensor_is_set_in_place():
    torch = pytest.importorskip("torch")
    rate = torch.tensor(0.1)
    optimizer = torch.optim.Adam([torch.zeros(1)], lr=rate)
    (group,) = param_groups(optimizer)
    write(group, "lr", 0.5)
    write(group, "eps", 1e-3)
    assert (float(rate), group["lr"] is rate, group["eps"]) == (0.5, True, 1e-3)
    vary(optimizer, "lr")  # nothing to do


def test_what_is_no_optimizer_is_refused():
    with pytest.raises(ConfigError, match="a torch or Keras optimizer is wanted, got str"):
        param_groups("adam")
