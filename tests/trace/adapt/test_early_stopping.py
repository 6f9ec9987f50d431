import json

import pytest

from fastestimator_lite.trace.adapt.early_stopping import EarlyStopping
from fastestimator_lite.trace.trace import Trace
from fastestimator_lite.util.data import Data
from fastestimator_lite.util.errors import ConfigError, MissingKeyError


def stop_epoch(trace, system, values):
    """The epoch at whose end the trace stops the run; None if it does not."""
    system.epoch_idx = 0
    trace.on_begin(Data())
    for value in values:
        system.epoch_idx += 1
        trace.on_epoch_end(Data({"q": value}))
        if system.stop_training:
            return system.epoch_idx
    return None


NAN = float("nan")


# as FastEstimator 1.7 does
@pytest.mark.parametrize(
    ("patience", "arguments", "values", "epoch", "told"),
    [
        (0, {}, [3, 2, 2, 1], 3, "2 at epoch 2"),
        (1, {}, [3, 2, 2, 2, 1], 3, "2 at epoch 2"),
        (2, {}, [3, 2, 2, 1, 2, 3, 4], 6, "1 at epoch 4"),
        (0, {}, [3, NAN, 2], 2, "3 at epoch 1"),
        (1, {}, [NAN, NAN], 1, "inf at epoch 0"),
        (1, {"min_delta": 0.2}, [3, 2.9, 2.8, 2.7], 2, "3 at epoch 1"),
        (1, {"min_delta": -0.2}, [3, 2.9, 2.8, 2.7], 2, "3 at epoch 1"),
        (1, {"compare": "max"}, [3, 4, 4, 5], 3, "4 at epoch 2"),
        (1, {"baseline": 2.5}, [3, 4, 4], 1, "2.5 at epoch 0"),
        (2, {"baseline": 2.5}, [3, 4, 4], 2, "2.5 at epoch 0"),
        (3, {}, [3, 2, 2, 1, 2, 3], None, ""),
    ],
)
def test_when_it_stops(system, placed, capsys, patience, arguments, values, epoch, told):
    trace = placed(EarlyStopping("q", patience=patience, **arguments))
    assert stop_epoch(trace, system, values) == epoch
    line = f"FastEstimator-EarlyStopping: 'q' triggered an early stop. Its best value was {told}\n"
    assert capsys.readouterr().out == (line if told else "")


def test_a_new_run_starts_anew_and_a_resumed_one_does_not(system, placed):
    trace = placed(EarlyStopping("q", patience=2))
    assert stop_epoch(trace, system, [1, 2]) is None
    assert trace.wait == 1
    trace.on_begin(Data())  # epoch_idx is 2: a resumed run
    assert trace.wait == 1
    system.epoch_idx = 0
    trace.on_begin(Data())
    assert trace.wait == 0


def test_state_goes_through_json(system, placed):
    one, other = placed(EarlyStopping("q", patience=2)), placed(EarlyStopping("q", patience=2))
    stop_epoch(one, system, [1, 2])
    other.load_state_dict(json.loads(json.dumps(one.state_dict())))
    other.on_epoch_end(Data({"q": 1.5}))
    assert system.stop_training


def test_an_epoch_without_the_metric_does_not_count(system, placed):
    trace = placed(EarlyStopping("q"))
    trace.on_epoch_end(Data())
    assert not system.stop_training


def test_arguments_are_checked():
    with pytest.raises(ConfigError, match=r"\(compare\) must be 'min' or 'max', got 'maxx'. Did you mean 'max'"):
        EarlyStopping(compare="maxx")
    with pytest.raises(ConfigError, match=r"patience.*-1"):
        EarlyStopping(patience=-1)


class Given(Trace):
    """Logs given values."""

    def __init__(self, values):
        super().__init__(outputs="q", mode="eval")
        self.values = values

    def on_epoch_end(self, data):
        data.write_with_log("q", self.values[self.system.epoch_idx - 1])


def test_it_ends_the_run(torch_estimator, capsys):
    run = torch_estimator(lambda model: [EarlyStopping("q"), Given([1, 0.5, 2, 3])], epochs=4)
    summary = run.fit()
    assert summary.stopped == "stop_training"
    assert run.system.epoch_idx == 3
    lines = capsys.readouterr().out.splitlines()
    stop = next(i for i, line in enumerate(lines) if "EarlyStopping" in line)
    assert lines[stop].endswith("Its best value was 0.5 at epoch 2")
    assert lines[stop + 1].startswith("FastEstimator-Eval: step: 6; epoch: 3; ce: ")
    assert lines[-1].startswith("FastEstimator-Finish: step: 6;")


def test_a_metric_that_nobody_writes_is_found_before_training(torch_estimator):
    with pytest.raises(MissingKeyError, match="EarlyStopping needs key 'cee'.*Did you mean 'ce'"):
        torch_estimator(lambda model: EarlyStopping("cee")).fit()
