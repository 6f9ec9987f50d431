"""A data set of pairs of files, of one class or of two."""

from __future__ import annotations

import os
import random
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastestimator_lite.dataset.dataset import check_index
from fastestimator_lite.dataset.labeled_dir_dataset import LabeledDirDataset
from fastestimator_lite.dataset.split import Fraction
from fastestimator_lite.dataset.summary import DatasetSummary, KeySummary
from fastestimator_lite.util.errors import ConfigError

if TYPE_CHECKING:
    from typing_extensions import Self


class SiameseDirDataset(LabeledDirDataset):
    """Pairs of files out of a folder with a folder for each class, see `LabeledDirDataset`.

    The left file is that of the index. The right one is drawn: another file of the same class, or a file of another
    class, all of which are equally likely. The label says whether the classes match, 1, or not, 0. Read by key,
    `data["y"]` is the class of each left file.

    `split` deals in classes: 0.2 is a fifth of them, with all their files.

    Args:
        root_dir: The folder.
        data_key_left: Key of the left paths.
        data_key_right: Key of the right paths.
        label_key: Key of the labels.
        percent_matching_data: How likely a pair of one class is, in [0, 1] (1 is 100 percent).
        label_mapping: The label of each class, by name; None numbers them.
        file_extension: The end, or ends, that a wanted file name has; None takes every file.

    Raises:
        ConfigError: If there are no such files, or too few for the pairs: two in each class for matching ones, two
            classes for others.

    Source: pairs and one-shot trials as in Koch et al. 2015, "Siamese Neural Networks for One-shot Image Recognition".
    """

    def __init__(
        self,
        root_dir: str | os.PathLike[str],
        data_key_left: str = "x_a",
        data_key_right: str = "x_b",
        label_key: str = "y",
        percent_matching_data: float = 0.5,
        label_mapping: Mapping[str, Any] | None = None,
        file_extension: str | Iterable[str] | None = None,
    ) -> None:
        if isinstance(percent_matching_data, bool) or not isinstance(percent_matching_data, (int, float)):
            raise ConfigError(
                f"SiameseDirDataset(percent_matching_data) must be a number in [0, 1], got {percent_matching_data!r}"
            )
        if not 0 <= percent_matching_data <= 1:
            raise ConfigError(
                f"SiameseDirDataset(percent_matching_data) must lie in [0, 1], got {percent_matching_data!r}"
            )
        if len({data_key_left, data_key_right, label_key}) < 3:
            raise ConfigError(
                "SiameseDirDataset needs three different keys, got "
                f"{data_key_left!r}, {data_key_right!r} and {label_key!r}"
            )
        super().__init__(root_dir, data_key_left, label_key, label_mapping, file_extension)
        self.data_key_left, self.data_key_right = data_key_left, data_key_right
        self.percent_matching_data = percent_matching_data
        self._found: list[_Classes] = []  # none, or those of the labels as they are
        self._check_pairs()

    @property
    def class_data(self) -> dict[Any, set[int]]:
        """The indices of the files of each class, by label."""
        classes = self._by_class()
        return {label: set(rows.tolist()) for label, rows in zip(classes.labels, classes.rows, strict=True)}

    def __getitem__(self, index: int | str | slice) -> Any:
        if isinstance(index, (str, slice)):
            return super().__getitem__(index)
        row = check_index(index, self)
        classes, paths = self._by_class(), self._columns[self.data_key_left]
        own = int(classes.codes[row])
        match = random.random() < self.percent_matching_data
        other = _draw_other(classes.rows[own], row) if match else _draw(classes.rows[_draw_class(classes, own)])
        return {self.data_key_left: paths.at(row), self.label_key: int(match), self.data_key_right: paths.at(other)}

    def one_shot_trial(self, n: int) -> tuple[list[str], list[str]]:
        """Draw one file and n files to compare it with, of which the first alone is of its class.

        Draws from `random`.

        Args:
            n: How many comparisons, >= 2 and at most the number of classes.

        Returns:
            The file, n times, and the files to compare it with; the classes of the latter all differ.

        Raises:
            ConfigError: If `n` does not fit.
        """
        rows = self._by_class().rows
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or not 2 <= n <= len(rows):
            raise ConfigError(
                f"SiameseDirDataset.one_shot_trial(n) must be an int from 2 to {len(rows)}, the number of classes; got {n!r}"
            )
        with_pairs = [code for code, members in enumerate(rows) if len(members) > 1]
        if not with_pairs:
            raise ConfigError("SiameseDirDataset.one_shot_trial() needs a class with two files, all have one")
        own = random.choice(with_pairs)
        left = _draw(rows[own])
        others = random.sample([code for code in range(len(rows)) if code != own], int(n) - 1)
        right = [_draw_other(rows[own], left), *(_draw(rows[code]) for code in others)]
        paths = self._columns[self.data_key_left]
        return [paths.at(left)] * int(n), [paths.at(row) for row in right]

    def summary(self) -> DatasetSummary:
        """Describe the data set: its length, its keys and how many classes there are."""
        left = super().summary().keys[self.data_key_left]
        keys = {
            self.data_key_left: left,
            self.label_key: KeySummary("int"),
            self.data_key_right: KeySummary(left.dtype),
        }
        return DatasetSummary(len(self), keys, num_classes=len(self._by_class().rows), class_key=self.label_key)

    def _by_class(self) -> _Classes:
        labels = self._columns[self.label_key]
        if not self._found or self._found[0].source is not labels:
            # In place: a look at the data set does not change it for those who compare its attributes.
            self._found[:] = [_find_classes(labels, self._view(self.label_key))]
        return self._found[0]

    def _check_pairs(self) -> None:
        classes = self._by_class()
        if self.percent_matching_data < 1 and len(classes.rows) < 2:
            raise ConfigError(
                f"SiameseDirDataset: root_dir {self.root_dir!r} has one class, {classes.labels[0]!r}; pairs that do not "
                "match need two (percent_matching_data=1 does without)"
            )
        single = [label for label, rows in zip(classes.labels, classes.rows, strict=True) if len(rows) < 2]
        if self.percent_matching_data > 0 and single:
            names = [name for name, label in self.mapping.items() if label in single]
            raise ConfigError(
                f"SiameseDirDataset: in root_dir {self.root_dir!r} the classes {names} have one file each; matching pairs "
                "need two (percent_matching_data=0 does without)"
            )

    def _split_length(self) -> int:
        return len(self._by_class().rows)

    def _plan_split(self, fractions: Sequence[Fraction], seed: int | None, stratify: str | None) -> Any:
        if stratify is not None:
            raise ConfigError("SiameseDirDataset.split(stratify=...): whole classes are split off; leave stratify out")
        plan = super()._plan_split(fractions, seed, None)
        sizes = [len(part) for part in plan]
        sizes.append(self._split_length() - sum(sizes))
        if self.percent_matching_data < 1 and 1 in sizes:
            raise ConfigError(
                f"SiameseDirDataset.split(): of the {self._split_length()} classes, {sizes[:-1]} would be split off and "
                f"{sizes[-1]} stay; pairs that do not match need two classes everywhere"
            )
        return plan

    def _do_split(self, splits: Sequence[Iterable[int]]) -> list[Self]:
        rows = self._by_class().rows
        parts = super()._do_split([np.concatenate([rows[code] for code in split] or [rows[0][:0]]) for split in splits])
        for part in parts:
            part._found = []
        return parts


class _Classes(NamedTuple):
    """Which files are of which class."""

    source: object  # what holds the labels
    labels: list[Any]
    codes: np.ndarray  # the class of each file, (N,)
    rows: list[np.ndarray]  # the files of each class, ascending


def _find_classes(source: object, labels: np.ndarray) -> _Classes:
    numbers: dict[Any, int] = {}
    try:
        codes = np.array([numbers.setdefault(label, len(numbers)) for label in labels.tolist()], dtype=np.int64)
    except TypeError as err:
        raise ConfigError(
            f"SiameseDirDataset(label_mapping) needs a number or a string for each class, got arrays or lists of shape "
            f"{labels.shape[1:]}"
        ) from err
    by_class = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])
    return _Classes(source, list(numbers), codes, by_class)


def _draw(rows: np.ndarray) -> int:
    return int(rows[random.randrange(len(rows))])


def _draw_other(rows: np.ndarray, row: int) -> int:
    """One of the rows, but not this one."""
    position = random.randrange(len(rows) - 1)
    return int(rows[position + (rows[position] >= row)])


def _draw_class(classes: _Classes, own: int) -> int:
    """One of the classes, but not this one."""
    code = random.randrange(len(classes.rows) - 1)
    return code + (code >= own)
