"""The host does not wait for the GPU between two log lines."""

import pytest

from tests.gpu.jobs_on_gpu import WAYS

pytestmark = [pytest.mark.gpu, pytest.mark.filterwarnings("ignore:Synchronization debug mode:UserWarning")]


def forbid(cuda, first, last):
    """A trace that has torch raise an error at whatever waits, from the begin of a step to that of another."""
    from fastestimator_lite.trace import Trace

    class Forbid(Trace):
        def on_batch_begin(self, data):
            if self.system.global_step == first:
                cuda.cuda.set_sync_debug_mode("error")
            elif self.system.global_step == last:
                cuda.cuda.set_sync_debug_mode("default")

        def on_exception(self, data, error):
            cuda.cuda.set_sync_debug_mode("default")

    return Forbid(mode="train")


@pytest.mark.parametrize("way", WAYS)
def test_nothing_waits_between_log_lines(cuda, run, way):
    options = dict(WAYS[way])
    traces = options.pop("traces", lambda model: [])
    try:
        made = run(steps=30, traces=lambda model: [forbid(cuda, 12, 20), *traces(model)], log_steps=10, **options).fit()
    finally:
        cuda.cuda.set_sync_debug_mode("default")
    assert made.estimator.system.global_step == 30


def test_a_wait_would_be_seen(cuda, run):
    from fastestimator_lite.op.tensorop import LambdaOp

    asking = LambdaOp(lambda x: x * float(x.sum() * 0 + 1), "x", "x")
    try:
        with pytest.raises(RuntimeError, match="synchronizing CUDA operation"):
            run(steps=30, traces=lambda model: [forbid(cuda, 12, 20)], ops=[asking], log_steps=10).fit()
    finally:
        cuda.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("way", ["adam", "Accuracy and all of it"])
def test_the_profiler_sees_no_wait_either(profiled, run, way):
    options = dict(WAYS[way])
    traces = options.pop("traces", lambda model: [])
    trace, found = profiled(12, 19)
    run(steps=30, traces=lambda model: [*traces(model), trace], log_steps=10, **options).fit()
    assert found.kernels
    assert found.waits == []
    assert found.from_gpu == []
