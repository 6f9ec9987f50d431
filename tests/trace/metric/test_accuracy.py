import inspect
import json

import numpy as np
import pytest

from fastestimator_lite.backend.convert import to_number
from fastestimator_lite.trace.metric import accuracy as module
from fastestimator_lite.trace.metric.accuracy import Accuracy
from fastestimator_lite.util.data import Data
from fastestimator_lite.util.errors import ConfigError, MissingKeyError

SCORES = [[0.1, 0.7, 0.2], [0.9, 0.0, 0.1], [0.2, 0.3, 0.5], [0.4, 0.5, 0.1]]  # classes 1, 0, 2, 1


def measure(trace, *batches):
    """The accuracy of some (labels, predictions), and what was written per sample."""
    each = []
    trace.on_epoch_begin(Data())
    for truth, scores in batches:
        data = Data({"y": truth, "p": scores})
        trace.on_batch_end(data)
        each += to_number(data.read_per_instance_logs()[trace.outputs[0]]).tolist()
        assert data.read_logs() == {}
    data = Data()
    trace.on_epoch_end(data)
    return data.read_logs().get(trace.outputs[0]), each


@pytest.mark.parametrize(
    ("truth", "dtype"),
    [
        ([1, 0, 2, 0], "int64"),
        ([1, 0, 2, 0], "int32"),
        ([1, 0, 2, 0], "uint8"),
        ([1, 0, 2, 0], "float32"),
        ([[1], [0], [2], [0]], "int64"),
        ([[0, 1, 0], [1, 0, 0], [0, 0, 1], [1, 0, 0]], "float32"),
        ([[0.1, 0.8, 0.1], [0.8, 0.1, 0.1], [0.1, 0.1, 0.8], [0.8, 0.1, 0.1]], "float64"),
    ],
)
def test_classes(framework, make, placed, truth, dtype):
    value, each = measure(placed(Accuracy("y", "p")), (make(truth, dtype), make(SCORES, "float32")))
    assert value == 0.75
    assert each == [1, 1, 1, 0]


@pytest.mark.parametrize(
    ("scores", "from_logits", "each"),
    [
        ([0.6, 0.4, 0.5, 0.9], False, [1, 1, 0, 0]),
        ([[0.6], [0.4], [0.5], [0.9]], False, [1, 1, 0, 0]),
        ([[0.6], [-0.4], [0.0], [0.9]], True, [1, 1, 0, 0]),
        ([0.1, -2.0, 0.2, -0.5], True, [1, 1, 1, 1]),
    ],
)
@pytest.mark.parametrize(
    ("truth", "dtype"),
    [
        ([1, 0, 1, 0], "int32"),
        ([[1], [0], [1], [0]], "float32"),
        ([[0, 1], [1, 0], [0, 1], [1, 0]], "float32"),
        ([True, False, True, False], "bool"),
    ],
)
def test_two_classes(framework, make, placed, scores, from_logits, each, truth, dtype):
    trace = placed(Accuracy("y", "p", from_logits=from_logits))
    value, found = measure(trace, (make(truth, dtype), make(scores, "float32")))
    assert found == each
    assert value == np.mean(each)


def test_further_axes(framework, make, placed):
    scores = np.eye(3, dtype="float32")[[[0, 1], [2, 2]]]  # (B, T, K)
    trace = placed(Accuracy("y", "p"))
    assert measure(trace, (make([[0, 1], [2, 1]], "int64"), make(scores))) == (0.75, [1.0, 0.5])
    assert measure(trace, (make([[[0], [1]], [[2], [1]]], "int64"), make(scores))) == (0.75, [1.0, 0.5])


def test_batches_count_by_their_samples(placed):
    batches = [(np.array([0]), np.array([[0.1, 0.9]])), (np.array([0, 0, 1]), np.array([[0.9, 0.1]] * 3))]
    assert measure(placed(Accuracy("y", "p")), *batches)[0] == 2 / 4


def test_each_epoch_begins_anew_and_an_empty_one_writes_nothing(placed):
    trace = placed(Accuracy("y", "p"))
    right, wrong = (np.array([1]), np.array([[0.1, 0.9]])), (np.array([0]), np.array([[0.1, 0.9]]))
    assert [measure(trace, right)[0], measure(trace, wrong)[0], measure(trace)[0]] == [1.0, 0.0, None]


def test_long_epochs_keep_no_batches(placed, monkeypatch):
    monkeypatch.setattr(module, "_MANY", 3)
    trace = placed(Accuracy("y", "p"))
    trace.on_epoch_begin(Data())
    for _ in range(7):
        trace.on_batch_end(Data({"y": np.array([1, 0]), "p": np.array([[0.1, 0.9]] * 2)}))
    assert (len(trace._waiting), int(trace._sum), trace.total) == (1, 6, 14)
    data = Data()
    trace.on_epoch_end(data)
    assert data["accuracy"] == 0.5


def test_labels_may_be_of_another_framework(tensor_framework, make, placed):
    assert measure(placed(Accuracy("y", "p")), (np.array([1, 0, 2, 0]), make(SCORES, "float32")))[0] == 0.75
    assert measure(placed(Accuracy("y", "p")), ([1, 0, 2, 0], make(SCORES, "float32")))[0] == 0.75


@pytest.mark.parametrize("truth", [[1, 0, 2], [[1, 0], [1, 1], [0, 1]], 1])
def test_shapes_that_do_not_go_together(placed, truth):
    with pytest.raises(ConfigError, match=r"labels of shape \(4,\).*'p' of shape \(4, 3\); 'y' has shape \("):
        measure(placed(Accuracy("y", "p")), (np.array(truth), np.array(SCORES)))


def test_state_in_the_middle_of_an_epoch(placed):
    one, other = placed(Accuracy("y", "p")), placed(Accuracy("y", "p"))
    one.on_epoch_begin(Data())
    batch = {"y": np.array([1, 0]), "p": np.array([[0.1, 0.9]] * 2)}
    one.on_batch_end(Data(batch))
    other.load_state_dict(json.loads(json.dumps(one.state_dict())))
    other.on_batch_end(Data({**batch, "y": np.array([1, 1])}))
    data = Data()
    other.on_epoch_end(data)
    assert data["accuracy"] == 0.75


def test_arguments_are_those_of_1_7():
    parameters = inspect.signature(Accuracy).parameters
    assert {name: one.default for name, one in parameters.items() if name not in ("true_key", "pred_key")} == {
        "mode": ("eval", "test"),
        "ds_id": None,
        "from_logits": False,
        "output_name": "accuracy",
        "per_ds": True,
    }
    assert list(parameters) == ["true_key", "pred_key", "mode", "ds_id", "from_logits", "output_name", "per_ds"]
    trace = Accuracy("y", "p", "train", output_name="right")
    assert (trace.inputs, trace.outputs, trace.mode) == (["y", "p"], ["right"], {"train"})


def test_a_run(estimator, samples, capsys):
    data = samples(6, 1)
    run = estimator(lambda model: Accuracy("y", "p"), eval_data=data, test_data=data, epochs=1)
    history = run.fit().history
    run.test()
    columns = {key: np.stack([data[i][key] for i in range(6)]) for key in ("x", "y")}
    batch = run.network.transform(columns, "eval")
    expected = np.mean(np.argmax(to_number(batch["p"]), -1) == to_number(batch["y"]))
    assert float(history["eval"]["accuracy"][2]) == expected
    assert f"FastEstimator-Test: step: 2; epoch: 1; accuracy: {expected}; ce:" in capsys.readouterr().out


def test_a_misspelt_key_is_found_before_training(torch_estimator):
    with pytest.raises(MissingKeyError, match="Accuracy needs key 'yy'.*Did you mean 'y'"):
        torch_estimator(lambda model: Accuracy("yy", "p")).fit()
