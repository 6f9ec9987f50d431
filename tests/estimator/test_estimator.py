"""The loop: what is asked, run, printed and kept, in both frameworks."""

import random
import re
import time

import numpy as np
import pytest

import fastestimator_lite as fe
from fastestimator_lite.backend import get_lr, to_number
from fastestimator_lite.component import When
from fastestimator_lite.dataset import NumpyDataset
from fastestimator_lite.op.numpyop import LambdaOp, NumpyOp
from fastestimator_lite.op.tensorop.loss import MeanSquaredError
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp
from fastestimator_lite.schedule import EpochScheduler, RepeatScheduler
from fastestimator_lite.trace import PerDSTrace, Trace, essential
from fastestimator_lite.util.errors import ConfigError, MissingKeyError

RNG = np.random.default_rng(0)


def data(count=12, value=None):
    x = RNG.standard_normal((count, 2)).astype(np.float32) if value is None else np.full((count, 2), value, np.float32)
    return NumpyDataset({"x": x, "y": x.sum(1, keepdims=True) + 1})


def model(framework, optimizer="sgd", name=None, extra=False):
    def torch_model():
        import torch

        layers = [torch.nn.Dropout(0.5), torch.nn.BatchNorm1d(2)] if extra else []
        return torch.nn.Sequential(*layers, torch.nn.Linear(2, 1))

    def keras_model():
        import keras

        layers = [keras.layers.Dropout(0.5), keras.layers.BatchNormalization()] if extra else []
        return keras.Sequential([keras.layers.Input((2,)), *layers, keras.layers.Dense(1)])

    return fe.build(torch_model if framework == "torch" else keras_model, optimizer, model_name=name)


def network(one):
    return fe.Network([ModelOp(one, "x", "pred"), MeanSquaredError(("pred", "y"), "mse"), UpdateOp(one, "mse")])


def estimator(framework, traces=None, epochs=2, extra=False, pipeline=None, **kwargs):
    pipeline = pipeline or fe.Pipeline(train_data=data(), eval_data=data(10), batch_size=4, num_process=0)
    return fe.Estimator(pipeline, network(model(framework, extra=extra)), epochs=epochs, traces=traces, **kwargs)


def variables(one):
    import sys

    if "torch" in sys.modules and isinstance(one, sys.modules["torch"].nn.Module):
        return [value.clone().numpy() for value in one.state_dict().values()]
    return [value.numpy() for value in one.variables]


class Recorder(PerDSTrace):
    """Writes down every hook with where the run stands."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.calls = []

    def _note(self, hook):
        system = self.system
        self.calls.append((hook, system.mode, system.epoch_idx, system.global_step, system.batch_idx, system.ds_id))

    def on_begin(self, data):
        self._note("begin")

    def on_epoch_begin(self, data):
        self._note("epoch_begin")

    def on_ds_begin(self, data):
        self._note("ds_begin")

    def on_batch_begin(self, data):
        self._note("batch_begin")

    def on_batch_end(self, data):
        self._note("batch_end")

    def on_ds_end(self, data):
        self._note("ds_end")

    def on_epoch_end(self, data):
        self._note("epoch_end")

    def on_end(self, data):
        self._note("end")


def test_hooks_come_in_order(tensor_framework):
    trace = Recorder()
    pipeline = fe.Pipeline(train_data=data(4), eval_data={"a": data(2), "b": data(2)}, batch_size=2, num_process=0)
    estimator(tensor_framework, trace, epochs=1, pipeline=pipeline, log_steps=None).fit()
    assert trace.calls == [
        ("begin", "train", 0, 0, 0, ""),
        ("epoch_begin", "train", 1, 0, 0, ""),
        ("ds_begin", "train", 1, 0, 0, ""),
        ("batch_begin", "train", 1, 1, 1, ""),
        ("batch_end", "train", 1, 1, 1, ""),
        ("batch_begin", "train", 1, 2, 2, ""),
        ("batch_end", "train", 1, 2, 2, ""),
        ("ds_end", "train", 1, 2, 2, ""),
        ("epoch_end", "train", 1, 2, 2, ""),
        ("epoch_begin", "eval", 1, 2, 0, ""),
        ("ds_begin", "eval", 1, 2, 0, "a"),
        ("batch_begin", "eval", 1, 2, 1, "a"),
        ("batch_end", "eval", 1, 2, 1, "a"),
        ("ds_end", "eval", 1, 2, 1, "a"),
        ("ds_begin", "eval", 1, 2, 0, "b"),
        ("batch_begin", "eval", 1, 2, 1, "b"),
        ("batch_end", "eval", 1, 2, 1, "b"),
        ("ds_end", "eval", 1, 2, 1, "b"),
        ("epoch_end", "eval", 1, 2, 1, ""),
        ("end", "train", 1, 2, 1, ""),
    ]


NUMBER = r"-?\d+(\.\d+)?(e-?\d+)?"


def test_log_lines_have_the_form_of_1x(tensor_framework, capsys):
    estimator(tensor_framework, epochs=1, log_steps=2).fit()
    lines = capsys.readouterr().out.splitlines()
    expected = [
        r"FastEstimator-Start: step: 1; logging_interval: 2; num_device: \d+;",
        rf"FastEstimator-Train: step: 1; mse: {NUMBER};",
        rf"FastEstimator-Train: step: 2; data_wait%: {NUMBER}; mse: {NUMBER}; steps/sec: {NUMBER};",
        rf"FastEstimator-Train: step: 3; epoch: 1; epoch_time\(sec\): {NUMBER};",
        r"Eval Progress: 1/3;",
        rf"Eval Progress: 2/3; steps/sec: {NUMBER};",
        rf"Eval Progress: 3/3; steps/sec: {NUMBER};",
        rf"FastEstimator-Eval: step: 3; epoch: 1; mse: {NUMBER};",
        rf"FastEstimator-Finish: step: 3; model\w*_lr: 0.01; total_time\(sec\): {NUMBER};",
    ]
    assert len(lines) == len(expected)
    for line, pattern in zip(lines, expected, strict=True):
        assert re.fullmatch(pattern, line), line


@pytest.mark.parametrize(
    ("log_steps", "heads"),
    [(0, ["FastEstimator-Start", "FastEstimator-Train", "FastEstimator-Eval", "FastEstimator-Finish"]), (None, [])],
)
def test_log_steps_zero_and_none(log_steps, heads, capsys):
    estimator("torch", epochs=1, log_steps=log_steps).fit()
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == heads


def test_test_mode_prints_one_line(tensor_framework, capsys):
    pipeline = fe.Pipeline(train_data=data(), test_data=data(), batch_size=4, num_process=0)
    run = estimator(tensor_framework, pipeline=pipeline)
    run.fit()
    capsys.readouterr()
    summary = run.test()
    assert re.fullmatch(rf"FastEstimator-Test: step: 6; epoch: 2; mse: {NUMBER};\n", capsys.readouterr().out)
    assert set(summary.history) == {"train", "test"}


def test_summary_holds_what_was_logged_and_why_it_ended(tensor_framework):
    summary = estimator(tensor_framework, log_steps=1).fit("mine")
    assert summary.name == "mine"
    assert list(summary.history["train"]["mse"]) == [1, 2, 3, 4, 5, 6]
    assert list(summary.history["eval"]["mse"]) == [3, 6]
    assert summary.stopped == "finished"


def test_eval_means_are_weighted_by_samples(tensor_framework):
    """11 samples in batches of 10: the mean of batch means would be far off."""
    x = np.zeros((11, 2), np.float32)
    y = np.zeros((11, 1), np.float32)
    y[10] = 3
    pipeline = fe.Pipeline(train_data=data(), eval_data=NumpyDataset({"x": x, "y": y}), batch_size=10, num_process=0)
    run = estimator(tensor_framework, pipeline=pipeline, epochs=1, log_steps=None)
    found = run.fit().history["eval"]["mse"][2]
    outputs = run.network.transform({"x": x, "y": y}, "eval")
    assert found == pytest.approx(float(((to_number(outputs["pred"]) - y) ** 2).mean()), rel=1e-5)


def test_warmup_changes_nothing(tensor_framework):
    fe.enable_deterministic(5)
    run = estimator(tensor_framework, extra=True, log_steps=None)
    one = run.network.models[0]
    before, python, numpy = variables(one), random.getstate(), np.random.get_state()[1].copy()
    if tensor_framework == "torch":
        import torch

        state = torch.get_rng_state()
    run._warmup.run(("train", "eval"), True)
    for old, new in zip(before, variables(one), strict=True):
        np.testing.assert_array_equal(old, new)
    assert random.getstate() == python
    np.testing.assert_array_equal(np.random.get_state()[1], numpy)
    if tensor_framework == "torch":
        assert torch.equal(state, torch.get_rng_state())


def test_training_with_and_without_warmup_is_the_same(tensor_framework):
    results = []
    for warmup in (True, False):
        fe.enable_deterministic(5)
        pipeline = fe.Pipeline(
            train_data=NumpyDataset({"x": np.eye(8, 2, dtype=np.float32), "y": np.ones((8, 1), np.float32)}),
            batch_size=4,
            ops=[LambdaOp(lambda x: x + np.float32(np.random.rand()), "x", "x")],
            num_process=0,
        )
        run = estimator(tensor_framework, extra=True, pipeline=pipeline, log_steps=None)
        run.fit(warmup=warmup)
        results.append(variables(run.network.models[0]))
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


def test_warmup_tries_each_distinct_plan_once(tensor_framework):
    calls = []

    class Note(NumpyOp):
        vectorized = True
        draws = False

        def forward_batch(self, data, state):
            calls.append((state["mode"], state["epoch"], len(data)))
            return data

    pipeline = fe.Pipeline(
        train_data=data(12), eval_data=data(4), batch_size=RepeatScheduler([4, 6]), ops=Note("x", "x"), num_process=0
    )
    estimator(tensor_framework, pipeline=pipeline, epochs=9, log_steps=None)._warmup.run(("train", "eval"), True)
    assert calls == [("train", 1, 4), ("train", 2, 6), ("eval", 1, 4), ("eval", 2, 4)]


def test_an_error_in_a_late_epoch_is_found_before_the_first_step(tensor_framework):
    def fail(x):
        raise RuntimeError("late")

    trace = Recorder()
    pipeline = fe.Pipeline(
        train_data=data(), batch_size=4, num_process=0, ops=[EpochScheduler({50: LambdaOp(fail, "x", "x")})]
    )
    with pytest.raises(fe.util.errors.SampleError, match="epoch 50.*late"):
        estimator(tensor_framework, trace, epochs=60, pipeline=pipeline, log_steps=None).fit()
    assert trace.calls == []


def test_stop_training_ends_after_the_hook(tensor_framework):
    class Stop(Trace):
        def on_batch_end(self, data):
            if self.system.global_step == 2:
                self.system.stop_training = True

    recorder = Recorder()
    summary = estimator(tensor_framework, [Stop(), recorder], epochs=5, log_steps=None).fit()
    assert summary.stopped == "stop_training"
    assert recorder.calls[-2:] == [("batch_end", "train", 1, 2, 2, ""), ("end", "train", 1, 2, 2, "")]


@pytest.mark.parametrize("hook", ["on_begin", "on_epoch_begin", "on_batch_begin", "on_batch_end", "on_epoch_end"])
def test_traces_end_once_when_a_hook_fails(hook):
    class Fail(Trace):
        pass

    def fail(self, data):
        raise ArithmeticError("broken")

    setattr(Fail, hook, fail)
    recorder = Recorder()
    run = estimator("torch", [Fail(), recorder], log_steps=None)
    with pytest.raises(ArithmeticError, match="broken"):
        run.fit()
    assert [call[0] for call in recorder.calls].count("end") == 1
    assert run.system.summary.stopped == "ArithmeticError"


def test_a_trace_that_fails_while_ending_hides_nothing(caplog):
    class Fail(Trace):
        def on_batch_end(self, data):
            raise ArithmeticError("first")

        def on_end(self, data):
            raise KeyError("second")

    recorder = Recorder()
    with pytest.raises(ArithmeticError, match="first"):
        estimator("torch", [Fail(), recorder], log_steps=None).fit()
    assert recorder.calls[-1][0] == "end"


def test_keyboard_interrupt_ends_traces_and_workers():
    class Interrupt(Trace):
        def on_batch_end(self, data):
            raise KeyboardInterrupt

    recorder = Recorder()
    pipeline = fe.Pipeline(train_data=data(), batch_size=4, num_process=2)
    with pytest.raises(KeyboardInterrupt):
        estimator("torch", [Interrupt(), recorder], pipeline=pipeline, log_steps=None).fit()
    assert recorder.calls[-1][0] == "end"
    assert pipeline._pool is None


def test_traces_read_what_ops_and_other_traces_write(tensor_framework, capsys):
    class Writer(Trace):
        def on_epoch_end(self, data):
            data.write_with_log("seven", 7)

    class Reader(Trace):
        found = None

        def on_epoch_end(self, data):
            Reader.found = data["seven"]

    estimator(
        tensor_framework, [Reader(inputs="seven", mode="train"), Writer(outputs="seven", mode="train")], epochs=1
    ).fit()
    assert Reader.found == 7
    assert re.search(r"Train: step: 3; epoch: 1; epoch_time\(sec\): \S+; seven: 7;", capsys.readouterr().out)


def test_trace_and_monitor_typos_are_found_before_training(tensor_framework):
    with pytest.raises(MissingKeyError, match=r"trace Recorder needs key 'preds'.*Did you mean 'pred'\?"):
        estimator(tensor_framework, Recorder(inputs="preds"), log_steps=None).fit()
    with pytest.raises(MissingKeyError, match=r"monitor_names asks for 'msee'.*Did you mean 'mse'\?"):
        estimator(tensor_framework, monitor_names="msee", log_steps=None).fit()


def test_unread_keys_are_left_out_with_one_warning(caplog):
    pipeline = fe.Pipeline(
        train_data=NumpyDataset(
            {"x": np.ones((4, 2), np.float32), "y": np.ones((4, 1), np.float32), "extra": np.ones(4)}
        ),
        batch_size=2,
        num_process=0,
    )

    class Look(Trace):
        keys = None

        def on_batch_end(self, data):
            Look.keys = set(data)

    with caplog.at_level("WARNING"):
        estimator("torch", Look(mode="train"), pipeline=pipeline, log_steps=None).fit()
    assert "extra" not in Look.keys
    assert sum("nothing reads the key 'extra'" in record.getMessage() for record in caplog.records) == 1


def test_a_key_that_one_mode_reads_is_not_warned_of(caplog):
    one = model("torch")
    ops = [ModelOp(one, "x", "pred"), MeanSquaredError(("pred", "y"), "mse", mode="train"), UpdateOp(one, "mse")]
    pipeline = fe.Pipeline(train_data=data(), eval_data=data(), batch_size=4, num_process=0)
    with caplog.at_level("WARNING"):
        fe.Estimator(pipeline, fe.Network(ops), epochs=1, log_steps=None).fit()
    assert not [record for record in caplog.records if "nothing reads" in record.getMessage()]


def test_star_reads_everything():
    class Look(Trace):
        keys = None

        def on_batch_end(self, data):
            Look.keys = set(data)

    pipeline = fe.Pipeline(
        train_data=NumpyDataset(
            {"x": np.ones((4, 2), np.float32), "y": np.ones((4, 1), np.float32), "extra": np.ones(4)}
        ),
        batch_size=2,
        num_process=0,
    )
    estimator("torch", Look(inputs="*", mode="train"), pipeline=pipeline, log_steps=None).fit()
    assert {"x", "y", "extra", "pred", "mse"} <= Look.keys


def test_steps_per_epoch(tensor_framework):
    recorder = Recorder()
    estimator(
        tensor_framework, recorder, epochs=2, train_steps_per_epoch=5, eval_steps_per_epoch=1, log_steps=None
    ).fit()
    assert [call[0] for call in recorder.calls].count("batch_end") == 12


def test_epochs_without_train_data_are_passed_over(tensor_framework):
    recorder = Recorder(mode="train")
    pipeline = fe.Pipeline(train_data=EpochScheduler({2: data(4), 4: None}), batch_size=4, num_process=0)
    estimator(tensor_framework, recorder, epochs=5, pipeline=pipeline, log_steps=None).fit()
    assert [(call[2], call[3]) for call in recorder.calls if call[0] == "batch_end"] == [(2, 1), (3, 2)]
    assert [call[2] for call in recorder.calls if call[0] == "epoch_begin"] == [2, 3]


def test_timeline_says_what_the_run_does(tensor_framework):
    """Planned equals applied."""
    one, two = (
        model(tensor_framework, EpochScheduler({1: "adam", 2: "sgd"}), "one"),
        model(tensor_framework, "adam", "two"),
    )
    net = fe.Network(
        [
            EpochScheduler({1: ModelOp(one, "x", "pred"), 3: ModelOp(two, "x", "pred")}),
            MeanSquaredError(("pred", "y"), "mse"),
            EpochScheduler({1: UpdateOp(one, "mse"), 3: UpdateOp(two, "mse")}),
        ]
    )
    small, large = data(8), data(12)
    pipeline = fe.Pipeline(
        train_data=EpochScheduler({1: small, 3: large}),
        eval_data=small,
        batch_size=RepeatScheduler([4, 2]),
        num_process=0,
        ops=[EpochScheduler({1: LambdaOp(lambda x: x, "x", "x", mode="train"), 3: None})],
    )

    class Seen(Trace):
        rows = {}

        def on_batch_end(self, data):
            row = Seen.rows.setdefault(self.system.epoch_idx, {"steps": 0, "size": len(data["x"])})
            row["steps"] += 1

        def on_epoch_end(self, data):
            trained = [
                m
                for m in (one, two)
                if any(not np.array_equal(a, b) for a, b in zip(variables(m), self.before[m.fe.name], strict=True))
            ]
            Seen.rows[self.system.epoch_idx]["trains"] = ", ".join(
                f"{m.fe.name} ({type(m.fe.current_optimizer).__name__})" for m in trained
            )

        def on_epoch_begin(self, data):
            self.before = {m.fe.name: variables(m) for m in (one, two)}

    Seen.rows = {}
    run = fe.Estimator(pipeline, net, epochs=4, traces=[Seen(inputs="x", mode="train")], log_steps=None)
    timeline = run.timeline()
    run.fit()
    for epoch in (1, 2, 3, 4):
        planned, seen = timeline.at(epoch), Seen.rows[epoch]
        assert planned["batch size"] == str(seen["size"])
        assert planned["steps"] == str(seen["steps"])
        assert planned["trains"] == seen["trains"]
    assert timeline.at(2)["train ops"] == "LambdaOp"
    assert timeline.at(3)["train ops"] == "none"
    assert timeline.at(3)["train data"] == "NumpyDataset #2 (12 samples)"


def test_timeline_of_a_long_run_is_quick_and_short():
    pipeline = fe.Pipeline(train_data=data(), batch_size=EpochScheduler({1: 2, 70_000: 4}), num_process=0)
    timeline = estimator("torch", pipeline=pipeline, epochs=100_000).timeline()
    assert [(stretch.first, stretch.last) for stretch in timeline.stretches] == [(1, 69_999), (70_000, 100_000)]


def test_expected_steps_count_the_whole_run():
    pipeline = fe.Pipeline(
        train_data=data(12),
        eval_data=RepeatScheduler([data(4), None]),
        batch_size=EpochScheduler({1: 2, 4: 4}),
        num_process=0,
    )
    run = estimator("torch", pipeline=pipeline, epochs=5, log_steps=None)
    run.fit()
    assert run.system.expected_steps == 3 * 6 + 2 * 3 + (2 + 2 + 1)


def test_no_train_data_is_an_error():
    with pytest.raises(ConfigError, match="no train data"):
        estimator("torch", pipeline=fe.Pipeline(eval_data=data(), num_process=0)).fit()


def test_fit_again_starts_from_the_present_weights(tensor_framework):
    run = estimator(tensor_framework, epochs=1, log_steps=None)
    run.fit()
    kept = variables(run.network.models[0])
    run.fit()
    assert run.system.global_step == 3
    assert any(not np.array_equal(a, b) for a, b in zip(kept, variables(run.network.models[0]), strict=True))


def test_eager_runs_op_by_op():
    run = estimator("tf", epochs=1, log_steps=None)
    seen = []
    run.network.ops.insert(
        1, fe.op.tensorop.LambdaOp(lambda pred: seen.append(hasattr(pred, "numpy")) or pred, "pred", "pred")
    )
    run.fit(eager=True)
    assert len(seen) > 3  # a graph would call it once for each set of shapes
    assert all(seen)


def test_save_and_load_of_the_run_state(tensor_framework, tmp_path):
    run = estimator(tensor_framework, log_steps=1)
    run.fit("run")
    run.system.save_state(str(tmp_path / "state"))
    again = estimator(tensor_framework, log_steps=1, epochs=9)
    again.network.models[0].fe.name = run.network.models[0].fe.name
    again.system.load_state(str(tmp_path / "state"))
    assert again.system.global_step == 6
    assert again.system.epoch_idx == 2
    assert again.system.total_epochs == 9  # what the new script chose stays
    assert again.pipeline.seed == run.pipeline.seed
    assert list(again.system.summary.history["train"]["mse"]) == [1, 2, 3, 4, 5, 6]
    for one, other in zip(variables(run.network.models[0]), variables(again.network.models[0]), strict=True):
        np.testing.assert_array_equal(one, other)


def test_enable_deterministic_repeats_a_run(tensor_framework):
    found = []
    for _ in range(2):
        fe.enable_deterministic(3)
        run = estimator(
            tensor_framework,
            extra=True,
            pipeline=fe.Pipeline(
                train_data=NumpyDataset({"x": np.eye(12, 2, dtype=np.float32), "y": np.ones((12, 1), np.float32)}),
                batch_size=4,
                num_process=0,
            ),
            log_steps=None,
        )
        run.fit()
        found.append(variables(run.network.models[0]))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_optimizer_of_the_epoch_is_in_force_before_epoch_begin(tensor_framework):
    """An epoch-wise schedule that sets the rate in on_epoch_begin must reach the new optimizer."""

    class Rates(Trace):
        seen = []

        def on_epoch_begin(self, data):
            Rates.seen.append(get_lr(self.system.network.models[0]))

    Rates.seen = []
    one = model(tensor_framework, EpochScheduler({1: "adam", 2: "sgd"}))
    fe.Estimator(
        fe.Pipeline(train_data=data(), batch_size=4, num_process=0),
        network(one),
        epochs=2,
        traces=Rates(mode="train"),
        log_steps=None,
    ).fit()
    assert Rates.seen == pytest.approx([0.001, 0.01])


def test_get_scheduled_items_holds_every_schedule():
    size = RepeatScheduler([2, 4])
    pipeline = fe.Pipeline(train_data=data(), batch_size=size, num_process=0)
    assert size in estimator("torch", pipeline=pipeline).get_scheduled_items("train")
    assert When("train", 1).epoch == 1


def test_named_data_sets_are_logged_one_by_one(tensor_framework, capsys):
    pipeline = fe.Pipeline(
        train_data={"a": data(4)}, eval_data={"u": data(4), "v": data(2)}, batch_size=2, num_process=0
    )
    estimator(tensor_framework, pipeline=pipeline, epochs=1, log_steps=1).fit()
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(
        rf"FastEstimator-Train: step: 2; data_wait%\|a: {NUMBER}; mse\|a: {NUMBER}; steps/sec\|a: {NUMBER};", lines[2]
    )
    assert lines[4] == "Eval Progress (u): 1/2;"
    assert re.fullmatch(
        rf"FastEstimator-Eval: step: 2; epoch: 1; mse: {NUMBER}; mse\|u: {NUMBER}; mse\|v: {NUMBER};", lines[-2]
    )
    value = dict(part.split(": ") for part in lines[-2].rstrip(";").split("; ")[2:])
    assert float(value["mse"]) == pytest.approx((2 * float(value["mse|u"]) + float(value["mse|v"])) / 3, rel=1e-5)


def test_what_is_written_at_the_end_of_a_data_set_is_logged_with_the_epoch(capsys):
    class Count(PerDSTrace):
        def on_ds_end(self, data):
            data.write_with_log(f"batches_{self.system.ds_id}", self.system.batch_idx)

    pipeline = fe.Pipeline(train_data={"a": data(4), "b": data(2)}, batch_size=2, num_process=0)
    estimator("torch", Count(mode="train"), pipeline=pipeline, epochs=1, log_steps=0).fit()
    assert "FastEstimator-Train: step: 3; epoch: 1; batches_a: 2; batches_b: 1;" in capsys.readouterr().out.splitlines()


def test_a_loss_may_begin_later(tensor_framework, capsys):
    one, two = model(tensor_framework, name="one"), model(tensor_framework, name="two")
    net = fe.Network(
        [
            ModelOp(one, "x", "p1"),
            ModelOp(two, "x", "p2"),
            MeanSquaredError(("p1", "y"), "mse"),
            UpdateOp(one, "mse"),
            EpochScheduler({2: MeanSquaredError(("p2", "y"), "late")}),
            EpochScheduler({2: UpdateOp(two, "late")}),
        ]
    )
    pipeline = fe.Pipeline(train_data=data(), eval_data=data(), batch_size=4, num_process=0)
    fe.Estimator(pipeline, net, epochs=2, log_steps=0).fit()
    lines = [line for line in capsys.readouterr().out.splitlines() if "Eval" in line]
    assert "late" not in lines[0]
    assert "late: " in lines[1]


def test_the_time_that_steps_wait_for_data_is_logged_kept_and_hinted_at(tensor_framework, capsys, caplog, monkeypatch):
    monkeypatch.setattr(essential, "_STARVED_SECONDS", 0.05)
    slow = LambdaOp(lambda x: (time.sleep(0.05), x)[1], "x", "x")
    for op, is_high in ((slow, True), (None, False)):
        caplog.clear()
        pipeline = fe.Pipeline(train_data=data(), batch_size=4, ops=[op], num_process=0)
        history = (
            estimator(tensor_framework, pipeline=pipeline, log_steps=1, epochs=2).fit().history["train"]["data_wait%"]
        )
        values = [float(value) for value in history.values()]
        assert len(values) == 5  # every step but the first
        assert (np.median(values) > 60) == is_high
        assert all(0 <= value <= 100 for value in values)
        hints = [record for record in caplog.records if "for data" in record.message]
        assert len(hints) == is_high
        if is_high:
            assert re.search(
                r"training waited \d+(\.\d+)?% of the time \(\d\.\d s\) for data; pipeline.benchmark\(\)",
                hints[0].message,
            )
    assert "data_wait%: " in capsys.readouterr().out


def test_data_that_can_only_be_gone_through_trains_in_both_frameworks(tensor_framework):
    def stream():
        for row in RNG.standard_normal((10, 2)).astype(np.float32):
            yield {"x": row, "y": row.sum(keepdims=True)}

    for steps, expected in ((None, 6), (5, 10)):
        pipeline = fe.Pipeline(train_data=stream, eval_data=stream, batch_size=4)
        run = estimator(tensor_framework, pipeline=pipeline, train_steps_per_epoch=steps, eval_steps_per_epoch=steps)
        summary = run.fit()
        assert run.system.global_step == expected
        assert len(summary.history["eval"]["mse"]) == 2
