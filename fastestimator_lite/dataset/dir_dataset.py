"""A data set of the files of a folder."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from fastestimator_lite.dataset.columns import to_column
from fastestimator_lite.dataset.dataset import InMemoryDataset
from fastestimator_lite.util.errors import ConfigError
from fastestimator_lite.util.files import list_files

_SHOWN = 5


class DirDataset(InMemoryDataset):
    """The paths of the files of a folder, one per sample, sorted.

    Args:
        root_dir: The folder.
        data_key: Key of the paths, strings that begin with `root_dir` as it was given.
        file_extension: The end, or ends, that a wanted file name has (".png"); None takes every file.
        recursive_search: Whether to look into the folders below as well. Files and folders whose name begins with a dot
            are left out.

    Attributes:
        root_dir: The folder, a string.

    Raises:
        ConfigError: If there is no such folder, or no such file in it.
    """

    def __init__(
        self,
        root_dir: str | os.PathLike[str],
        data_key: str = "x",
        file_extension: str | Iterable[str] | None = None,
        recursive_search: bool = True,
    ) -> None:
        self.root_dir = os.fspath(root_dir)
        paths = find_files("DirDataset", self.root_dir, file_extension, recursive_search)
        self._fill({data_key: to_column(paths, data_key)})


def find_files(
    owner: str, root_dir: str, file_extension: str | Iterable[str] | None, recursive_search: bool = True
) -> list[str]:
    """Find the files of a data set.

    Args:
        owner: Name of the data set.
        root_dir, file_extension, recursive_search: As for `DirDataset`.

    Returns:
        Their paths, sorted.

    Raises:
        ConfigError: If there is no such folder, or no such file in it.
    """
    if file_extension is not None and not isinstance(file_extension, str):
        file_extension = tuple(file_extension)
    found = list_files(root_dir, file_extension, recursive_search)
    paths = [path for path in found if not any(part.startswith(".") for part in folders_below(root_dir, path))]
    if not paths:
        there = sorted(path.name for path in Path(root_dir).iterdir())
        shown = ", ".join(map(repr, there[:_SHOWN])) + (", ..." if len(there) > _SHOWN else "")
        kind = "" if file_extension is None else f" whose name ends with {file_extension!r}"
        raise ConfigError(f"{owner}: no file{kind} is in root_dir {root_dir!r}; there is: {shown or 'nothing'}")
    return paths


def folders_below(root_dir: str, path: str) -> tuple[str, ...]:
    """The folders between a root and a file below it."""
    return Path(path).relative_to(root_dir).parent.parts
