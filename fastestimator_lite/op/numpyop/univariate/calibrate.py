"""Calibrate: correct the confidence of predictions."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fastestimator_lite.op.numpyop.univariate.each import EachInput
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError


class Calibrate(EachInput):
    """Run a calibration function on predictions.

    Args:
        inputs: Key or keys of predictions, shape (K,) for K classes.
        outputs: Key or keys to write, as many as `inputs`: what the function returns for them.
        calibration_fn: Takes predictions of shape (B, K) and returns as many rows; a single sample is a batch of one. Or
            the path of a file that holds such a function pickled. It is read when it is first needed, and again when
            it was written anew, so training may write it.
        mode, ds_id: When to run; see `Op`.
        allow_pickle: Whether `calibration_fn` may be a path. Reading a pickle runs whatever code its writer put there:
            say True only for files that you wrote.

    Raises:
        ConfigError: If `calibration_fn` is neither a function nor a path, is a path without `allow_pickle`, or there
            are not as many outputs as inputs.
    """

    vectorized = False  # nothing forbids a function that looks at other rows
    draws = True

    def __init__(
        self,
        inputs: str | Sequence[str],
        outputs: str | Sequence[str],
        calibration_fn: Callable[[np.ndarray], np.ndarray] | str | os.PathLike[str],
        mode: Keys = ("test", "infer"),
        ds_id: Keys = None,
        *,
        allow_pickle: bool = False,
    ) -> None:
        super().__init__(inputs, outputs, mode, ds_id)
        self._file = _PickledFunction(calibration_fn) if isinstance(calibration_fn, (str, os.PathLike)) else None
        if self._file is None and not callable(calibration_fn):
            raise ConfigError(f"Calibrate(calibration_fn) must be a function or a path, got {calibration_fn!r}")
        if self._file is not None and not allow_pickle:
            raise ConfigError(
                f"Calibrate(calibration_fn={str(calibration_fn)!r}) names a pickled function, and reading one runs "
                "whatever code its writer put there; give the function itself, or allow_pickle=True if you wrote the "
                "file"
            )
        self.calibration_fn = calibration_fn

    def work(self, batch: np.ndarray) -> np.ndarray:
        function: Any = self.calibration_fn if self._file is None else self._file.load()
        return np.asarray(function(batch))


class _PickledFunction:
    """A function in a file, read again when the file changes."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).expanduser()
        self._function: Any = None
        self._written: int | None = None

    def load(self) -> Any:
        """The function.

        Raises:
            ConfigError: If the file is not there or holds no function.
        """
        try:
            written = self.path.stat().st_mtime_ns
            if written != self._written:
                with self.path.open("rb") as file:
                    self._function = pickle.load(file)
                self._written = written
        except (OSError, pickle.UnpicklingError, EOFError, ImportError, AttributeError) as err:
            raise ConfigError(f"Calibrate cannot read a function from {str(self.path)!r}: {err}") from err
        if not callable(self._function):
            raise ConfigError(f"Calibrate: {str(self.path)!r} holds {self._function!r}, which is no function")
        return self._function

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "_function": None, "_written": None}
