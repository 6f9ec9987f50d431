"""The smallest way to make each public class, and something to feed it; the contract tests run over all of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import albumentations as A
import cv2
import numpy as np

from fastestimator_lite.op.numpyop import meta, multivariate, univariate
from fastestimator_lite.op.numpyop.numpyop import Batch, Delete, LambdaOp, NumpyOp, RandomOp, RemoveIf

FOLDER = TemporaryDirectory()  # removed when the interpreter ends


class Example(NamedTuple):
    """Keyword arguments (`args` come first), and a function from a generator to the values of the inputs."""

    arguments: dict[str, Any]
    sample: Callable[[np.random.Generator], list[Any]]
    args: tuple[Any, ...] = ()


def image(rng: np.random.Generator) -> list[Any]:
    return [rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)]


def targets(rng: np.random.Generator) -> list[Any]:
    return [*image(rng), rng.integers(0, 2, (12, 16), dtype=np.uint8)]


def label(rng: np.random.Generator) -> list[Any]:
    return [rng.integers(0, 5)]


def numbers(rng: np.random.Generator) -> list[Any]:
    return [rng.normal(size=(3, 4)).astype(np.float32)]


def image_file(rng: np.random.Generator) -> list[Any]:
    pixels = image(rng)[0]
    path = Path(FOLDER.name) / f"{pixels.sum()}.png"
    cv2.imwrite(str(path), pixels)
    return [str(path)]


def double(x: Any) -> Any:
    return x * 2


def is_small(x: Any) -> bool:
    return bool(x.sum() < 0)


XY = {"inputs": "x", "outputs": "y"}
TARGETS = {"image_in": "x", "mask_in": "m"}

NUMPYOPS: dict[type, Example] = {
    Batch: Example({}, lambda rng: []),
    Delete: Example({"keys": "x"}, numbers),
    LambdaOp: Example({"fn": double, **XY}, numbers),
    RemoveIf: Example({"fn": is_small, "inputs": "x"}, numbers),
    meta.Fuse: Example({"ops": [univariate.Minmax("x", "y"), univariate.Binarize(0.5, "y", "y")]}, numbers),
    meta.OneOf: Example(
        {}, targets, (multivariate.RandomCrop(8, 9, **TARGETS), multivariate.CenterCrop(8, 9, **TARGETS))
    ),
    meta.Repeat: Example({"op": multivariate.RandomCrop(8, 9, **TARGETS)}, targets),
    meta.Sometimes: Example({"numpy_op": multivariate.HorizontalFlip(**TARGETS)}, targets),
    multivariate.CenterCrop: Example({"height": 8, "width": 9, **TARGETS}, targets),
    multivariate.HorizontalFlip: Example(TARGETS, targets),
    multivariate.MultiVariateAlbumentation: Example({"func": A.HorizontalFlip(p=0.5), **TARGETS}, targets),
    multivariate.RandomCrop: Example({"height": 8, "width": 9, **TARGETS}, targets),
    multivariate.Resize: Example({"height": 8, "width": 9, **TARGETS}, targets),
    multivariate.Rotate: Example(TARGETS, targets),
    multivariate.VerticalFlip: Example(TARGETS, targets),
    univariate.Binarize: Example({"threshold": 0.1, **XY}, numbers),
    univariate.ChannelTranspose: Example(XY, image),
    univariate.ExpandDims: Example(XY, numbers),
    univariate.ImageOnlyAlbumentation: Example({"func": A.RandomGamma(p=0.8), **XY}, image),
    univariate.Minmax: Example(XY, image),
    univariate.Normalize: Example(XY, image),
    univariate.Onehot: Example({"num_classes": 5, **XY}, label),
    univariate.ReadImage: Example(XY, image_file),
    univariate.Reshape: Example({"shape": (4, 3), **XY}, numbers),
    univariate.ToArray: Example(XY, numbers),
}

# classes to derive from, which are never made themselves
NUMPYOP_BASES = {NumpyOp, RandomOp}
