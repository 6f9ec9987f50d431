import hashlib
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from fastestimator_lite.dataset.data import cifar10
from fastestimator_lite.util.errors import DataError, DownloadError

NAMES = [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]
# Two images in each of the six files.
IMAGES = np.random.default_rng(0).integers(0, 256, (12, 3, 32, 32), dtype=np.uint8)
LABELS = np.array([0, 9, 1, 8, 2, 7, 3, 6, 4, 5, 5, 4], dtype=np.uint8)


def _serve(mirror, monkeypatch, members):
    path = mirror.folder / "cifar-10-binary.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    monkeypatch.setattr(cifar10, "SHA256", hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.fixture
def served(mirror, monkeypatch):
    records = np.concatenate([LABELS[:, None], IMAGES.reshape(12, -1)], axis=1)
    members = [(f"cifar-10-batches-bin/{name}", records[2 * i : 2 * i + 2].tobytes()) for i, name in enumerate(NAMES)]
    _serve(mirror, monkeypatch, members)
    return mirror


def test_images_and_labels_come_as_they_were_served(served, tmp_path):
    train, evaluation = cifar10.load_data(str(tmp_path / "here"))
    np.testing.assert_array_equal(train["x"], IMAGES[:10].transpose(0, 2, 3, 1))
    np.testing.assert_array_equal(evaluation["x"], IMAGES[10:].transpose(0, 2, 3, 1))
    np.testing.assert_array_equal(train["y"], LABELS[:10])
    np.testing.assert_array_equal(evaluation["y"], LABELS[10:])
    assert train["x"].dtype == train["y"].dtype == np.uint8
    assert train["x"].flags.c_contiguous
    assert served.asked == ["/cifar-10-binary.tar.gz"]


def test_channels_can_come_first_and_keys_be_chosen(served, tmp_path):
    train, _ = cifar10.load_data(str(tmp_path), image_key="image", label_key="kind", channels_last=False)
    assert train.keys() == ["image", "kind"]
    np.testing.assert_array_equal(train["image"], IMAGES[:10])


def test_the_archive_is_brought_and_unpacked_once(served):
    cifar10.load_data()
    cifar10.load_data()
    assert len(served.asked) == 1
    folder = Path.home() / "fastestimator_data" / "cifar10"
    assert [path.name for path in folder.iterdir()] == ["cifar-10-binary"]
    assert {path.name for path in folder.rglob("*.bin")} == set(NAMES)


def test_an_archive_of_another_content_is_refused(served, tmp_path, monkeypatch):
    monkeypatch.setattr(cifar10, "SHA256", "0" * 64)
    with pytest.raises(DownloadError, match="SHA-256 expected 0000"):
        cifar10.load_data(str(tmp_path / "here"))
    assert list((tmp_path / "here" / "cifar10").iterdir()) == []


def test_a_hostile_archive_writes_nothing(mirror, monkeypatch, tmp_path):
    _serve(mirror, monkeypatch, [("../../evil", b"evil")])
    with pytest.raises(DownloadError, match="leads out of the folder"):
        cifar10.load_data(str(tmp_path / "here"))
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize("content", [b"", b"\0" * 3072, b"\x0a" + b"\0" * 3072])
def test_changed_files_are_noticed(content, served, tmp_path):
    cifar10.load_data(str(tmp_path))
    (tmp_path / "cifar10/cifar-10-binary/cifar-10-batches-bin/data_batch_3.bin").write_bytes(content)
    with pytest.raises(DataError, match=r"data_batch_3.bin does not hold records of 3073 bytes.*delete .*-binary to"):
        cifar10.load_data(str(tmp_path))


def test_a_missing_file_is_named(served, tmp_path):
    cifar10.load_data(str(tmp_path))
    (tmp_path / "cifar10/cifar-10-binary/cifar-10-batches-bin/test_batch.bin").unlink()
    with pytest.raises(DataError, match=r"test_batch.bin is missing; delete .*cifar-10-binary to"):
        cifar10.load_data(str(tmp_path))
