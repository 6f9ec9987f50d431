import gzip
import io
import os
import tarfile
import zipfile

import numpy as np
import pytest

from fastestimator_lite.util.errors import ConfigError
from fastestimator_lite.util.files import is_valid_file, list_files


@pytest.fixture
def tree(tmp_path):
    for name in ("b.txt", "a.txt", ".hidden.txt", "sub/c.TXT", "sub/d.jpg", "sub/deep/e.txt", "x.tar.gz", "plain"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    return tmp_path


def _names(paths, root):
    return [os.path.relpath(path, root) for path in paths]


def test_all_files_are_listed_sorted_without_hidden_ones(tree):
    found = _names(list_files(tree), tree)
    assert found == ["a.txt", "b.txt", "plain", "sub/c.TXT", "sub/d.jpg", "sub/deep/e.txt", "x.tar.gz"]


def test_extension_is_the_end_of_the_name_and_case_counts(tree):
    assert _names(list_files(str(tree), ".txt"), tree) == ["a.txt", "b.txt", "sub/deep/e.txt"]
    assert _names(list_files(tree, ".tar.gz"), tree) == ["x.tar.gz"]
    assert _names(list_files(tree, [".jpg", ".TXT"]), tree) == ["sub/c.TXT", "sub/d.jpg"]
    assert list_files(tree, ".csv") == []


def test_search_can_stay_in_the_folder(tree):
    assert _names(list_files(tree, recursive_search=False), tree) == ["a.txt", "b.txt", "plain", "x.tar.gz"]


def test_paths_begin_with_the_root_as_given(tree, monkeypatch):
    monkeypatch.chdir(tree)
    assert list_files("./sub", ".jpg") == ["./sub/d.jpg"]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ConfigError, match="nowhere"):
        list_files(tmp_path / "nowhere")


def _write_samples(folder):
    """One whole file of each known format."""
    noise = np.random.default_rng(0).integers(0, 256, 5000, dtype=np.uint8).tobytes()
    with zipfile.ZipFile(folder / "f.zip", "w") as archive:
        archive.writestr("a", noise)
    with tarfile.open(folder / "f.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("a")
        member.size = len(noise)
        archive.addfile(member, io.BytesIO(noise))
    (folder / "f.gz").write_bytes(gzip.compress(noise))
    np.savez(folder / "f.npz", a=np.arange(500))
    np.save(folder / "f.npy", np.arange(500))


@pytest.mark.parametrize("name", ["f.zip", "f.tar.gz", "f.gz", "f.npz", "f.npy"])
def test_whole_files_are_valid_and_cut_ones_are_not(name, tmp_path):
    _write_samples(tmp_path)
    path = tmp_path / name
    assert is_valid_file(path)
    path.write_bytes(path.read_bytes()[:-200])
    assert not is_valid_file(str(path))


@pytest.mark.parametrize("name", ["f.zip", "f.gz", "f.tar.gz"])
def test_altered_payload_is_found(name, tmp_path):
    _write_samples(tmp_path)
    path = tmp_path / name
    content = bytearray(path.read_bytes())
    content[1000] ^= 0xFF
    path.write_bytes(content)
    assert not is_valid_file(path)


def test_missing_empty_and_folder_are_not_valid_and_unknown_formats_are(tmp_path):
    (tmp_path / "empty.txt").touch()
    (tmp_path / "a.txt").write_text("a")
    assert not is_valid_file(tmp_path / "missing.txt")
    assert not is_valid_file(tmp_path / "empty.txt")
    assert not is_valid_file(tmp_path)
    assert is_valid_file(tmp_path / "a.txt")


def test_mat_needs_its_header(tmp_path):
    path = tmp_path / "f.mat"
    path.write_bytes(b"\0" * 500)
    assert not is_valid_file(path)
    path.write_bytes(b"MATLAB 5.0 MAT-file".ljust(128) + b"data")
    assert is_valid_file(path)
