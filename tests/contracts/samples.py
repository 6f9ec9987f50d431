"""What an example of a public class is, and things to feed it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import cv2
import numpy as np

FOLDER = TemporaryDirectory()  # removed when the interpreter ends


class Example(NamedTuple):
    """Keyword arguments (`args` come first), and a function from a generator to the values of the inputs.

    `refuses` names the kinds of image ("uint8", "float32", "gray", "colour") that an op on images cannot take.
    """

    arguments: dict[str, Any]
    sample: Callable[[np.random.Generator], list[Any]]
    args: tuple[Any, ...] = ()
    refuses: frozenset[str] = frozenset()


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
