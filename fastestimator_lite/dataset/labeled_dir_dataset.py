"""A data set of files whose folders say what they show."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from fastestimator_lite.dataset.columns import to_column
from fastestimator_lite.dataset.dataset import InMemoryDataset
from fastestimator_lite.dataset.dir_dataset import find_files, folders_below
from fastestimator_lite.dataset.summary import DatasetSummary
from fastestimator_lite.util.errors import ConfigError


class LabeledDirDataset(InMemoryDataset):
    """The files of a folder with a folder for each class, sorted by path.

    A class is called after its folder, seen from the root: "dog", "dog/puppy" for a folder in a folder, "" for files of
    the root itself. Files and folders whose name begins with a dot are left out.

    Args:
        root_dir: The folder.
        data_key: Key of the paths, strings that begin with `root_dir` as it was given.
        label_key: Key of the labels.
        label_mapping: The label of each class, by name. None numbers the classes that have files from 0, in the order of
            their names.
        file_extension: The end, or ends, that a wanted file name has (".png"); None takes every file.

    Attributes:
        root_dir: The folder, a string.
        mapping: The label of each class, by name.
        label_key: Key of the labels.

    Raises:
        ConfigError: If there is no such folder, no such file in it, or `label_mapping` lacks a class.
    """

    def __init__(
        self,
        root_dir: str | os.PathLike[str],
        data_key: str = "x",
        label_key: str = "y",
        label_mapping: Mapping[str, Any] | None = None,
        file_extension: str | Iterable[str] | None = None,
    ) -> None:
        owner = type(self).__name__
        if data_key == label_key:
            raise ConfigError(f"{owner}: the paths and the labels need two keys, both are {data_key!r}")
        self.root_dir, self.label_key = os.fspath(root_dir), label_key
        paths = find_files(owner, self.root_dir, file_extension)
        names = ["/".join(folders_below(self.root_dir, path)) for path in paths]
        found = sorted(set(names))
        if label_mapping is None:
            label_mapping = {name: number for number, name in enumerate(found)}
        if not isinstance(label_mapping, Mapping):
            raise ConfigError(
                f"{owner}(label_mapping) must be a dict of labels by class name, got {label_mapping!r:.100}"
            )
        missing = [name for name in found if name not in label_mapping]
        if missing:
            raise ConfigError(
                f"{owner}(label_mapping) has the classes {list(label_mapping)} and lacks {missing}, which have files in "
                f"{self.root_dir!r}"
            )
        self.mapping = dict(label_mapping)
        labels = [self.mapping[name] for name in names]
        self._fill({data_key: to_column(paths, data_key), label_key: to_column(labels, label_key)})

    def summary(self) -> DatasetSummary:
        """Describe the data set: its length, its keys and its classes."""
        plain = super().summary()
        return DatasetSummary(
            plain.num_instances,
            plain.keys,
            num_classes=len(self.mapping),
            class_key_mapping=dict(self.mapping),
            class_key=self.label_key,
        )
