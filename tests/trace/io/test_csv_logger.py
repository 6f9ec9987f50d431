import csv
import json
import logging

import numpy as np
import pytest

from fastestimator_lite.trace.adapt.lr_scheduler import LRScheduler
from fastestimator_lite.trace.io.csv_logger import CSVLogger
from fastestimator_lite.trace.metric.accuracy import Accuracy
from fastestimator_lite.util.data import Data
from fastestimator_lite.util.errors import ConfigError, MissingKeyError


def rows(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def header(path):
    return path.read_text(encoding="utf-8").splitlines()[0].split(",")


def moments(path):
    return [(row["mode"], row["step"], row["epoch"]) for row in rows(path)]


def logged(**values):
    data = Data()
    for key, value in values.items():
        data.write_with_log(key, value)
    return data


def test_a_run_and_its_test(estimator, samples, tmp_path):
    path = tmp_path / "new" / "log.csv"
    run = estimator(
        lambda model: [Accuracy("y", "p"), CSVLogger(path), LRScheduler(model, lambda step: 0.1 / step)],
        test_data=samples(4, 2),
        epochs=2,
    )
    summary = run.fit()
    run.test()
    assert header(path)[:3] == ["mode", "step", "epoch"]
    assert set(header(path)[3:]) == {"ce", "m_lr", "steps/sec", "data_wait%", "epoch_time(sec)", "accuracy"}
    assert moments(path) == [
        ("train", "1", "1"),
        ("train", "2", "1"),
        ("train", "2", "1"),
        ("eval", "2", "1"),
        ("train", "4", "2"),
        ("train", "4", "2"),
        ("eval", "4", "2"),
        ("test", "4", "2"),
    ]
    found = rows(path)
    assert [row["m_lr"] for row in found] == ["0.1", "0.05", "", "", "0.025", "", "", ""]
    assert [row["ce"] == "" for row in found] == [False, False, True, False, False, True, False, False]
    assert np.float32(found[3]["ce"]) == summary.history["eval"]["ce"][2]
    assert float(found[3]["accuracy"]) == summary.history["eval"]["accuracy"][2]


def test_a_new_run_starts_a_new_file(torch_estimator, tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("something else\n")
    run = torch_estimator(lambda model: CSVLogger(path), epochs=1)
    run.fit()
    first = moments(path)
    run.fit()
    assert moments(path) == first == [("train", "1", "1"), ("train", "2", "1"), ("train", "2", "1"), ("eval", "2", "1")]


def test_chosen_names_and_modes(torch_estimator, tmp_path):
    path = tmp_path / "log.csv"
    logger = CSVLogger(path, monitor_names=["accuracy", "ce"], mode="eval")
    torch_estimator(lambda model: [Accuracy("y", "p"), logger]).fit()
    assert header(path) == ["mode", "step", "epoch", "accuracy", "ce"]
    assert moments(path) == [("eval", "2", "1"), ("eval", "4", "2")]
    assert all(row["accuracy"] and row["ce"] for row in rows(path))


def test_a_chosen_key_that_nobody_logs_is_taken_from_the_batch(system, placed, tmp_path):
    trace = placed(CSVLogger(tmp_path / "log.csv", monitor_names="z"))
    trace.on_begin(Data())
    system.epoch_idx = system.global_step = 1
    trace.on_batch_end(Data({"z": np.float32(0.1), "other": 3}))
    assert (tmp_path / "log.csv").read_text() == "mode,step,epoch,z\ntrain,1,1,0.1\n"


def test_a_chosen_name_that_never_comes_is_told(torch_estimator, tmp_path, caplog):
    with caplog.at_level(logging.WARNING, "fastestimator_lite"):
        torch_estimator(lambda model: CSVLogger(tmp_path / "log.csv", monitor_names=["ce", "cee"]), epochs=1).fit()
    told = [record.getMessage() for record in caplog.records if "CSVLogger" in record.getMessage()]
    assert len(told) == 1
    assert "'cee'" in told[0]
    assert "Did you mean 'ce'?" in told[0]


def test_a_row_for_each_sample(torch_estimator, tmp_path):
    path = tmp_path / "log.csv"
    logger = CSVLogger(path, instance_id_key="id", mode="eval")
    torch_estimator(lambda model: [Accuracy("y", "p"), logger], epochs=1).fit()
    found = rows(path)
    assert header(path) == ["instance_id", "mode", "step", "epoch", "accuracy", "ce"]
    assert [row["instance_id"] for row in found] == ["0", "1", "2", "3", ""]
    right = [int(row["accuracy"]) for row in found[:4]]
    assert set(right) <= {0, 1}
    assert float(found[4]["accuracy"]) == np.mean(right)


def test_rows_of_named_data_sets(torch_estimator, samples, tmp_path):
    path = tmp_path / "log.csv"
    torch_estimator(
        lambda model: [Accuracy("y", "p"), CSVLogger(path, instance_id_key="id", mode="eval")],
        epochs=1,
        eval_data={"a": samples(3, 1), "b": samples(2, 2)},
    ).fit()
    found = rows(path)
    assert [row["accuracy|a"] != "" for row in found] == [True, True, True, False, False, True]
    assert [row["accuracy|b"] != "" for row in found] == [False, False, False, True, True, True]
    assert np.mean([int(row["accuracy|b"]) for row in found[3:5]]) == float(found[5]["accuracy|b"])


def test_a_missing_id_is_found_before_training(torch_estimator, tmp_path):
    with pytest.raises(MissingKeyError, match="CSVLogger needs key 'ids'.*Did you mean 'id'"):
        torch_estimator(lambda model: CSVLogger(tmp_path / "log.csv", instance_id_key="ids")).fit()


def test_ids_of_any_kind(system, placed, tmp_path):
    trace = placed(CSVLogger(tmp_path / "log.csv", instance_id_key="id"))
    trace.on_begin(Data())
    for ids in (["a", "b,c"], np.array([[7], [8]])):
        data = Data({"id": ids})
        data.write_per_instance_log("q", np.array([0.5, 1.5], dtype="float32"))
        trace.on_batch_end(data)
    assert [(row["instance_id"], row["q"]) for row in rows(tmp_path / "log.csv")] == [
        ("a", "0.5"),
        ("b,c", "1.5"),
        ("7", "0.5"),
        ("8", "1.5"),
    ]


def test_values_that_do_not_fit_the_ids(system, placed, tmp_path):
    trace = placed(CSVLogger(tmp_path / "log.csv", instance_id_key="id"))
    trace.on_begin(Data())
    data = Data({"id": [1, 2, 3]})
    data.write_per_instance_log("q", [1.0])
    with pytest.raises(ConfigError, match="'q' has 1 values for the 3 ids in 'id'"):
        trace.on_batch_end(data)


def test_new_keys_at_any_time(system, placed, tmp_path):
    path = tmp_path / "log.csv"
    trace = placed(CSVLogger(path))
    trace.on_begin(Data())
    for system.epoch_idx, values in enumerate([{"a": 1}, {"b": "x, y"}, {"a": 3, "c": True}, {"a": None}], 1):
        trace.on_epoch_end(logged(**values))
        assert len(rows(path)) == system.epoch_idx
    assert path.read_text() == (
        'mode,step,epoch,a,b,c\ntrain,0,1,1,,\ntrain,0,2,,"x, y",\ntrain,0,3,3,,1\ntrain,0,4,None,,\n'
    )


def test_values_are_written_in_the_digits_of_the_log(system, placed, tmp_path):
    trace = placed(CSVLogger(tmp_path / "log.csv"))
    trace.on_begin(Data())
    trace.on_epoch_end(logged(a=np.float32(0.1), b=0.1, c=np.array([[1, 2], [3, 4]]), d=np.array([0.25])))
    (row,) = rows(tmp_path / "log.csv")
    assert [row[key] for key in "abcd"] == ["0.1", "0.1", "[[1,2],\n [3,4]]", "0.25"]


def test_tensors(tensor_framework, make, system, placed, tmp_path):
    trace = placed(CSVLogger(tmp_path / "log.csv", instance_id_key="id"))
    trace.on_begin(Data())
    data = Data({"id": make([1, 2])})
    data.write_per_instance_log("q", make([True, False]))
    trace.on_batch_end(data)
    trace.on_epoch_end(logged(a=make(0.1, "float32")))
    assert [(row["instance_id"], row["q"], row["a"]) for row in rows(tmp_path / "log.csv")] == [
        ("1", "1", ""),
        ("2", "0", ""),
        ("", "", "0.1"),
    ]


def test_nothing_logged_is_no_row(system, placed, tmp_path):
    trace = placed(CSVLogger(tmp_path / "log.csv"))
    trace.on_begin(Data())
    trace.on_epoch_end(Data())
    assert (tmp_path / "log.csv").read_text() == "mode,step,epoch\n"


@pytest.mark.parametrize("cut", ["train,0,3,9\ntrain,0,4,9\n", "train,0,3,9\ntrain,0,"])
def test_a_resumed_run_goes_on_where_it_was_saved(system, placed, tmp_path, cut):
    path = tmp_path / "log.csv"
    before, after = placed(CSVLogger(path)), placed(CSVLogger(path))
    before.on_begin(Data())
    for system.epoch_idx in (1, 2):
        before.on_epoch_end(logged(a=system.epoch_idx))
    state = json.loads(json.dumps(before.state_dict()))
    with open(path, "a", encoding="utf-8") as file:
        file.write(cut)  # what the killed run wrote after it was saved
    after.load_state_dict(state)
    after.on_begin(Data())
    system.epoch_idx = 3
    after.on_epoch_end(logged(a=3, b=4))
    assert path.read_text() == "mode,step,epoch,a,b\ntrain,0,1,1,\ntrain,0,2,2,\ntrain,0,3,3,4\n"


def test_a_resumed_run_whose_file_is_gone_says_so(system, placed, tmp_path, caplog):
    path = tmp_path / "log.csv"
    before, after = placed(CSVLogger(path)), placed(CSVLogger(path))
    before.on_begin(Data())
    before.on_epoch_end(logged(a=1))
    path.unlink()
    with caplog.at_level(logging.WARNING, "fastestimator_lite"):
        after.load_state_dict(before.state_dict())
    assert "holds 0 of the 1 rows" in caplog.text
    assert path.read_text() == "mode,step,epoch,a\n"


def test_names_are_checked(tmp_path):
    with pytest.raises(ConfigError, match=r"CSVLogger\(filename\) must be the name of a file, got 3"):
        CSVLogger(3)
    with pytest.raises(ConfigError, match=r"got the folder"):
        CSVLogger(tmp_path).check()
    (tmp_path / "taken").write_text("")
    with pytest.raises(ConfigError, match=r"its folder must be a folder.*it is a file"):
        CSVLogger(tmp_path / "taken" / "log.csv").check()
