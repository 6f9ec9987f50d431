"""Training on a GPU comes to what training on the CPU comes to, and goes on there."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fastestimator_lite.component import When
from fastestimator_lite.op.tensorop import LambdaOp
from fastestimator_lite.util.errors import DataError, NonFiniteError
from tests.gpu.conftest import BATCH, columns

pytestmark = pytest.mark.gpu

WAYS = {
    "adam": dict(optimizer="adam"),
    "sgd": dict(optimizer="sgd"),
    "rmsprop": dict(optimizer="rmsprop"),
    "merge_grad": dict(optimizer="sgd", update=dict(merge_grad=3)),
    "clip_norm": dict(optimizer="sgd", update=dict(clip_norm=0.1)),
    "clip_value": dict(optimizer="sgd", update=dict(clip_value=0.01)),
    "defer": dict(optimizer="sgd", update=dict(defer=True)),
    "nan skipped": dict(optimizer="sgd", update=dict(nan="skip")),
}


@pytest.mark.parametrize("way", WAYS)
def test_steps_are_those_of_the_cpu(run, on, way):
    found = {}
    for device in ("cpu", "cuda:0"):
        on(device)
        done = run(keep_losses=True, **WAYS[way]).fit()
        assert {str(one.device) for one in done.model.parameters()} == {device}
        found[device] = done.losses, done.weights()
    (cpu, cpu_weights), (gpu, gpu_weights) = found["cpu"], found["cuda:0"]
    assert len(gpu) == 8
    np.testing.assert_allclose(gpu, cpu, rtol=2e-3, atol=1e-4)
    assert gpu[-1] < gpu[0]
    for key, value in cpu_weights.items():
        # adaptive optimizers step by about lr whatever the gradient: where it is all but 0, rounding decides on the sign
        np.testing.assert_allclose(gpu_weights[key], value, rtol=1e-2, atol=5e-3, err_msg=key)


@pytest.mark.parametrize("kind, dtype", [("bf16", "bfloat16"), ("fp16", "float16"), (True, "float16")])
def test_half_precision_is_full_precision_up_to_rounding(run, on, kind, dtype):
    on("cpu")
    full = run(optimizer="sgd", keep_losses=True).fit()
    on("cuda:0")
    half = run(optimizer="sgd", keep_losses=True, mixed_precision=kind)
    inner = set()
    half.model[4].register_forward_hook(lambda _module, _inputs, output: inner.add(str(output.dtype)))
    half.fit()
    assert inner == {f"torch.{dtype}"}
    assert {str(one.dtype) for one in half.model.parameters()} == {"torch.float32"}
    np.testing.assert_allclose(half.losses, full.losses, rtol=0.05)
    assert half.losses != full.losses
    if dtype == "float16":  # a step that overflows at first is left out, and halves the scale
        assert half.model.fe.updates.count == 8 - np.log2(65536 / half.model.fe.scale.value)


def test_a_checkpoint_goes_from_the_gpu_to_the_cpu_and_back(run, on, tmp_path):
    on("cuda:0")
    first = run(keep_losses=True, model_name="net").fit()
    first.estimator.system.save_state(str(tmp_path / "gpu"))
    on("cpu")
    second = run(keep_losses=True, model_name="net")
    second.estimator.system.load_state(str(tmp_path / "gpu"))
    for key, value in first.weights().items():
        np.testing.assert_array_equal(second.weights()[key], value)
    moments = [one for state in second.model.fe.current_optimizer.state.values() for one in state.values()]
    assert len(moments) >= 2 * len(list(second.model.parameters()))
    assert {one.device.type for one in moments if hasattr(one, "device")} == {"cpu"}
    second.estimator.system.save_state(str(tmp_path / "cpu"))
    on("cuda:0")
    third = run(keep_losses=True, model_name="net")
    third.estimator.system.load_state(str(tmp_path / "cpu"))
    for key, value in first.weights().items():
        np.testing.assert_array_equal(third.weights()[key], value)
    batch = {key: value[:BATCH] for key, value in columns(1, seed=5).items()}
    losses = []
    for one in (first, second, third):
        step = one.estimator.network.load(When("train", 1, ""), {"loss"})
        losses.append([float(step(dict(batch))["loss"]) for _ in range(3)])
    np.testing.assert_allclose(losses[1], losses[0], rtol=2e-3)
    np.testing.assert_allclose(losses[2], losses[0], rtol=1e-5)


def bad_at(step):
    """An op that makes the inputs of one training step NaN; it is called once before, to try it."""
    calls = iter([1.0] * step + [float("nan")] + [1.0] * 1000)
    return LambdaOp(lambda x: x * next(calls), "x", "x")


@pytest.mark.parametrize("log_steps, told_at", [(4, 8), (100, 12), (None, 12)])
def test_nan_is_told_at_the_next_log_line_with_its_step(run, log_steps, told_at):
    made = run(steps=12, ops=[bad_at(6)], log_steps=log_steps)
    with pytest.raises(NonFiniteError, match=r"step 6 .epoch 1, batch 6.: the loss 'loss' of model"):
        made.fit()
    assert made.estimator.system.global_step == told_at
    for value in made.weights().values():  # statistics of BatchNorm are no parameters
        assert np.isfinite(value).all() or value.shape == (8,)
    assert all(np.isfinite(one.detach().cpu().numpy()).all() for one in made.model.parameters())


def test_a_skipped_step_leaves_all_as_it_was(run):
    made = run(steps=12, ops=[bad_at(6)], update=dict(nan="skip")).fit()
    assert made.model.fe.updates.count == 11
    assert all(np.isfinite(value).all() for value in made.weights().values())


def test_a_bad_label_of_the_first_batch_is_explained_before_the_gpu_sees_it(run):
    data = columns(8)
    data["y"][:] = 9
    with pytest.raises(DataError, match="key 'y' holds the label 9 in sample 0 of the batch"):
        run(data=data).fit()


BAD_LABEL = """
import numpy as np, torch, fastestimator_lite as fe
from fastestimator_lite.op.tensorop.loss import CrossEntropy
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp
x, y = np.ones((64, 4), "float32"), np.zeros(64, "int64")
y[40] = 9
model = fe.build(lambda: torch.nn.Linear(4, 3), "adam")
ops = [ModelOp(model, "x", "p"), CrossEntropy(("p", "y"), "loss", from_logits=True), UpdateOp(model, "loss")]
pipeline = fe.Pipeline(train_data=fe.dataset.NumpyDataset({"x": x, "y": y}), batch_size=8, num_process=0)
fe.Estimator(pipeline, fe.Network(ops), epochs=1, log_steps=2).fit(warmup=False)
"""


def test_a_bad_label_ends_the_run_and_is_named(cuda):
    """A kernel that meets it leaves the process without a GPU, so the run has a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", BAD_LABEL],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "FASTESTIMATOR_LITE_HISTORY": "off"},
        text=True,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "key 'y' holds the label 9" in done.stderr
