"""The traces that every run has: what is logged in each mode, and the Logger that prints it."""

from __future__ import annotations

import functools
import re
import sys
import time
from collections.abc import Iterable
from typing import Any

import numpy as np
from tqdm import tqdm

from fastestimator_lite.backend.card import card_of
from fastestimator_lite.backend.convert import to_number
from fastestimator_lite.backend.device import cpu_count
from fastestimator_lite.backend.model import get_lr
from fastestimator_lite.trace.trace import PerDSTrace, Stage, Trace
from fastestimator_lite.util.data import Data
from fastestimator_lite.util.errors import ConfigError
from fastestimator_lite.util.log import warn

_STARVED_PERCENT = 25.0  # of the time in training: above it the pipeline is what to look at
_STARVED_SECONDS = 2.0
_PACE = ("steps/sec", "data_wait%")


class TrainEssential(Trace):
    """Logs what is monitored in training, the speed, the share of time that steps waited for data, and the times.

    Args:
        monitor_names: Keys to log.
    """

    stage = Stage.FIRST

    def __init__(self, monitor_names: Iterable[str]) -> None:
        super().__init__(
            inputs=sorted(monitor_names), mode="train", outputs=[*_PACE, "epoch_time(sec)", "total_time(sec)"]
        )
        self._elapsed = 0.0
        self._begin = self._epoch_begin = self._mark = time.perf_counter()
        self._step_mark = 0
        self._waited = self._trained = 0.0
        self._has_hinted = False

    def get_outputs(self, ds_ids: Iterable[str]) -> list[str]:
        return [
            *self.outputs,
            *(_named(key, ds_id) for key in (*self.inputs, *_PACE) for ds_id in ds_ids if ds_id),
        ]

    def on_begin(self, data: Data) -> None:
        self._begin = time.perf_counter()
        data.write_with_log("num_device", self.system.num_devices)
        data.write_with_log("logging_interval", self.system.log_steps)
        self._waited = self._trained = 0.0
        self._has_hinted = False

    def on_epoch_begin(self, data: Data) -> None:
        self._epoch_begin = self._mark = time.perf_counter()
        self._step_mark = self.system.global_step
        self._wait_mark = self._epoch_wait = self.system.data_wait

    def needs_step(self, step: int) -> bool:
        return is_logged(step, self.system.log_steps)

    def on_batch_end(self, data: Data) -> None:
        system = self.system
        if not is_logged(system.global_step, system.log_steps):
            return
        for key in self.inputs:
            if key in data:
                data.write_with_log(_named(key, system.ds_id), data[key])
        if system.global_step > 1:
            now, waited = time.perf_counter(), system.data_wait
            seconds = max(now - self._mark, 1e-9)
            data.write_with_log(
                _named("steps/sec", system.ds_id), round((system.global_step - self._step_mark) / seconds, 2)
            )
            data.write_with_log(_named("data_wait%", system.ds_id), _percent(waited - self._wait_mark, seconds))
            self._mark, self._step_mark, self._wait_mark = now, system.global_step, waited

    def on_epoch_end(self, data: Data) -> None:
        seconds = time.perf_counter() - self._epoch_begin
        self._trained += seconds
        self._waited += self.system.data_wait - self._epoch_wait
        self._hint()
        if self.system.log_steps != 0:
            data.write_with_log("epoch_time(sec)", round(seconds, 2))

    def _hint(self) -> None:
        """Say once, as early as it is sure, that the pipeline is what limits the speed."""
        percent = _percent(self._waited, self._trained)
        if self._has_hinted or percent < _STARVED_PERCENT or self._waited < _STARVED_SECONDS:
            return
        self._has_hinted = True
        workers = self.system.pipeline.num_process
        warn(
            f"training waited {percent:g}% of the time ({self._waited:.1f} s) for data; pipeline.benchmark() shows what each "
            f"op costs, and num_process (now {workers}, this process may use {cpu_count()} processors) sets how many "
            f"workers share the work"
        )

    def on_end(self, data: Data) -> None:
        for model in self.system.network.models:
            if card_of(model).current_optimizer is not None:
                data.write_with_log(f"{card_of(model).name}_lr", np.float32(get_lr(model)))
        if self._trained:  # for the summary; the line of 1.x stays as it is
            self.system.write_summary("data_wait%", _percent(self._waited, self._trained))
        data.write_with_log("total_time(sec)", round(self._elapsed + time.perf_counter() - self._begin, 2))

    def state_dict(self) -> dict[str, Any]:
        return {"elapsed": self._elapsed + time.perf_counter() - self._begin}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._elapsed = state["elapsed"]


def _percent(part: float, whole: float) -> float:
    return round(100 * part / max(whole, 1e-9), 1)


class _Means(Trace):
    """Means over an epoch, weighted by the number of samples in each batch.

    Args:
        monitor_names: Keys whose mean is logged.
        mode: "eval" or "test".
    """

    stage = Stage.FIRST

    def __init__(self, monitor_names: Iterable[str], mode: str) -> None:
        keys = sorted(monitor_names)
        super().__init__(inputs=keys, outputs=keys, mode=mode)
        self._batches: dict[str, list[tuple[Any, int, str]]] = {}

    def on_epoch_begin(self, data: Data) -> None:
        self._batches = {key: [] for key in self.inputs}

    def on_batch_end(self, data: Data) -> None:
        size = _num_samples(data)
        for key, batches in self._batches.items():
            if key in data:
                batches.append(
                    (data[key], size, self.system.ds_id)
                )  # turned into a number at the end, so that no step waits for the device

    def on_epoch_end(self, data: Data) -> None:
        for key, batches in self._batches.items():
            if not batches:
                continue
            means = [(float(np.mean(to_number(value))), size, ds_id) for value, size, ds_id in batches]
            data.write_with_log(key, _weighted(means))
            for name in dict.fromkeys(ds_id for _, _, ds_id in means if ds_id):
                data.write_with_log(_named(key, name), _weighted([mean for mean in means if mean[2] == name]))
        self._batches = {}

    def get_outputs(self, ds_ids: Iterable[str]) -> list[str]:
        return [*self.outputs, *(_named(key, ds_id) for key in self.outputs for ds_id in ds_ids if ds_id)]


def _named(key: str, ds_id: str) -> str:
    """The key of one data set's own value."""
    return f"{key}|{ds_id}" if ds_id else key


def _weighted(means: list[tuple[float, int, str]]) -> np.float32:
    return np.float32(np.average([mean for mean, _, _ in means], weights=[size for _, size, _ in means]))


def _num_samples(data: Data) -> int:
    """Samples in the batch at hand: the length of its first value that has one; the batch comes before the outputs."""
    return next(
        (len(value) for value in data.values() if isinstance(value, list) or len(getattr(value, "shape", ()))), 1
    )


class EvalEssential(_Means):
    """Logs the means over an eval epoch, weighted by samples.

    Args:
        monitor_names: Keys to log.
    """

    def __init__(self, monitor_names: Iterable[str]) -> None:
        super().__init__(monitor_names, "eval")


class TestEssential(_Means):
    """Logs the means over a test, weighted by samples.

    Args:
        monitor_names: Keys to log.
    """

    __test__ = False  # not a test case, whatever its name says

    def __init__(self, monitor_names: Iterable[str]) -> None:
        super().__init__(monitor_names, "test")


class Logger(PerDSTrace):
    """Prints what other traces wrote for the log, and keeps it in the summary.

    On a terminal a progress bar over the whole run stays below the lines; elsewhere there are only the lines.
    """

    stage = Stage.LAST

    def __init__(self) -> None:
        super().__init__()
        self._bar: tqdm[Any] | None = None
        self._mark = 0.0
        self._last_step = self._bar_step = 0

    def on_begin(self, data: Data) -> None:
        system = self.system
        if system.log_steps is None or system.mode == "test":
            return
        if sys.stdout.isatty():
            self._bar = tqdm(
                total=system.expected_steps,
                initial=system.global_step,
                unit="step",
                dynamic_ncols=True,
                leave=False,
                miniters=1,  # as often as mininterval says, however many steps come at once
            )
        self._print(log_line("FastEstimator-Start", {"step": 1}, self._kept(data)))

    def on_ds_begin(self, data: Data) -> None:
        self._mark, self._last_step = time.perf_counter(), 0
        self._bar_step = 0

    def on_ds_end(self, data: Data) -> None:
        self._move_bar()

    def needs_step(self, step: int) -> bool:
        bar = self._bar
        is_due = bar is not None and time.time() - bar.last_print_t > bar.mininterval
        return is_due or is_logged(step, self.system.log_steps)

    def on_epoch_begin(self, data: Data) -> None:
        if self._bar is not None:
            self._bar.set_description(f"{self.system.mode} epoch {self.system.epoch_idx}/{self.system.total_epochs}")

    def on_batch_end(self, data: Data) -> None:
        system = self.system
        self._move_bar()
        if system.mode == "train":
            if is_logged(system.global_step, system.log_steps):
                self._print(log_line("FastEstimator-Train", {"step": system.global_step}, self._kept(data)))
        elif system.mode == "eval" and system.log_steps:
            self._print_progress()

    def _move_bar(self) -> None:
        if self._bar is not None:
            step = self.system.batch_idx
            self._bar.update(step - self._bar_step)
            self._bar_step = step

    def _print_progress(self) -> None:
        system, step = self.system, self.system.batch_idx
        total = system.epoch_steps
        if total is None or step not in (system.eval_log_steps or (1, total // 3, 2 * total // 3, total)):
            return
        now = time.perf_counter()
        speed = f" steps/sec: {(step - self._last_step) / max(now - self._mark, 1e-9):.2f};" if step > 1 else ""
        self._mark, self._last_step = now, step
        name = f" ({system.ds_id})" if system.ds_id else ""
        self._print(f"Eval Progress{name}: {step}/{total};{speed}")

    def on_epoch_end(self, data: Data) -> None:
        system = self.system
        logs = self._kept(data)
        if system.log_steps is not None:
            head = f"FastEstimator-{(system.mode or '').capitalize()}"
            self._print(log_line(head, {"step": system.global_step, "epoch": system.epoch_idx}, logs))

    def on_end(self, data: Data) -> None:
        self._close_bar()
        if self.system.mode == "test":
            return
        logs = self._kept(data)
        if self.system.log_steps is not None:
            self._print(log_line("FastEstimator-Finish", {"step": self.system.global_step}, logs))

    def on_exception(self, data: Data, error: BaseException) -> None:
        self._close_bar()

    def _kept(self, data: Data) -> dict[str, Any]:
        """What was written for the log, with tensors as arrays, once it is in the summary."""
        logs, keep = {}, self.system.write_summary
        for key, value in data.read_logs().items():
            if value is not None and not isinstance(value, (str, int, float)):
                value = to_number(value)
            logs[key] = value
            keep(key, value)
        return logs

    def _print(self, line: str) -> None:
        if self._bar is not None:
            self._bar.write(line)
        else:
            print(line, flush=True)
        for write in self.system.log_sinks:
            write(line + "\n")

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def is_logged(step: int, interval: int | None) -> bool:
    """Whether a training step has a log line: the first, and every `interval`-th."""
    return bool(interval) and (step == 1 or step % interval == 0)  # type: ignore[operator]


def check_log_steps(log_steps: Any, name: str = "log_steps") -> None:
    """Check an interval for logging.

    Raises:
        ConfigError: If it is neither None nor an int >= 0.
    """
    if log_steps is not None and (isinstance(log_steps, bool) or not isinstance(log_steps, int) or log_steps < 0):
        raise ConfigError(
            f"{name} must be an int >= 0 (0: only at the end of epochs) or None (no log), got {log_steps!r}"
        )


def log_line(head: str, counters: dict[str, int], logs: dict[str, Any]) -> str:
    """A log line as FastEstimator prints it.

    Args:
        head: What it begins with.
        counters: Keys that come first, in order.
        logs: The other keys, printed in natural order.
    """
    pairs = [f"{key}: {value};" for key, value in counters.items()]
    pairs += [f"{key}: {_shown(logs[key])};" for key in _in_order(tuple(logs)) if key not in counters]
    return f"{head}: {' '.join(pairs)}"


def _shown(value: Any) -> str:
    if isinstance(value, (str, int, float)) or value is None:
        return str(value)
    number = to_number(value)
    if not number.ndim:
        return str(number[()])
    if number.size == 1:
        return str(number.flat[0])
    return "\n" + np.array2string(number, separator=",")


@functools.lru_cache(maxsize=256)
def _in_order(keys: tuple[str, ...]) -> tuple[str, ...]:
    """Keys in natural order; the lines of a run have the same ones time and again."""
    return tuple(sorted(keys, key=_natural))


def _natural(key: str) -> tuple[tuple[int, Any], ...]:
    """Sort key by which "top10" follows "top9"."""
    return tuple((0, int(part)) if part.isdigit() else (1, part.lower()) for part in re.split(r"(\d+)", key) if part)
