"""What an example of a public class is, and things to feed it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import cv2
import numpy as np
from scipy.io import savemat

FOLDER = TemporaryDirectory()  # removed when the interpreter ends


class Example(NamedTuple):
    """Keyword arguments (`args` come first), and a function from a generator to the values of the inputs.

    `refuses` names the kinds of image ("uint8", "float32", "gray", "colour") that an op on images cannot take; gray
    ones are of shape (H, W) and (H, W, 1).
    """

    arguments: dict[str, Any]
    sample: Callable[[np.random.Generator], list[Any]]
    args: tuple[Any, ...] = ()
    refuses: frozenset[str] = frozenset()


def image(rng: np.random.Generator) -> list[Any]:
    return [rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)]


def targets(rng: np.random.Generator) -> list[Any]:
    return [*image(rng), rng.integers(0, 2, (12, 16), dtype=np.uint8)]


def boxed(rng: np.random.Generator) -> list[Any]:
    return [*targets(rng), np.array([[4, 3, 10, 9, 1], [9, 2, 13, 5, 2]])]


def boxed_once(rng: np.random.Generator) -> list[Any]:
    return [*targets(rng), np.array([4, 3, 10, 9])]


def label(rng: np.random.Generator) -> list[Any]:
    return [rng.integers(0, 5)]


def numbers(rng: np.random.Generator) -> list[Any]:
    return [rng.normal(size=(3, 4)).astype(np.float32)]


def image_file(rng: np.random.Generator) -> list[Any]:
    pixels = image(rng)[0]
    path = Path(FOLDER.name) / f"{pixels.sum()}.png"
    cv2.imwrite(str(path), pixels)
    return [str(path)]


def mat_file(rng: np.random.Generator) -> list[Any]:
    values = numbers(rng)[0]
    path = Path(FOLDER.name) / f"{values.sum()}.mat"
    savemat(path, {"y": values})
    return [str(path)]


def takes_images(example: Example) -> bool:
    """Whether the first of the values is an image as of `image`."""
    first = next(iter(example.sample(np.random.default_rng(0))), None)
    return isinstance(first, np.ndarray) and first.dtype == np.uint8 and first.shape == (12, 16, 3)


def double(x: Any) -> Any:
    return x * 2


def is_small(x: Any) -> bool:
    return bool(x.sum() < 0)


XY = {"inputs": "x", "outputs": "y"}
TARGETS = {"image_in": "x", "mask_in": "m"}
BOXED = {**TARGETS, "bbox_in": "b", "bbox_params": "pascal_voc"}
