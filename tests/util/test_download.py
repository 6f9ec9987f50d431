import gzip
import hashlib
import io
import os
import stat
import subprocess
import sys
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from fastestimator_lite.util import download as download_module
from fastestimator_lite.util.download import MIRROR_VARIABLE, download, file_name, hash_file, unpack
from fastestimator_lite.util.errors import ConfigError, DownloadError

ROOT = Path(download_module.__file__).parents[2]
CONTENT = bytes(range(256)) * 1000
SHA = hashlib.sha256(CONTENT).hexdigest()


class _Server:
    """A web server on this machine; `routes` says how each path is answered, `asked` what came."""

    def __init__(self):
        self.routes = {}
        self.asked = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.asked.append((self.path, self.headers.get("Range")))
                self.close_connection = True
                outer.routes[self.path](self)

            def log_message(self, *args):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv(MIRROR_VARIABLE, raising=False)
    server = _Server()
    yield server
    server.http.shutdown()
    server.http.server_close()


def answer(body=CONTENT, status=200, length=None, **headers):
    """Answer with `body`; a `length` above that of the body makes a connection that ends too early."""

    def handle(handler):
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return handle


def in_turn(*answers):
    rest = list(answers)
    return lambda handler: rest.pop(0)(handler)


def get(server, folder, path="/data.bin", sha256=SHA, **arguments):
    return download(server.url + path, folder / "data.bin", sha256, wait=0, timeout=5, **arguments)


def test_a_file_is_brought_whole_and_alone(server, tmp_path):
    server.routes["/data.bin"] = answer()
    path = get(server, tmp_path / "new" / "folder")
    assert path == tmp_path / "new" / "folder" / "data.bin"
    assert path.read_bytes() == CONTENT
    assert [file.name for file in path.parent.iterdir()] == ["data.bin"]


def test_the_hash_may_be_in_capitals(server, tmp_path):
    server.routes["/data.bin"] = answer()
    assert get(server, tmp_path, sha256=SHA.upper()).read_bytes() == CONTENT
    get(server, tmp_path, sha256=SHA.upper())
    assert len(server.asked) == 1


def test_a_right_file_is_not_asked_for_again(server, tmp_path):
    (tmp_path / "data.bin").write_bytes(CONTENT)
    get(server, tmp_path)
    assert server.asked == []


def test_a_damaged_file_is_replaced(server, tmp_path):
    server.routes["/data.bin"] = answer()
    (tmp_path / "data.bin").write_bytes(CONTENT[:-1])
    assert get(server, tmp_path).read_bytes() == CONTENT


def test_without_a_hash_any_file_of_that_name_will_do(server, tmp_path):
    (tmp_path / "data.bin").write_bytes(b"old")
    assert get(server, tmp_path, sha256=None).read_bytes() == b"old"
    assert server.asked == []


def _nothing_was_left(folder):
    return list(folder.iterdir()) == []


def test_wrong_bytes_are_refused_with_both_hashes(server, tmp_path):
    server.routes["/data.bin"] = answer(b"something else")
    with pytest.raises(DownloadError) as caught:
        get(server, tmp_path)
    text = str(caught.value)
    assert server.url + "/data.bin" in text
    assert SHA in text
    assert hashlib.sha256(b"something else").hexdigest() in text
    assert len(server.asked) == 1
    assert _nothing_was_left(tmp_path)


def test_wrong_bytes_do_not_replace_the_file_that_is_there(server, tmp_path):
    server.routes["/data.bin"] = answer(b"something else")
    (tmp_path / "data.bin").write_bytes(b"old")
    with pytest.raises(DownloadError):
        get(server, tmp_path)
    assert (tmp_path / "data.bin").read_bytes() == b"old"


def test_a_cut_transfer_is_tried_again_and_given_up(server, tmp_path):
    server.routes["/data.bin"] = answer(CONTENT[:5000], length=len(CONTENT))
    with pytest.raises(DownloadError, match=f"5000 of {len(CONTENT)} bytes.*tried 3 times"):
        get(server, tmp_path, retries=2)
    assert len(server.asked) == 3
    assert _nothing_was_left(tmp_path)


def test_a_cut_transfer_is_noticed_without_a_hash(server, tmp_path):
    server.routes["/data.bin"] = answer(CONTENT[:5000], length=len(CONTENT))
    with pytest.raises(DownloadError, match="5000 of"):
        get(server, tmp_path, sha256=None, retries=0)
    assert _nothing_was_left(tmp_path)


def test_a_cut_transfer_goes_on_where_it_stopped(server, tmp_path):
    rest = answer(CONTENT[200000:], status=206, Content_Range=f"bytes 200000-{len(CONTENT) - 1}/{len(CONTENT)}")
    server.routes["/data.bin"] = in_turn(answer(CONTENT[:200000], length=len(CONTENT), ETag='"1"'), rest)
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert server.asked == [("/data.bin", None), ("/data.bin", "bytes=200000-")]


def test_a_file_that_changed_meanwhile_is_brought_from_the_start(server, tmp_path):
    cut = answer(b"old version", length=999, ETag='"1"')
    server.routes["/data.bin"] = in_turn(cut, answer(CONTENT, ETag='"2"'))
    assert get(server, tmp_path).read_bytes() == CONTENT


def test_pieces_that_do_not_fit_are_brought_again_in_one(server, tmp_path):
    rest = answer(CONTENT[11:], status=206, Content_Range=f"bytes 11-{len(CONTENT) - 1}/{len(CONTENT)}")
    server.routes["/data.bin"] = in_turn(answer(b"old version", length=999, ETag='"1"'), rest, answer())
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert [asked[1] for asked in server.asked] == [None, "bytes=11-", None]


def test_a_part_that_was_not_asked_for_is_not_used(server, tmp_path):
    wrong = answer(CONTENT[7:], status=206, Content_Range=f"bytes 7-{len(CONTENT) - 1}/{len(CONTENT)}")
    server.routes["/data.bin"] = in_turn(answer(CONTENT[:11], length=999, ETag='"1"'), wrong, answer())
    assert get(server, tmp_path, sha256=None).read_bytes() == CONTENT


def test_without_a_strong_name_for_the_version_nothing_is_joined(server, tmp_path):
    server.routes["/data.bin"] = in_turn(answer(CONTENT[:9], length=999, ETag='W/"1"'), answer())
    assert get(server, tmp_path, sha256=None).read_bytes() == CONTENT
    assert server.asked[1] == ("/data.bin", None)


def test_a_busy_server_is_asked_again(server, tmp_path):
    server.routes["/data.bin"] = in_turn(answer(b"", status=503), answer(b"", status=500), answer())
    assert get(server, tmp_path).read_bytes() == CONTENT


def test_a_broken_server_is_given_up_by_name(server, tmp_path):
    server.routes["/data.bin"] = answer(b"", status=500)
    with pytest.raises(DownloadError, match=r"/data.bin: 500 .*tried 4 times.*FASTESTIMATOR_LITE_MIRROR"):
        get(server, tmp_path)
    assert _nothing_was_left(tmp_path)


def test_a_missing_file_is_not_asked_for_again(server, tmp_path):
    server.routes["/data.bin"] = answer(b"no", status=404)
    with pytest.raises(DownloadError, match=r"/data.bin: the server answered 404 Not Found"):
        get(server, tmp_path)
    assert len(server.asked) == 1
    assert _nothing_was_left(tmp_path)


@pytest.mark.parametrize("sha256", [SHA, None])
def test_a_page_instead_of_the_file_is_called_so(sha256, server, tmp_path):
    server.routes["/data.bin"] = answer(b"<html>Please log in</html>", Content_Type="text/html; charset=utf-8")
    with pytest.raises(DownloadError, match="HTML page instead of the file"):
        get(server, tmp_path, sha256=sha256)
    assert _nothing_was_left(tmp_path)


def test_a_page_that_does_not_say_so_is_seen_in_its_bytes(server, tmp_path):
    server.routes["/data.bin"] = answer(b"\n<!DOCTYPE html>", Content_Type="application/octet-stream")
    with pytest.raises(DownloadError, match="looks like an HTML page"):
        get(server, tmp_path)


def test_a_server_that_says_nothing_is_given_up(server, tmp_path):
    done = threading.Event()
    server.routes["/data.bin"] = lambda handler: done.wait(10)
    with pytest.raises(DownloadError, match="timed out"):
        download(server.url + "/data.bin", tmp_path / "data.bin", timeout=0.1, retries=1, wait=0)
    done.set()
    assert _nothing_was_left(tmp_path)


def test_a_refused_connection_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(DownloadError, match=r"127.0.0.1:9/data.bin.*refused"):
        download("http://127.0.0.1:9/data.bin", tmp_path / "data.bin", retries=0)


def test_a_redirect_is_followed(server, tmp_path):
    server.routes["/old"] = answer(b"", status=302, Location="/data.bin")
    server.routes["/data.bin"] = answer()
    assert get(server, tmp_path, path="/old").read_bytes() == CONTENT


@pytest.mark.parametrize("scheme", ["file://", "ftp://", "data:,"])
def test_a_redirect_away_from_http_is_refused(scheme, server, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(CONTENT)
    server.routes["/data.bin"] = answer(b"", status=302, Location=f"{scheme}{secret}")
    with pytest.raises(DownloadError, match="not allowed"):
        get(server, tmp_path / "out")
    assert _nothing_was_left(tmp_path / "out")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host/file", "data.bin", "http:///data.bin", ""])
def test_only_http_addresses_are_taken(url, tmp_path):
    with pytest.raises(ConfigError, match="http"):
        download(url, tmp_path / "data.bin")


def test_a_hash_that_is_none_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="64 hexadecimal digits, got 'abc'"):
        download("http://127.0.0.1/data.bin", tmp_path / "data.bin", "abc")


@pytest.mark.parametrize("end", ["", "/"])
def test_a_mirror_takes_the_place_of_host_and_folder(end, server, tmp_path, monkeypatch):
    server.routes["/mirror/data.bin"] = answer()
    monkeypatch.setenv(MIRROR_VARIABLE, f"{server.url}/mirror{end}")
    path = download("https://example.org/a/b/data.bin", tmp_path / "x.bin", SHA, retries=0)
    assert path.read_bytes() == CONTENT


def test_a_mirror_must_be_http_too(tmp_path, monkeypatch):
    monkeypatch.setenv(MIRROR_VARIABLE, "file:///tmp")
    with pytest.raises(ConfigError, match=r"FASTESTIMATOR_LITE_MIRROR.*file:///tmp"):
        download("https://example.org/data.bin", tmp_path / "x.bin")


def test_a_full_disk_is_not_tried_again(server, tmp_path, monkeypatch):
    server.routes["/data.bin"] = answer()

    def full(transfer):
        raise OSError(28, "No space left on device")

    tried = []
    monkeypatch.setattr(download_module._Transfer, "_receive", lambda self: tried.append(1) or full(self))
    with pytest.raises(DownloadError, match="No space left"):
        get(server, tmp_path)
    assert len(tried) == 1
    assert _nothing_was_left(tmp_path)


def test_two_at_once_both_get_the_file(server, tmp_path):
    server.routes["/data.bin"] = answer()
    results = []
    threads = [threading.Thread(target=lambda: results.append(get(server, tmp_path).read_bytes())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [CONTENT] * 4
    assert [file.name for file in tmp_path.iterdir()] == ["data.bin"]


def test_a_killed_download_leaves_no_file_under_the_name(server, tmp_path):
    half_sent, released = threading.Event(), threading.Event()

    def send_half(handler):
        answer(CONTENT[: len(CONTENT) // 2], length=len(CONTENT))(handler)
        half_sent.set()
        released.wait(30)

    server.routes["/data.bin"] = in_turn(send_half, answer())
    code = f"from fastestimator_lite.util.download import download; download({server.url + '/data.bin'!r}, 'data.bin')"
    child = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert half_sent.wait(30)
    child.kill()
    child.wait()
    released.set()
    assert not (tmp_path / "data.bin").exists()
    assert get(server, tmp_path).read_bytes() == CONTENT


def test_nothing_is_drawn_in_a_pipe(server, tmp_path, capfd):
    server.routes["/data.bin"] = answer()
    get(server, tmp_path)
    assert capfd.readouterr() == ("", "")


def test_file_name_is_the_last_part_of_the_path():
    assert file_name("https://a.org/b/my%20file.zip?download=1") == "my file.zip"
    for url in ("https://a.org/b/", "https://a.org/..", "https://a.org/%2Fetc"):
        with pytest.raises(ConfigError, match="file name"):
            file_name(url)


def test_hash_file(tmp_path):
    (tmp_path / "a").write_bytes(CONTENT)
    assert hash_file(tmp_path / "a") == SHA


# ------------------------------------------------------------------------------------------------------------ archives
def _make_tar(path, members, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for member, content in members:
            if isinstance(member, str):
                member = tarfile.TarInfo(member)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def _make_zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def _tree(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


GOOD = [("top/a.txt", b"a"), ("top/deep/b.bin", CONTENT), ("./c", b"")]
UNPACKED = {"top/a.txt": b"a", "top/deep/b.bin": CONTENT, "c": b""}


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_is_unpacked_whatever_it_is_called(mode, tmp_path):
    archive = _make_tar(tmp_path / "archive.dat", GOOD, mode)
    assert unpack(archive, tmp_path / "out") == tmp_path / "out"
    assert _tree(tmp_path / "out") == UNPACKED
    assert {path.name for path in tmp_path.iterdir()} == {"archive.dat", "out"}


def test_a_zip_is_unpacked(tmp_path):
    unpack(_make_zip(tmp_path / "a.zip", [*GOOD, ("empty/", b"")]), tmp_path / "out")
    assert _tree(tmp_path / "out") == UNPACKED
    assert (tmp_path / "out" / "empty").is_dir()


def test_a_single_gzipped_file_is_unpacked(tmp_path):
    (tmp_path / "labels.idx.gz").write_bytes(gzip.compress(CONTENT))
    unpack(tmp_path / "labels.idx.gz", tmp_path / "out")
    assert _tree(tmp_path / "out") == {"labels.idx": CONTENT}


def test_a_tar_that_ends_in_a_zip_is_still_a_tar(tmp_path):
    inner = _make_zip(tmp_path / "inner.zip", [("x", b"x")]).read_bytes()
    unpack(_make_tar(tmp_path / "a.tar", [("inner.zip", inner)], "w"), tmp_path / "out")
    assert _tree(tmp_path / "out") == {"inner.zip": inner}


def test_a_folder_that_is_there_is_replaced(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").write_text("old")
    unpack(_make_zip(tmp_path / "a.zip", [("new", b"new")]), tmp_path / "out")
    assert _tree(tmp_path / "out") == {"new": b"new"}


def _link(name, kind, target):
    member = tarfile.TarInfo(name)
    member.type = kind
    member.linkname = target
    return member


HOSTILE_NAMES = ["../evil", "a/../../evil", "/evil", "//evil", "..", "a\\..\\..\\evil", "C:evil", "C:/evil"]
HOSTILE_MEMBERS = {
    "symlink": _link("link", tarfile.SYMTYPE, "/etc"),
    "hardlink": _link("link", tarfile.LNKTYPE, "../secret"),
    "character device": _link("device", tarfile.CHRTYPE, ""),
    "block device": _link("device", tarfile.BLKTYPE, ""),
    "pipe": _link("pipe", tarfile.FIFOTYPE, ""),
}


def _check_refused(archive, folder, match):
    """Nothing but the archive is in `folder` before and after."""
    with pytest.raises(DownloadError, match=match):
        unpack(archive, folder / "down" / "out")
    assert {path.name for path in folder.iterdir()} == {archive.name, "down"}
    assert list((folder / "down").iterdir()) == []


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_tar_member_cannot_leave_the_folder(name, tmp_path):
    archive = _make_tar(tmp_path / "a.tar", [("fine", b"a"), (name, b"evil")], "w")
    _check_refused(archive, tmp_path, "not safe to unpack: member")


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_zip_member_cannot_leave_the_folder(name, tmp_path):
    archive = _make_zip(tmp_path / "a.zip", [("fine", b"a"), (name, b"evil")])
    _check_refused(archive, tmp_path, "not safe to unpack: member")


@pytest.mark.parametrize("kind", HOSTILE_MEMBERS)
def test_tar_links_and_devices_are_refused(kind, tmp_path):
    archive = _make_tar(tmp_path / "a.tar", [("fine", b"a"), (HOSTILE_MEMBERS[kind], b"")], "w")
    _check_refused(archive, tmp_path, "is a link or a device")


def test_zip_links_are_refused(tmp_path):
    info = zipfile.ZipInfo("link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    _check_refused(_make_zip(tmp_path / "a.zip", [(info, "/etc/passwd")]), tmp_path, "'link' is a link or a device")


def test_a_name_that_comes_twice_is_refused(tmp_path):
    _check_refused(_make_tar(tmp_path / "a.tar", [("a", b"1"), ("./a", b"2")]), tmp_path, "comes twice")


def test_a_file_used_as_a_folder_is_refused(tmp_path):
    _check_refused(_make_tar(tmp_path / "a.tar", [("a", b"1"), ("a/b", b"2")]), tmp_path, "cannot be unpacked")


@pytest.mark.parametrize("make", [_make_tar, _make_zip])
def test_an_archive_that_would_fill_the_disk_is_refused(make, tmp_path):
    archive = make(tmp_path / "a", [("zeros", bytes(80 << 20))])
    _check_refused(archive, tmp_path, "unpacked size above")
    assert (unpack(archive, tmp_path / "out", max_bytes=80 << 20) / "zeros").stat().st_size == 80 << 20


@pytest.mark.parametrize("make", [_make_tar, _make_zip])
def test_a_cut_archive_is_refused(make, tmp_path):
    archive = make(tmp_path / "a", GOOD)
    archive.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    _check_refused(archive, tmp_path, "cannot be unpacked|not a whole zip, tar or gz")


def test_an_altered_zip_is_refused(tmp_path):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as file:
        file.writestr("a", CONTENT)
    content = bytearray(archive.read_bytes())
    content[1000] ^= 0xFF
    archive.write_bytes(content)
    _check_refused(archive, tmp_path, "CRC")


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz"])
def test_an_altered_compressed_tar_is_refused(mode, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, 5000, dtype=np.uint8).tobytes()
    archive = _make_tar(tmp_path / "a.tar", [("a", noise)], mode)
    content = bytearray(archive.read_bytes())
    content[2000] ^= 0xFF
    archive.write_bytes(content)
    _check_refused(archive, tmp_path, "cannot be unpacked|not a whole zip, tar or gz")


def test_what_is_no_archive_is_refused(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"<html>")
    _check_refused(tmp_path / "a.zip", tmp_path, "not a whole zip, tar or gz file; it begins with b'<htm'")


def test_a_failed_replacement_keeps_the_old_folder(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").write_bytes(b"old")
    with pytest.raises(DownloadError):
        unpack(_make_tar(tmp_path / "a.tar", [("../evil", b"")]), tmp_path / "out")
    assert _tree(tmp_path / "out") == {"old": b"old"}
