"""Finding files in folders, and telling whole files from damaged ones."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, cast

import numpy as np

from fastestimator_lite.util.errors import ConfigError

_BLOCK = 1 << 20


def list_files(
    root_dir: str | os.PathLike[str],
    file_extension: str | Iterable[str] | None = None,
    recursive_search: bool = True,
) -> list[str]:
    """Find the files of a folder.

    Args:
        root_dir: The folder to look in.
        file_extension: The end, or ends, that a wanted file name has (".txt", ".tar.gz"; upper and lower case
            differ); None takes every file.
        recursive_search: Whether to look into the folders below as well.

    Returns:
        The paths, each beginning with `root_dir` as it was given, sorted, so that every machine lists the same
        order. Files whose name begins with a dot are left out.

    Raises:
        ConfigError: If `root_dir` is not a folder.
    """
    if not Path(root_dir).is_dir():
        raise ConfigError(f"root_dir must be an existing folder, got {os.fspath(root_dir)!r}")
    if file_extension is None:
        ends: tuple[str, ...] = ("",)
    else:
        ends = (file_extension,) if isinstance(file_extension, str) else tuple(file_extension)
    paths: list[str] = []
    for folder, subfolders, names in os.walk(root_dir):
        wanted = [name for name in names if not name.startswith(".") and name.endswith(ends)]
        # Path("./a") / name would drop the "./" of a root that was given so.
        paths += [os.path.join(folder, name) for name in wanted]  # noqa: PTH118
        if not recursive_search:
            subfolders.clear()
    return sorted(paths)


def is_valid_file(file_path: str | os.PathLike[str]) -> bool:
    """Whether a file is there and whole.

    Archives (zip, npz, tar, gz, bz2, xz) are read to their end, so that a cut or altered one is found; of `.npy` and
    `.mat` the header is checked. Of other formats nothing is known: any file that is not empty will do.

    Args:
        file_path: The file.

    Returns:
        False for a missing, empty or damaged file, and for a folder.
    """
    path = Path(file_path)
    if not path.is_file() or path.stat().st_size == 0:
        return False
    name = path.name.lower()
    for ends, is_whole in _CHECKS:
        if name.endswith(ends):
            try:
                return is_whole(path)
            except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError):
                return False
    return True


def open_decompressed(path: str | os.PathLike[str]) -> IO[bytes]:
    """Open a file to read what was compressed (gz, bz2, xz; told by its first bytes), or the file itself."""
    path = Path(path)
    with path.open("rb") as file:
        head = file.read(6)
    if head.startswith(b"\x1f\x8b"):
        return cast("IO[bytes]", gzip.open(path, "rb"))
    if head.startswith(b"BZh"):
        return cast("IO[bytes]", bz2.open(path, "rb"))
    if head == b"\xfd7zXZ\0":
        return cast("IO[bytes]", lzma.open(path, "rb"))
    return path.open("rb")


def read_to_end(stream: IO[bytes]) -> None:
    """Read what is left and forget it. A compressed stream checks its checksum only at its very end."""
    while stream.read(_BLOCK):
        pass


def _is_whole_zip(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        return archive.testzip() is None


def _is_whole_tar(path: Path) -> bool:
    with open_decompressed(path) as stream, tarfile.open(fileobj=stream, mode="r:") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isreg() else None
            if content is not None:
                read_to_end(content)
        read_to_end(stream)
    return True


def _is_whole_stream(path: Path) -> bool:
    with open_decompressed(path) as stream:
        is_compressed = not isinstance(stream, io.BufferedReader)
        read_to_end(stream)
    return is_compressed


def _is_whole_npy(path: Path) -> bool:
    # A memory map compares the size that the header promises with the size of the file, and reads no values.
    np.load(path, mmap_mode="r", allow_pickle=False)
    return True


def _is_whole_mat(path: Path) -> bool:
    with path.open("rb") as stream:
        header = stream.read(129)
    return len(header) == 129 and header.startswith(b"MATLAB")


# In this order: ".tar.gz" must be met before ".gz".
_CHECKS: tuple[tuple[tuple[str, ...], Callable[[Path], bool]], ...] = (
    ((".zip", ".npz"), _is_whole_zip),
    ((".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz"), _is_whole_tar),
    ((".gz", ".bz2", ".xz"), _is_whole_stream),
    ((".npy",), _is_whole_npy),
    ((".mat",), _is_whole_mat),
)
