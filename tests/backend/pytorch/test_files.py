"""Files of torch models: parameters go by the names that the module itself gives them."""

import pytest

torch = pytest.importorskip("torch")

import fastestimator_lite as fe  # noqa: E402
from fastestimator_lite.backend import load_model, save_model  # noqa: E402
from fastestimator_lite.util.errors import CheckpointError  # noqa: E402


class Named(torch.nn.Module):
    """Has a parameter of its own beside a part that is called as wrappers call what they wrap."""

    def __init__(self, part="module"):
        super().__init__()
        self.weight, self.part = torch.nn.Parameter(torch.rand(2)), part
        setattr(self, part, torch.nn.Linear(2, 1))

    def forward(self, x):
        return getattr(self, self.part)(x + self.weight)


def same(one, other):
    assert list(one) == list(other)
    for name, value in one.items():
        assert torch.equal(value, other[name])


@pytest.mark.parametrize("part", ["module", "_orig_mod"])
def test_a_part_that_is_called_like_a_wrapper_keeps_its_name(part, tmp_path):
    model = fe.build(lambda: Named(part), "adam")
    path = save_model(model, tmp_path, "m")
    same(torch.load(path), model.state_dict())
    other = fe.build(lambda: Named(part), None)
    load_model(other, path)
    same(other.state_dict(), model.state_dict())


@pytest.mark.parametrize("make", [lambda: torch.nn.Linear(2, 1), Named])
@pytest.mark.parametrize("wrap", [torch.nn.DataParallel, lambda module: torch.compile(module, backend="eager")])
def test_a_wrapped_model_and_a_plain_one_share_files(make, wrap, tmp_path):
    plain, wrapped = fe.build(make, None), fe.build(lambda: wrap(make()), None)
    path = save_model(wrapped, tmp_path, "wrapped")
    assert list(torch.load(path)) == list(plain.state_dict())
    load_model(plain, path)
    assert [value.tolist() for value in plain.state_dict().values()] == [
        value.tolist() for value in wrapped.state_dict().values()
    ]
    other = fe.build(lambda: wrap(make()), None)
    load_model(other, save_model(plain, tmp_path, "plain"))
    same(other.state_dict(), wrapped.state_dict())


def test_a_file_written_by_torch_from_a_wrapped_model_is_taken(tmp_path):
    made = torch.nn.Linear(2, 1)
    torch.save(torch.nn.DataParallel(made).state_dict(), tmp_path / "m.pt")
    model = fe.build(lambda: torch.nn.Linear(2, 1), None, weights_path=tmp_path / "m.pt")
    same(model.state_dict(), made.state_dict())
    with pytest.raises(CheckpointError, match=r"m\.pt is not of this Named"):
        load_model(fe.build(Named, None), tmp_path / "m.pt")


class Tied(torch.nn.Module):
    """A table of words that also scores them, as in GPT-2."""

    def __init__(self):
        super().__init__()
        self.table = torch.nn.Embedding(5, 3)
        self.head = torch.nn.Linear(3, 5, bias=False)
        self.head.weight = self.table.weight

    def forward(self, x):
        return self.head(self.table(x))


def test_a_shared_weight_is_found_under_one_of_its_names(tmp_path):
    made = Tied()
    torch.save({"table.weight": made.table.weight.detach()}, tmp_path / "m.pt")
    model = fe.build(Tied, "sgd", weights_path=tmp_path / "m.pt")
    same(model.state_dict(), made.state_dict())
    assert model.head.weight is model.table.weight
    torch.save({"table.weight": torch.zeros(5, 2)}, tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match=r"table\.weight has shape \(5, 2\), the model's has \(5, 3\)"):
        load_model(model, tmp_path / "other.pt")
