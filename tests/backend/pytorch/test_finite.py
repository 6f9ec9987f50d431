"""The look at gradients against isfinite of every entry: nothing is missed, nothing finite is refused."""

import math

import pytest

torch = pytest.importorskip("torch")

from fastestimator_lite.backend.pytorch.finite import LARGE, FiniteCheck, first_bad, flagged  # noqa: E402


def gradients_of(kind):
    """Three gradients, the second of a kind; and the tensor whose entries are the second's memory."""
    torch.manual_seed(0)
    memory = {
        "small": lambda: torch.randn(5, 3),
        "scalar": lambda: torch.randn(()),
        "large": lambda: torch.randn(LARGE + 7),
        "transposed": lambda: torch.randn(4, 6),
        "large and transposed": lambda: torch.randn(260, 140),
        "one entry for all": lambda: torch.randn(1),
        "half": lambda: torch.randn(6).half(),
        "large half": lambda: torch.randn(LARGE).half(),
        "bfloat16": lambda: torch.randn(6).bfloat16(),
        "double": lambda: torch.randn(6).double(),
        "complex": lambda: torch.randn(6, dtype=torch.complex64),
        "sparse": lambda: torch.randn(4, 3),
        "large and sparse": lambda: torch.randn(4, 3),
    }[kind]()
    if "transposed" in kind:
        gradient = memory.t()
    elif kind == "one entry for all":
        gradient = memory.expand(7)
    elif "sparse" in kind:
        rows = LARGE if "large" in kind else 9
        gradient = torch.sparse_coo_tensor([[0, 3, 3, 8]], memory, (rows, 3), check_invariants=True)
    else:
        gradient = memory
    return [torch.randn(3), gradient, torch.randn(2, 2)], memory


KINDS = ["small", "scalar", "large", "transposed", "large and transposed", "one entry for all", "half", "large half"]
KINDS += ["bfloat16", "double", "complex", "sparse", "large and sparse"]


def look(gradients, is_own):
    large = any(one.numel() >= LARGE for one in gradients)
    check = FiniteCheck(torch.device("cpu"))
    found = check.are_finite(gradients, is_own, large)
    assert check.are_finite([torch.ones(2)], True, False)  # nothing is left of the look before
    return found


@pytest.mark.parametrize("is_own", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_every_bad_entry_is_seen(kind, is_own):
    gradients, memory = gradients_of(kind)
    before = memory.clone()
    assert look(gradients, is_own)
    assert torch.equal(memory, before)
    for value in (math.nan, math.inf, -math.inf):
        for place in {0, memory.numel() // 2, memory.numel() - 1}:
            entry = memory.view(-1)[place].clone()
            memory.view(-1)[place] = value
            assert not look(gradients, is_own), (value, place)
            memory.view(-1)[place] = entry
    assert look(gradients, is_own)


@pytest.mark.parametrize("is_own", [True, False])
@pytest.mark.parametrize("size", [6, LARGE])
def test_infinities_of_both_signs_do_not_cancel(size, is_own):
    gradient = torch.zeros(size)
    gradient[1], gradient[-1] = math.inf, -math.inf
    assert not look([gradient], is_own)


@pytest.mark.parametrize("is_own", [True, False])
@pytest.mark.parametrize("size", [6, LARGE])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.float64])
def test_finite_entries_whose_sum_is_infinite_are_finite(size, is_own, dtype):
    assert look([torch.full((size,), torch.finfo(dtype).max, dtype=dtype), torch.ones(2)], is_own)


@pytest.mark.parametrize("rows", [5, LARGE])
@pytest.mark.parametrize("is_own", [True, False])
def test_what_is_stored_of_a_sparse_gradient_counts_added_up(rows, is_own):
    values = torch.tensor([3e38, -3e38, 3e38])  # infinite in row 1, and finite in this order
    assert not look([torch.sparse_coo_tensor([[1, 2, 1]], values, (rows,), check_invariants=True)], is_own)


def test_gradients_of_somebody_else_are_not_written_to():
    gradients = [torch.randn(3), torch.randn(LARGE), torch.randn(2, 2)]
    versions = [one._version for one in gradients]
    assert look(gradients, False)
    assert [one._version for one in gradients] == versions


def test_no_gradients_are_finite():
    assert look([], True)
    assert look([], False)


@pytest.mark.parametrize("bad", [None, "loss", "gradient"])
def test_what_is_flagged_is_zero(bad):
    gradients = [torch.tensor([1.0, 2.0]), None, torch.tensor([1e300], dtype=torch.float64), torch.ones(2).half()]
    loss = torch.tensor(math.nan if bad == "loss" else 1.0)
    if bad == "gradient":
        gradients[0][1] = math.inf
    kept, good = flagged(gradients, loss)
    assert good.item() is (bad is None)
    assert kept[1] is None
    for one, other in zip(kept, gradients, strict=True):
        if one is not None:
            assert torch.equal(one, other if bad is None else torch.zeros_like(other))


def test_the_first_bad_one_is_named():
    sparse = torch.sparse_coo_tensor([[1]], torch.tensor([-math.inf]), (3,), check_invariants=True)
    assert first_bad([torch.ones(2), None]) is None
    assert first_bad([torch.ones(2), None, sparse, torch.tensor(math.nan)]) == (2, "infinite")
    assert first_bad([None, torch.tensor([math.inf, math.nan])]) == (1, "NaN")
