"""On a terminal a bar over the whole run stays below the lines; in a pipe there are only the lines."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

SCRIPT = """
import numpy as np, torch
import fastestimator_lite as fe
from fastestimator_lite.op.tensorop.loss import MeanSquaredError
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp
data = lambda: fe.dataset.NumpyDataset({"x": np.ones((16, 2), np.float32), "y": np.ones((16, 1), np.float32)})
model = fe.build(lambda: torch.nn.Linear(2, 1), "sgd", model_name="m")
network = fe.Network([ModelOp(model, "x", "p"), MeanSquaredError(("p", "y"), "mse"), UpdateOp(model, "mse")])
pipeline = fe.Pipeline(train_data=data(), eval_data=data(), batch_size=4, num_process=0)
fe.Estimator(pipeline, network, epochs=2, log_steps=2).fit()
"""
ENVIRONMENT = {**os.environ, "FASTESTIMATOR_LITE_HISTORY": "off", "COLUMNS": "100", "TERM": "xterm"}


def heads(text):
    return [line.split(";")[0] for line in text.splitlines() if line.startswith(("FastEstimator", "Eval"))]


def in_a_pipe():
    return subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, env=ENVIRONMENT)


def in_a_terminal():
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))  # a new one has no columns at all
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdout=slave, stderr=slave, stdin=subprocess.DEVNULL, env=ENVIRONMENT
    )
    os.close(slave)
    output = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:  # how Linux says that the other end is closed
            break
        if not piece:
            break
        output += piece
    os.close(master)
    assert process.wait() == 0, output.decode()
    return output.decode()


def test_a_pipe_gets_lines_without_control_characters():
    done = in_a_pipe()
    assert done.stderr == ""
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", done.stdout)
    assert heads(done.stdout)[0] == "FastEstimator-Start: step: 1"
    assert heads(done.stdout)[-1] == "FastEstimator-Finish: step: 8"


def test_a_terminal_gets_the_same_lines_and_a_bar_with_the_time_left():
    text = in_a_terminal()
    lines = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text).replace("\r\n", "\n").replace("\r", "\n")
    assert heads(lines) == heads(in_a_pipe().stdout)
    assert re.search(r"\d+%\|.*\| \d+/16 \[\d\d:\d\d<", text), "no bar over the 16 batches of the run"
    assert "train epoch 1/2" in text
