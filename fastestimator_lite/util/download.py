"""Bringing files from the web: checked, whole or not at all, and archives opened without trusting what they say.

Built on the standard library instead of pooch: pooch cannot go on where a broken transfer stopped, cannot tell a
resumed answer from a new one, unpacks what a server compressed on the way (which changes the bytes that are
checked), and would be one more package to install before the first tutorial runs.
"""

from __future__ import annotations

import errno
import hashlib
import http.client
import lzma
import os
import re
import secrets
import shutil
import stat
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote, urlsplit

from tqdm import tqdm

from fastestimator_lite.util.errors import ConfigError, DownloadError
from fastestimator_lite.util.files import open_decompressed, read_to_end

MIRROR_VARIABLE = "FASTESTIMATOR_LITE_MIRROR"
_BLOCK = 1 << 16
_PASSING_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
_DISK_TROUBLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG})


def download(
    url: str,
    path: str | os.PathLike[str],
    sha256: str | None = None,
    *,
    retries: int = 3,
    timeout: float = 30.0,
    wait: float = 1.0,
    progress: bool = True,
) -> Path:
    """Bring a file from the web, unless it is there already.

    The bytes go to a temporary name beside `path` and get the final name only when they are complete and their hash
    is right. A transfer that breaks is continued where it stopped, if the server can do that. If the environment
    variable ``FASTESTIMATOR_LITE_MIRROR`` holds a base address, the file is asked for at ``<base>/<file name>``
    instead of `url`.

    Args:
        url: An http or https address.
        path: The file to write; folders above it are made.
        sha256: The expected SHA-256, 64 hexadecimal digits. None accepts any bytes, and any file that already has
            the name.
        retries: How often to try again after a passing trouble: a broken or refused connection, a busy server.
        timeout: Seconds without a byte after which a connection counts as broken.
        wait: Seconds before the first retry; doubled for each further one.
        progress: Whether to draw a bar on stderr (only if that is a terminal).

    Returns:
        `path`.

    Raises:
        ConfigError: If `url` or the mirror is not an http(s) address, or `sha256` is not a SHA-256.
        DownloadError: If the file cannot be had, or is not the one expected. Nothing is left under `path` that was not
            there before.
    """
    address = _address(url)
    if sha256 is not None and not re.fullmatch("[0-9a-fA-F]{64}", sha256):
        raise ConfigError(f"sha256 must be 64 hexadecimal digits, got {sha256!r}")
    target = Path(path)
    if target.is_file() and (sha256 is None or hash_file(target) == sha256.lower()):
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    # A name of its own, so that two processes that want the same file do not write into one another's.
    part = target.with_name(f".{target.name}.{secrets.token_hex(6)}.part")
    try:
        with part.open("w+b") as file, _bar(target.name, progress) as bar:
            _Transfer(address, file, timeout, bar).run(sha256, retries, wait)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target


def hash_file(path: str | os.PathLike[str]) -> str:
    """The SHA-256 of a file, 64 lower case hexadecimal digits."""
    with Path(path).open("rb") as file:
        return _hash_stream(file)


class _Transfer:
    """One file on its way from `address` into an open file, over as many connections as it takes."""

    def __init__(self, address: str, file: IO[bytes], timeout: float, bar: tqdm[Any]) -> None:
        self.address = address
        self.file = file
        self.timeout = timeout
        self.bar = bar
        self.validator: str | None = None  # what the server calls this version of the file
        self.resumed = False
        self.opener = _http_opener()

    def run(self, sha256: str | None, retries: int, wait: float) -> None:
        trouble: Exception | None = None
        for attempt in range(retries + 1):
            if attempt:
                time.sleep(wait * 2 ** (attempt - 1))
            try:
                self._receive()
            except (http.client.HTTPException, OSError) as err:
                self._raise_if_lasting(err)
                trouble = err
                continue
            if sha256 is None:
                return
            self.file.seek(0)
            got = _hash_stream(self.file)
            if got == sha256.lower():
                return
            trouble = self._wrong_hash(sha256.lower(), got)
            if not self.resumed:
                raise trouble
            # Joined from pieces: perhaps of two versions. Once more in one piece.
            self.validator = None
        if isinstance(trouble, DownloadError):
            raise trouble
        raise DownloadError(
            f"could not download {self.address}: {_reason(trouble)} (tried {retries + 1} times). Check the connection, "
            f"or set {MIRROR_VARIABLE} to the base address of a mirror"
        ) from trouble

    def _receive(self) -> None:
        """Receive the rest of the file, or all of it when there is no rest to be had."""
        headers = {"User-Agent": "fastestimator-lite", "Accept-Encoding": "identity"}
        have = self.file.seek(0, os.SEEK_END)
        if have and self.validator:
            headers |= {"Range": f"bytes={have}-", "If-Range": self.validator}
        request = urllib.request.Request(self.address, headers=headers)
        with self.opener.open(request, timeout=self.timeout) as response:
            self.resumed = response.status == http.client.PARTIAL_CONTENT
            if self.resumed and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
                self.validator = None
                raise http.client.HTTPException("the server sent another part of the file than the one asked for")
            if not self.resumed:
                have = 0
                self.file.seek(0)
                self.file.truncate()
            self._refuse_page(response.headers.get("Content-Type", ""), response.url)
            self.validator = _strong_validator(response.headers)
            length = response.headers.get("Content-Length")
            size = have + int(length) if length is not None and length.isdigit() else None
            self.bar.total, self.bar.n = size, have
            self.bar.refresh()
            while block := response.read(_BLOCK):
                self.file.write(block)
                have += len(block)
                self.bar.update(len(block))
        if size is not None and have != size:
            raise http.client.HTTPException(f"the connection ended after {have} of {size} bytes")

    def _refuse_page(self, content_type: str, url: str) -> None:
        if content_type.startswith("text/html") and not urlsplit(url).path.lower().endswith((".html", ".htm")):
            raise DownloadError(
                f"{self.address} answered with an HTML page instead of the file (a login, consent or error page?); "
                f"open the address in a browser, or set {MIRROR_VARIABLE} to the base address of a mirror"
            )

    def _raise_if_lasting(self, err: Exception) -> None:
        """Stop on what trying again cannot mend."""
        if isinstance(err, DownloadError):
            raise err
        if isinstance(err, urllib.error.HTTPError):
            err.close()
            if err.code not in _PASSING_STATUS:
                raise DownloadError(f"could not download {self.address}: the server answered {_reason(err)}") from err
        elif isinstance(err, OSError) and err.errno in _DISK_TROUBLE:
            raise DownloadError(f"could not save {self.address}: {err}") from err

    def _wrong_hash(self, expected: str, got: str) -> DownloadError:
        size = self.file.seek(0, os.SEEK_END)
        self.file.seek(0)
        page = "; it looks like an HTML page" if self.file.read(256).lstrip().startswith(b"<") else ""
        return DownloadError(
            f"{self.address}: what came is not the file expected: SHA-256 expected {expected}, got {got} ({size} bytes)"
            f"{page}. Nothing was kept; try another network, or another mirror"
        )


def _address(url: str) -> str:
    """The address to ask: `url`, or its file name under the mirror."""
    _check_http(url, "url")
    mirror = os.environ.get(MIRROR_VARIABLE, "").strip()
    if not mirror:
        return url
    _check_http(mirror, f"the environment variable {MIRROR_VARIABLE}")
    return f"{mirror.rstrip('/')}/{urlsplit(url).path.rsplit('/', 1)[-1]}"


def file_name(url: str) -> str:
    """The last part of the path of an address, which is what its file is called.

    Raises:
        ConfigError: If the address ends in no usable name.
    """
    name = unquote(urlsplit(url).path.rsplit("/", 1)[-1])
    if name in {"", ".", ".."} or "/" in name or "\\" in name:
        raise ConfigError(f"url={url!r} does not end in a file name")
    return name


def _check_http(url: str, what: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise ConfigError(f"{what} must be an http:// or https:// address, got {url!r}")


class _HttpRedirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect to http(s) alone; the parent would also follow one to ftp."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if urlsplit(newurl).scheme not in {"http", "https"}:
            raise urllib.error.HTTPError(newurl, code, f"{msg} - redirect to {newurl!r} is not allowed", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _http_opener() -> urllib.request.OpenerDirector:
    """An opener that has no handler for file:, ftp: or data: addresses at all."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        _HttpRedirects(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


def _strong_validator(headers: Any) -> str | None:
    """What names these exact bytes, to be sent as If-Range (RFC 9110, 13.1.5): a weak ETag does not."""
    if headers.get("Accept-Ranges", "").lower() == "none":
        return None
    etag = headers.get("ETag")
    if etag:
        return None if etag.startswith("W/") else str(etag)
    modified = headers.get("Last-Modified")
    return str(modified) if modified else None


def _reason(err: Exception | None) -> str:
    if isinstance(err, urllib.error.HTTPError):
        return f"{err.code} {err.reason}"
    if isinstance(err, urllib.error.URLError):
        return str(err.reason)
    return str(err) or type(err).__name__


def _hash_stream(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while block := file.read(_BLOCK * 16):
        digest.update(block)
    return digest.hexdigest()


def _bar(name: str, progress: bool) -> tqdm[Any]:
    # disable=None: drawn on a terminal, silent in a pipe.
    return tqdm(desc=name, unit="B", unit_scale=True, unit_divisor=1024, disable=None if progress else True)


def unpack(archive: str | os.PathLike[str], directory: str | os.PathLike[str], *, max_bytes: int | None = None) -> Path:
    """Unpack a zip, a tar (plain or compressed) or a single gzipped file.

    Everything is written into a temporary folder first, which then takes the place of `directory` in one step: a
    folder of that name is always a complete one. Only folders and ordinary files are accepted as members.

    Args:
        archive: The file to unpack; its kind is read from its first bytes, not from its name.
        directory: The folder to make. One that exists is replaced.
        max_bytes: The most that the members may hold together; None allows 64 MiB plus 100 times the size of the
            archive, which no archive of data comes near and an archive made to fill the disk exceeds.

    Returns:
        `directory`.

    Raises:
        DownloadError: If the archive is damaged or of no known kind, is larger than allowed, or has a member with an
            absolute path, "..", a link, a device or a name that is already taken. Nothing is written outside the
            temporary folder then.
    """
    source, target = Path(archive), Path(directory)
    limit = 100 * source.stat().st_size + (64 << 20) if max_bytes is None else max_bytes
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
    try:
        fresh = scratch / "new"
        fresh.mkdir()
        try:
            _unpack_into(source, _Room(source, fresh, limit))
        except DownloadError:
            raise
        except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError) as err:
            raise DownloadError(f"{source} cannot be unpacked: {_reason(err)}") from err
        if target.exists():
            target.rename(scratch / "old")
        fresh.rename(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return target


class _Room:
    """The folder that members are written into, with what is left of the allowed size."""

    def __init__(self, source: Path, folder: Path, limit: int) -> None:
        self.source = source
        self.folder = folder
        self.limit = limit
        self.left = limit

    def refuse(self, name: str, why: str) -> DownloadError:
        return DownloadError(f"{self.source} is not safe to unpack: member {name!r} {why}")

    def place(self, name: str) -> Path:
        """Where a member goes; checked by its parts, not by what a path library makes of a hostile name."""
        if "\\" in name or "\0" in name or re.match("[A-Za-z]:", name):
            raise self.refuse(name, "has a name with a backslash, a null or a drive letter")
        if name.startswith("/"):
            raise self.refuse(name, "has an absolute path")
        parts = [part for part in name.split("/") if part not in {"", "."}]
        if ".." in parts:
            raise self.refuse(name, "leads out of the folder")
        return self.folder.joinpath(*parts)

    def make_folder(self, name: str) -> None:
        self.place(name).mkdir(parents=True, exist_ok=True)

    def write(self, name: str, content: IO[bytes]) -> None:
        path = self.place(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            file = path.open("xb")  # x: no member may overwrite another, also where case does not count
        except FileExistsError as err:
            raise self.refuse(name, "comes twice") from err
        with file:
            while block := content.read(_BLOCK):
                self.left -= len(block)
                if self.left < 0:
                    raise self.refuse(name, f"brings the unpacked size above {self.limit} bytes; see max_bytes")
                file.write(block)


def _unpack_into(source: Path, room: _Room) -> None:
    with source.open("rb") as file:
        head = file.read(4)
    # Not zipfile.is_zipfile: it also says yes to a tar whose last member is a zip.
    if head in {b"PK\x03\x04", b"PK\x05\x06"}:
        _unpack_zip(source, room)
    elif tarfile.is_tarfile(source):
        _unpack_tar(source, room)
    elif head.startswith(b"\x1f\x8b"):
        name = source.name[: -len(".gz")] if source.name.lower().endswith(".gz") else source.name
        with open_decompressed(source) as stream:
            room.write(name, stream)
    else:
        raise DownloadError(f"{source} is not a whole zip, tar or gz file; it begins with {head!r}")


def _unpack_zip(source: Path, room: _Room) -> None:
    with zipfile.ZipFile(source) as archive:
        for member in archive.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
                raise room.refuse(member.filename, "is a link or a device")
            if member.flag_bits & 1:
                raise room.refuse(member.filename, "is encrypted")
            if member.is_dir():
                room.make_folder(member.filename)
            else:
                with archive.open(member) as stream:
                    room.write(member.filename, stream)


def _unpack_tar(source: Path, room: _Room) -> None:
    with open_decompressed(source) as whole, tarfile.open(fileobj=whole, mode="r:") as archive:
        for member in archive:
            if member.isdir():
                room.make_folder(member.name)
                continue
            stream = archive.extractfile(member) if member.isreg() else None
            if stream is None:
                raise room.refuse(member.name, "is a link or a device")
            room.write(member.name, stream)
        read_to_end(whole)
