"""NestedOp: an op that runs other ops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastestimator_lite.op.meta import check_moments
from fastestimator_lite.op.numpyop.numpyop import Batch, NumpyOp, RandomOp, apply_op
from fastestimator_lite.types import FilteredData, Keys
from fastestimator_lite.util.errors import ConfigError


class NestedOp(RandomOp):
    """An op that runs other ops on a data dictionary of its own.

    A subclass writes `run_on`. Ops inside that draw random numbers are seeded from this op's stream before each run.

    Args:
        ops: The ops inside, at least one; all have the same `mode` and the same `ds_id`.
        inputs: Keys that are read.
        outputs: Keys that are written.
        mode, ds_id: When to run; None for when the ops inside run.
    """

    def __init__(
        self, ops: Sequence[NumpyOp], inputs: Keys, outputs: Keys, mode: Keys = None, ds_id: Keys = None
    ) -> None:
        super().__init__(inputs, outputs, mode or ops[0].mode, ds_id or ops[0].ds_id)
        self.ops = list(ops)

    def set_rua_level(self, magnitude_coef: float) -> None:
        """Pass the level of a surrounding RUA on to the ops inside.

        Args:
            magnitude_coef: Level in [0, 1].

        Raises:
            ConfigError: If one of them has no level.
        """
        for op in self.ops:
            set_level = getattr(op, "set_rua_level", None)
            if set_level is None:
                raise ConfigError(f"{type(op).__name__} has no set_rua_level method, so RUA cannot use it")
            set_level(magnitude_coef)

    def forward(self, data: Any, state: dict[str, Any]) -> Any:
        """Run on one sample.

        Args:
            data: The value of each input.
            state: "mode", "epoch" and "ds_id" of the moment.

        Returns:
            The value of each output, or a `FilteredData` to drop the sample.
        """
        return self._run(data, state, False)

    def forward_batch(self, data: Any, state: dict[str, Any]) -> Any:
        """Run on a batch; what is drawn by chance is drawn once for the batch.

        Args:
            data: The value of each input, with a leading batch axis.
            state: As for `forward`.

        Returns:
            As `forward`, with a leading batch axis.
        """
        return self._run(data, state, True)

    def run_on(self, store: dict[str, Any], state: dict[str, Any], batched: bool) -> FilteredData | None:
        """Run the ops inside, in place.

        Args:
            store: The inputs by key; must hold the outputs afterwards.
            state: "mode", "epoch" and "ds_id" of the moment.
            batched: Whether `store` is a batch.

        Returns:
            The `FilteredData` that an op returned, or None.
        """
        raise NotImplementedError

    def run_op(self, op: NumpyOp, store: dict[str, Any], state: dict[str, Any], batched: bool) -> FilteredData | None:
        """Run one of the ops inside, in place; for `run_on`."""
        if op.draws:
            op.reseed(int(self.rng.bit_generator.random_raw()))
        return apply_op(op, store, state, batched)

    def _run(self, data: Any, state: dict[str, Any], batched: bool) -> Any:
        values = data if self.in_list else [data]
        store = dict(zip(self.inputs, values or [], strict=True))
        dropped = self.run_on(store, state, batched)
        if dropped is not None:
            return dropped
        results = [store[key] for key in self.outputs]
        return results if self.out_list else results[0]


def check_ops(ops: Sequence[Any], name: str) -> list[NumpyOp]:
    """Check that ops can run together inside another one.

    Raises:
        ConfigError: If there is none, one is no NumpyOp or a `Batch`, or they differ in `mode` or `ds_id`.
    """
    for op in ops:
        if not isinstance(op, NumpyOp) or isinstance(op, Batch):
            raise ConfigError(f"{name} takes NumpyOps other than Batch, got {op!r}")
    check_moments(ops, name)
    return list(ops)
