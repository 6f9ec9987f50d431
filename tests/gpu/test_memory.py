"""The memory of a GPU is the same after 200 steps as after 50."""

import gc

import pytest

from tests.gpu.jobs_on_gpu import WAYS

pytestmark = pytest.mark.gpu


def memory(cuda, steps):
    """A trace that notes what is allocated at the end of some steps, and the peak since the last of them."""
    from fastestimator_lite.trace import Trace

    class Memory(Trace):
        def __init__(self):
            super().__init__(mode="train")
            self.now, self.peak = [], []

        def on_batch_end(self, data):
            if self.system.global_step in steps:
                self.now.append(cuda.cuda.memory_allocated())
                self.peak.append(cuda.cuda.max_memory_allocated())
                cuda.cuda.reset_peak_memory_stats()

    return Memory()


@pytest.mark.parametrize("way", [name for name in WAYS if "Accuracy" not in name])
def test_memory_is_flat(cuda, run, way):
    # one step after a log line, where the checks of the steps before are read and dropped
    noted = memory(cuda, (51, 101, 201))
    options = dict(WAYS[way])
    traces = options.pop("traces", lambda model: [])
    run(steps=201, traces=lambda model: [*traces(model), noted], log_steps=10, **options).fit()
    assert len(noted.now) == 3
    assert noted.now[0] == noted.now[1] == noted.now[2] > 0
    assert noted.peak[1] == noted.peak[2]


def test_accuracy_keeps_no_more_than_it_adds_up_at_once(cuda, run):
    from fastestimator_lite.trace.metric import Accuracy

    noted = memory(cuda, (11, 600))
    traces = lambda model: [Accuracy("y", "pred", mode="train"), noted]
    run(steps=600, traces=traces, log_steps=10).fit()
    assert noted.now[1] - noted.now[0] <= 256 * 512 + 4096  # the allocator's blocks have 512 bytes


def test_a_run_leaves_nothing_behind(cuda, run):
    left = []
    for _ in range(3):
        made = run(steps=4, log_steps=2).fit()
        del made
        gc.collect()
        left.append(cuda.cuda.memory_allocated())
    assert left[1] == left[2]
