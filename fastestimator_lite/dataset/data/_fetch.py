"""The steps that the data sets of this folder share: where they live on disk, and bringing them there once."""

from __future__ import annotations

import os
from pathlib import Path

from fastestimator_lite.util.download import download, file_name, unpack


def dataset_dir(root_dir: str | os.PathLike[str] | None, name: str) -> Path:
    """The folder of a data set: ``root_dir/name``, or ``~/fastestimator_data/name`` if `root_dir` is None."""
    root = Path.home() / "fastestimator_data" if root_dir is None else Path(root_dir).expanduser()
    return root / name


def fetch_file(url: str, sha256: str, folder: Path) -> Path:
    """Bring one file into a folder. A file that is there is checked, and brought again if it is damaged.

    Raises:
        DownloadError: If it cannot be had, or is not the one expected.
    """
    return download(url, folder / file_name(url), sha256)


def fetch_archive(url: str, sha256: str, folder: Path, name: str) -> Path:
    """Bring an archive and unpack it into ``folder/name``, unless that is there already.

    An unpacked folder is always complete (it gets its name last), so it is not looked into again; the archive is
    deleted.

    Raises:
        DownloadError: If it cannot be had, is not the one expected, or cannot be unpacked safely.
    """
    unpacked = folder / name
    if not unpacked.is_dir():
        archive = fetch_file(url, sha256, folder)
        unpack(archive, unpacked)
        archive.unlink(missing_ok=True)  # missing: another process has just done the same
    return unpacked
