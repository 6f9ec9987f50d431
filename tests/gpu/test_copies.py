"""Batches go to the GPU from pinned memory, beside the computation."""

from types import SimpleNamespace

import numpy as np
import pytest

from tests.gpu.conftest import BATCH

pytest.importorskip("torch")


def event(name, begin, end, on_gpu, annotation=False):
    import torch

    kind = torch.autograd.DeviceType.CUDA if on_gpu else torch.autograd.DeviceType.CPU
    times = SimpleNamespace(start=begin, end=end)
    return SimpleNamespace(name=name, time_range=times, device_type=kind, is_user_annotation=annotation)


def test_what_the_profiler_tells_is_read():
    from benchmarks._gpu import Profile

    found = Profile(1, 2)
    found.read(
        [
            event("Memcpy HtoD (Pinned -> Device)", 0.0, 4.0, True),
            event("Memcpy HtoD (Pageable -> Device)", 10.0, 12.0, True),
            event("Memcpy DtoH (Device -> Pageable)", 12.0, 13.0, True),
            event("Memset (Device)", 1.0, 2.0, True),
            event("void gemm<float>", 2.0, 6.0, True),
            event("Optimizer.step#SGD.step", 0.0, 90.0, True, annotation=True),
            event("cudaLaunchKernel", 1.0, 2.0, False),
            event("cudaStreamSynchronize", 2.0, 3.0, False),
            event("end of the profiled steps", 8.0, 9.0, False),
            event("cudaDeviceSynchronize", 10.0, 11.0, False),
        ]
    )
    assert (found.pinned, found.pageable, found.from_gpu) == ([(0.0, 4.0)], [(10.0, 12.0)], [(12.0, 13.0)])
    assert found.kernels == [(2.0, 6.0)]
    assert found.waits == ["cudaStreamSynchronize"]


def test_the_time_that_spans_share():
    from benchmarks._gpu import hidden, length, merged

    copies, kernels = [(0.0, 4.0), (10.0, 12.0)], [(2.0, 6.0), (5.0, 9.0), (11.0, 20.0)]
    assert merged(kernels) == [(2.0, 9.0), (11.0, 20.0)]
    assert length(kernels) == 16.0
    assert hidden(copies, kernels) == pytest.approx(3 / 6)
    assert hidden(copies, []) == 0.0
    assert hidden([], kernels) == 1.0


@pytest.mark.gpu
def test_copies_come_from_pinned_memory(profiled, run):
    trace, found = profiled(12, 19)
    run(steps=30, traces=lambda model: [trace], log_steps=10).fit()
    assert len(found.pinned) >= 8  # one a step at least
    assert found.pageable == []


@pytest.mark.gpu
def test_a_batch_arrives_as_it_was_sent(cuda, run):
    """Pages that are written to again before their copy is through would show here."""
    from fastestimator_lite.op.tensorop import LambdaOp

    sums = []
    steps = 60
    x = np.arange(steps * BATCH, dtype="float32").repeat(3 * 16 * 16).reshape(-1, 3, 16, 16)
    keep = LambdaOp(lambda x: (sums.append(x.detach()[:, 0, 0, 0].clone()), x)[1], "x", "x")
    run(
        data={"x": x, "y": np.zeros(steps * BATCH, "int64")}, ops=[keep], optimizer="sgd", update=dict(nan="ignore")
    ).fit()
    seen = np.sort(np.concatenate([one.cpu().numpy() for one in sums[-steps:]]))  # without the trial before
    np.testing.assert_array_equal(seen, np.arange(steps * BATCH))


@pytest.mark.gpu
def test_copies_are_hidden_behind_the_computation(cuda, profiled, run):
    """Large batches and much to compute: while a step computes, the batch of the next one comes."""

    from benchmarks._gpu import hidden

    def wide():
        cuda.manual_seed(0)
        layers = [cuda.nn.Conv2d(3, 64, 3, padding=1), cuda.nn.ReLU(), *(cuda.nn.Conv2d(64, 64, 3, padding=1),) * 6]
        return cuda.nn.Sequential(*layers, cuda.nn.AdaptiveAvgPool2d(1), cuda.nn.Flatten(), cuda.nn.Linear(64, 4))

    steps = 24
    rng = np.random.default_rng(0)
    data = {"x": rng.random((steps * BATCH, 3, 256, 256), dtype="float32"), "y": rng.integers(0, 4, steps * BATCH)}
    trace, found = profiled(12, 19)
    run(data=data, traces=lambda model: [trace], log_steps=10, model_fn=wide, optimizer="sgd").fit()
    large = [span for span in found.pinned if span[1] - span[0] > 50.0]  # 12 MB at 64 GB/s take 190 us
    assert len(large) >= 7
    assert hidden(large, found.kernels) >= 0.8
