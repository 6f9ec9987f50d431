"""Pipeline: data by mode and data set id, turned into batches by NumpyOps on the CPU."""

from __future__ import annotations

import contextlib
import dataclasses
import secrets
import sys
from collections.abc import Collection
from typing import Any

from fastestimator_lite._settings import settings
from fastestimator_lite.backend.convert import to_tensor
from fastestimator_lite.backend.device import cpu_count
from fastestimator_lite.component import When
from fastestimator_lite.op.numpyop.numpyop import Batch, NumpyOp, apply_op
from fastestimator_lite.pipeline.benchmark import run_benchmark
from fastestimator_lite.pipeline.collate import collate
from fastestimator_lite.pipeline.fingerprint import fingerprint
from fastestimator_lite.pipeline.loader import Loader, Moment, Replayed, framework_in_use
from fastestimator_lite.pipeline.maker import BatchMaker
from fastestimator_lite.pipeline.plan import Job, LoaderPlan, plan_for
from fastestimator_lite.pipeline.randomness import Stream
from fastestimator_lite.pipeline.recycle import Recycler
from fastestimator_lite.pipeline.starting import START_METHODS, pick_start_method
from fastestimator_lite.pipeline.tuning import Tuning
from fastestimator_lite.pipeline.verify import capped, check_data, check_pipeline, check_workers
from fastestimator_lite.pipeline.worker import STARTING
from fastestimator_lite.pipeline.workers import WorkerPool
from fastestimator_lite.schedule.schedule import Scheduler, select, value_at, values_of
from fastestimator_lite.types import FilteredData
from fastestimator_lite.util.errors import ConfigError, DataError, suggest
from fastestimator_lite.util.names import check_mode, filter_nones, to_list


class Pipeline:
    """Data sets and what is done to their samples before they reach the device.

    Args:
        train_data: A data set (anything with `__len__`, and `__getitem__` returning a dict), a torch `DataLoader`, a
            `tf.data.Dataset`, an iterable of dicts or a function that makes a generator of them, a Scheduler of those, or a
            dictionary of any of these by data set id; None for nothing.
        eval_data: The same, gone through after each epoch of training.
        test_data: The same, for `Estimator.test`.
        batch_size: Samples in a batch, an int >= 1, a Scheduler of ints, or a dictionary of either by mode; None for 1.
            A `Batch` op may override it.
        ops: NumpyOps and Schedulers of NumpyOps, in order; None entries are skipped. Ops before a `Batch` op work on
            samples, those after it on batches; without one, batching comes last.
        num_process: Worker processes; 0 works in the main process, None tries during the first batches what is faster.
            Batches are the same for any number.
        start_method: How worker processes start: "fork", "forkserver" or "spawn" (the last two pickle the Pipeline); None
            for what `multiprocessing.set_start_method` says, else fork on Linux and spawn on macOS. On Windows the main
            process does the work.
        data_timeout: Seconds after which a worker process that makes no progress is an error; None for never (a warning
            comes after a minute).

    Raises:
        ConfigError: If something cannot work; see the message.
    """

    def __init__(
        self,
        train_data: Any = None,
        eval_data: Any = None,
        test_data: Any = None,
        batch_size: int | Scheduler[int] | dict[str, int | Scheduler[int]] | None = None,
        ops: NumpyOp | Scheduler[NumpyOp] | list[NumpyOp | Scheduler[NumpyOp] | None] | None = None,
        num_process: int | None = None,
        start_method: str | None = None,
        data_timeout: float | None = None,
    ) -> None:
        named = {"train": train_data, "eval": eval_data, "test": test_data}
        data = {mode: check_data(f"{mode}_data", item) for mode, item in named.items()}
        self.data: dict[str, dict[str, Any]] = {mode: by_id for mode, by_id in data.items() if by_id}
        self.batch_size = batch_size
        self.ops = filter_nones(to_list(ops))
        check_pipeline(self.data, batch_size, self.ops, num_process)
        check_workers(num_process, start_method, data_timeout, START_METHODS)
        self.num_process = capped(num_process)
        self.start_method, self.data_timeout = start_method, data_timeout
        self._drawn_seed = secrets.randbits(64)
        self._pool: WorkerPool | None = None
        self._pool_fingerprint: tuple[Any, ...] = ()
        self._tunings: dict[tuple[Any, ...], Tuning] = {}
        self._unread: dict[int, list[Any]] = {}
        self.memory = Recycler()

    @property
    def seed(self) -> int:
        """The run seed: that of `enable_deterministic`, else one drawn for this Pipeline."""
        chosen = settings().seed
        return self._drawn_seed if chosen is None else chosen

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs to draw the same batches."""
        return {"seed": self.seed}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with the batches of another run.

        Args:
            state: What `state_dict` gave.
        """
        self._drawn_seed = int(state["seed"])

    # ---- what there is, and when

    def get_modes(self, epoch: int | None = None) -> set[str]:
        """The modes that have data.

        Args:
            epoch: Epoch, from 1; None for any epoch.
        """
        return {mode for mode in self.data if epoch is None or self.get_ds_ids(epoch, mode)}

    def get_ds_ids(self, epoch: int, mode: str) -> list[str]:
        """The data set ids with data at an epoch; "" is the unnamed one."""
        return [ds_id for ds_id, item in self.data.get(mode, {}).items() if value_at(item, epoch) is not None]

    def get_epochs_with_data(self, total_epochs: int, mode: str) -> set[int]:
        """The epochs of 1..`total_epochs` in which a mode has data."""
        return {epoch for epoch in range(1, total_epochs + 1) if self.get_ds_ids(epoch, mode)}

    def get_scheduled_items(self, mode: str) -> list[Any]:
        """Everything of a mode that may be a Scheduler: ops, batch sizes, data sets."""
        sizes = self.batch_size.values() if isinstance(self.batch_size, dict) else [self.batch_size]
        in_ops = [value.batch_size for item in self.ops for value in values_of(item) if isinstance(value, Batch)]
        return [*self.ops, *sizes, *in_ops, *self.data.get(mode, {}).values()]

    # ---- plans and loaders

    def plan(self, when: When) -> LoaderPlan:
        """What is in force at a moment.

        Args:
            when: Mode, epoch and ds_id, none of them None.

        Raises:
            ConfigError: If there is no data or no batch size then, or two Batch ops meet.
        """
        mode, epoch, ds_id = self._checked(when)
        dataset = value_at(self.data[mode][ds_id], epoch)
        plan = self._plan_for(dataset, mode, epoch, ds_id)
        tags = [tag for tag in getattr(dataset, "tags", ()) if tag]
        if plan.kind != "groups" or not tags:
            return plan
        return dataclasses.replace(plan, turns={tag: self._plan_for(dataset, mode, epoch, tag) for tag in tags})

    def _plan_for(self, dataset: Any, mode: str, epoch: int, ds_id: str) -> LoaderPlan:
        return plan_for(dataset, When(mode, epoch, ds_id), self.ops, self.batch_size)

    def _checked(self, when: When) -> tuple[str, int, str]:
        mode, epoch, ds_id = when
        if mode not in self.data:
            raise ConfigError(
                f"the Pipeline has no {mode} data; it has: {', '.join(self.data) or 'none'}.{suggest(mode, self.data)}"
            )
        if epoch is None or isinstance(epoch, bool) or epoch < 1:
            raise ConfigError(f"epoch must be an int >= 1, got {epoch!r}")
        ids = self.get_ds_ids(epoch, mode)
        ds_id = ds_id or ""
        if ds_id not in ids:
            raise ConfigError(
                f"the {mode} data has no ds_id {ds_id!r} at epoch {epoch}; it has: "
                f"{', '.join(map(repr, ids)) or 'none'}.{suggest(ds_id, ids)}"
            )
        return mode, epoch, ds_id

    def load(
        self,
        when: When,
        wanted: Collection[str] | None = None,
        steps: int | None = None,
        shuffle: bool | None = None,
        start: int = 0,
    ) -> Loader:
        """The batches of an epoch, as numpy arrays.

        Args:
            when: Mode, epoch and ds_id.
            wanted: Keys that the batches must have; None for all.
            steps: Number of batches: longer than the data goes round again, shorter cuts; None for one pass.
            shuffle: Whether samples come in random order; None for "only in mode train".
            start: Number of the first batch, from 0.
        """
        plan = self.plan(when)
        shuffle = plan.mode == "train" if shuffle is None else shuffle
        if plan.kind == "ready":
            return Loader(self, plan, None, plan.steps(steps), start, wanted)
        job = Job(
            plan.mode,
            int(when.epoch or 1),
            plan.ds_id,
            plan.steps(steps),
            steps is not None,
            shuffle,
            None if wanted is None else tuple(sorted(wanted)),
            self.seed,
        )
        return Loader(self, plan, job, job.steps, start, wanted)

    def maker(self, job: Job, note: Any = None, look: bool = False) -> BatchMaker:
        """The maker of a job's batches; runs in the workers too.

        Args:
            job: The job.
            note: Where it writes what it is doing.
            look: Whether a stream shall find what this one took again.
        """
        plan = self.plan(When(job.mode, job.epoch, job.ds_id))
        unread = self._unread.setdefault(id(plan.dataset), []) if plan.kind == "stream" else None
        return BatchMaker(plan, job, note, unread, look)

    def start_method_for(self, plan: LoaderPlan, steps: int | None) -> str | None:
        """How workers for a plan would start; None if they cannot help: a stream is read in one place."""
        return None if plan.kind == "stream" or steps is None else pick_start_method(self.start_method)

    def tuning_for(self, plan: LoaderPlan) -> Tuning:
        """The search for the best number of workers for a plan."""
        if plan.identity not in self._tunings:
            self._tunings[plan.identity] = Tuning(int(self.data_timeout is not None), cpu_count())
        return self._tunings[plan.identity]

    def pool(self, size: int, method: str, larger: bool = False) -> WorkerPool:
        """The worker pool.

        Args:
            size: Number of workers, >= 1.
            method: How they start.
            larger: Whether one with more workers will do.
        """
        if larger and self._pool is not None:
            size = max(size, self._pool.size)
        seen = (size, *fingerprint(self.ops, self.data))
        if self._pool is not None and (seen != self._pool_fingerprint or not self._pool.is_open):
            self.close()  # an op or data set was changed since the start (the workers would not know), or a worker died
        if self._pool is None:
            self._pool = WorkerPool(self.maker, size, self._describe_work, method, self.data_timeout)
            self._pool_fingerprint = seen
        return self._pool

    def close_if_unused(self) -> None:
        """End the worker processes that were tried and brought nothing."""
        if not any(tuning.number for tuning in self._tunings.values()):
            self.close()

    def close(self) -> None:
        """End the worker processes, if there are any; the next loader starts new ones."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def __getstate__(self) -> dict[str, Any]:
        own: dict[str, Any] = {
            "_pool": None,
            "_pool_fingerprint": (),
            "_unread": {},
            "_tunings": {},
            "memory": Recycler(),
        }
        return {**self.__dict__, **own}

    def _describe_work(self, slot: int, index: int, job: Job | None) -> str:
        """What a worker was doing, by the note that it left."""
        if slot == STARTING or job is None:
            return "starting"
        moment = f"mode {job.mode!r}, epoch {job.epoch}" + (f", ds_id {job.ds_id!r}" if job.ds_id else "")
        with contextlib.suppress(Exception):  # this is for the message of another error
            dataset: Any = value_at(self.data[job.mode][job.ds_id], job.epoch)
            sample = dataset[index]
            texts = [f"{key} {value!r:.200}" for key, value in sample.items() if isinstance(value, str)]
            moment += "".join(f", {text}" for text in texts)
        if slot < 0:
            return f"reading sample {index} ({moment})"
        values = values_of(self.ops[slot])
        return f"op #{slot} {'/'.join(type(value).__name__ for value in values)} worked on sample {index} ({moment})"

    # ---- looking at data

    def transform(
        self, data: dict[str, Any], mode: str, epoch: int = 1, ds_id: str = "", target_type: str = "np"
    ) -> dict[str, Any]:
        """Run one sample through the ops.

        Args:
            data: The sample; it is not changed.
            mode: "train", "eval", "test" or "infer".
            epoch: Epoch whose ops to use, from 1.
            ds_id: Data set id whose ops to use.
            target_type: "np", "torch" or "tf": what the values become.

        Returns:
            A batch of one.

        Raises:
            DataError: If the ops filter the sample.
        """
        check_mode(mode, "Pipeline.transform")
        state, sample = {"mode": mode, "epoch": epoch, "ds_id": ds_id}, dict(data)
        stream, batched = Stream(self.seed, mode, ds_id, epoch), False
        pad_value, collate_fn = None, None
        slots = [(slot, op) for slot, item in enumerate(self.ops) for op in select([item], When(mode, epoch, ds_id))]
        for slot, op in [*slots, (len(self.ops), None)]:
            if (op is None or isinstance(op, Batch)) and not batched:
                if op is not None:
                    pad_value, collate_fn = op.pad_value, op.collate_fn
                sample, batched = (collate_fn([sample]) if collate_fn else collate([sample], pad_value)), True
            if op is None or isinstance(op, Batch):
                continue
            if isinstance(apply_op(op, sample, state, batched, stream.seed(0, slot)), FilteredData):
                raise DataError(f"op #{slot} {type(op).__name__} filtered the sample given to Pipeline.transform")
        return to_tensor(sample, target_type)

    def replay(
        self, epoch: int, draw: int, mode: str = "train", ds_id: str = "", shuffle: bool | None = None
    ) -> Replayed:
        """Make one sample of a run again, alone, with the same random numbers.

        Batch n of an epoch (from 1) holds the draws from (n - 1) * batch_size on. Ops after a `Batch` op work on whole
        batches and are not part of it.

        Args:
            epoch: Epoch, from 1.
            draw: Number of the draw in the epoch, from 0; beyond the length of the data the next round begins.
            mode: "train", "eval" or "test".
            ds_id: Data set id.
            shuffle: Whether samples came in random order; None for "only in mode train".

        Returns:
            The sample, where it lies in the data set, and how it looked after each op.

        Raises:
            ConfigError: If the draw is negative, or the data makes its own batches or can only be gone through in order.

        Example:
            >>> import numpy as np
            >>> from fastestimator_lite.dataset.numpy_dataset import NumpyDataset
            >>> pipeline = Pipeline(train_data=NumpyDataset({"x": np.arange(10)}), batch_size=4)
            >>> again = pipeline.replay(epoch=3, draw=7)
            >>> again.sample["x"] == again.index
            True
        """
        loader = self.load(When(mode, epoch, ds_id), steps=sys.maxsize, shuffle=shuffle)
        if isinstance(draw, bool) or not isinstance(draw, int) or draw < 0:
            raise ConfigError(f"Pipeline.replay(draw) must be an int >= 0, got {draw!r}")
        return loader.replay(draw)

    def get_results(
        self, mode: str = "train", epoch: int = 1, ds_id: str = "", num_steps: int = 1, shuffle: bool = False
    ) -> list[dict[str, Any]] | dict[str, Any]:
        """Make some batches to look at.

        Args:
            mode: "train", "eval" or "test".
            epoch: Epoch, from 1.
            ds_id: Data set id.
            num_steps: Number of batches, >= 1.
            shuffle: Whether samples come in random order.

        Returns:
            One batch if `num_steps` is 1, else a list. Values are tensors of the framework in use (torch before
            TensorFlow), arrays when neither is loaded.
        """
        if num_steps < 1:
            raise ConfigError(f"get_results(num_steps) must be >= 1, got {num_steps}")
        loader = self.load(When(mode, epoch, ds_id), shuffle=shuffle)
        batches = []
        for batch in loader.in_main_process(look=True):
            batches.append(to_tensor(batch, framework_in_use()))
            if len(batches) == num_steps:
                break
        return batches[0] if num_steps == 1 else batches

    def benchmark(
        self,
        mode: str = "train",
        epoch: int = 1,
        ds_id: str | None = None,
        num_steps: int = 1000,
        log_interval: int = 100,
        detailed: bool = True,
    ) -> None:
        """Print how many batches a second come out, and what each op costs.

        Args:
            mode: "train", "eval" or "test".
            epoch: Epoch, from 1.
            ds_id: Data set id; None for all, one after the other.
            num_steps: Number of batches to time.
            log_interval: Batches between two printed lines.
            detailed: Whether to end with a table of ops and their share of the time.
        """
        for one in self.get_ds_ids(epoch, mode) if ds_id is None else [ds_id]:
            run_benchmark(self, When(mode, epoch, one), num_steps, log_interval, detailed)

    def __call__(
        self,
        mode: str,
        epoch: int = 1,
        ds_id: str = "",
        shuffle: bool | None = None,
        steps_per_epoch: int | None = None,
        output_keys: Collection[str] | None = None,
    ) -> Moment:
        """Choose a moment, to be entered: `with pipeline(mode="eval") as loader: ...` iterates over its batches.

        Args:
            mode: "train", "eval" or "test".
            epoch: Epoch, from 1.
            ds_id: Data set id.
            shuffle: Whether samples come in random order; None for "only in mode train".
            steps_per_epoch: Number of batches; None for one pass over the data.
            output_keys: Keys that the batches must have; None for all.
        """
        return Moment(self, When(mode, epoch, ds_id), shuffle, steps_per_epoch, output_keys)

    def fe_summary(self) -> list[str]:
        """One line for each part, for reports."""
        lines = [
            f"{mode} data{f' {ds_id}' if ds_id else ''}: {value}"
            for mode, by_id in self.data.items()
            for ds_id, value in by_id.items()
        ]
        return [*lines, f"batch_size: {self.batch_size}", *(f"op: {type(op).__name__}" for op in self.ops)]
