"""TensorFlow on a GPU: what it computes, where, and that its memory stays flat."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.gpu

# each run has a process of its own: TensorFlow shows or hides its GPUs once and for all
RUN = """
import json, sys
import numpy as np, tensorflow as tf, keras
tf.config.experimental.enable_tensor_float_32_execution(False)
import fastestimator_lite as fe
from fastestimator_lite.op.tensorop.loss import CrossEntropy
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp
from fastestimator_lite.trace import Trace
options = json.loads(sys.argv[1])
gpus = tf.config.list_physical_devices("GPU")
fe.enable_deterministic(1)
rng = np.random.default_rng(0)
y = rng.integers(0, 4, 16 * options["steps"])
x = (rng.normal(size=(len(y), 16, 16, 3)) + 0.5 * y[:, None, None, None]).astype("float32")

def net():
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Input((16, 16, 3)), keras.layers.Conv2D(8, 3), keras.layers.BatchNormalization()]
    layers += [keras.layers.ReLU(), keras.layers.MaxPool2D(), keras.layers.Flatten(), keras.layers.Dense(4)]
    return keras.Sequential(layers)

class Look(Trace):
    def __init__(self):
        super().__init__(inputs=["loss", "pred"], mode="train")
        self.losses, self.memory, self.devices = [], [], set()

    def on_batch_end(self, data):
        self.losses.append(float(data["loss"]))
        self.devices.add(data["pred"].device.rsplit("/", 1)[-1].removeprefix("device:"))
        if gpus and self.system.global_step in (51, 101, 201):
            self.memory.append(tf.config.experimental.get_memory_info("GPU:0")["current"])

model = fe.build(net, "sgd", **options.get("build", {}))
ops = [ModelOp(model, "x", "pred"), CrossEntropy(("pred", "y"), "loss", from_logits=True)]
network = fe.Network([*ops, UpdateOp(model, "loss", **options.get("update", {}))])
pipeline = fe.Pipeline(train_data=fe.dataset.NumpyDataset({"x": x, "y": y}), batch_size=16, num_process=0)
look = Look()
fe.Estimator(pipeline, network, epochs=1, traces=look, log_steps=None).fit()
weights = [value.tolist() for value in model.get_weights()]
print(json.dumps([len(gpus), look.losses, sorted(look.devices), look.memory, weights]))
"""


def trained(gpu=True, steps=8, **options):
    """Number of GPUs, losses, devices of the outputs, memory, and weights of a run."""
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("needs TensorFlow")
    if not (shutil.which("nvidia-smi") or Path("/dev/nvidia0").exists()):
        pytest.skip("needs a GPU")
    hidden = {} if gpu else {"CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, "-c", RUN, json.dumps({"steps": steps, **options})],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "FASTESTIMATOR_LITE_HISTORY": "off", "TF_FORCE_GPU_ALLOW_GROWTH": "true", **hidden},
        text=True,
        capture_output=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    if gpu and not found[0]:
        pytest.skip("this TensorFlow sees no GPU")
    return found


@pytest.mark.parametrize("update", [{}, dict(merge_grad=3), dict(clip_norm=0.1), dict(nan="skip")])
def test_steps_are_those_of_the_cpu(update):
    _, gpu, devices, _, gpu_weights = trained(update=update)
    count, cpu, cpu_devices, _, cpu_weights = trained(gpu=False, update=update)
    assert (devices, count, cpu_devices) == (["GPU:0"], 0, ["CPU:0"])
    np.testing.assert_allclose(gpu, cpu, rtol=2e-3, atol=1e-4)
    assert gpu[-1] < gpu[0]
    for one, other in zip(gpu_weights, cpu_weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-2, atol=5e-3)


@pytest.mark.parametrize("kind", ["bf16", "fp16"])
def test_half_precision_is_full_precision_up_to_rounding(kind):
    half = trained(build=dict(mixed_precision=kind))[1]
    np.testing.assert_allclose(half, trained(gpu=False)[1], rtol=0.05)


def test_memory_is_flat():
    memory = trained(steps=201)[3]
    assert len(memory) == 3
    assert memory[0] > 0
    assert abs(memory[2] - memory[1]) <= 2**20  # one batch has 50 kB
