"""Workers end with the process they work for, however it ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = """
import time
import numpy as np
import fastestimator_lite as fe
from fastestimator_lite.component import When
from fastestimator_lite.op.numpyop import LambdaOp
data = fe.dataset.NumpyDataset({"x": np.zeros((1000, 3), np.float32)})
pipeline = fe.Pipeline(train_data=data, batch_size=2, ops=[LambdaOp(lambda x: (time.sleep(0.01), x)[1], "x", "x")], num_process=2)
batches = iter(pipeline.load(When("train", 1, "")))
next(batches)
print(*[process.pid for process in pipeline._pool._processes], flush=True)
for _ in batches:
    pass
time.sleep(60)
"""


def lives(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as file:  # a zombie that nobody has waited for lives no more
        return file.read().rsplit(")", 1)[1].split()[0] != "Z"


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="looks into /proc")
@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGINT"])
def test_no_worker_outlives_its_process(name):
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    pids = [int(pid) for pid in process.stdout.readline().split()]
    assert len(pids) == 2
    process.send_signal(getattr(signal, name))
    process.wait(timeout=20)
    process.stdout.close()
    end = time.monotonic() + 20
    while any(map(lives, pids)) and time.monotonic() < end:
        time.sleep(0.1)
    assert not any(map(lives, pids))
