"""Worker processes: however they start, the batches are the same; and what goes wrong in them is named."""

import gc
import hashlib
import operator
import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from fastestimator_lite.component import When
from fastestimator_lite.dataset import NumpyDataset
from fastestimator_lite.op.numpyop import LambdaOp, NumpyOp, RemoveIf
from fastestimator_lite.op.numpyop.meta import OneOf, Sometimes
from fastestimator_lite.op.numpyop.multivariate import HorizontalFlip, RandomCrop, Rotate
from fastestimator_lite.op.numpyop.univariate import Minmax, Normalize, ReadImage
from fastestimator_lite.pipeline import Pipeline, starting, workers
from fastestimator_lite.util.errors import ConfigError, DataError, SampleError, WorkerDied

METHODS = [(0, None), (1, "fork"), (2, "fork"), (4, "fork"), (16, "fork"), (2, "forkserver"), (2, "spawn")]
needs_proc = pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="looks into /proc")


def chain():
    return [
        RemoveIf(partial(operator.eq, 3), inputs="y"),
        RandomCrop(10, 12, image_in="x"),
        OneOf(HorizontalFlip(image_in="x"), Rotate(30, image_in="x")),
        Sometimes(Minmax("z", "z")),
        Normalize("x", "x"),
    ]


def data(count=40):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (count, 12, 16, 3), dtype=np.uint8)
    return NumpyDataset({"x": images, "z": images.astype(np.float32), "y": np.arange(count) % 10})


def pipeline_of(ops, count=40, **arguments):
    pipeline = Pipeline(train_data=data(count), batch_size=8, ops=ops, **arguments)
    pipeline.load_state_dict({"seed": 11})
    return pipeline


def digest(pipeline, epochs=3):
    sha = hashlib.sha256()
    for epoch in range(1, epochs + 1):
        for batch in pipeline.load(When("train", epoch, "")):
            for key in sorted(batch):
                value = np.ascontiguousarray(batch[key])
                sha.update(f"{key} {value.dtype} {value.shape}".encode() + value.tobytes())
    pipeline.close()
    return sha.hexdigest()


def names(folder):
    return {path.name for path in Path(folder).iterdir()}


def children():
    return {int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()}


def test_one_digest_for_any_number_of_workers_however_they_start():
    digests = {
        (number, method): digest(pipeline_of(chain(), num_process=number, start_method=method))
        for number, method in METHODS
        if method is None or method in workers.multiprocessing.get_all_start_methods()
    }
    assert len(set(digests.values())) == 1, digests


def test_the_start_method_of_the_process_is_left_alone_and_followed(monkeypatch):
    import multiprocessing

    before = multiprocessing.get_start_method(allow_none=True)
    pipeline = pipeline_of(chain(), num_process=1, start_method="spawn")
    next(iter(pipeline.load(When("train", 1, ""))))
    pipeline.close()
    assert multiprocessing.get_start_method(allow_none=True) == before
    monkeypatch.setattr(multiprocessing, "get_start_method", lambda allow_none: "forkserver")
    assert starting.pick_start_method(None) == "forkserver"
    assert starting.pick_start_method("spawn") == "spawn"


def test_a_lambda_cannot_travel_to_a_spawned_worker():
    pipeline = pipeline_of(LambdaOp(lambda x: x, "x", "x"), num_process=1, start_method="spawn")
    with pytest.raises(ConfigError, match=r"started by 'spawn' need a Pipeline that can be pickled.*num_process=0"):
        next(iter(pipeline.load(When("train", 1, ""))))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            {"start_method": "frok"},
            "start_method must be one of 'fork', 'forkserver', 'spawn' or None, got 'frok'. Did you mean",
        ),
        ({"data_timeout": 0}, "data_timeout must be a number of seconds > 0, or None, got 0"),
        ({"data_timeout": "5"}, "data_timeout must be"),
        ({"data_timeout": 5, "num_process": 0}, "data_timeout needs worker processes"),
        ({"num_process": -1}, "num_process must be an int >= 0"),
    ],
)
def test_wrong_arguments_are_refused(arguments, text):
    with pytest.raises(ConfigError, match=text):
        pipeline_of([], **arguments)


class Sleepy(NumpyOp):
    def forward(self, data, state):
        if data == 7:
            time.sleep(60)
        return data


def test_an_op_that_hangs_is_named_with_its_sample():
    pipeline = pipeline_of(Sleepy("y", "y"), num_process=2, data_timeout=3)
    begin = time.monotonic()
    with pytest.raises(
        DataError, match=r"no progress for 3 s \(data_timeout\) while op #0 Sleepy worked on sample \d*7"
    ):
        digest(pipeline)
    assert time.monotonic() - begin < 30
    assert not pipeline._pool.is_open


def test_a_hang_is_worth_a_warning_even_without_a_timeout(monkeypatch, caplog):
    monkeypatch.setattr(workers, "_SILENCE_SECONDS", 0.4)
    pipeline = pipeline_of(LambdaOp(lambda y: (time.sleep(1.5 * (y == 7)), y)[1], "y", "y"), 8, num_process=1)
    digest(pipeline, 1)
    assert "has been busy" in caplog.text
    assert "LambdaOp worked on sample 7" in caplog.text


def test_slow_ops_that_get_on_are_no_hang():
    slow = LambdaOp(lambda y: (time.sleep(0.25), y)[1], "y", "y")
    assert digest(pipeline_of(slow, 16, num_process=1, data_timeout=1.5), 1) == digest(
        pipeline_of([], 16, num_process=0), 1
    )


def test_libraries_in_a_worker_use_one_thread():
    def threads(y):
        return np.array(
            [cv2.getNumThreads(), int(os.environ["OMP_NUM_THREADS"]), int(os.environ["OPENBLAS_NUM_THREADS"])]
        )

    before = cv2.getNumThreads()
    pipeline = pipeline_of(LambdaOp(threads, "y", "t"), num_process=1)
    batch = next(iter(pipeline.load(When("train", 1, ""))))
    pipeline.close()
    assert (batch["t"] == 1).all()
    assert cv2.getNumThreads() == before


def test_a_pool_of_threads_that_opencv_has_does_not_stop_forked_workers():
    """Changing the size of a pool whose threads were left behind by the fork waits for ever."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    try:
        picture = np.zeros((2000, 2000, 3), np.uint8)
        turn = cv2.getRotationMatrix2D((1000, 1000), 30, 1)
        cv2.warpAffine(picture, turn, (2000, 2000))
        big = LambdaOp(lambda y: cv2.warpAffine(picture, turn, (2000, 2000))[0, 0, 0] + y, "y", "y")
        pipeline = pipeline_of(big, 8, num_process=2, start_method="fork", data_timeout=20)
        assert digest(pipeline, 1) == digest(pipeline_of([], 8, num_process=0), 1)
        assert cv2.getNumThreads() == 2
    finally:
        cv2.setNumThreads(before)


def test_a_killed_worker_is_named_with_the_signal_and_its_size():
    def dies(y):
        if y == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        return y

    named = data()
    named["name"] = [f"file {index}" for index in range(len(named))]
    for _ in range(3):
        pipeline = Pipeline(train_data=named, batch_size=8, ops=LambdaOp(dies, "y", "y"), num_process=2)
        with pytest.raises(
            WorkerDied,
            match=r"signal SIGKILL while op #0 LambdaOp worked on sample \d*5 \(mode 'train', epoch 1, name 'file \d*5'\).*took \d+ MB",
        ):
            digest(pipeline)


def test_a_reader_that_fails_leaves_no_worker(monkeypatch):
    pipeline = pipeline_of(chain(), num_process=2)
    with pytest.raises(ZeroDivisionError), pipeline(mode="train") as loader:
        for _ in loader:
            raise ZeroDivisionError
    assert pipeline._pool is None


@needs_proc
@pytest.mark.parametrize("number", [0, 2])
def test_epochs_leave_nothing_behind(number):
    pipeline = pipeline_of(Minmax("x", "x"), 16, num_process=number)
    shared = names("/dev/shm") if Path("/dev/shm").is_dir() else set()
    when = [When("train", epoch, "") for epoch in range(1, 200)]

    def look():
        gc.collect()
        free = None if pipeline._pool is None else len(pipeline._pool._free)
        return len(names("/proc/self/fd")), threading.active_count(), len(children()), free

    for moment in when[:20]:
        sum(len(batch["y"]) for batch in pipeline.load(moment))
    before = look()
    for moment in when[20:]:
        sum(len(batch["y"]) for batch in pipeline.load(moment))
    assert look() == before
    pipeline.close()
    assert len(children()) == before[2] - number
    if Path("/dev/shm").is_dir():
        assert names("/dev/shm") <= shared


@needs_proc
def test_pools_that_are_closed_leave_nothing_behind():
    pipeline = pipeline_of(Minmax("x", "x"), 16, num_process=2)

    def look():
        gc.collect()
        return len(names("/proc/self/fd")), threading.active_count(), children()

    digest(pipeline, 1)
    before = look()
    for _ in range(5):
        digest(pipeline, 1)
    assert look() == before


SCRIPT = """
import sys, time
import numpy as np
import fastestimator_lite as fe
from fastestimator_lite.component import When
from fastestimator_lite.op.numpyop import NumpyOp

class Slow(NumpyOp):
    def forward(self, data, state):
        time.sleep(0.01)
        return data

if __name__ == "__main__":
    data = fe.dataset.NumpyDataset({"x": np.zeros((1000, 3), np.float32)})
    pipeline = fe.Pipeline(train_data=data, batch_size=2, ops=[Slow("x", "x")], num_process=2, start_method=sys.argv[1])
    batches = iter(pipeline.load(When("train", 1, "")))
    next(batches)
    print(*[process.pid for process in pipeline._pool._processes], flush=True)
    for _ in batches:
        pass
"""


def lives(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:  # a zombie that nobody has waited for lives no more
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@needs_proc
@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_an_op_of_the_script_runs_in_spawned_workers_and_none_outlives_it(tmp_path, method):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    process = subprocess.Popen([sys.executable, script, method], stdout=subprocess.PIPE, text=True)
    pids = [int(pid) for pid in process.stdout.readline().split()]
    assert len(pids) == 2
    process.kill()
    process.wait(timeout=20)
    process.stdout.close()
    end = time.monotonic() + 20
    while any(map(lives, pids)) and time.monotonic() < end:
        time.sleep(0.1)
    assert not any(map(lives, pids))


# ---- twenty-four ways to fail, in both homes of an op


def forgets(x):
    return None


def too_few(x):
    return [x]


def too_many(x):
    return [x, x, x]


def raises(kind):
    def work(x):
        raise kind("told")

    return work


def divides(x):
    return x // 0 if isinstance(x, int) else 1 // 0


def indexes(x):
    return x[10_000]


def shapes(x):
    return x @ np.ones((1000, 3))


def opens(x):
    return open("/no/such/file")


def ragged(x):
    return np.zeros(int(x.sum()) % 5 + 1)


FAILURES = [
    (LambdaOp(forgets, "x", "w"), "None"),
    (LambdaOp(too_few, "x", ["v", "w"]), "2"),
    (LambdaOp(too_many, "x", ["v", "w"]), "2"),
    *((LambdaOp(raises(kind), "x", "w"), f"{kind.__name__}: told") for kind in (ValueError, OSError, RuntimeError)),
    *(
        (LambdaOp(raises(kind), "x", "w"), kind.__name__)
        for kind in (KeyError, MemoryError, AssertionError, StopIteration, TypeError)
    ),
    (LambdaOp(divides, "x", "w"), "ZeroDivisionError"),
    (LambdaOp(indexes, "x", "w"), "IndexError"),
    (LambdaOp(shapes, "x", "w"), "ValueError: matmul"),
    (LambdaOp(opens, "x", "w"), "FileNotFoundError"),
    (LambdaOp(lambda x: x, ["x", "y"], "w"), "TypeError"),
    (RandomCrop(100, 100, image_in="x"), "RandomCrop"),
]


@pytest.mark.parametrize("number", [0, 2])
@pytest.mark.parametrize(("op", "text"), FAILURES, ids=range(len(FAILURES)))
def test_a_failing_op_is_named_with_slot_sample_moment_and_what_it_held(number, op, text):
    pipeline = pipeline_of([Minmax("z", "z"), op], num_process=number)
    with pytest.raises(DataError) as caught:
        digest(pipeline)
    message = str(caught.value)
    assert isinstance(caught.value, SampleError)
    assert f"op #1 {type(op).__name__} of the Pipeline" in message
    assert "sample " in message
    assert "mode 'train', epoch 1" in message
    assert text in message
    pipeline.close()


@pytest.mark.parametrize("number", [0, 2])
def test_ragged_samples_are_named_with_key_sample_and_shapes(number):
    pipeline = pipeline_of([LambdaOp(ragged, "x", "w")], num_process=number)
    with pytest.raises(SampleError, match=r"key 'w' of sample \d+ has shape \(\d,\), others of its batch have \(\d,\)"):
        digest(pipeline)
    pipeline.close()


@pytest.mark.parametrize("number", [0, 2])
def test_the_file_of_a_failing_sample_is_named_though_its_name_is_gone(number, tmp_path):
    files = []
    for index in range(6):
        files.append(str(tmp_path / f"{index}.png"))
        cv2.imwrite(files[-1], np.full((8 + 8 * (index == 4), 8, 3), index, np.uint8))

    def picky(x):
        if len(x) > 8:
            raise ValueError("too tall")
        return x

    for source in (NumpyDataset({"x": files}), [{"x": file} for file in files]):
        pipeline = Pipeline(train_data=source, ops=[ReadImage("x", "x"), LambdaOp(picky, "x", "x")], num_process=number)
        with pytest.raises(SampleError, match=r"op #1 LambdaOp .*sample 4 .*too tall.*4\.png") as caught:
            digest(pipeline)
        assert "x uint8 (16, 8, 3)" in str(caught.value)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_the_number_may_change_at_any_batch(monkeypatch, method):
    """A search that changes its mind all the time sees the batches of one without workers."""

    class Restless:
        is_settled, number, seen = False, 0, 0

        def __init__(self, least, most):
            pass

        def interrupt(self):
            pass

        def add(self, wait, total):
            self.seen += 1
            assert 0 <= wait <= total
            if self.seen % 3 == 0:
                type(self).number = (self.number + 1) % 3
            return self.seen % 3 == 0

    expected = digest(pipeline_of(chain(), num_process=0))
    monkeypatch.setattr("fastestimator_lite.pipeline.pipeline.Tuning", Restless)
    assert digest(pipeline_of(chain(), num_process=None, start_method=method)) == expected


def test_a_number_that_was_asked_for_stays():
    pipeline = pipeline_of([], num_process=1)
    for epoch in (1, 2):
        next(iter(pipeline.load(When("train", epoch, ""))))
        assert pipeline._pool.size == 1
    pipeline.close()


def test_trifles_are_made_without_workers():
    pipeline = pipeline_of(Minmax("x", "x"), 4000)
    for epoch in range(1, 5):
        for _ in pipeline.load(When("train", epoch, "")):
            assert pipeline._pool is None


def test_a_worker_that_never_begins_is_said_to_be_starting(monkeypatch):
    monkeypatch.setattr(workers, "work", lambda *arguments: time.sleep(60))
    pipeline = pipeline_of(Minmax("x", "x"), num_process=1, start_method="fork", data_timeout=0.5)
    with pytest.raises(DataError, match=r"made no progress for 0.5 s \(data_timeout\) while starting"):
        digest(pipeline)
