"""MNIST: 70000 small grey images of handwritten digits."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from fastestimator_lite.dataset.data._fetch import dataset_dir, fetch_file
from fastestimator_lite.dataset.numpy_dataset import NumpyDataset
from fastestimator_lite.util.errors import DataError

BASE_URL = "https://storage.googleapis.com/cvdf-datasets/mnist/"
# File name -> SHA-256. The files are those of Y. LeCun's page, which no longer gives them out.
SHA256 = {
    "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
_IDX_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def load_data(image_key: str = "x", label_key: str = "y") -> tuple[NumpyDataset, NumpyDataset]:
    """Load MNIST; the first call downloads it (11 MB) into ``~/fastestimator_data/mnist``.

    Args:
        image_key: Key of the images: shape (28, 28), uint8, 0 is paper and 255 ink.
        label_key: Key of the digits: uint8, 0 to 9.

    Returns:
        The training data, 60000 images, and the evaluation data, 10000 images.

    Raises:
        DownloadError: If the files cannot be had.
        DataError: If they do not hold images and labels.

    Source: LeCun, Cortes and Burges, "The MNIST database of handwritten digits".
    """
    return _load_part("train", image_key, label_key), _load_part("t10k", image_key, label_key)


def _load_part(part: str, image_key: str, label_key: str) -> NumpyDataset:
    images, labels = _load_file(f"{part}-images-idx3-ubyte.gz", 3), _load_file(f"{part}-labels-idx1-ubyte.gz", 1)
    if len(images) != len(labels):
        raise DataError(f"MNIST: the {part} files hold {len(images)} images and {len(labels)} labels")
    return NumpyDataset({image_key: images, label_key: labels})


def _load_file(name: str, num_axes: int) -> np.ndarray:
    path = fetch_file(BASE_URL + name, SHA256[name], dataset_dir(None, "mnist"))
    array = read_idx(path)
    if array.ndim != num_axes or array.dtype != np.uint8:
        raise DataError(f"{path} should hold uint8 with {num_axes} axes, it holds {array.dtype} of shape {array.shape}")
    return array


def read_idx(path: Path) -> np.ndarray:
    """Read a gzipped file in the idx format.

    Args:
        path: Holds two zero bytes, the type of the values, the number of axes, the size of each axis (4 bytes,
            big-endian), then the values.

    Returns:
        The array, with a dtype of this machine's byte order.

    Raises:
        DataError: If the file is no gzipped idx file, or has not as many values as its sizes say.

    Source: the format is described on LeCun's MNIST page.
    """
    try:
        content = gzip.decompress(path.read_bytes())
    except (gzip.BadGzipFile, EOFError, zlib.error) as err:
        raise DataError(f"{path} is not a whole gzip file: {err}") from err
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _IDX_TYPES:
        raise DataError(f"{path} is not an idx file: it begins with {content[:4]!r}")
    dtype, num_axes = np.dtype(_IDX_TYPES[content[2]]), content[3]
    start = 4 + 4 * num_axes
    if len(content) < start:
        raise DataError(f"{path} ends within its header")
    shape = struct.unpack(f">{num_axes}I", content[4:start])
    if len(content) - start != math.prod(shape) * dtype.itemsize:
        raise DataError(
            f"{path} should hold {math.prod(shape) * dtype.itemsize} bytes of values for the shape {shape}, "
            f"it holds {len(content) - start}"
        )
    # A copy: arrays made from bytes cannot be written to.
    return np.frombuffer(content, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))
