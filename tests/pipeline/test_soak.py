"""A thousand epochs leave no trace: memory, files, threads and processes are as they were after the first ones."""

import gc
import os
import threading
from pathlib import Path

import numpy as np
import pytest

from fastestimator_lite.component import When
from fastestimator_lite.dataset import NumpyDataset
from fastestimator_lite.op.numpyop.meta import Sometimes
from fastestimator_lite.op.numpyop.univariate import ExpandDims, Minmax
from fastestimator_lite.pipeline import Pipeline

EPOCHS, SETTLED, EVERY = 1000, 300, 50
LIMIT = 0.5  # KiB an epoch, the resolution of the resident set over these epochs


def resident():
    """KiB of this process and of its children."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return sum(
        int(line.split()[1])
        for pid in ("self", *children)
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if line.startswith(("RssAnon:", "VmSwap:"))
    )


def counts():
    gc.collect()
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return len(list(Path("/proc/self/fd").iterdir())), threading.active_count(), len(children)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="looks into /proc")
@pytest.mark.parametrize("number", [0, 2])
def test_a_thousand_epochs_leave_nothing_behind(number):
    x = np.random.default_rng(0).random((64, 8, 8), np.float32)
    ops = [ExpandDims("x", "x"), Sometimes(Minmax("x", "x"))]
    pipeline = Pipeline(
        train_data=NumpyDataset({"x": x}), eval_data=NumpyDataset({"x": x}), batch_size=16, ops=ops, num_process=number
    )
    sizes = {}
    for epoch in range(1, EPOCHS + 1):
        for mode in ("train", "eval"):
            assert sum(len(batch["x"]) for batch in pipeline.load(When(mode, epoch, ""))) == 64
        if epoch == SETTLED:
            before = counts()
        if epoch >= SETTLED and epoch % EVERY == 0:
            gc.collect()
            sizes[epoch] = resident()
    assert counts() == before
    slope = np.polyfit(list(sizes), list(sizes.values()), 1)[0]
    assert slope < LIMIT, f"{slope:.2f} KiB an epoch: {sizes}"
    pipeline.close()
