"""What data sets made of other data sets share: looking at their parts, and an order that hangs on a seed alone."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastestimator_lite.backend.determinism import host_unchanged
from fastestimator_lite.dataset.dataset import FEDataset
from fastestimator_lite.dataset.summary import KeySummary, summarize_sample
from fastestimator_lite.util.errors import ConfigError

if TYPE_CHECKING:
    from typing_extensions import Self

ORDER, PART, LOTS, MIXING = range(4)  # what random numbers are for
_MASK = 0xFFFFFFFFFFFFFFFF


def check_parts(owner: str, datasets: Any, at_least: int = 1) -> list[Any]:
    """Check the data sets that another one is made of.

    Args:
        owner: Name of the data set that they are for.
        datasets: What was given: a list of data sets, anything with a length that gives dictionaries, or lists of them.
        at_least: How many are needed.

    Returns:
        The data sets.

    Raises:
        ConfigError: If they are too few, or one is no data set or is empty.
    """
    if isinstance(datasets, (str, Mapping)) or not isinstance(datasets, Sequence):
        raise ConfigError(f"{owner} needs a list of data sets, got {type(datasets).__name__}")
    if len(datasets) < at_least:
        raise ConfigError(f"{owner} needs at least {at_least} data set{'s' * (at_least > 1)}, got {len(datasets)}")
    for number, dataset in enumerate(datasets):
        check_part(f"data set {number} of {owner}", dataset)
    return list(datasets)


def check_part(name: str, dataset: Any) -> None:
    """Check one data set that another is made of.

    Args:
        name: What to call it in the error.
        dataset: What was given.

    Raises:
        ConfigError: If it is no data set, is empty, or gives no dictionaries.
    """
    is_value = isinstance(dataset, (str, bytes, tuple, Mapping, np.ndarray))
    if is_value or not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
        raise ConfigError(
            f"{name} must have __len__, and __getitem__ returning a dict; got {type(dataset).__name__}: {dataset!r:.100}"
        )
    if len(dataset) == 0:
        raise ConfigError(f"{name} ({type(dataset).__name__}) has 0 samples; it needs at least one")
    keys_of(dataset, name)


def keys_of(dataset: Any, name: str = "a part") -> list[str]:
    """The keys of a data set, as its first sample shows them.

    Args:
        dataset: The data set.
        name: What to call it in the error.

    Raises:
        ConfigError: If it does not give dictionaries.
    """
    if trait(dataset, "columnar") or (trait(dataset, "sequential") and hasattr(dataset, "keys")):
        return list(dataset.keys())  # without reading, which for a sequential one would use a sample up
    return list(_first_sample(dataset, name))


def summarize_part(dataset: Any) -> dict[str, KeySummary]:
    """Summarize the keys of a data set of any kind."""
    return dict(dataset.summary().keys) if isinstance(dataset, FEDataset) else summarize_sample(_first_sample(dataset))


def samples_of(item: Any) -> list[Any]:
    """What a data set gave for an index, as a list: one sample, or all of a batch."""
    return list(item) if isinstance(item, (list, tuple)) else [item]


def trait(dataset: Any, name: str) -> bool:
    """A property of a data set, such as `columnar`; what is no data set of ours may draw, and is nothing else."""
    return bool(getattr(dataset, name, name == "draws" and not isinstance(dataset, list)))


def is_count(number: Any) -> bool:
    """Whether something is a whole number >= 1."""
    return isinstance(number, (int, np.integer)) and not isinstance(number, bool) and bool(number >= 1)


def one_each(value: Any, count: int) -> list[Any]:
    """A value for each data set: the items of a list or array, or the one value for all."""
    is_list = isinstance(value, (Sequence, np.ndarray)) and not isinstance(value, str) and np.ndim(value) > 0
    return list(value) if is_list else [value] * count


def _first_sample(dataset: Any, name: str = "a part") -> Mapping[str, Any]:
    with host_unchanged():  # a data set may draw when it is read
        sample = (samples_of(dataset[0]) or [None])[0]
    if not isinstance(sample, Mapping):
        raise ConfigError(
            f"{name} ({type(dataset).__name__}) gives a {type(sample).__name__}; a sample must be a dict of named "
            "values, such as {'x': image, 'y': label}"
        )
    return sample


class Round:
    """One round through a data set: what is drawn in it follows from the seed and from numbers that say what it is for.

    It is begun anew in place: the data set that holds it counts as unchanged.

    Args:
        shuffle: Whether the first round is in random order.
        seed: Fixes that order.

    Attributes:
        lots: What the holder drew for the whole round, if it draws at all.
    """

    def __init__(self, shuffle: bool, seed: int = 0) -> None:
        self.begin(shuffle, seed)

    def begin(self, shuffle: bool, seed: int | None) -> None:
        """Begin a round.

        Args:
            shuffle: Whether it is in random order.
            seed: Any int; None draws one.
        """
        self.shuffle = shuffle
        self.seed = (secrets.randbits(64) if seed is None else int(seed)) & _MASK
        self.lots: tuple[np.ndarray, np.ndarray] | None = None
        self._orders: dict[int, np.ndarray] = {}

    def generator(self, purpose: int, number: int = 0) -> np.random.Generator:
        """The random numbers for one thing.

        Args:
            purpose: One of the constants of this module.
            number: Which of the things with this purpose, >= 0.
        """
        return np.random.Generator(np.random.Philox(np.random.SeedSequence(self.seed, spawn_key=(purpose, number))))

    def places(self, part: int, draws: np.ndarray, length: int) -> np.ndarray:
        """Where draws lie in a data set that is gone through again and again, always in the same order.

        Args:
            part: Number of the data set.
            draws: Numbers of the draws, from 0; shape (n,).
            length: Samples in the data set.

        Returns:
            Indices, shape (n,), int64.
        """
        draws = draws % length
        if not self.shuffle:
            return draws
        order = self._orders.get(part)
        if order is None or len(order) != length:
            order = self._orders[part] = self.generator(ORDER, part).permutation(length)
        return order[draws]


class CompoundDataset(FEDataset):
    """Base of data sets that are made of others.

    Attributes:
        datasets: The parts.
    """

    datasets: list[Any]

    def __init__(self, datasets: Sequence[Any], shuffle: bool = False) -> None:
        self.datasets = list(datasets)
        self._round = Round(shuffle)

    @property
    def draws(self) -> bool:  # type: ignore[override]
        return any(trait(dataset, "draws") for dataset in self.datasets)

    @property
    def sequential(self) -> bool:  # type: ignore[override]
        return any(trait(dataset, "sequential") for dataset in self.datasets)

    def fe_reset_ds(self, shuffle: bool = True, seed: int | None = None) -> None:
        self._round.begin(shuffle, seed)
        for number, dataset in enumerate(self.datasets):
            if hasattr(dataset, "fe_reset_ds"):
                dataset.fe_reset_ds(shuffle=shuffle, seed=int(self._round.generator(PART, number).integers(1 << 63)))

    def __copy__(self) -> Self:
        new = type(self).__new__(type(self))
        vars(new).update(vars(self), datasets=list(self.datasets), _round=Round(self._round.shuffle, self._round.seed))
        return new
