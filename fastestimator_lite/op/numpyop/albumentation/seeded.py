"""AlbumentationOp: a NumpyOp around an albumentations transform, whose random numbers come from the op's own stream."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np

from fastestimator_lite.op.numpyop.albumentation.library import import_albumentations
from fastestimator_lite.op.numpyop.numpyop import NumpyOp, RandomOp
from fastestimator_lite.types import Keys

if TYPE_CHECKING:
    import albumentations as A


class PyRandom(random.Random):
    """A `random.Random` that draws from a numpy generator.

    An albumentations transform draws from one generator of each kind. With this one, a single state fixes both, and
    setting it costs nothing more.

    Args:
        generator: Where the numbers come from.
    """

    def __new__(cls, generator: np.random.Generator) -> PyRandom:
        return super().__new__(cls)

    def __init__(self, generator: np.random.Generator) -> None:
        self.generator = generator
        super().__init__()

    def random(self) -> float:
        return self.generator.random()

    def getrandbits(self, k: int, /) -> int:
        return int.from_bytes(self.generator.bytes((k + 7) // 8), "little") >> (-k % 8)

    def seed(self, *args: Any, **kwargs: Any) -> None:
        """Forget the second half of a drawn pair of normal numbers; the generator is seeded elsewhere."""
        self.gauss_next = None

    def __reduce__(self) -> tuple[Any, ...]:
        return PyRandom, (self.generator,)


class AlbumentationOp(RandomOp):
    """An op around an albumentations transform.

    Args:
        func: A transform, or a composition of several.
        inputs, outputs, mode, ds_id: Keys in, keys out, and when to run; see `Op`.
        bbox_params: As for `albumentations.Compose`.
        keypoint_params: As for `albumentations.Compose`.

    Attributes:
        func: The transform inside an `albumentations.Compose`, which checks shapes and converts boxes and keypoints.
        transform: The transform itself.
    """

    func: A.Compose
    transform: A.BasicTransform | A.BaseCompose
    _py_random: PyRandom | None = None

    def __init__(
        self,
        func: A.BasicTransform | A.BaseCompose,
        inputs: Keys,
        outputs: Keys,
        mode: Keys = None,
        ds_id: Keys = None,
        bbox_params: Any = None,
        keypoint_params: Any = None,
    ) -> None:
        super().__init__(inputs, outputs, mode, ds_id)
        albumentations = import_albumentations()
        self.transform = func
        self.func = albumentations.Compose([func], bbox_params=bbox_params, keypoint_params=keypoint_params)
        self._runs_foreign_code = _runs_foreign_code(func)

    def reseed(self, seed: int) -> None:
        self._connect()
        super().reseed(seed)
        if self._runs_foreign_code:
            NumpyOp.reseed(self, seed)

    def _connect(self) -> PyRandom:
        """Let the transform draw from `self.rng`."""
        if self._py_random is None:
            self._py_random = PyRandom(self.rng)
            self.func.set_random_state(self.rng, self._py_random)
        self._py_random.seed()
        return self._py_random

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in super().__getstate__().items() if key != "_py_random"}


def _runs_foreign_code(func: Any) -> bool:
    """Whether a transform may draw from the global generators: users' own ones and `Lambda` may."""
    if isinstance(func, import_albumentations().BaseCompose):
        return any(_runs_foreign_code(each) for each in func.transforms)
    known = ("albumentations.", "fastestimator_lite.")
    return not type(func).__module__.startswith(known) or type(func).__name__ == "Lambda"
