"""ReadMat: MATLAB files to arrays."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastestimator_lite.op.numpyop.numpyop import NumpyOp
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError, DataError, suggest
from fastestimator_lite.util.names import to_list


class ReadMat(NumpyOp):
    """Read variables from a MATLAB file.

    Args:
        inputs: Key of a file name; ".mat" may be left out.
        outputs: Key or keys to write: an array for each variable, as scipy gives it (numbers have shape (1, 1)).
        mat_keys: Names of the variables in the file, as many as `outputs`; None for the names in `outputs`.
        mode, ds_id: When to run; see `Op`.
        parent_path: Folder that the file names are relative to.

    Raises:
        ConfigError: If there is more than one input, or there are not as many variables as outputs.
    """

    draws = False

    def __init__(
        self,
        inputs: str,
        outputs: str | Sequence[str],
        mat_keys: str | Sequence[str] | None = None,
        mode: Keys = None,
        ds_id: Keys = None,
        parent_path: str | os.PathLike[str] = "",
    ) -> None:
        super().__init__(inputs, to_list(outputs), mode, ds_id)
        if len(self.inputs) != 1:
            raise ConfigError(f"ReadMat(inputs) must be one key, got {inputs!r}")
        self.mat_keys: list[str] = self.outputs if mat_keys is None else to_list(mat_keys)
        if len(self.mat_keys) != len(self.outputs):
            raise ConfigError(
                f"ReadMat: as many outputs as mat_keys are needed, got mat_keys {self.mat_keys} and outputs "
                f"{self.outputs}"
            )
        self.parent_path = parent_path

    def forward(self, data: Any, state: dict[str, Any]) -> list[Any]:
        """Read one file.

        Args:
            data: File name.
            state: "mode", "epoch" and "ds_id" of the moment.

        Returns:
            A value for each variable.

        Raises:
            FileNotFoundError: If there is no such file.
            DataError: If scipy cannot read it, or a variable is not in it.
        """
        from scipy.io import loadmat, whosmat
        from scipy.io.matlab import MatReadError

        name = data[0] if self.in_list else data
        path = os.path.join(self.parent_path, name)  # noqa: PTH118 - ten times faster
        try:
            variables = loadmat(path, variable_names=self.mat_keys)
            missing = [key for key in self.mat_keys if key not in variables]
            there = [each[0] for each in whosmat(path)] if missing else []
        except (FileNotFoundError, IsADirectoryError):
            there_is = "is a folder" if Path(path).is_dir() else "does not exist"
            raise FileNotFoundError(
                f"ReadMat: {path!r} {there_is}; parent_path is joined in front of the file name"
            ) from None
        except NotImplementedError as err:
            raise DataError(f"ReadMat: {path!r} is of MATLAB 7.3, which scipy cannot read; save it with '-v7'") from err
        except (MatReadError, ValueError, TypeError, OSError) as err:
            raise DataError(f"ReadMat: {path!r} is not a MATLAB file that scipy can read: {err}") from err
        if missing:
            raise DataError(
                f"ReadMat: no variable {missing[0]!r} in {path!r}, which has {there}.{suggest(missing[0], there)}"
            )
        return [variables[key] for key in self.mat_keys]
