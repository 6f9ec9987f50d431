"""The scheduler tutorial of FastEstimator 1.x runs with the package name exchanged, in both frameworks.

MNIST comes from a server on this machine: small images of the same kind, through the real download path.
"""

import re
import sys

import pytest

TUTORIAL = """
import tempfile

import fastestimator_lite as fe
from fastestimator_lite.architecture.{framework} import LeNet
from fastestimator_lite.dataset.data import cifar10, mnist
from fastestimator_lite.op.numpyop.multivariate import Rotate
from fastestimator_lite.op.numpyop.univariate import ChannelTranspose, ExpandDims, Minmax
from fastestimator_lite.op.tensorop.loss import CrossEntropy
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp
from fastestimator_lite.schedule import EpochScheduler, RepeatScheduler
from fastestimator_lite.trace.io import ModelSaver

batch_size = EpochScheduler(epoch_dict={{1: 16, 2: 32, 4: 64}})
for epoch in range(1, 6):
    print("At epoch {{}}, batch size is {{}}".format(epoch, batch_size.get_current_value(epoch)))

batch_size = RepeatScheduler(repeat_list=[32, 64])
for epoch in range(1, 6):
    print("At epoch {{}}, batch size is {{}}".format(epoch, batch_size.get_current_value(epoch)))

train_data1, eval_data = mnist.load_data()
train_data2, _ = mnist.load_data()
train_data = EpochScheduler(epoch_dict={{1: train_data1, 3: train_data2}})

rotate_op = EpochScheduler(epoch_dict={{1: Rotate(image_in="x", image_out="x", limit=30), 3: None}})

pipeline = fe.Pipeline(train_data=train_data,
                       eval_data=eval_data,
                       batch_size=batch_size,
                       ops=[ExpandDims(inputs="x", outputs="x"), rotate_op, Minmax(inputs="x", outputs="x"){transpose}])

model_1 = fe.build(model_fn=LeNet, optimizer_fn=EpochScheduler(epoch_dict={{1: "adam", 2: "sgd"}}), model_name="m1")
model_2 = fe.build(model_fn=LeNet, optimizer_fn="adam", model_name="m2")

model_map = {{1: ModelOp(model=model_1, inputs="x", outputs="y_pred"), 3: ModelOp(model=model_2, inputs="x", outputs="y_pred")}}
update_map = {{1: UpdateOp(model=model_1, loss_name="ce"), 3: UpdateOp(model=model_2, loss_name="ce")}}

network = fe.Network(ops=[EpochScheduler(model_map), CrossEntropy(inputs=("y_pred", "y"), outputs="ce"), EpochScheduler(update_map)])

save_folder = tempfile.mkdtemp()
modelsaver1 = EpochScheduler({{2: ModelSaver(model=model_1, save_dir=save_folder), 3: None}})
modelsaver2 = EpochScheduler({{3: ModelSaver(model=model_2, save_dir=save_folder)}})
traces = [modelsaver1, modelsaver2]

estimator = fe.Estimator(pipeline=pipeline, network=network, traces=traces, epochs=3, log_steps=300)
estimator.fit()
"""


@pytest.mark.parametrize(
    ("room", "transpose", "ending"),
    [
        ("tensorflow", "", "h5"),
        ("pytorch", ', ChannelTranspose(inputs="x", outputs="x")', "pt"),  # torch wants the channel first
    ],
)
def test_the_tutorial_runs_line_for_line(served_mnist, capsys, room, transpose, ending):
    script = TUTORIAL.format(framework=room, transpose=transpose)
    names = {}
    exec(compile(script, "tutorial", "exec"), names)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:10] == [
        f"At epoch {epoch}, batch size is {size}"
        for sizes in ((16, 32, 32, 64, 64), (32, 64, 32, 64, 32))
        for epoch, size in enumerate(sizes, start=1)
    ]
    log = [re.sub(r"\d+\.\d+(e-\d+)?", "#", line) for line in lines[10:] if not line.startswith("Eval Progress")]
    folder = names["save_folder"]
    assert log == [
        log[0],
        "FastEstimator-Train: step: 1; ce: #;",
        "FastEstimator-Train: step: 20; epoch: 1; epoch_time(sec): #;",
        "FastEstimator-Eval: step: 20; epoch: 1; ce: #;",
        f"FastEstimator-ModelSaver: Saved model to {folder}/m1_epoch_2.{ending}",
        "FastEstimator-Train: step: 30; epoch: 2; epoch_time(sec): #;",
        "FastEstimator-Eval: step: 30; epoch: 2; ce: #;",
        f"FastEstimator-ModelSaver: Saved model to {folder}/m2_epoch_3.{ending}",
        "FastEstimator-Train: step: 50; epoch: 3; epoch_time(sec): #;",
        "FastEstimator-Eval: step: 50; epoch: 3; ce: #;",
        "FastEstimator-Finish: step: 50; m1_lr: #; m2_lr: #; total_time(sec): #;",
    ]
    assert re.fullmatch(r"FastEstimator-Start: step: 1; logging_interval: 300; num_device: \d+;", log[0])
    history = names["estimator"].system.summary.history
    assert float(history["eval"]["ce"][30]) < float(history["train"]["ce"][1]), "m1 learns nothing in two epochs"
    assert "fastestimator" not in sys.modules
