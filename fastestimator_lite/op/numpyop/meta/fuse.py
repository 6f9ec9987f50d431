"""Fuse: several ops as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastestimator_lite.op.meta import fused_keys
from fastestimator_lite.op.numpyop.meta.nested import NestedOp, check_ops
from fastestimator_lite.op.numpyop.numpyop import NumpyOp
from fastestimator_lite.types import FilteredData
from fastestimator_lite.util.names import to_list


class Fuse(NestedOp):
    """Run ops one after the other as a single op, for example inside `Sometimes` or `OneOf`.

    It reads the keys that its ops read and none of them wrote before, and writes all that they write and do not delete.

    Args:
        ops: An op or several, with the same `mode` and `ds_id`.

    Raises:
        ConfigError: If `ops` is empty, holds something that is no NumpyOp, or its ops differ in `mode` or `ds_id`.
    """

    def __init__(self, ops: NumpyOp | Sequence[NumpyOp]) -> None:
        checked = check_ops(to_list(ops), "Fuse")
        super().__init__(checked, *fused_keys(checked))
        self.draws = any(op.draws for op in checked)
        self.vectorized = all(op.vectorized for op in checked)

    def run_on(self, store: dict[str, Any], state: dict[str, Any], batched: bool) -> FilteredData | None:
        for op in self.ops:
            dropped = self.run_op(op, store, state, batched)
            if dropped is not None:
                return dropped
        return None
