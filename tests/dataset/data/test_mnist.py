import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest

from fastestimator_lite.dataset.data import mnist
from fastestimator_lite.dataset.numpy_dataset import NumpyDataset
from fastestimator_lite.util.errors import DataError, DownloadError

IMAGES = np.random.default_rng(0).integers(0, 256, (7, 28, 28), dtype=np.uint8)
LABELS = np.array([3, 1, 4, 1, 5, 9, 2], dtype=np.uint8)


def idx(array, code=0x08):
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape) + array.tobytes()


def _serve(mirror, monkeypatch, parts):
    for name, array in parts.items():
        content = gzip.compress(idx(array))
        (mirror.folder / name).write_bytes(content)
        monkeypatch.setitem(mnist.SHA256, name, hashlib.sha256(content).hexdigest())


@pytest.fixture
def served(mirror, monkeypatch):
    _serve(
        mirror,
        monkeypatch,
        {
            "train-images-idx3-ubyte.gz": IMAGES[:5],
            "train-labels-idx1-ubyte.gz": LABELS[:5],
            "t10k-images-idx3-ubyte.gz": IMAGES[5:],
            "t10k-labels-idx1-ubyte.gz": LABELS[5:],
        },
    )
    return mirror


def test_images_and_labels_come_as_they_were_served(served):
    train, evaluation = mnist.load_data()
    assert (type(train), type(evaluation)) == (NumpyDataset, NumpyDataset)
    np.testing.assert_array_equal(train["x"], IMAGES[:5])
    np.testing.assert_array_equal(evaluation["x"], IMAGES[5:])
    assert train["y"].tolist() == [3, 1, 4, 1, 5]
    assert evaluation["y"].tolist() == [9, 2]
    assert train["x"].dtype == train["y"].dtype == np.uint8
    assert sorted(served.asked) == [f"/{name}" for name in sorted(mnist.SHA256)]


def test_keys_can_be_chosen(served):
    train, evaluation = mnist.load_data(image_key="image", label_key="digit")
    assert train.keys() == evaluation.keys() == ["image", "digit"]


def test_files_are_brought_once_into_the_home_folder(served):
    mnist.load_data()
    mnist.load_data()
    assert len(served.asked) == 4
    assert {path.name for path in (Path.home() / "fastestimator_data" / "mnist").iterdir()} == set(mnist.SHA256)


def test_images_can_be_edited(served):
    train, _ = mnist.load_data()
    train["x"][:] = 0
    assert train[0]["x"].max() == 0


def test_files_of_another_content_are_refused(served, monkeypatch):
    monkeypatch.setitem(mnist.SHA256, "t10k-labels-idx1-ubyte.gz", "0" * 64)
    with pytest.raises(DownloadError, match=r"t10k-labels-idx1-ubyte.gz.*SHA-256 expected 0000"):
        mnist.load_data()
    assert not (Path.home() / "fastestimator_data" / "mnist" / "t10k-labels-idx1-ubyte.gz").exists()


def test_images_and_labels_must_be_as_many(served, monkeypatch):
    _serve(served, monkeypatch, {"train-labels-idx1-ubyte.gz": LABELS[:4]})
    with pytest.raises(DataError, match="train files hold 5 images and 4 labels"):
        mnist.load_data()


def test_a_file_of_another_kind_is_refused(served, monkeypatch):
    _serve(served, monkeypatch, {"train-images-idx3-ubyte.gz": LABELS})
    with pytest.raises(DataError, match=r"should hold uint8 with 3 axes, it holds uint8 of shape \(7,\)"):
        mnist.load_data()


def test_checksums_are_those_of_the_published_files():
    assert {name: sha256[:8] for name, sha256 in mnist.SHA256.items()} == {
        "train-images-idx3-ubyte.gz": "440fcabf",
        "train-labels-idx1-ubyte.gz": "3552534a",
        "t10k-images-idx3-ubyte.gz": "8d422c7b",
        "t10k-labels-idx1-ubyte.gz": "f7ae60f9",
    }


@pytest.mark.parametrize(
    ("code", "dtype"),
    [(0x08, "u1"), (0x09, "i1"), (0x0B, ">i2"), (0x0C, ">i4"), (0x0D, ">f4"), (0x0E, ">f8")],
)
def test_idx_of_every_type_is_read(code, dtype, tmp_path):
    values = np.arange(-6, 6).reshape(3, 4).astype(dtype)
    (tmp_path / "a.gz").write_bytes(gzip.compress(idx(values, code)))
    read = mnist.read_idx(tmp_path / "a.gz")
    np.testing.assert_array_equal(read, values)
    assert read.dtype == np.dtype(dtype).newbyteorder("=")
    assert read.dtype.isnative


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"no gzip", "not a whole gzip file"),
        (gzip.compress(idx(LABELS))[:-9], "not a whole gzip file"),
        (gzip.compress(b"<html>"), "not an idx file"),
        (gzip.compress(b"\0\0\x07\x01" + b"\0" * 9), "not an idx file"),
        (gzip.compress(b"\0\0"), "not an idx file"),
        (gzip.compress(b"\0\0\x08\x03\0\0"), "ends within its header"),
        (gzip.compress(idx(LABELS)[:-1]), r"should hold 7 bytes of values for the shape \(7,\), it holds 6"),
        (gzip.compress(idx(LABELS) + b"\0"), "it holds 8"),
    ],
    ids=[
        "not gzip",
        "cut gzip",
        "html",
        "unknown type",
        "no header",
        "cut header",
        "a byte too few",
        "a byte too many",
    ],
)
def test_what_is_no_idx_file_is_refused(content, match, tmp_path):
    (tmp_path / "a.gz").write_bytes(content)
    with pytest.raises(DataError, match=match):
        mnist.read_idx(tmp_path / "a.gz")
