"""The batches of one epoch, one after the other, however they are made."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from fastestimator_lite.backend.convert import to_tensor
from fastestimator_lite.backend.framework import primitives
from fastestimator_lite.component import When
from fastestimator_lite.pipeline.plan import Job, LoaderPlan
from fastestimator_lite.pipeline.tuning import Tuning
from fastestimator_lite.util.errors import ConfigError, DataError

if TYPE_CHECKING:
    from fastestimator_lite.pipeline.pipeline import Pipeline


@dataclasses.dataclass(frozen=True)
class Replayed:
    """A sample made again.

    Attributes:
        index: Where it lies in the data set; for a data set that gives batches, the number of its batch.
        sample: The sample as it goes into a batch.
        stages: The sample as it was read, and after each op, with what made it so.
    """

    index: int
    sample: dict[str, Any]
    stages: list[tuple[str, dict[str, Any]]]


class Loader:
    """The batches of one epoch of one data set; may be iterated again, with the same batches.

    Args:
        pipeline: Where it comes from.
        plan: What is in force.
        job: The epoch in terms of draws; None for data that makes its own batches.
        steps: Number of batches; None if nobody knows.
        start: Number of the first batch.
        wanted: Keys that the batches must have; None for all.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        plan: LoaderPlan,
        job: Job | None,
        steps: int | None,
        start: int,
        wanted: Collection[str] | None,
    ) -> None:
        self.plan, self.steps = plan, steps
        self._pipeline, self._job, self._start, self._wanted = pipeline, job, start, wanted

    def __len__(self) -> int:
        if self.steps is None:
            raise TypeError(f"the {self.plan.mode} data ({type(self.plan.dataset).__name__}) has no known length")
        return self.steps - self._start

    def __iter__(self) -> Iterator[dict[str, Any]]:
        if self._job is None:
            return self._ready_made()
        pipeline, number = self._pipeline, self._pipeline.num_process
        method = pipeline.start_method_for(self.plan, self._job.steps)
        if number == 0 or method is None:
            return self.in_main_process()
        if number is None:
            tuning = pipeline.tuning_for(self.plan)
            if not tuning.is_settled:
                return self._counted(self._tuned(self._job, method, tuning))
            number = tuning.number
            if not number:
                return self.in_main_process()
        return self._counted(
            batch
            for _, batch in pipeline.pool(number, method, pipeline.num_process is None).batches(self._job, self._start)
        )

    def _tuned(self, job: Job, method: str, tuning: Tuning) -> Iterator[dict[str, Any]]:
        """The batches, made by as many workers as turns out to be fastest."""
        pipeline, step, clock = self._pipeline, self._start, time.perf_counter
        tuning.interrupt()
        while step < (job.steps or 0):
            if not tuning.number:
                batches = self._made(job, False, step)
            else:
                batches = pipeline.pool(tuning.number, method, tuning.is_settled).batches(job, step)
            mark = clock()
            for number, batch in batches:
                made = clock()
                yield batch
                step = number + 1
                if tuning.is_settled:
                    continue
                now = clock()
                if tuning.add(made - mark, now - mark):
                    break
                mark = now
            else:
                return
            pipeline.close_if_unused()

    def in_main_process(self, look: bool = False) -> Iterator[dict[str, Any]]:
        """The same batches without workers.

        Args:
            look: Whether this is only a look, which leaves a stream as it was.
        """
        if self._job is None:
            return self._ready_made()
        return self._counted(batch for _, batch in self._made(self._job, look, self._start))

    def _made(self, job: Job, look: bool, step: int) -> Iterator[tuple[int, dict[str, Any]]]:
        """The batches from one on, with their numbers, made here."""
        maker = self._pipeline.maker(job, look=look)
        try:
            while job.steps is None or step < job.steps:
                batch = maker.make(step, self._pipeline.memory.empty)
                if batch is not None:
                    yield step, batch
                elif maker.ended:
                    return
                step += 1
        finally:
            maker.source.give_back()

    def replay(self, draw: int) -> Replayed:
        """Make one sample again; see `Pipeline.replay`."""
        if self._job is None or self.plan.kind == "stream":
            raise ConfigError(
                f"the {self.plan.mode} data ({type(self.plan.dataset).__name__}) cannot be read at one place, so no sample "
                f"of it can be replayed alone"
            )
        index, stages = self._pipeline.maker(self._job).replay(draw)
        return Replayed(index, stages[-1][1], stages)

    def sample_keys(self) -> list[str]:
        """The keys of a batch, found by reading one sample; raises when an op's key is missing."""
        if self._job is None:
            return list(next(iter(self._ready_made())))
        if self.plan.kind != "stream":
            return self.plan.first_keys()
        source = self._pipeline.maker(self._job, look=True).source
        drawn = source.batch(self._start)
        source.give_back()
        if drawn is None:
            raise DataError(f"the {self.plan.mode} data ({type(self.plan.dataset).__name__}) gave no sample")
        return self.plan.output_keys(drawn.columns)

    def _counted(self, batches: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        count = 0
        for batch in batches:
            count += 1
            yield batch
        if count or self.steps == self._start:
            return
        data = f"{self.plan.mode} data ({type(self.plan.dataset).__name__})"
        if self.plan.kind == "stream":
            filters = f", or {self.plan.filters()} of the Pipeline filtered all of them" if self.plan.has_ops else ""
            raise DataError(f"the {data} gave no sample{filters}")
        raise DataError(
            f"{self.plan.filters()} of the Pipeline filtered every sample of the "
            f"{(self.steps or 0) - self._start} batches of {data} with {len(self.plan.dataset)} samples; nothing is left"
        )

    def _ready_made(self) -> Iterator[dict[str, Any]]:
        """Batches of a torch DataLoader or a `tf.data.Dataset`, again and again if more are asked for than it holds."""
        count = 0
        while True:
            before = count
            for batch in self.plan.dataset:
                if not isinstance(batch, dict):
                    raise ConfigError(
                        f"a batch of the {self.plan.mode} data ({type(self.plan.dataset).__name__}) is a "
                        f"{type(batch).__name__}; it must be a dict of named tensors"
                    )
                count += 1
                if count > self._start:
                    yield batch if self._wanted is None else {k: v for k, v in batch.items() if k in self._wanted}
                if self.steps is not None and count >= self.steps:
                    return
            if count == before:
                raise DataError(f"the {self.plan.mode} data ({type(self.plan.dataset).__name__}) gave no batch")
            if self.steps is None:
                return


class Moment:
    """A loader for a `with` block; at its end the worker processes are gone."""

    def __init__(
        self, pipeline: Pipeline, when: When, shuffle: bool | None, steps: int | None, keys: Collection[str] | None
    ) -> None:
        self._pipeline, self._arguments = pipeline, (when, keys, steps, shuffle)
        self._loader: Loader | None = None

    def __enter__(self) -> Moment:
        self._loader = self._pipeline.load(*self._arguments)
        return self

    def __exit__(self, *exc: object) -> None:
        self._loader = None
        self._pipeline.close()

    def __len__(self) -> int:
        return len(self._opened())

    def __iter__(self) -> Iterator[dict[str, Any]]:
        target = framework_in_use()
        from_numpy = primitives(target).from_numpy
        for batch in self._opened():
            for key, value in batch.items():
                if type(value) is np.ndarray and value.dtype.kind in "biufc":
                    batch[key] = from_numpy(value)
                else:
                    batch[key] = to_tensor(value, target)
            yield batch

    def _opened(self) -> Loader:
        if self._loader is None:
            raise ConfigError(
                "enter the loader first: `with pipeline(mode='eval') as loader: for batch in loader: ...`"
            )
        return self._loader


def framework_in_use() -> str:
    """The framework that is loaded, torch first, or "np"."""
    return "torch" if "torch" in sys.modules else "tf" if "tensorflow" in sys.modules else "np"
