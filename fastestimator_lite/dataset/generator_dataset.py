"""A data set whose samples a generator makes as they are needed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fastestimator_lite.dataset.dataset import FEDataset, check_index
from fastestimator_lite.dataset.parts import is_count
from fastestimator_lite.dataset.split import Fraction
from fastestimator_lite.dataset.summary import DatasetSummary, summarize_sample
from fastestimator_lite.util.errors import ConfigError, DataError

if TYPE_CHECKING:
    from typing_extensions import Self

Generator = Iterator[Mapping[str, Any]] | Callable[[], Iterable[Mapping[str, Any]]]


class GeneratorDataset(FEDataset):
    """Samples from a generator, the next one whatever index is asked for.

    The generator goes on from epoch to epoch and is never started again, so it must give as many samples as the whole
    training takes; usually it has no end. It is started when the first sample is looked at.

    Args:
        generator: A generator of samples, dictionaries, or the function that makes one. Only with the function the data
            set can be copied and pickled; a copy starts at the beginning.
        samples_per_epoch: The length to claim, >= 1.

    Raises:
        ConfigError: If `generator` is none, or the length is none.

    Example:
        >>> def numbers():
        ...     x = 0
        ...     while True:
        ...         yield {"x": x}
        ...         x += 1
        >>> data = GeneratorDataset(numbers, samples_per_epoch=3)
        >>> [data[0]["x"], data[0]["x"], data[2]["x"]]
        [0, 1, 2]
    """

    sequential: ClassVar[bool] = True

    def __init__(self, generator: Generator, samples_per_epoch: int) -> None:
        if not is_count(samples_per_epoch):
            raise ConfigError(f"GeneratorDataset(samples_per_epoch) must be an int >= 1, got {samples_per_epoch!r}")
        self.samples_per_epoch = int(samples_per_epoch)
        self._source = _Source(generator)

    def __len__(self) -> int:
        return self.samples_per_epoch

    def __getitem__(self, index: int) -> dict[str, Any]:
        check_index(index, self)  # so that `for sample in data` ends
        return self._source.take(self.samples_per_epoch)

    def keys(self) -> list[str]:
        """The keys of a sample; the first one is made for it, and kept."""
        return list(self._source.peek(self.samples_per_epoch))

    def summary(self) -> DatasetSummary:
        """Describe the data set: the length it claims, and the keys as the next sample shows them."""
        return DatasetSummary(len(self), keys=summarize_sample(self._source.peek(self.samples_per_epoch)))

    def _plan_split(self, fractions: Sequence[Fraction], seed: int | None, stratify: str | None) -> Any:
        if stratify is not None:
            raise ConfigError("GeneratorDataset.split(stratify=...): the classes of samples yet to come are not known")
        return super()._plan_split(fractions, seed, None)

    def _do_split(self, splits: Sequence[Iterable[int]]) -> list[Self]:
        """Divide the length; the parts draw on the same generator, so no sample comes in two of them."""
        parts = []
        for split in splits:
            part = copy.copy(self)
            part.samples_per_epoch = len(np.fromiter(split, dtype=np.int64))
            self.samples_per_epoch -= part.samples_per_epoch
            parts.append(part)
        return parts


class _Source:
    """A generator, started late, that can be looked into."""

    def __init__(self, generator: Any) -> None:
        if not callable(generator) and not isinstance(generator, Iterator):
            raise ConfigError(
                "GeneratorDataset needs a generator of dictionaries or the function that makes one, got "
                f"{type(generator).__name__}: {generator!r:.100}"
            )
        self._generator = generator
        self._running: Iterator[Any] | None = None
        self._ahead: list[dict[str, Any]] = []
        self._given = 0

    def peek(self, wanted: int) -> dict[str, Any]:
        """The sample that `take` will give next."""
        if not self._ahead:
            self._ahead.append(self._next(wanted))
        return self._ahead[0]

    def take(self, wanted: int) -> dict[str, Any]:
        """The next sample; `wanted` is how many there are in an epoch, for messages."""
        return self._ahead.pop() if self._ahead else self._next(wanted)

    def _next(self, wanted: int) -> dict[str, Any]:
        if self._running is None:
            is_function = callable(self._generator) and not isinstance(self._generator, Iterator)
            self._running = iter(self._generator() if is_function else self._generator)
        try:
            sample = next(self._running)
        except StopIteration:
            raise DataError(
                f"the generator of GeneratorDataset ended after {self._given} samples, {wanted} are wanted in each epoch "
                "and it is not started again; let it go on without end (while True: ...)"
            ) from None
        if not isinstance(sample, Mapping):
            raise DataError(
                f"the generator of GeneratorDataset gave a {type(sample).__name__} as sample {self._given}; a sample must "
                "be a dict of named values, such as {'x': image, 'y': label}"
            )
        self._given += 1
        return dict(sample)

    def __getstate__(self) -> dict[str, Any]:
        if isinstance(self._generator, Iterator):
            raise TypeError(
                "a GeneratorDataset with a running generator cannot be copied or pickled; give it the function that makes "
                "the generator: GeneratorDataset(numbers, ...), not GeneratorDataset(numbers(), ...)"
            )
        return {"_generator": self._generator, "_running": None, "_ahead": [], "_given": 0}
