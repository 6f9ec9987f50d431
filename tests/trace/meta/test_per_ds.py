import copy
import inspect
import json
import pickle

import pytest

from fastestimator_lite.trace.meta import per_ds
from fastestimator_lite.trace.runner import TraceRunner
from fastestimator_lite.trace.trace import PerDSTrace, Trace
from fastestimator_lite.util.data import Data


@per_ds
class Total(Trace):
    """Sums "x" over an epoch."""

    def __init__(self, key="x", output_name="total", ds_id=None, per_ds=True):
        super().__init__(inputs=key, outputs=output_name, ds_id=ds_id)
        self.per_ds = per_ds
        self.events = []

    def on_begin(self, data):
        self.events.append("begin")

    def on_epoch_begin(self, data):
        self.sum = 0

    def on_batch_end(self, data):
        self.sum += data["x"]
        data.write_per_instance_log("each", [data["x"]])

    def on_epoch_end(self, data):
        data.write_with_log("total", self.sum)  # by its name, as users do, not by self.outputs
        data.write_without_log("half", data["total"] / 2)

    def on_end(self, data):
        self.events.append("end")

    def state_dict(self):
        return {"sum": self.sum}

    def load_state_dict(self, state):
        self.sum = state["sum"]


def epoch(trace, system, data_sets):
    """Run an epoch over {ds_id: values of x}; the data at the end, and the per-instance logs of each batch."""
    runner, instances = TraceRunner([trace]), []
    runner.run("on_epoch_begin")
    for system.ds_id, values in data_sets.items():
        runner.run("on_ds_begin")
        for value in values:
            data = Data({"x": value})
            runner.run("on_batch_begin", data)
            runner.run("on_batch_end", data)
            instances.append(dict(data.read_per_instance_logs()))
        runner.run("on_ds_end")
    system.ds_id = ""
    return runner.run("on_epoch_end"), instances


def test_a_value_for_each_named_data_set(system, placed):
    trace = placed(Total())
    for _ in range(2):  # each epoch begins anew
        data, instances = epoch(trace, system, {"a": [1, 2], "b": [10]})
        assert data.read_logs() == {"total": 13, "total|a": 3, "total|b": 10}
        assert (data["half"], data["half|a"], data["half|b"]) == (6.5, 1.5, 5)
    assert instances == [{"each": [1], "each|a": [1]}, {"each": [2], "each|a": [2]}, {"each": [10], "each|b": [10]}]


def test_a_data_set_that_is_absent_in_an_epoch_is_not_written(system, placed):
    trace = placed(Total())
    epoch(trace, system, {"a": [1], "b": [2]})
    assert epoch(trace, system, {"b": [4]})[0].read_logs() == {"total": 4, "total|b": 4}


def test_without_names_there_is_only_the_total(system, placed):
    data, instances = epoch(placed(Total()), system, {"": [1, 2]})
    assert data.read_logs() == {"total": 3}
    assert instances == [{"each": [1]}, {"each": [2]}]


def test_it_can_be_turned_off(system, placed):
    trace = placed(Total(per_ds=False))
    assert epoch(trace, system, {"a": [1], "b": [2]})[0].read_logs() == {"total": 3}
    assert trace.get_outputs(["a", "b"]) == ["total"]


def test_outputs_name_the_data_sets_it_runs_for():
    assert Total().get_outputs([]) == ["total"]
    assert Total().get_outputs(["", "a", "b"]) == ["total", "total|a", "total|b"]
    assert Total(ds_id="b").get_outputs(["a", "b"]) == ["total", "total|b"]
    assert Total(ds_id="!b").get_outputs(["a", "b"]) == ["total", "total|a"]
    assert Total().get_outputs(iter(["a"])) == ["total", "total|a"]


def test_each_data_set_has_an_instance_of_its_own_with_all_hooks(system, placed):
    trace = placed(Total())
    epoch(trace, system, {"a": [1], "b": [2]})
    trace.on_begin(Data())
    trace.on_end(Data())
    twins = trace._twins
    assert twins.keys() == {"a", "b"}
    assert [twin.events for twin in twins.values()] == [["begin", "begin", "end"]] * 2
    assert trace.events == ["begin", "end"]


def test_the_class_keeps_its_face():
    assert (Total.__name__, Total.__doc__, Total.__module__) == ("Total", 'Sums "x" over an epoch.', __name__)
    assert list(inspect.signature(Total).parameters) == ["key", "output_name", "ds_id", "per_ds"]
    assert issubclass(Total, PerDSTrace)
    assert Total("x", output_name="t").made_with == (("x",), {"output_name": "t"})


def test_hooks_that_are_not_there_stay_uncalled():
    @per_ds
    class Begins(Trace):
        def on_batch_begin(self, data):
            data["begun"] = data["x"]

    assert TraceRunner([Total()]).hooks["on_batch_begin"] == []
    assert len(TraceRunner([Begins()]).hooks["on_batch_begin"]) == 1


def test_batch_begin_reaches_the_data_sets(system, placed):
    seen = []

    @per_ds
    class Begins(Trace):
        def on_batch_begin(self, data):
            seen.append((self.per_ds, data["x"]))

    epoch(placed(Begins()), system, {"a": [1]})
    assert seen == [(True, 1), (False, 1)]


def test_a_subclass_works_too(system, placed):
    class Doubled(Total):
        def __init__(self):
            super().__init__(output_name="total")

        def on_epoch_end(self, data):
            self.sum *= 2
            super().on_epoch_end(data)

    data, _ = epoch(placed(Doubled()), system, {"a": [1], "b": [2]})
    assert data.read_logs() == {"total": 6, "total|a": 2, "total|b": 4}


def test_state_goes_through_json(system, placed):
    trace, other = placed(Total()), placed(Total())
    epoch(trace, system, {"a": [1], "b": [2]})
    other.load_state_dict(json.loads(json.dumps(trace.state_dict())))
    assert (other.sum, other._twins["a"].sum, other._twins["b"].sum) == (3, 1, 2)


def test_copies_share_nothing(system, placed):
    trace = placed(Total())
    twin = copy.copy(trace)
    epoch(trace, system, {"a": [1]})
    assert twin._twins == {}
    assert Total._twins == {}


def test_a_run_with_several_data_sets(torch_estimator, samples, capsys):
    from fastestimator_lite.trace.metric.accuracy import Accuracy

    sets = {"a": samples(3, 1), "b": samples(5, 2)}
    run = torch_estimator(
        lambda model: Accuracy("y", "p", mode=None), eval_data=sets, train_data={"c": samples(4)}, epochs=1
    )
    history = run.fit().history
    values = {key: float(history["eval"][key][1]) for key in ("accuracy", "accuracy|a", "accuracy|b")}
    assert values["accuracy"] == pytest.approx((3 * values["accuracy|a"] + 5 * values["accuracy|b"]) / 8)
    assert set(history["train"]) >= {"accuracy", "accuracy|c"}
    assert not set(history["train"]) & {"accuracy|a", "accuracy|b"}
    assert f"accuracy|a: {values['accuracy|a']}; accuracy|b: {values['accuracy|b']};" in capsys.readouterr().out


def test_metrics_can_be_pickled(system, placed):
    from fastestimator_lite.trace.metric.accuracy import Accuracy

    twin = pickle.loads(pickle.dumps(Accuracy("y", "p", output_name="right")))
    assert (type(twin), twin.outputs, twin.made_with) == (Accuracy, ["right"], (("y", "p"), {"output_name": "right"}))
