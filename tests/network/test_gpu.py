"""Batches on their way to a GPU."""

import numpy as np
import pytest

import fastestimator_lite as fe
from fastestimator_lite.component import When
from fastestimator_lite.op.tensorop.model import ModelOp


def network():
    torch = pytest.importorskip("torch")
    return fe.Network([ModelOp(fe.build(lambda: torch.nn.Linear(4, 2), None), "x", "p")])


def test_batches_are_pinned_before_an_accelerator_gets_them(monkeypatch):
    """The way of a batch without the accelerator: torch's device "meta" has no memory, and pinning is watched."""
    torch = pytest.importorskip("torch")
    from fastestimator_lite.network.pytorch import TorchStep

    step = TorchStep(network().plan(When("eval", 1, ""), {"p"}), torch.device("cpu"))
    pinned = []
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: (pinned.append(tuple(self.shape)), self)[1])
    batch = {"x": np.zeros((3, 4), np.float32), "y": np.zeros(3)}
    assert step._tensors(batch)["x"].device.type == "cpu"
    assert pinned == []
    step._device, step._moved, step._pins = torch.device("meta"), {"x"}, True
    tensors = step._tensors(batch)
    assert (tensors["x"].device.type, tensors["y"].device.type) == ("meta", "cpu")
    assert pinned == [(3, 4)]


@pytest.mark.gpu
def test_what_a_gpu_computes_is_what_the_cpu_computes():
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("needs a GPU")
    made = network()
    x = np.random.default_rng(0).standard_normal((64, 4)).astype(np.float32)
    found = made.transform({"x": x}, mode="eval")["p"]
    weight, bias = (value.detach().cpu().numpy() for value in made.models[0].parameters())
    np.testing.assert_allclose(fe.backend.to_number(found), x @ weight.T + bias, rtol=1e-3, atol=1e-4)
