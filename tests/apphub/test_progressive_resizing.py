"""The example of progressive resizing: what it plans is what it does, it learns, and it writes what it says."""

import contextlib
import importlib.util
import io
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from fastestimator_lite.backend import get_lr

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "apphub" / "curriculum_learning" / "progressive_resizing" / "progressive_resizing.py"
BACKENDS = {"torch": "torch", "tf": "tensorflow"}
SIZES, BATCHES, EPOCHS, IMAGES = (16, 24, 32), (64, 32, 16), 3, 360
for library in ("sklearn", "matplotlib", "plotly", "PIL"):
    pytest.importorskip(library)


def load():
    spec = importlib.util.spec_from_file_location("progressive_resizing", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextlib.contextmanager
def one_thread(backend):
    """Threads of torch that wait for one another crawl when the processors are shared."""
    if backend != "torch":
        yield
        return
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class Run:
    """The script, run once from its command line with a trace that looks on."""

    def __init__(self, backend, out):
        pytest.importorskip(backend)
        self.out, self.rows, script = out, [], load()
        rows, get_estimator = self.rows, script.get_estimator

        class Watching(script.LRScheduler):
            def on_batch_begin(self, data):
                super().on_batch_begin(data)
                rows.append((self.system.epoch_idx, tuple(data["x"].shape), get_lr(self.model)))

        def kept(*args, **kwargs):
            self.estimator = get_estimator(*args, **kwargs)
            self.timeline = self.estimator.timeline()
            return self.estimator

        options = [
            "--backend",
            backend,
            "--sizes",
            *SIZES,
            "--batch-sizes",
            *BATCHES,
            "--epochs-per-size",
            EPOCHS,
            "--images",
            IMAGES,
            "--out",
            out,
        ]
        printed = io.StringIO()
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed), one_thread(backend):
            patch.setenv("FASTESTIMATOR_LITE_HISTORY", "off")
            patch.setattr(script, "LRScheduler", Watching)
            patch.setattr(script, "get_estimator", kept)
            patch.setattr(sys, "argv", ["progressive_resizing.py", *map(str, options)])
            script.main()
        self.printed = printed.getvalue()

    def logged(self, mode, key):
        return [float(value) for value in self.estimator.system.summary.history[mode][key].values()]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    done = {}

    def run(backend):
        if backend not in done:
            done[backend] = Run(backend, tmp_path_factory.mktemp(backend))
        return done[backend]

    return run


@pytest.fixture
def run(runs, tensor_framework):
    return runs(BACKENDS[tensor_framework])


def test_what_was_planned_is_what_was_done(run, tensor_framework):
    for epoch in range(1, 3 * EPOCHS + 1):
        size, batch = SIZES[(epoch - 1) // EPOCHS], BATCHES[(epoch - 1) // EPOCHS]
        planned = run.timeline.at(epoch)
        assert (planned["batch size"], planned["steps"]) == (str(batch), str(-(-IMAGES // batch)))
        assert f"Resize({size}, {size}" in planned["train ops"]
        assert f"Resize({size}, {size}" in planned["eval ops"]
        image = (3, size, size) if tensor_framework == "torch" else (size, size, 3)
        done = [shape for when, shape, _ in run.rows if when == epoch]
        assert done == [(min(batch, IMAGES - first), *image) for first in range(0, IMAGES, batch)]


def test_the_learning_rate_goes_up_then_down_over_all_sizes(run):
    rates = [rate for _, _, rate in run.rows]
    top = int(np.argmax(rates))
    assert run.rows[top][0] == 2  # the first epoch is for warming up
    assert np.all(np.diff(rates[: top + 1]) > 0)
    assert np.all(np.diff(rates[top:]) < 0)
    assert rates[-1] == pytest.approx(1e-6)


def test_it_learns(run):
    losses, accuracies = run.logged("eval", "ce"), run.logged("eval", "accuracy")
    assert len(losses) == 3 * EPOCHS
    assert losses[-1] < 0.8 * losses[0]
    assert accuracies[-1] > accuracies[0]
    assert run.logged("test", "accuracy")[0] > 0.3  # one of twelve would be 0.08


def test_what_it_prints_and_writes(run):
    assert run.printed.startswith(f"Timeline of {3 * EPOCHS} epochs")
    speeds = re.findall(r"^(\d+) pixels: (\d+) images/sec, \d+\.\d times the speed at 32 pixels$", run.printed, re.M)
    assert [int(size) for size, _ in speeds] == list(SIZES)
    assert all(int(speed) > 0 for _, speed in speeds)
    assert f"Test accuracy: {run.logged('test', 'accuracy')[0]:.4f}" in run.printed
    page = (run.out / "report.html").read_text(encoding="utf-8")
    assert "Progressive resizing, " in page
    assert all(f"images/sec at {size} pixels" in page for size in SIZES)
    assert (run.out / "report.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_crops_are_as_many_of_each_class_and_lie_in_their_part():
    script = load()
    crops = script.load_crops(36, seed=0)
    labels = np.array([crops[index]["y"] for index in range(36)])
    assert np.bincount(labels).tolist() == [3] * script.CLASSES
    assert crops[0]["x"].shape == (script.CROP, script.CROP, 3)
    from sklearn.datasets import load_sample_images

    photographs = load_sample_images().images
    for index in range(6):
        photograph, place = divmod(int(labels[index]), script.ROWS * script.COLUMNS)
        row, column = divmod(place, script.COLUMNS)
        part = np.array_split(np.array_split(photographs[photograph], script.ROWS)[row], script.COLUMNS, axis=1)[column]
        windows = np.lib.stride_tricks.sliding_window_view(part, (script.CROP, script.CROP), axis=(0, 1))
        assert np.any(np.all(windows == crops[index]["x"].transpose(2, 0, 1), axis=(2, 3, 4)))
    other = script.load_crops(36, seed=1)
    assert not np.array_equal(other[0]["x"], crops[0]["x"])


def test_sizes_and_batch_sizes_must_go_together(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["progressive_resizing.py", "--sizes", "16", "32"])
    with pytest.raises(SystemExit):
        load().main()
    assert "--batch-sizes needs 2 entries, one for each size, got 3" in capsys.readouterr().err
