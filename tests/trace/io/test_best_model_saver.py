import json
import logging

import numpy as np
import pytest

from fastestimator_lite.backend.card import card_of
from fastestimator_lite.backend.model import load_model
from fastestimator_lite.trace.adapt.early_stopping import EarlyStopping
from fastestimator_lite.trace.io.best_model_saver import BestModelSaver
from fastestimator_lite.trace.trace import Trace
from fastestimator_lite.util.data import Data
from fastestimator_lite.util.errors import ConfigError, MissingKeyError

NAN = float("nan")


class Weighed(Trace):
    """At the end of eval epochs logs a given metric, and sets all weights to the epoch."""

    def __init__(self, model, values, fill):
        super().__init__(outputs="q", mode="eval")
        self.model, self.values, self.fill = model, values, fill

    def on_epoch_end(self, data):
        self.fill(self.model, self.system.epoch_idx)
        data.write_with_log("q", self.values[self.system.epoch_idx - 1])


def end_epochs(trace, system, fill, values):
    """Let the trace see metrics, the weights being the epoch; what it logged in each epoch."""
    logs = []
    for value in values:
        system.epoch_idx += 1
        fill(trace.model, system.epoch_idx)
        data = Data({"q": value})
        trace.on_epoch_end(data)
        logs.append([data.read_logs()[key] for key in trace.outputs])
    return logs


@pytest.mark.parametrize(
    ("mode", "values", "logged", "best_epoch"),
    [
        ("min", [3, 2, 2, 4], [[0, 3], [0, 2], [1, 2], [2, 2]], 2),
        ("max", [3, 2, 4, 4], [[0, 3], [1, 3], [0, 4], [1, 4]], 3),
        ("min", [NAN, 2, NAN], [[1, np.inf], [0, 2], [1, 2]], 2),
    ],
)
def test_it_keeps_the_best(torch_model, system, placed, tmp_path, fill, weights_of, mode, values, logged, best_epoch):
    trace = placed(BestModelSaver(torch_model, tmp_path, "q", mode))
    trace.on_begin(Data())
    assert trace.outputs == ["since_best_q", f"{mode}_q"]
    assert end_epochs(trace, system, fill, values) == logged
    assert [path.name for path in tmp_path.iterdir()] == ["m_best_q.pt"]
    load_model(torch_model, tmp_path / "m_best_q.pt")
    assert set(weights_of(torch_model)) == {best_epoch}


def test_nan_is_told_once(torch_model, system, placed, tmp_path, fill, caplog):
    trace = placed(BestModelSaver(torch_model, tmp_path, "q"))
    with caplog.at_level(logging.WARNING, "fastestimator_lite"):
        end_epochs(trace, system, fill, [NAN, NAN, 1.0, NAN])
    assert [record.getMessage() for record in caplog.records] == [
        "FastEstimator-Warn: BestModelSaver: 'q' is NaN at epoch 1, so the model 'm' was not saved; this is told once"
    ]


def test_printed_and_logged_lines(tensor_framework, estimator, tmp_path, capsys):
    run = estimator(lambda model: BestModelSaver(model, tmp_path), epochs=1)
    summary = run.fit()
    ending = {"torch": "pt", "tf": "h5"}[tensor_framework]
    lines = capsys.readouterr().out.splitlines()
    saved = lines.index(f"FastEstimator-BestModelSaver: Saved model to {tmp_path}/m_best_ce.{ending}")
    ce = np.float32(summary.history["eval"]["ce"][2])
    assert lines[saved + 1] == f"FastEstimator-Eval: step: 2; epoch: 1; ce: {ce!s}; min_ce: {ce!s}; since_best_ce: 0;"


@pytest.mark.parametrize(("stop", "values"), [(False, [3, 1, 2]), (True, [3, 1, 2, 0])])
def test_the_best_comes_back_at_the_end(tensor_framework, estimator, tmp_path, capsys, fill, weights_of, stop, values):
    kept = []

    def traces(model):
        kept.append(model)
        found = [
            BestModelSaver(model, tmp_path, "q", load_best_final=True, weights_name="top"),
            Weighed(model, values, fill),
        ]
        return [*found, EarlyStopping("q")] if stop else found

    estimator(traces, epochs=len(values)).fit()
    assert set(weights_of(kept[0])) == {2}
    ending = {"torch": "pt", "tf": "h5"}[tensor_framework]
    assert f"FastEstimator-BestModelSaver: Restoring model from {tmp_path}/top.{ending}\n" in capsys.readouterr().out


def test_without_load_best_final_the_last_stay(torch_estimator, tmp_path, fill, weights_of):
    kept = []
    torch_estimator(
        lambda model: [kept.append(model), BestModelSaver(model, tmp_path, "q"), Weighed(model, [3, 1, 2], fill)],
        epochs=3,
    ).fit()
    assert set(weights_of(kept[0])) == {3}


def test_nothing_best_is_told(torch_model, system, placed, tmp_path, caplog, weights_of):
    trace = placed(BestModelSaver(torch_model, tmp_path, "q", load_best_final=True))
    before = weights_of(torch_model)
    with caplog.at_level(logging.WARNING, "fastestimator_lite"):
        trace.on_end(Data())
    assert "'q' was never a number" in caplog.text
    assert (weights_of(torch_model) == before).all()


def test_a_resumed_run_knows_the_best(torch_model, system, placed, tmp_path, fill, weights_of):
    before, after = (placed(BestModelSaver(torch_model, tmp_path, "q", load_best_final=True)) for _ in range(2))
    end_epochs(before, system, fill, [np.float32(0.1), np.float32(0.3)])
    after.load_state_dict(json.loads(json.dumps(before.state_dict())))
    after.on_begin(Data())
    assert end_epochs(after, system, fill, [np.float32(0.1)]) == [[2, np.float32(0.1)]]
    assert str(after.best) == "0.1"
    after.on_end(Data())
    assert set(weights_of(torch_model)) == {1}


def test_a_new_run_starts_anew(torch_model, system, placed, tmp_path, fill):
    trace = placed(BestModelSaver(torch_model, tmp_path, "q"))
    end_epochs(trace, system, fill, [1.0, 2.0])
    system.epoch_idx = 0
    trace.on_begin(Data())
    assert end_epochs(trace, system, fill, [3.0]) == [[0, 3.0]]


def test_the_loss_is_found_by_itself(torch_model, tmp_path):
    card_of(torch_model).loss_names = {"ce"}
    trace = BestModelSaver(torch_model, tmp_path)
    assert (trace.metric, trace.inputs, trace.outputs) == ("ce", ["ce"], ["since_best_ce", "min_ce"])


def test_the_loss_may_be_known_late(torch_model, tmp_path):
    trace = BestModelSaver(torch_model, tmp_path)
    card_of(torch_model).loss_names = {"ce"}
    trace.check()
    assert trace.inputs == ["ce"]


def test_no_or_several_losses(torch_model, tmp_path):
    with pytest.raises(ConfigError, match="'m' has no loss.*name the metric"):
        BestModelSaver(torch_model, tmp_path).check()
    card_of(torch_model).loss_names = {"ce", "mse"}
    with pytest.raises(ConfigError, match="'m' has several losses .'ce', 'mse'.*name the metric"):
        BestModelSaver(torch_model, tmp_path)


def test_arguments_are_checked(torch_model, tmp_path):
    with pytest.raises(ConfigError, match=r"BestModelSaver\(save_best_mode\) must be 'min' or 'max', got 'mim'"):
        BestModelSaver(torch_model, tmp_path, "q", "mim")
    with pytest.raises(ConfigError, match="'m_best_steps/sec' cannot be a file name"):
        BestModelSaver(torch_model, tmp_path, "steps/sec")
    with pytest.raises(ConfigError, match=r"BestModelSaver\(save_architecture\)"):
        BestModelSaver(torch_model, tmp_path, "q", save_architecture=True)


def test_what_cannot_work_is_found_before_training(torch_estimator, tmp_path, capsys):
    (tmp_path / "taken").write_text("")
    with pytest.raises(ConfigError, match=r"BestModelSaver\(save_dir\).*it is a file"):
        torch_estimator(lambda model: BestModelSaver(model, tmp_path / "taken")).fit()
    with pytest.raises(MissingKeyError, match="BestModelSaver needs key 'cee'.*Did you mean 'ce'"):
        torch_estimator(lambda model: BestModelSaver(model, tmp_path, "cee")).fit()
    assert capsys.readouterr().out == ""
