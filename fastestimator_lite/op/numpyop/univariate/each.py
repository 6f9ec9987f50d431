"""EachValue: ops that do the same to every input key. EachInput: those that do it to a whole batch as to each row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from fastestimator_lite.op.numpyop.numpyop import NumpyOp
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError
from fastestimator_lite.util.names import to_list


class EachValue(NumpyOp):
    """An op that turns each input into the output of the same place.

    A subclass writes `work` for the value of one key of one sample.

    Args:
        inputs: Key or keys to read.
        outputs: Key or keys to write, as many as `inputs`.
        mode, ds_id: When to run; see `Op`.

    Raises:
        ConfigError: If there are not as many outputs as inputs.
    """

    draws = False

    def __init__(
        self, inputs: str | Sequence[str], outputs: str | Sequence[str], mode: Keys = None, ds_id: Keys = None
    ) -> None:
        super().__init__(to_list(inputs), to_list(outputs), mode, ds_id)
        if len(self.inputs) != len(self.outputs):
            raise ConfigError(
                f"{type(self).__name__}: as many outputs as inputs are needed, got inputs {self.inputs} "
                f"and outputs {self.outputs}"
            )

    def forward(self, data: Sequence[Any], state: dict[str, Any]) -> list[Any]:
        """Work on one sample.

        Args:
            data: A value for each input.
            state: "mode", "epoch" and "ds_id" of the moment.

        Returns:
            A value for each output.
        """
        return [self.work(value) for value in data]

    def work(self, value: Any) -> Any:
        """Turn one input into one output."""
        raise NotImplementedError


class EachInput(EachValue):
    """An op that does to a whole batch what it does to each of its rows.

    A subclass writes `work` for a batch; a single sample is a batch of one.

    Args:
        inputs: Key or keys to read.
        outputs: Key or keys to write, as many as `inputs`.
        mode, ds_id: When to run; see `Op`.

    Raises:
        ConfigError: If there are not as many outputs as inputs.
    """

    vectorized = True
    fills: ClassVar[bool] = False  # whether `fill` is written

    def fill(self, value: np.ndarray, out: np.ndarray) -> bool:
        """Work on one sample, with the result written where it is wanted: into the memory of a batch.

        Args:
            value: As for `forward`, one input.
            out: Where to write.

        Returns:
            Whether it was done; not if shape or dtype of `out` are not those of the result.
        """
        return False

    def forward(self, data: Sequence[Any], state: dict[str, Any]) -> list[Any]:
        """Work on one sample.

        Args:
            data: An array, or what numpy makes one of, for each input.
            state: "mode", "epoch" and "ds_id" of the moment.

        Returns:
            An array for each output.
        """
        return [self.work(np.asarray(value)[np.newaxis])[0] for value in data]

    def forward_batch(self, data: Sequence[Any], state: dict[str, Any]) -> list[Any]:
        """Work on a batch.

        Args:
            data: An array with a leading batch axis for each input.
            state: As for `forward`.

        Returns:
            An array with a leading batch axis for each output.
        """
        return [self.work(np.asarray(value)) for value in data]

    def work(self, batch: np.ndarray) -> np.ndarray:
        """Turn one input into one output.

        Args:
            batch: Shape (B, ...).

        Returns:
            Shape (B, ...); each row depends on the same row of `batch` alone.
        """
        raise NotImplementedError
