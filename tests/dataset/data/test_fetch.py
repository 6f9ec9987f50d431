import hashlib
import zipfile
from pathlib import Path

import pytest

from fastestimator_lite.dataset.data._fetch import dataset_dir, fetch_archive, fetch_file
from fastestimator_lite.util.errors import DownloadError


def test_a_data_set_lives_at_home_or_where_it_is_told_to(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert dataset_dir(None, "mnist") == tmp_path / "fastestimator_data" / "mnist"
    assert dataset_dir("/data", "mnist") == Path("/data/mnist")
    assert dataset_dir("~/data", "mnist") == tmp_path / "data" / "mnist"


def test_a_damaged_file_is_brought_again(mirror, tmp_path):
    (mirror.folder / "a.bin").write_bytes(b"right")
    sha256 = hashlib.sha256(b"right").hexdigest()
    path = fetch_file("https://example.org/x/a.bin", sha256, tmp_path / "set")
    path.write_bytes(b"wrong")
    assert fetch_file("https://example.org/x/a.bin", sha256, tmp_path / "set").read_bytes() == b"right"
    assert mirror.asked == ["/a.bin", "/a.bin"]


def test_an_archive_is_unpacked_and_deleted(mirror, tmp_path):
    with zipfile.ZipFile(mirror.folder / "a.zip", "w") as archive:
        archive.writestr("in/b.txt", "b")
    sha256 = hashlib.sha256((mirror.folder / "a.zip").read_bytes()).hexdigest()
    for _ in range(2):
        folder = fetch_archive("https://example.org/a.zip", sha256, tmp_path / "set", "images")
        assert (folder / "in" / "b.txt").read_text() == "b"
    assert [path.name for path in (tmp_path / "set").iterdir()] == ["images"]
    assert mirror.asked == ["/a.zip"]


def test_a_missing_archive_leaves_nothing(mirror, tmp_path):
    with pytest.raises(DownloadError, match="404"):
        fetch_archive("https://example.org/a.zip", "0" * 64, tmp_path / "set", "images")
    assert list((tmp_path / "set").iterdir()) == []
