"""CIFAR-10: 60000 small colour images of ten kinds of things."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fastestimator_lite.dataset.data._fetch import dataset_dir, fetch_archive
from fastestimator_lite.dataset.numpy_dataset import NumpyDataset
from fastestimator_lite.util.errors import DataError

# The binary version: the Python one holds pickles, which run code when they are read.
URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
_TRAIN_FILES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
_EVAL_FILES = ("test_batch.bin",)
_NUM_CLASSES = 10
_IMAGE_SHAPE = (3, 32, 32)
_RECORD = 1 + 3 * 32 * 32  # a byte for the class, then the image


def load_data(
    root_dir: str | None = None, image_key: str = "x", label_key: str = "y", channels_last: bool = True
) -> tuple[NumpyDataset, NumpyDataset]:
    """Load CIFAR-10; the first call downloads it (170 MB).

    Args:
        root_dir: The folder to keep it in, under ``cifar10``; None for ``~/fastestimator_data``.
        image_key: Key of the images: shape (32, 32, 3), uint8, red-green-blue.
        label_key: Key of the classes: uint8, 0 airplane, 1 automobile, 2 bird, 3 cat, 4 deer, 5 dog, 6 frog, 7
            horse, 8 ship, 9 truck.
        channels_last: Whether the images have the shape (32, 32, 3); else (3, 32, 32).

    Returns:
        The training data, 50000 images, and the evaluation data, 10000 images.

    Raises:
        DownloadError: If the archive cannot be had, or is not the one expected.
        DataError: If the unpacked files were changed.

    Source: Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images".
    """
    folder = fetch_archive(URL, SHA256, dataset_dir(root_dir, "cifar10"), "cifar-10-binary") / "cifar-10-batches-bin"
    train, evaluation = (
        _load_part([folder / name for name in names], image_key, label_key, channels_last)
        for names in (_TRAIN_FILES, _EVAL_FILES)
    )
    return train, evaluation


def _load_part(paths: Sequence[Path], image_key: str, label_key: str, channels_last: bool) -> NumpyDataset:
    records = np.concatenate([_read_records(path) for path in paths])
    labels = records[:, 0].copy()  # copies, so that the records can be forgotten
    images = records[:, 1:].reshape(-1, *_IMAGE_SHAPE)
    images = np.ascontiguousarray(images.transpose(0, 2, 3, 1)) if channels_last else images.copy()
    return NumpyDataset({image_key: images, label_key: labels})


def _read_records(path: Path) -> np.ndarray:
    """The records of one file; shape (N, 3073), uint8."""
    if not path.is_file():
        raise DataError(f"CIFAR-10: {path} is missing; delete {path.parent.parent} to have it downloaded again")
    content = np.fromfile(path, dtype=np.uint8)
    if content.size == 0 or content.size % _RECORD or content[::_RECORD].max() >= _NUM_CLASSES:
        raise DataError(
            f"CIFAR-10: {path} does not hold records of {_RECORD} bytes that begin with a class below {_NUM_CLASSES} "
            f"({content.size} bytes); delete {path.parent.parent} to have it downloaded again"
        )
    return content.reshape(-1, _RECORD)
