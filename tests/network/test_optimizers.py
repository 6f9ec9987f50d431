"""Optimizers by name, against those of torch made by hand."""

import numpy as np
import pytest

import fastestimator_lite as fe
from fastestimator_lite.component import When
from fastestimator_lite.op.tensorop.loss import MeanSquaredError
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp

torch = pytest.importorskip("torch")


def trained(optimizer, make=lambda: torch.nn.Linear(2, 1), steps=50):
    torch.manual_seed(0)
    model = fe.build(make, optimizer)
    ops = [ModelOp(model, "x", "p"), MeanSquaredError(("p", "y"), "mse"), UpdateOp(model, "mse")]
    step = fe.Network(ops).load(When("train", 1, ""))
    rng = np.random.default_rng(0)
    for _ in range(steps):
        x = rng.normal(size=(8, 2)).astype("float32")
        step({"x": x, "y": (x @ [[1.0], [-2.0]]).astype("float32")})
    return model


@pytest.mark.parametrize(
    "name, kind",
    [
        ("adam", torch.optim.Adam),
        ("sgd", lambda x: torch.optim.SGD(x, lr=0.01)),
        ("adagrad", torch.optim.Adagrad),
        ("rmsprop", torch.optim.RMSprop),
        ("adadelta", torch.optim.Adadelta),
        ("adamax", torch.optim.Adamax),
    ],
)
def test_an_optimizer_by_name_is_that_of_torch(name, kind):
    by_name, by_hand = trained(name), trained(lambda x: kind(x))
    for one, other in zip(by_name.parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-7)


def test_adam_is_fused_where_the_parameters_allow_it():
    class Net(torch.nn.Linear):
        def __init__(self):
            super().__init__(2, 1)
            self.count = torch.nn.Parameter(torch.zeros(1, dtype=torch.int64), requires_grad=False)

    assert trained("adam", steps=1).fe.optimizer.param_groups[0]["fused"] is True
    assert not trained("adam", Net, steps=1).fe.optimizer.param_groups[0]["fused"]


def test_a_file_of_the_plain_adam_goes_on_in_the_fused_one(tmp_path):
    plain = trained(torch.optim.Adam)
    path = fe.backend.save_model(plain, tmp_path, "m", save_optimizer=True)
    fused = fe.build(lambda: torch.nn.Linear(2, 1), "adam")
    fe.backend.load_model(fused, path, load_optimizer=True)
    x = torch.ones(4, 2)
    for model in (plain, fused):
        ops = [ModelOp(model, "x", "p"), MeanSquaredError(("p", "y"), "mse"), UpdateOp(model, "mse")]
        fe.Network(ops).load(When("train", 1, ""))({"x": x, "y": torch.zeros(4, 1)})
    for one, other in zip(plain.parameters(), fused.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-7)


def test_sparse_gradients_are_taken_by_those_that_could():
    embedding = fe.build(lambda: torch.nn.Embedding(5, 2, sparse=True), "sgd")
    network = fe.Network(
        [ModelOp(embedding, "i", "p"), MeanSquaredError(("p", "y"), "mse"), UpdateOp(embedding, "mse")]
    )
    before = embedding.weight.detach().clone()
    network.load(When("train", 1, ""))({"i": np.array([1, 3]), "y": np.zeros((2, 2), "float32")})
    moved = (embedding.weight.detach() != before).any(1).tolist()
    assert moved == [False, True, False, True, False]
    with pytest.raises(fe.util.errors.NonFiniteError):
        network.load(When("train", 1, ""))({"i": np.array([1, 3]), "y": np.full((2, 2), np.nan, "float32")})
    assert torch.isfinite(embedding.weight).all()


@pytest.mark.parametrize("name", ["adam", "sgd", "rmsprop"])
def test_a_model_without_parameters_has_nothing_to_optimize(name):
    with pytest.raises(
        fe.util.errors.ConfigError, match=f"the Identity has no parameters, so '{name}' has nothing to optimize"
    ):
        fe.build(torch.nn.Identity, name)
    assert fe.build(torch.nn.Identity, None).fe.optimizer is None
